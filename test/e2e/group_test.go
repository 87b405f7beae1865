package e2e

import (
	"testing"

	"doorstation/test/house"
	"doorstation/test/lab"
)

func TestTwoTabletsRingAndTheFirstAnswerWins(t *testing.T) {
	h := house.Open(t, house.Options{Targets: []string{"101", "102"}})
	b := lab.StartBrowser(t)
	kitchen := tablet(t, b, h, lab.PopupOptions{Extension: "101"})
	study := tablet(t, b, h, lab.PopupOptions{Extension: "102", MicHz: studyHz})
	h.Door.WaitRegistered()

	h.Door.Press("")
	kitchen.WaitRinging(patience)
	study.WaitRinging(patience)
	study.Answer()
	study.WaitTalking(patience)
	if call := kitchen.WaitEnded(patience); call.Cause != "Canceled" {
		t.Errorf("the kitchen's popup ended as %s, want Canceled", call.Cause)
	}
	assertPicture(t, study)
	assertHears(t, study)
	assertDoorHears(t, h.Door, studyHz)
	if s := h.Door.Wait(patience, "talking", visitState("talking")); s.Visit.AnsweredBy != "102" {
		t.Errorf("status says %s answered", s.Visit.AnsweredBy)
	}
	study.Hangup()
	h.Door.WaitOutcome(1, "talked")
	assertNoChannels(t, h)
}

func TestOneTabletOfTwoIsOffline(t *testing.T) {
	h, kitchen := evening(t, house.Options{Targets: []string{"102", "101"}}, lab.PopupOptions{})
	answered(t, h, kitchen)
	assertHears(t, kitchen)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
}

func TestOneDeclinesAndTheOtherAnswers(t *testing.T) {
	h := house.Open(t, house.Options{Targets: []string{"101", "102"}})
	b := lab.StartBrowser(t)
	kitchen := tablet(t, b, h, lab.PopupOptions{Extension: "101"})
	study := tablet(t, b, h, lab.PopupOptions{Extension: "102", MicHz: studyHz})
	h.Door.WaitRegistered()
	h.Door.Press("")
	kitchen.WaitRinging(patience)
	study.WaitRinging(patience)
	kitchen.Decline()
	kitchen.WaitEnded(patience)
	study.Answer()
	study.WaitTalking(patience)
	assertDoorHears(t, h.Door, studyHz)
}
