package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"doorstation/test/lab"
)

// processLoad is what a process takes of the machine over several calls.
type processLoad struct {
	cpu      []float64 // of one core, in percent, over a call
	resident []float64 // MB, at the end of a call
}

// add takes what was used since a moment at which used was its processor time.
func (l *processLoad) add(t lab.T, pid int, used time.Duration, since time.Time) {
	l.cpu = append(l.cpu, 100*float64(cpuTime(t, pid)-used)/float64(time.Since(since)))
	l.resident = append(l.resident, rss(t, pid))
}

func (l *processLoad) tell(p *part, prefix string) {
	p.values(prefix+"processor, of one core", "%", l.cpu)
	p.values(prefix+"resident memory", "MB", l.resident)
}

// tick is the unit of /proc/PID/stat, sysconf(_SC_CLK_TCK): 100 Hz on every Linux that Debian builds.
const tick = 10 * time.Millisecond

// cpuTime is the processor time that a process has used, in user and kernel.
func cpuTime(t lab.T, pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Errorf("bench: %v", err)
		return 0
	}
	// Its name, in brackets, may hold anything; after it, fields 14 and 15 of the whole are the 12th and 13th.
	after := string(text)[strings.LastIndexByte(string(text), ')')+1:]
	fields := strings.Fields(after)
	if len(fields) < 13 {
		t.Errorf("bench: /proc/%d/stat is not understood", pid)
		return 0
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		t.Errorf("bench: /proc/%d/stat is not understood", pid)
	}
	return time.Duration(user+system) * tick
}

// rss is the resident memory of a process in MB.
func rss(t lab.T, pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Errorf("bench: %v", err)
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kb int
		if n, scanErr := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 && scanErr == nil {
			return float64(kb) / 1024
		}
	}
	return 0
}
