package main

import (
	"os"
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

// tablet is a popup that answers every call.
func tablet(t lab.T, h *house.House, o lab.PopupOptions) *lab.Popup {
	o.Extension, o.WSURL, o.MicHz, o.AutoAnswer = "101", h.PBX.WSURL(), micHz, 300*time.Millisecond
	p := lab.StartBrowser(t).Popup(t, o)
	p.WaitRegistered(patience)
	return p
}

const aboutRegistration = `The released agent is started with its settings at Home Assistant's stand-in, again and again: from the start of the
process to the 200 of its REGISTER, by way of Home Assistant's API and ingress.`

// measureRegistration starts the agent several times.
func measureRegistration(t lab.T, plan plan, p *part) {
	h := house.Prepare(t, house.Options{Binary: house.BuildRelease(t)})
	var registered series
	for range plan.starts {
		began := time.Now()
		d := h.StartDoor()
		s := d.WaitRegistered()
		if s.Registration.Since != nil {
			registered.add(s.Registration.Since.Sub(began))
		}
		d.Stop()
	}
	p.times("start of the process to registered", registered)
	if info, err := os.Stat(house.BuildRelease(t)); err == nil {
		p.value("stripped binary", "MB", float64(info.Size())/1e6)
	}
}

const aboutPresses = `The bell is pressed, a popup in Chromium answers after 300 ms, and the call is ended once both sides were seen and heard:
picture means ten more frames on the screen after the first, sound that each side hears the other's tone. The camera is the test card at 640x480, 15
frames a second. Frame times are requestVideoFrameCallback's presentationTime; the stages are the door's own stopwatch.`

// pressed is what many presses showed.
type pressed struct {
	picture, sound, both                         int
	ringing                                      series
	answerToFrame, answerToAccept, acceptToFrame series
}

// measurePresses presses, lets the popup answer, and looks at what both sides see and hear.
func measurePresses(t lab.T, plan plan, p *part) {
	h := openHouse(t, house.Options{})
	kitchen := tablet(t, h, lab.PopupOptions{})
	h.Door.WaitRegistered()
	var r pressed
	for i := range plan.presses {
		picture, sound := r.press(t, h, kitchen, i+1)
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
			t.Logf("bench: %d of %d presses", i+1, plan.presses)
		}
	}
	p.count("calls with picture and sound both ways", r.both, plan.presses)
	p.count("  with picture", r.picture, plan.presses)
	p.count("  with sound both ways", r.sound, plan.presses)
	watch := watches(h)
	p.times("press to INVITE on the wire", watch.invite)
	p.times("press to ringing in the browser", r.ringing)
	p.times("answer (click) to first frame", r.answerToFrame)
	p.times("  of it the popup's own: click to its 200", r.answerToAccept)
	p.times("  of it: the popup's 200 to the frame", r.acceptToFrame)
	for i, name := range stageNames {
		p.times("    the door's stopwatch: "+name, watch.stages[i])
	}
}

// press waits for one answered call, measures it and hangs up.
func (r *pressed) press(t lab.T, h *house.House, kitchen *lab.Popup, n int) (picture, sound bool) {
	at := time.Now()
	h.Door.Press("")
	call := latest(kitchen, n, func(c lab.Call) bool { return !c.FirstFrame.IsZero() })
	if !call.Began.IsZero() {
		r.ringing.add(call.Began.Sub(at))
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
	hangUp(h, kitchen, n)
	return picture, sound
}

// hangUp ends the n-th call and waits until the door is at rest.
func hangUp(h *house.House, kitchen *lab.Popup, n int) {
	kitchen.Hangup()
	h.Door.Wait(patience, "idle", func(s control.Status) bool { return s.Visit.State == "idle" && s.Calls.Visits == n })
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

// stopwatches are the door's own times over many visits.
type stopwatches struct {
	invite series
	stages [3]series // as stageNames
}

// watches takes the door's own times from the lines at the ends of its visits.
func watches(h *house.House) (w stopwatches) {
	for _, line := range h.Door.VisitLines() {
		watch, ok := line["after_press"].(map[string]any)
		if !ok {
			continue
		}
		at := func(mark string) (time.Duration, bool) {
			ms, passed := watch[mark+"_ms"].(float64)
			return time.Duration(ms * float64(time.Millisecond)), passed
		}
		if d, passed := at("invite"); passed {
			w.invite.add(d)
		}
		for i, pair := range [][2]string{{"answer", "ice"}, {"ice", "dtls"}, {"dtls", "key_frame"}} {
			from, ok1 := at(pair[0])
			to, ok2 := at(pair[1])
			if ok1 && ok2 {
				w.stages[i].add(to - from)
			}
		}
	}
	return w
}

const aboutDead = `As presses, with a STUN and a TURN server in SIP Core's settings that never answer.`

// measureDeadServers presses while every STUN and TURN server is silent; the household answers and hangs up at once.
func measureDeadServers(t lab.T, plan plan, p *part) {
	h := openHouse(t, house.Options{SIPCore: func(core map[string]any) {
		core["ice_config"] = map[string]any{
			"iceServers": []any{
				map[string]any{"urls": "stun:" + lab.SilentSTUN(t)},
				map[string]any{"urls": "turn:" + lab.SilentSTUN(t) + "?transport=udp", "username": "bench", "credential": "bench"},
			},
			"iceGatheringTimeout": 1000,
		}
	}})
	kitchen := tablet(t, h, lab.PopupOptions{})
	h.Door.WaitRegistered()
	h.Door.Wait(patience, "a warm offer", func(s control.Status) bool { return s.WarmOffers.Ready >= s.WarmOffers.Want })
	var ringing series
	for i := range plan.dead {
		at := time.Now()
		h.Door.Press("")
		call := latest(kitchen, i+1, func(c lab.Call) bool {
			return !c.FirstFrame.IsZero() && time.Since(c.FirstFrame) > 300*time.Millisecond
		})
		if !call.Began.IsZero() {
			ringing.add(call.Began.Sub(at))
		}
		hangUp(h, kitchen, i+1)
	}
	p.times("press to INVITE on the wire", watches(h).invite)
	p.times("press to ringing in the browser", ringing)
}

type notYet struct{}

func (notYet) Error() string { return "not yet" }

var errNotYet = notYet{}

func near(hz, want float64) bool { return hz > want-15 && hz < want+15 }
