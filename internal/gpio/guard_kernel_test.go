//go:build kernel

package gpio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"doorstation/test/kernel/device"
)

// agentProcess is an agent of its own, with a lock on GPIO27 of a chip whose line rises when nobody drives it: so the lock is open
// when a process dies that has left it, as on a Raspberry Pi, whose kernel leaves the line driven.
type agentProcess struct {
	t    *testing.T
	lock *device.Line
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	// ended waits until it and its guards have ended.
	ended func()
}

// leash is a pipe whose write end the agent and its guards have: it ends when the last of them does. To look for them in /proc over and over
// would be a thousand system calls each time, which are dear in a guest. They have theirs; ended waits.
func (a *agentProcess) leash() (theirs *os.File, ended func()) {
	a.t.Helper()
	ours, theirs, err := os.Pipe()
	if err != nil {
		a.t.Fatal(err)
	}
	return theirs, sync.OnceFunc(func() {
		waitErr := ours.SetReadDeadline(time.Now().Add(20 * time.Second))
		if waitErr == nil {
			_, waitErr = io.Copy(io.Discard, ours)
		}
		if waitErr = errors.Join(waitErr, ours.Close()); waitErr != nil {
			a.t.Errorf("the end of the guard: %v", waitErr)
		}
	})
}

func newAgent(t *testing.T) *agentProcess {
	t.Helper()
	chip := device.NewChip(t, device.ChipOptions{Label: "pinctrl-bcm2711"})
	a := &agentProcess{t: t, lock: chip.Line(t, 27)}
	a.lock.Pull(true)
	a.begin()
	return a
}

// begin starts the agent and waits until it has its lock.
func (a *agentProcess) begin() {
	a.t.Helper()
	a.cmd = exec.Command(os.Args[0])
	a.cmd.Env = append(os.Environ(), roleVariable+"=agent")
	a.cmd.Stderr = os.Stderr
	in, err := a.cmd.StdinPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	a.in, a.out = in, bufio.NewReader(out)
	theirs, ended := a.leash()
	a.ended = ended
	a.cmd.ExtraFiles = []*os.File{theirs}
	err = a.cmd.Start()
	if err = errors.Join(err, theirs.Close()); err != nil {
		a.t.Fatal(err)
	}
	cmd := a.cmd
	a.t.Cleanup(func() {
		// It may have ended long before.
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		ended()
	})
	a.said("ready")
	a.is(false)
}

func (a *agentProcess) said(want string) {
	a.t.Helper()
	line, err := a.out.ReadString('\n')
	if err != nil || strings.TrimSpace(line) != want {
		a.t.Errorf("the agent said %q, %v; want %q", line, err, want)
	}
}

func (a *agentProcess) open(d time.Duration) {
	a.t.Helper()
	a.tell(d)
	a.said("answer <nil>")
	a.is(true)
}

func (a *agentProcess) tell(d time.Duration) {
	a.t.Helper()
	if _, err := fmt.Fprintln(a.in, d); err != nil {
		a.t.Fatal(err)
	}
}

// opens asks for a pulse, and reports whether the coil may have one.
func (a *agentProcess) opens(d time.Duration) bool {
	a.t.Helper()
	a.tell(d)
	line, err := a.out.ReadString('\n')
	rests := strings.Contains(line, ErrLimit.Error())
	if err != nil || !rests && strings.TrimSpace(line) != "answer <nil>" {
		a.t.Fatalf("the agent said %q, %v", line, err)
	}
	a.is(!rests)
	return !rests
}

// is asserts what the lock is.
func (a *agentProcess) is(open bool) {
	a.t.Helper()
	if a.lock.Level() != open {
		a.t.Errorf("the lock is open: %v, want %v", !open, open)
	}
}

// closes waits until the lock is shut, and says how long that took.
func (a *agentProcess) closes() time.Duration {
	a.t.Helper()
	began := time.Now()
	eventually(a.t, "the lock is shut", func() bool { return !a.lock.Level() })
	return time.Since(began)
}

func (a *agentProcess) signal(pid int, s syscall.Signal) {
	a.t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		a.t.Fatal(err)
	}
}

// children are the processes of a parent.
func children(t *testing.T, parent int) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		data, readErr := os.ReadFile(path)
		if readErr != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(data), ") ")
		fields := strings.Fields(rest)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) && fields[0] != "Z" {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (a *agentProcess) guard() int {
	a.t.Helper()
	pids := children(a.t, a.cmd.Process.Pid)
	if len(pids) != 1 {
		a.t.Fatalf("the agent has the children %v, want one guard", pids)
	}
	return pids[0]
}

// TestKernelTheAgentIsKilledInMidPulse: the lock closes at once, by its guard.
func TestKernelTheAgentIsKilledInMidPulse(t *testing.T) {
	a := newAgent(t)
	a.open(3 * time.Second)
	time.Sleep(500 * ms)
	a.is(true)
	a.signal(a.cmd.Process.Pid, syscall.SIGKILL)
	t.Logf("shut %s after SIGKILL", a.closes())
}

// TestKernelTheAgentStandsStillInMidPulse: the lock closes when its time is over, by the guard's own clock.
func TestKernelTheAgentStandsStillInMidPulse(t *testing.T) {
	a := newAgent(t)
	a.open(time.Second)
	a.signal(a.cmd.Process.Pid, syscall.SIGSTOP)
	t.Logf("shut %s after a pulse of 1 s began", a.closes())
	time.Sleep(500 * ms)
	a.is(false)
	a.signal(a.cmd.Process.Pid, syscall.SIGCONT)
}

// TestKernelTheGuardIsKilledInMidPulse: the agent takes the line anew, off.
func TestKernelTheGuardIsKilledInMidPulse(t *testing.T) {
	a := newAgent(t)
	a.open(3 * time.Second)
	before := a.guard()
	a.signal(before, syscall.SIGKILL)
	t.Logf("shut %s after the guard's SIGKILL", a.closes())
	eventually(t, "another guard", func() bool {
		pids := children(t, a.cmd.Process.Pid)
		return len(pids) == 1 && pids[0] != before
	})
	a.open(500 * ms)
	a.closes()
}

// TestKernelTheGuardStandsStillInMidPulse: the agent notices at the end of the pulse, ends it and takes the line anew, off.
func TestKernelTheGuardStandsStillInMidPulse(t *testing.T) {
	a := newAgent(t)
	a.open(time.Second)
	a.signal(a.guard(), syscall.SIGSTOP)
	t.Logf("shut %s after a pulse of 1 s began", a.closes())
}

// TestKernelBothAreKilledInMidPulse: the next start, and doorstation safe before it, begin with a lock that is shut.
func TestKernelBothAreKilledInMidPulse(t *testing.T) {
	a := newAgent(t)
	a.open(3 * time.Second)
	guard := a.guard()
	a.signal(a.cmd.Process.Pid, syscall.SIGSTOP) // it must not start another guard in between
	a.signal(guard, syscall.SIGKILL)
	a.signal(a.cmd.Process.Pid, syscall.SIGKILL)
	if err := a.cmd.Wait(); err == nil {
		t.Error("the agent ended well")
	}
	a.is(true) // the line was left alone
	var err error
	shut := false
	out, err := machine().output(agentLock().Pin, false)
	if err == nil {
		shut = !a.lock.Level()
		err = out.Close()
	}
	if err != nil || !shut {
		t.Errorf("doorstation safe: %v, shut: %v", err, shut)
	}
	a.begin()
}

// TestKernelTheLimit: pulses in a row keep the lock open no longer than its limit of 4 s.
func TestKernelTheLimit(t *testing.T) {
	a := newAgent(t)
	began := time.Now()
	for range 3 {
		a.open(time.Hour)
		time.Sleep(500 * ms)
	}
	a.closes()
	if took := time.Since(began); took < 3500*ms {
		t.Errorf("it was shut after %s", took)
	} else {
		t.Logf("shut %s after it was opened", took)
	}
}

// TestKernelTheCoilRestsThoughTheAgentDies with every opening, and another one begins at once: it knows what the dead ones did to the coil.
func TestKernelTheCoilRestsThoughTheAgentDies(t *testing.T) {
	file := filepath.Join(t.TempDir(), "coil")
	const warm = 45 * time.Second
	if err := os.WriteFile(file, fmt.Appendf(nil, `{"warm_ns":%d,"at_ns":%d,"on":false}`, warm, sinceBoot()), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(coilVariable, file)
	energised, began := time.Duration(0), time.Now()
	a := newAgent(t)
	for openings := 0; ; openings++ {
		opened := time.Now()
		if !a.opens(4 * time.Second) {
			t.Logf("the coil rests after %d openings, energised for %s of %s", openings, energised, opened.Sub(began))
			break
		}
		if most := time.Minute - warm + (opened.Sub(began)-energised)/3; energised > most {
			t.Fatalf("opening %d: energised for %s of %s", openings, energised, opened.Sub(began))
		}
		time.Sleep(3500 * ms)
		a.signal(a.cmd.Process.Pid, syscall.SIGKILL)
		a.closes()
		energised += time.Since(opened)
		if err := a.cmd.Wait(); err == nil {
			t.Error("the agent ended well")
		}
		a.ended() // the guard has given the line back
		a.begin()
	}
	time.Sleep(9 * time.Second)
	a.open(time.Second)
}
