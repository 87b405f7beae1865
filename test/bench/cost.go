package main

import (
	"time"

	"doorstation/test/house"
	"doorstation/test/lab"
)

const aboutCost = `What the agent takes of the machine: user and system time of its process (/proc/PID/stat, in steps of 10 ms) from the press to the end of
the talk, and its resident memory then. The test card is drawn and encoded by the agent itself, without any hardware; sound is Opus both ways.`

// measureCost takes processor time and memory of the agent, idle and in calls.
func measureCost(t lab.T, plan plan, p *part) {
	for _, s := range []size{vga, hd} {
		err := lab.Run(t.Context(), t.Name(), logs{t}, func(t lab.T) {
			h := openHouse(t, house.Options{Camera: s.camera()})
			kitchen := tablet(t, h, lab.PopupOptions{ReadsClock: true})
			h.Door.WaitRegistered()
			pause(t, 2*time.Second) // for its warm offers
			var idle processLoad
			used, began := cpuTime(t, h.Door.PID()), time.Now()
			pause(t, plan.costTalk)
			idle.add(t, h.Door.PID(), used, began)
			if s == vga {
				idle.tell(p, "idle: ")
			}
			c := comparison{kitchen: kitchen, pid: h.Door.PID()}
			c.calls(t, plan.costCalls, plan.costTalk, func() { h.Door.Press("") })
			c.load.tell(p, "in a call, "+s.String()+": ")
		})
		if err != nil {
			t.Errorf("bench: %v: %v", s, err)
		}
	}
}

// logs passes the lines of a run within a run on.
type logs struct{ t lab.T }

// Write implements io.Writer.
func (l logs) Write(b []byte) (int, error) {
	l.t.Logf("%s", trimNewline(b))
	return len(b), nil
}

func trimNewline(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		return b[:n-1]
	}
	return b
}
