package e2e

import (
	"testing"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

func TestTheHouseholdHangsUp(t *testing.T) {
	h, kitchen := evening(t, house.Options{}, lab.PopupOptions{})
	answered(t, h, kitchen)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
	assertNoChannels(t, h)
	// and the bell rings again
	answered(t, h, kitchen)
	assertPicture(t, kitchen)
}

func TestTheDoorHangsUpAtTheTalkLimit(t *testing.T) {
	h, kitchen := evening(t, house.Options{Config: "call: {max_talk: 10s}\n"}, lab.PopupOptions{})
	answered(t, h, kitchen)
	if call := kitchen.WaitEnded(patience); call.EndedBy != "remote" {
		t.Errorf("the call was ended by %s, want the door", call.EndedBy)
	}
	h.Door.WaitOutcome(1, "talked")
	assertNoChannels(t, h)
}

func TestASecondPressNeverMakesASecondCall(t *testing.T) {
	h, kitchen := evening(t, house.Options{}, lab.PopupOptions{})
	h.Door.Press("")
	kitchen.WaitRinging(patience)
	h.Door.Press("")
	h.Door.Wait(patience, "the press while ringing counted", func(s control.Status) bool { return s.Calls.IgnoredPresses == 1 })
	kitchen.Answer()
	kitchen.WaitTalking(patience)
	h.Door.Wait(patience, "talking", visitState("talking"))
	h.Door.Press("")
	h.Door.Wait(patience, "the press while talking counted", func(s control.Status) bool { return s.Calls.IgnoredPresses == 2 })
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
	if n := len(kitchen.Calls()); n != 1 {
		t.Errorf("the tablet rang %d times", n)
	}
}

func TestStopWhileTalking(t *testing.T) {
	h, kitchen := evening(t, house.Options{}, lab.PopupOptions{})
	answered(t, h, kitchen)
	if status := h.Door.Stop(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if call := kitchen.WaitEnded(patience); call.EndedBy != "remote" {
		t.Errorf("the call was ended by %s, want the door", call.EndedBy)
	}
	lab.Eventually(t, patience, "the door unregistered", func() bool { return !h.PBX.Registered(t, lab.DoorExtension) })
	assertNoChannels(t, h)
}

func TestStopWhileRinging(t *testing.T) {
	h, kitchen := evening(t, house.Options{}, lab.PopupOptions{})
	h.Door.Press("")
	kitchen.WaitRinging(patience)
	if status := h.Door.Stop(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if call := kitchen.WaitEnded(patience); call.Cause != "Canceled" {
		t.Errorf("the popup ended as %s, want Canceled", call.Cause)
	}
	assertNoChannels(t, h)
}

func TestADoorThatDiesLeavesNoCallStanding(t *testing.T) {
	t.Parallel()
	h, kitchen := evening(t, house.Options{Asterisk: lab.AsteriskOptions{Ports: ports(1)}}, lab.PopupOptions{})
	answered(t, h, kitchen)
	h.Door.Kill()
	// Session-Expires: 90;refresher=uac: the PBX ends the call of a door that does not refresh it.
	kitchen.WaitEnded(120 * time.Second)
	assertNoChannels(t, h)
}

func TestATalkLongerThanTheSessionTimerGoesOn(t *testing.T) {
	t.Parallel()
	h, kitchen := evening(t, house.Options{Asterisk: lab.AsteriskOptions{Ports: ports(2)}}, lab.PopupOptions{})
	answered(t, h, kitchen)
	began := kitchen.Video().Shown
	// The session is refreshed at half of its 90 s; a picture and a voice after 100 s show that it was.
	time.Sleep(100 * time.Second) // the length of a talk, not a hope
	assertHears(t, kitchen)
	kitchen.WaitFrames(patience, began+500)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
}
