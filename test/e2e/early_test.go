package e2e

import (
	"testing"

	"doorstation/test/house"
	"doorstation/test/lab"
)

func TestEarlyMediaIsHeardAtTheDoor(t *testing.T) {
	h := house.Open(t, house.Options{
		Targets: []string{"904"},
		Asterisk: lab.AsteriskOptions{DialplanExtra: []string{
			// An announcement before the answer: a tone of 800 Hz.
			"exten => 904,1,Progress()", " same => n,PlayTones(800)", " same => n,Wait(6)", " same => n,StopPlayTones()", " same => n,Answer()",
			" same => n,Echo()",
		}},
	})
	h.Door.WaitRegistered()
	h.Door.Press("")
	h.Door.Wait(patience, "ringing", visitState("ringing"))
	assertDoorHears(t, h.Door, 800)
	s, err := h.Door.Status()
	if err != nil {
		t.Fatal(err)
	}
	if s.Visit.State != "ringing" {
		t.Errorf("the visit is %s, want ringing: nobody has answered", s.Visit.State)
	}
	h.Door.Wait(patience, "talking", visitState("talking"))
	assertDoorHears(t, h.Door, doorHz) // its own voice comes back
}
