package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

const (
	patience = 20 * time.Second
	micHz    = 700
	doorHz   = 440
)

// stageNames are the parts of a call by the door's own stopwatch, from the 200 to the first key frame.
var stageNames = []string{"200 to ICE", "ICE to DTLS", "DTLS to first key frame"}

func openHouse(t lab.T, o house.Options) *house.House {
	o.Binary = house.BuildRelease(t)
	return house.Open(t, o)
}

func tablet(t lab.T, h *house.House) *lab.Popup {
	p := lab.StartBrowser(t).Popup(t, lab.PopupOptions{
		Extension: "101", WSURL: h.PBX.WSURL(), MicHz: micHz, AutoAnswer: 300 * time.Millisecond,
	})
	p.WaitRegistered(patience)
	return p
}

// measureRegistration starts the agent several times.
func measureRegistration(t lab.T, _ plan, r *report) {
	h := house.Prepare(t, house.Options{Binary: house.BuildRelease(t)})
	for range 10 {
		began := time.Now()
		d := h.StartDoor()
		s := d.WaitRegistered()
		if s.Registration.Since != nil {
			r.registration.add(s.Registration.Since.Sub(began))
		}
		d.Stop()
	}
	if info, err := os.Stat(house.BuildRelease(t)); err == nil {
		r.binary = info.Size()
	}
}

// measurePresses presses, lets the popup answer, and looks at what both sides see and hear.
func measurePresses(t lab.T, p plan, r *report) {
	h := openHouse(t, house.Options{})
	kitchen := tablet(t, h)
	h.Door.WaitRegistered()
	r.idleRSS = rss(t, h.Door.PID())
	for i := range p.presses {
		pressed := time.Now()
		h.Door.Press("")
		r.presses++
		picture, sound := oneCall(t, h, kitchen, i+1, pressed, r)
		if picture {
			r.picture++
		}
		if sound {
			r.sound++
		}
		if picture && sound {
			r.both++
		} else {
			t.Logf("bench: press %d: picture %v, sound %v", i+1, picture, sound)
		}
		if (i+1)%20 == 0 {
			t.Logf("bench: %d of %d presses", i+1, p.presses)
		}
	}
	for _, line := range h.Door.VisitLines() {
		addStopwatch(line, r)
	}
}

// oneCall waits for one answered call, measures it and hangs up.
func oneCall(t lab.T, h *house.House, kitchen *lab.Popup, n int, pressed time.Time, r *report) (picture, sound bool) {
	call := latest(kitchen, n, func(c lab.Call) bool { return !c.FirstFrame.IsZero() })
	if !call.Began.IsZero() {
		r.ringing.add(call.Began.Sub(pressed))
	}
	if picture = !call.FirstFrame.IsZero(); picture {
		r.answerToFrame.add(call.FirstFrame.Sub(call.Answered))
		r.answerToAccept.add(call.Accepted.Sub(call.Answered))
		r.acceptToFrame.add(call.FirstFrame.Sub(call.Accepted))
		frames := kitchen.Video().Shown
		picture = house.Eventually(3*time.Second, func() error {
			if kitchen.Video().Shown < frames+10 {
				return errNotYet
			}
			return nil
		}) == nil
	}
	doorHears := house.Eventually(3*time.Second, func() error {
		s, err := h.Door.Status()
		if err != nil {
			return err
		}
		if s.Sound.FarFrequency == nil || !near(*s.Sound.FarFrequency, micHz) {
			return errNotYet
		}
		return nil
	}) == nil
	sound = doorHears && near(kitchen.Hear(400*time.Millisecond).Hz, doorHz)
	if n == 1 {
		r.callRSS = rss(t, h.Door.PID())
	}
	kitchen.Hangup()
	h.Door.Wait(patience, "idle", func(s control.Status) bool { return s.Visit.State == "idle" && s.Calls.Visits == n })
	return picture, sound
}

// latest waits until the popup's n-th call is as wanted, or 8 s have passed, and returns it as it is then.
func latest(p *lab.Popup, n int, ok func(lab.Call) bool) lab.Call {
	var c lab.Call
	// A call that never comes this far is a result, not a failure of the bench.
	_ = house.Eventually(8*time.Second, func() error {
		if calls := p.Calls(); len(calls) >= n {
			c = calls[n-1]
			if ok(c) {
				return nil
			}
		}
		return errNotYet
	})
	return c
}

// addStopwatch takes the door's own times from the line at the end of a visit.
func addStopwatch(line map[string]any, r *report) {
	watch, ok := line["after_press"].(map[string]any)
	if !ok {
		return
	}
	at := func(mark string) (time.Duration, bool) {
		ms, passed := watch[mark+"_ms"].(float64)
		return time.Duration(ms * float64(time.Millisecond)), passed
	}
	if d, passed := at("invite"); passed {
		r.invite.add(d)
	}
	for i, pair := range [][2]string{{"answer", "ice"}, {"ice", "dtls"}, {"dtls", "key_frame"}} {
		from, ok1 := at(pair[0])
		to, ok2 := at(pair[1])
		if ok1 && ok2 {
			r.stage(stageNames[i], to-from)
		}
	}
}

// measureDeadServers presses while every STUN and TURN server is silent; the household answers and hangs up at once.
func measureDeadServers(t lab.T, p plan, r *report) {
	h := openHouse(t, house.Options{SIPCore: func(core map[string]any) {
		core["ice_config"] = map[string]any{
			"iceServers": []any{
				map[string]any{"urls": "stun:" + lab.SilentSTUN(t)},
				map[string]any{"urls": "turn:" + lab.SilentSTUN(t) + "?transport=udp", "username": "bench", "credential": "bench"},
			},
			"iceGatheringTimeout": 1000,
		}
	}})
	kitchen := tablet(t, h)
	h.Door.WaitRegistered()
	h.Door.Wait(patience, "a warm offer", func(s control.Status) bool { return s.WarmOffers.Ready >= s.WarmOffers.Want })
	for i := range p.dead {
		pressed := time.Now()
		h.Door.Press("")
		call := latest(kitchen, i+1, func(c lab.Call) bool {
			return !c.FirstFrame.IsZero() && time.Since(c.FirstFrame) > 300*time.Millisecond
		})
		if !call.Began.IsZero() {
			r.ringingDead.add(call.Began.Sub(pressed))
		}
		kitchen.Hangup()
		h.Door.Wait(patience, "idle", func(s control.Status) bool {
			return s.Visit.State == "idle" && s.Calls.Visits == i+1
		})
	}
	for _, line := range h.Door.VisitLines() {
		if watch, ok := line["after_press"].(map[string]any); ok {
			if ms, passed := watch["invite_ms"].(float64); passed {
				r.inviteDead.add(time.Duration(ms * float64(time.Millisecond)))
			}
		}
	}
}

// lossTalk is how long each call at loss lasts.
const lossTalk = 12 * time.Second

// measureLoss lets the popup watch while packets to the PBX's media ports are lost.
func measureLoss(t lab.T, p plan, r *report) {
	h := openHouse(t, house.Options{})
	kitchen := tablet(t, h)
	h.Door.WaitRegistered()
	lab.Lose(t, p.lossPercent)
	for i := range p.loss {
		h.Door.Press("")
		r.lossCalls++
		call := latest(kitchen, i+1, func(c lab.Call) bool { return !c.FirstFrame.IsZero() })
		if !call.FirstFrame.IsZero() {
			r.lossPicture++
			r.lossFrame.add(call.FirstFrame.Sub(call.Answered))
			time.Sleep(lossTalk) // the length of a talk
			v := kitchen.Video()
			watched := time.Since(call.FirstFrame).Seconds()
			r.frozen = append(r.frozen, v.FrozenSeconds/watched)
			r.freezes = append(r.freezes, float64(v.Freezes)/watched*60)
			r.lossFrames = append(r.lossFrames, float64(v.Shown)/watched)
		}
		kitchen.Hangup()
		h.Door.Wait(patience, "idle", func(s control.Status) bool { return s.Visit.State == "idle" && s.Calls.Visits == i+1 })
	}
}

type notYet struct{}

func (notYet) Error() string { return "not yet" }

var errNotYet = notYet{}

func near(hz, want float64) bool { return hz > want-15 && hz < want+15 }

// rss is the resident memory of a process in kB.
func rss(t lab.T, pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Errorf("bench: %v", err)
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kb int
		if n, scanErr := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 && scanErr == nil {
			return kb
		}
	}
	return 0
}
