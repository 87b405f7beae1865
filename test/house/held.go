package house

import (
	"fmt"
	"os"
	"strings"
	"time"

	"doorstation/internal/control"
)

// Held is what the agent's process holds.
type Held struct {
	Goroutines int
	Files      int // open files and sockets
	HeapKB     int // alive at the last garbage collection
	ResidentKB int
}

func (h Held) String() string {
	return fmt.Sprintf("%d goroutines, %d files and sockets, %d kB of heap, %d kB resident", h.Goroutines, h.Files, h.HeapKB, h.ResidentKB)
}

// What may come and go in a quiet agent: a timer's goroutine, a poll of Home Assistant with its connection.
const (
	GoroutinesMore = 8
	FilesMore      = 4
)

// WaitRest waits until no visit is on and the door has all it wants for the next press, and tells what it holds.
func (d *Door) WaitRest(limit time.Duration) Held {
	d.t.Helper()
	return d.held(d.Wait(limit, "at rest", func(s control.Status) bool {
		return s.Visit.State == "idle" && s.Registration.State == "registered" && s.WarmOffers.Ready >= s.WarmOffers.Want &&
			s.Camera.Readers == 0
	}))
}

func (d *Door) held(s control.Status) Held {
	d.t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.PID()))
	if err != nil {
		d.t.Fatalf("house: %v", err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.PID()))
	if err != nil {
		d.t.Fatalf("house: %v", err)
	}
	h := Held{Goroutines: s.Runtime.Goroutines, Files: len(files), HeapKB: int(s.Runtime.HeapBytes >> 10)}
	for line := range strings.Lines(string(text)) {
		if n, scanErr := fmt.Sscanf(line, "VmRSS: %d kB", &h.ResidentKB); n == 1 && scanErr == nil {
			return h
		}
	}
	d.t.Fatalf("house: the kernel does not tell the resident memory of process %d", d.PID())
	return h
}
