// Command soak rings again and again at an extension that answers at once, with sound and picture both ways, and watches what
// the agent holds: it is `make soak`. It fails when a call does, or when goroutines, files or memory grow with the calls.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

func main() {
	calls := flag.Int("calls", 1000, "calls to make")
	every := flag.Int("every", 100, "calls between two lines of the table")
	flag.Parse()
	os.Exit(lab.Program("soak", "out", func(t lab.T) { soak(t, *calls, *every, os.Stdout) }, lab.PartAsterisk))
}

const (
	patience = 20 * time.Second
	doorHz   = 440 // what the door's test device says

	// echo answers, gives sound and picture back for a second, and hangs up.
	echo = "906"
	// warmUp is how many calls come before the first line of the table. They fill pools and caches; and as timers of SIP and
	// of the media path remember a call for half a minute, what is held levels off only after that many of a second each.
	warmUp = 45
)

func soak(t lab.T, calls, every int, w io.Writer) {
	h := house.Open(t, house.Options{
		Binary: house.BuildRelease(t), Targets: []string{echo},
		Asterisk: lab.AsteriskOptions{DialplanExtra: []string{
			"exten => 906,1,Answer()", " same => n,Set(TIMEOUT(absolute)=1)", " same => n,Echo()",
		}},
	})
	h.Door.WaitRegistered()
	heard := 0
	for n := range warmUp {
		oneCall(t, h, n+1, &heard)
	}
	heard = 0
	r := record{}
	r.add(0, h.Door.WaitRest(patience))
	r.head(w)
	r.line(w)
	for n := range calls {
		oneCall(t, h, warmUp+n+1, &heard)
		if (n+1)%every == 0 || n+1 == calls {
			r.add(n+1, h.Door.WaitRest(patience))
			r.line(w)
		}
	}
	if heard != calls {
		t.Errorf("soak: the far voice was heard in %d of %d calls", heard, calls)
	}
	checkVisits(t, h, warmUp+calls)
	if n := h.PBX.Channels(t); n != 0 {
		t.Errorf("soak: %d calls are left at the PBX", n)
	}
	for _, complaint := range r.complaints() {
		t.Errorf("soak: %s", complaint)
	}
}

// oneCall presses, listens, and waits for the end of the visit.
func oneCall(t lab.T, h *house.House, n int, heard *int) {
	h.Door.Press("")
	once := false
	s := h.Door.Wait(patience, fmt.Sprintf("the end of visit %d", n), func(s control.Status) bool {
		if f := s.Sound.FarFrequency; !once && f != nil && *f > doorHz-15 && *f < doorHz+15 {
			once = true
			*heard++
		}
		return s.Visit.State == "idle" && s.Calls.Visits == n
	})
	if s.Calls.Last == nil || s.Calls.Last.Outcome != "talked" {
		t.Fatalf("soak: visit %d was no talk: %+v", n, s.Calls.Last)
	}
}

// checkVisits looks whether each visit carried sound both ways and a picture.
func checkVisits(t lab.T, h *house.House, n int) {
	lines := h.Door.VisitLines()
	if len(lines) != n {
		t.Errorf("soak: %d lines for %d visits", len(lines), n)
	}
	for i, line := range lines {
		for _, direction := range []string{"audio_sent", "audio_received", "video_sent"} {
			counts, ok := line[direction].(map[string]any)
			if !ok {
				t.Errorf("soak: visit %d tells nothing of %s", i+1, direction)
				continue
			}
			if packets, isNumber := counts["packets"].(float64); !isNumber || packets == 0 {
				t.Errorf("soak: visit %d without %s: %v", i+1, direction, counts)
			}
		}
	}
}
