package e2e

import (
	"testing"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

func TestNobodyAnswers(t *testing.T) {
	h, kitchen := evening(t, house.Options{Ring: "5s"}, lab.PopupOptions{})
	h.Door.Press("")
	kitchen.WaitRinging(patience)
	call := kitchen.WaitEnded(patience)
	if call.Cause != "Canceled" {
		t.Errorf("the popup ended as %s, want Canceled", call.Cause)
	}
	h.Door.WaitOutcome(1, "no_answer")
	assertNoChannels(t, h)
}

func TestBusy(t *testing.T) {
	h, kitchen := evening(t, house.Options{}, lab.PopupOptions{Busy: true})
	h.Door.Press("")
	kitchen.WaitRejected(patience, 1)
	h.Door.WaitOutcome(1, "busy")
}

func TestDeclined(t *testing.T) {
	for _, c := range []struct {
		name    string
		decline func(*lab.Popup)
	}{
		{"by the card's button", func(p *lab.Popup) { p.Decline() }},
		{"with 603", func(p *lab.Popup) { p.DeclineWith(603) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, kitchen := evening(t, house.Options{}, lab.PopupOptions{})
			h.Door.Press("")
			kitchen.WaitRinging(patience)
			c.decline(kitchen)
			h.Door.WaitOutcome(1, "declined")
			assertNoChannels(t, h)
		})
	}
}

func TestTheCalleeIsNotRegistered(t *testing.T) {
	// A tablet that is not there may wake up: the door goes on trying for as long as it rings.
	h := house.Open(t, house.Options{Ring: "5s"})
	h.Door.WaitRegistered()
	h.Door.Press("")
	h.Door.WaitOutcome(1, "not_registered")
}

func TestThereIsNoSuchExtension(t *testing.T) {
	h := house.Open(t, house.Options{Targets: []string{"0815"}, Ring: "5s"})
	h.Door.WaitRegistered()
	h.Door.Press("")
	h.Door.WaitOutcome(1, "not_registered")
}

func TestThePBXIsGone(t *testing.T) {
	h, _ := evening(t, house.Options{}, lab.PopupOptions{})
	h.PBX.Stop()
	h.Door.WaitFault("addon_missing") // what the way through Home Assistant tells of a PBX that does not answer
	h.Door.Press("")
	h.Door.WaitOutcome(1, "offline")
	h.PBX.Start(t)
	h.Door.WaitRegistered()
}

func TestThePBXIsSilent(t *testing.T) {
	t.Parallel()
	h, _ := evening(t, house.Options{Asterisk: lab.AsteriskOptions{Ports: ports(5)}}, lab.PopupOptions{})
	h.PBX.Freeze()
	h.Door.Press("")
	h.Door.Wait(4*patience, "the visit ended as unreachable", func(s control.Status) bool {
		return s.Calls.Last != nil && s.Calls.Last.Outcome == "unreachable"
	})
	h.PBX.Thaw()
	h.Door.Wait(4*patience, "registered again", func(s control.Status) bool { return s.Registration.State == "registered" })
	assertNoChannels(t, h)
}

// assertNoChannels checks that nothing was left standing at the PBX.
func assertNoChannels(t *testing.T, h *house.House) {
	t.Helper()
	lab.Eventually(t, patience, "no call left at the PBX", func() bool { return h.PBX.Channels(t) == 0 })
}
