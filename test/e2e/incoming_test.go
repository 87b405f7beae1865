package e2e

import (
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

// welcome lets the household of the settings call the door.
const welcome = "incoming: {allow: users, answer: always, talk: \"*\"}\n"

func lookState(want string) func(control.Status) bool {
	return func(s control.Status) bool {
		if s.Look == nil {
			return want == ""
		}
		return s.Look.State == want
	}
}

// lookingIn lets the kitchen call the door, and waits until it sees and hears.
func lookingIn(t *testing.T, ho house.Options) (*house.House, *lab.Popup) {
	t.Helper()
	ho.Config = welcome + ho.Config
	h, kitchen := evening(t, ho, lab.PopupOptions{})
	kitchen.Dial(lab.DoorExtension)
	kitchen.WaitTalking(patience)
	h.Door.Wait(patience, "the look", lookState("looking"))
	return h, kitchen
}

// assertDoorHearsNothing checks that a voice which arrives at the door stays inside.
func assertDoorHearsNothing(t *testing.T, d *house.Door) {
	t.Helper()
	s, err := d.Status()
	if err != nil {
		t.Fatal(err)
	}
	if s.Sound.FarLevel != nil {
		t.Errorf("the loudspeaker is open: %.1f dBFS", *s.Sound.FarLevel)
	}
}

func TestIncomingTheHouseholdLooksAndSpeaks(t *testing.T) {
	h, kitchen := lookingIn(t, house.Options{})
	assertPicture(t, kitchen)
	assertHears(t, kitchen)
	kitchen.SendDigit("7", lab.DigitByINFO) // its arrival shows that the way to the door is open
	lab.Eventually(t, patience, "the digit at the door", func() bool { return digitsIn(h.Door) == 1 })
	assertDoorHearsNothing(t, h.Door)
	keep(t, kitchen)

	kitchen.SendDigit("*", lab.DigitByINFO)
	assertDoorHears(t, h.Door, kitchenHz)
	kitchen.SendDigit("*", lab.DigitByINFO)
	h.Door.Wait(patience, "the loudspeaker closed", func(s control.Status) bool { return !s.Look.Loudspeaker && s.Sound.FarLevel == nil })

	kitchen.SendDigit(house.Code, lab.DigitByINFO)
	h.Door.Wait(patience, "the lock open", func(s control.Status) bool { return s.GPIO.LockOpenings == 1 })
	kitchen.Hangup()
	s := h.Door.Wait(patience, "the end of the look", lookState(""))
	if s.Calls.Visits != 0 || s.Calls.Looks != 1 || s.Visit.State != "idle" {
		t.Errorf("calls: %+v, visit: %+v", s.Calls, s.Visit)
	}
	assertNoChannels(t, h)
}

// digitsIn counts the digits that have reached the door.
func digitsIn(d *house.Door) int {
	n := 0
	for _, m := range d.LogLines() {
		if m["msg"] == "digit received" {
			n++
		}
	}
	return n
}

// keep leaves the picture that the popup shows for whoever wants to see it.
func keep(t *testing.T, p *lab.Popup) {
	t.Helper()
	f, err := os.Create(filepath.Join(lab.Out(t), "look.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err = png.Encode(f, p.Frame()); err != nil {
		t.Error(err)
	}
	if err = f.Close(); err != nil {
		t.Error(err)
	}
}

func TestIncomingAPressDuringALookRingsTheHousehold(t *testing.T) {
	h := house.Open(t, house.Options{Config: welcome, Targets: []string{"101", "102"}})
	b := lab.StartBrowser(t)
	kitchen := tablet(t, b, h, lab.PopupOptions{Extension: "101"})
	study := tablet(t, b, h, lab.PopupOptions{Extension: "102", MicHz: studyHz})
	h.Door.WaitRegistered()
	kitchen.Dial(lab.DoorExtension)
	kitchen.WaitTalking(patience)
	h.Door.Wait(patience, "the look", lookState("looking"))

	h.Door.Press("")
	study.WaitRinging(patience)
	h.Door.Wait(patience, "the look beside the visit", func(s control.Status) bool {
		return s.Visit.State == "ringing" && s.Look != nil && s.Look.State == "looking"
	})
	study.Answer()
	study.WaitTalking(patience)
	if call := kitchen.WaitEnded(patience); call.EndedBy != "remote" {
		t.Errorf("the look was ended by %s, want the door", call.EndedBy)
	}
	assertPicture(t, study)
	assertHears(t, study)
	assertDoorHears(t, h.Door, studyHz)
	study.Hangup()
	h.Door.WaitOutcome(1, "talked")
	assertNoChannels(t, h)
}

func TestIncomingALookGoesOnWhenNobodyAnswersTheBell(t *testing.T) {
	h, kitchen := lookingIn(t, house.Options{Ring: "5s", Targets: []string{"102"}})
	assertHears(t, kitchen)
	h.Door.Press("")
	h.Door.WaitOutcome(1, "not_registered")
	h.Door.Wait(patience, "the look", lookState("looking"))
	assertHears(t, kitchen)
	kitchen.Hangup()
	h.Door.Wait(patience, "the end of the look", lookState(""))
	assertNoChannels(t, h)
}

func TestIncomingWhoMayNotCallIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, config string
		status       int
		fault        bool
	}{
		{"not one of the household", "incoming: {allow: [\"102\"], answer: always}\n", 403, true},
		{"the door answers nobody", "incoming: {allow: users, answer: never}\n", 480, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, kitchen := evening(t, house.Options{Config: c.config}, lab.PopupOptions{})
			kitchen.Dial(lab.DoorExtension)
			call := kitchen.WaitEnded(patience)
			t.Logf("the popup was told %d %s", call.Status, call.Cause)
			if call.Status < 400 || !call.Confirmed.IsZero() {
				t.Errorf("the call ended with %d", call.Status)
			}
			s := h.Door.Wait(patience, "idle", visitState("idle"))
			if c.fault {
				h.Door.WaitFault("calls_refused")
			} else if f := house.FaultOf(s, "calls_refused"); f != nil {
				t.Errorf("a fault stands: %+v", f)
			}
			if s.Calls.Looks != 0 {
				t.Errorf("calls: %+v", s.Calls)
			}
			// and the bell works
			answered(t, h, kitchen)
			kitchen.Hangup()
			h.Door.WaitOutcome(1, "talked")
		})
	}
}

func TestIncomingASecondLookerIsBusy(t *testing.T) {
	h := house.Open(t, house.Options{Config: "incoming: {allow: [\"101\", \"102\"], answer: always}\n"})
	b := lab.StartBrowser(t)
	kitchen := tablet(t, b, h, lab.PopupOptions{Extension: "101"})
	study := tablet(t, b, h, lab.PopupOptions{Extension: "102", MicHz: studyHz})
	h.Door.WaitRegistered()
	kitchen.Dial(lab.DoorExtension)
	kitchen.WaitTalking(patience)
	study.Dial(lab.DoorExtension)
	if call := study.WaitEnded(patience); call.Status != 486 {
		t.Errorf("the second caller was told %d %s", call.Status, call.Cause)
	}
	assertHears(t, kitchen)
	kitchen.Hangup()
	h.Door.Wait(patience, "the end of the look", lookState(""))
}

func TestIncomingALookEndsAtTheTalkLimit(t *testing.T) {
	h, kitchen := lookingIn(t, house.Options{Config: "call: {max_talk: 10s}\n"})
	if call := kitchen.WaitEnded(patience); call.EndedBy != "remote" || time.Since(call.Confirmed) < 5*time.Second {
		t.Errorf("the look was ended by %s", call.EndedBy)
	}
	h.Door.Wait(patience, "the end of the look", lookState(""))
	assertNoChannels(t, h)
}
