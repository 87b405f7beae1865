package main

import (
	"fmt"
	"time"

	"doorstation/test/house"
	"doorstation/test/lab"
)

// size is a picture that is measured.
type size struct {
	width, height, rate, kilobits int
}

func (s size) String() string { return fmt.Sprintf("%dx%d@%d", s.width, s.height, s.rate) }

// camera is the local file's section for the test card of this size.
func (s size) camera() string {
	return fmt.Sprintf("{source: test, width: %d, height: %d, framerate: %d, bitrate: %dk}", s.width, s.height, s.rate, s.kilobits)
}

var (
	vga = size{640, 480, 15, 600}
	hd  = size{1280, 720, 30, 1500}
)

const aboutGlass = `Glass to glass: the test card carries the wall clock in black and white cells; the popup reads it out of the decoded luma of every
frame (requestVideoFrameCallback, VideoFrame.copyTo) and compares it with the moment at which that frame was expected on the screen
(expectedDisplayTime). One machine, one clock, resolution 1 ms. Included: drawing, encoding (openh264), SRTP, Asterisk, Chromium's jitter buffer,
decoding, composing for a 60 Hz screen. Not included: a camera's exposure and read-out before, a screen's own delay after, a network's.
Frozen is the time between frames that are more than 200 ms apart; Chromium's own count takes gaps of three times the usual one, or 150 ms more than it.`

// measureGlass reads the age of the picture in calls on a clean network.
func measureGlass(t lab.T, plan plan, p *part) {
	for _, s := range []size{vga, hd} {
		h := openHouse(t, house.Options{Camera: s.camera()})
		kitchen := tablet(t, h, lab.PopupOptions{ReadsClock: true})
		h.Door.WaitRegistered()
		watchCalls(t, h, kitchen, plan.glassCalls, plan.glassTalk).tell(p, s.String()+": ")
		kitchen.Close()
		h.Door.Stop()
		h.PBX.Stop()
	}
}

// watchCalls rings the bell so many times, and watches the picture for as long as each talk lasts.
func watchCalls(t lab.T, h *house.House, kitchen *lab.Popup, calls int, talk time.Duration) *seen {
	var s seen
	for i := range calls {
		h.Door.Press("")
		call := latest(kitchen, i+1, func(c lab.Call) bool { return !c.FirstFrame.IsZero() })
		if !call.FirstFrame.IsZero() {
			pause(t, time.Until(call.FirstFrame.Add(talk)))
		}
		s.take(kitchen, call)
		hangUp(h, kitchen, i+1)
	}
	return &s
}

// pause lets a talk last, unless the run ends.
func pause(t lab.T, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatalf("bench: %v", t.Context().Err())
	}
}

const aboutLoss = `As glass at 640x480@15, with packets lost at random on the way to Asterisk's media ports: from the door and from the popup alike,
with feedback (nft). Frozen counts from the first frame on; the first frame has its own line.`

// measureLoss lets the popup watch while packets to the PBX's media ports are lost.
func measureLoss(t lab.T, plan plan, p *part) {
	h := openHouse(t, house.Options{Camera: vga.camera()})
	kitchen := tablet(t, h, lab.PopupOptions{ReadsClock: true})
	h.Door.WaitRegistered()
	done := 0
	for _, percent := range []float64{1, 5, 10} {
		loss := lab.Lose(t, percent)
		var s seen
		for range plan.lossCalls {
			h.Door.Press("")
			done++
			call := latest(kitchen, done, func(c lab.Call) bool { return !c.FirstFrame.IsZero() })
			if !call.FirstFrame.IsZero() {
				pause(t, time.Until(call.FirstFrame.Add(plan.lossTalk)))
			}
			s.take(kitchen, call)
			hangUp(h, kitchen, done)
		}
		loss.Stop(t)
		s.tell(p, fmt.Sprintf("%g %% loss: ", percent))
	}
}
