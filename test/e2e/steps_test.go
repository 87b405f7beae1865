package e2e

import (
	"testing"

	"doorstation/test/house"
	"doorstation/test/lab"
)

// inSteps is a bell that calls the kitchen and then the study.
func inSteps(t *testing.T, more string) (h *house.House, kitchen, study *lab.Popup) {
	t.Helper()
	h = house.Open(t, house.Options{Bell: `call: [["101"], ["102"]]; ` + more})
	b := lab.StartBrowser(t)
	kitchen = tablet(t, b, h, lab.PopupOptions{Extension: "101"})
	study = tablet(t, b, h, lab.PopupOptions{Extension: "102", MicHz: studyHz})
	h.Door.WaitRegistered()
	return h, kitchen, study
}

func TestTheNextStepRingsBesideTheFirst(t *testing.T) {
	h, kitchen, study := inSteps(t, "step: 2s")
	h.Door.Press("")
	first := kitchen.WaitRinging(patience)
	second := study.WaitRinging(patience)
	if after := second.Began.Sub(first.Began).Seconds(); after < 1.5 {
		t.Errorf("the second step rang %.1f s after the first, want 2 s", after)
	}
	kitchen.Answer()
	kitchen.WaitTalking(patience)
	if call := study.WaitEnded(patience); call.Cause != "Canceled" {
		t.Errorf("the study's popup ended as %s, want Canceled", call.Cause)
	}
	assertHears(t, kitchen)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
	assertNoChannels(t, h)
}

func TestTheNextStepTakesThePlaceOfTheFirst(t *testing.T) {
	h, kitchen, study := inSteps(t, "step: 2s; keep_ringing: false")
	h.Door.Press("")
	kitchen.WaitRinging(patience)
	study.WaitRinging(patience)
	if call := kitchen.WaitEnded(patience); call.Cause != "Canceled" {
		t.Errorf("the kitchen's popup ended as %s, want Canceled", call.Cause)
	}
	study.Answer()
	study.WaitTalking(patience)
	assertDoorHears(t, h.Door, studyHz)
	study.Hangup()
	h.Door.WaitOutcome(1, "talked")
	assertNoChannels(t, h)
}

func TestTheNextStepComesAtOnceWhenTheFirstDeclines(t *testing.T) {
	h, kitchen, study := inSteps(t, "step: 15s")
	h.Door.Press("")
	kitchen.WaitRinging(patience)
	kitchen.Decline()
	study.WaitRinging(patience)
	study.Answer()
	study.WaitTalking(patience)
	study.Hangup()
	h.Door.WaitOutcome(1, "talked")
	assertNoChannels(t, h)
}
