package main

import (
	"math"
	"slices"
	"time"

	"doorstation/test/house"
	"doorstation/test/lab"
)

const aboutEars = `Mouth to ear and lip sync: door and popup each say a burst of 1 kHz with every second of the wall clock, and date the beginning of the
other's (where its level first reaches half, in steps of 1 ms; the popup by audio worklets, whose clock has 1 ms). Door to popup counts from the
moment at which the sound would have entered the microphone, so the door's own frame of 20 ms is in it, to the moment at which Chromium hands the decoded
sound over; popup to door from the moment at which the page made the sound to the moment at which the door's loudspeaker would begin with it. Included: Opus,
jitter buffers on both ends, SRTP, Asterisk. Not included: the buffers of sound cards (the door's bridge to a card adds 30 ms and a period of
the card), what Chromium's own sound input and output add, and what is done against echo and noise at a real microphone (20 ms). Lip sync is the age of the picture on the screen (see
glass) around a burst less the age of that burst's sound: positive means that the sound comes first (ITU-R BT.1359: noticed
from +45 or -125 ms on). Without a sound card, Chromium's output clock is a timer.`

// sound gathers what bursts told over several calls.
type sound struct {
	toPopup, toDoor series
	lips, lipsOff   []float64 // ms, with sign and without
	said, heard     int
}

// measureEars lets door and popup say bursts, and times them.
func measureEars(t lab.T, plan plan, p *part) {
	h := openHouse(t, house.Options{Camera: vga.camera(), Audio: "{device: test bursts}"})
	kitchen := tablet(t, h, lab.PopupOptions{ReadsClock: true, Bursts: true})
	h.Door.WaitRegistered()
	var s sound
	var speaker time.Duration
	for i := range plan.earCalls {
		h.Door.Press("")
		call := latest(kitchen, i+1, func(c lab.Call) bool { return !c.FirstFrame.IsZero() })
		if call.FirstFrame.IsZero() {
			t.Errorf("bench: call %d has no picture", i+1)
			return
		}
		pause(t, time.Until(call.FirstFrame.Add(plan.earTalk)))
		bursts, clocks := kitchen.Bursts(), kitchen.Clocks()
		speaker = bursts.Loudspeaker
		s.take(call.Confirmed, bursts, clocks, burstsAtDoor(h))
		hangUp(h, kitchen, i+1)
	}
	p.times("door's microphone to popup", s.toPopup)
	p.times("popup's microphone to door", s.toDoor)
	p.count("bursts heard, both ways", s.heard, s.said)
	p.values("lip sync (positive: sound first)", "ms", s.lips)
	p.values("lip sync, however it is off", "ms", s.lipsOff)
	p.value("what Chromium says its loudspeaker would add", "ms", float64(speaker.Microseconds())/1000)
}

// burstsAtDoor are the moments at which bursts were at the door's loudspeaker, in all calls.
func burstsAtDoor(h *house.House) (heard []time.Time) {
	for _, line := range h.Door.LogLines() {
		if at, ok := line["at_us"].(float64); ok && line["msg"] == "burst heard" {
			heard = append(heard, time.UnixMicro(int64(at)))
		}
	}
	return heard
}

// take takes the bursts of one call, that was up from a moment on.
func (s *sound) take(from time.Time, b lab.Bursts, clocks []lab.Shown, atDoor []time.Time) {
	// In the first second the paths come up; the newest burst may still be on its way.
	from = from.Add(time.Second)
	to := time.Now().Add(-time.Second)
	inside := func(at time.Time) bool { return at.After(from) && at.Before(to) }
	for second := from.Truncate(time.Second).Add(time.Second); inside(second); second = second.Add(time.Second) {
		s.said++
		at, ok := next(b.Heard, second)
		if !ok {
			continue
		}
		s.heard++
		delay := at.Sub(second)
		s.toPopup.add(delay)
		if age, shown := ageAround(clocks, second); shown {
			ms := float64((age - delay).Microseconds()) / 1000
			s.lips, s.lipsOff = append(s.lips, ms), append(s.lipsOff, math.Abs(ms))
		}
	}
	for _, said := range b.Said {
		if !inside(said) {
			continue
		}
		s.said++
		if at, ok := next(atDoor, said); ok {
			s.heard++
			s.toDoor.add(at.Sub(said))
		}
	}
}

// next is the first of the moments that belongs to a burst: one less than a second after it.
func next(moments []time.Time, burst time.Time) (time.Time, bool) {
	i := slices.IndexFunc(moments, func(at time.Time) bool { return !at.Before(burst) })
	if i < 0 || moments[i].Sub(burst) >= time.Second {
		return time.Time{}, false
	}
	return moments[i], true
}

// ageAround is the median age of the pictures that were drawn within a quarter of a second of a moment.
func ageAround(clocks []lab.Shown, at time.Time) (time.Duration, bool) {
	var ages []time.Duration
	for _, c := range clocks {
		if d := c.Drawn.Sub(at).Abs(); !c.Drawn.IsZero() && d < 250*time.Millisecond {
			ages = append(ages, c.Age())
		}
	}
	if len(ages) == 0 {
		return 0, false
	}
	slices.Sort(ages)
	return ages[len(ages)/2], true
}
