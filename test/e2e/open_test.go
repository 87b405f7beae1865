package e2e

import (
	"testing"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

func TestADigitOpensTheDoor(t *testing.T) {
	for _, c := range []struct {
		name string
		mode string // dtmf_mode of the PBX
		send string
	}{
		{"the card's INFO, which Asterisk turns into RFC 4733", "", lab.DigitByINFO},
		{"RFC 4733 all the way", "", lab.DigitByRFC2833},
		{"INFO all the way", "info", lab.DigitByINFO},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, kitchen := evening(t, house.Options{Asterisk: lab.AsteriskOptions{DTMFMode: c.mode}}, lab.PopupOptions{})
			answered(t, h, kitchen)
			assertDoorHears(t, h.Door, kitchenHz)

			kitchen.SendDigit("5", c.send)
			kitchen.SendDigit("7", c.send)
			kitchen.SendDigit(house.Code, c.send)
			h.Door.Wait(patience, "the lock open", func(s control.Status) bool { return s.GPIO.Lock == "on" })
			s := h.Door.Wait(patience, "the lock closed again", func(s control.Status) bool { return s.GPIO.Lock == "off" })
			if s.GPIO.LockOpenings != 1 {
				t.Errorf("one digit opened the door %d times", s.GPIO.LockOpenings)
			}
			if s.Visit.State != "talking" {
				t.Errorf("opening the door left the visit %s, want talking", s.Visit.State)
			}
		})
	}
}

func TestAWrongDigitDoesNotOpenTheDoor(t *testing.T) {
	h, kitchen := evening(t, house.Options{}, lab.PopupOptions{})
	answered(t, h, kitchen)
	assertDoorHears(t, h.Door, kitchenHz)
	for _, digit := range []string{"2", "9", "#"} {
		kitchen.SendDigit(digit, lab.DigitByINFO)
	}
	// The right digit afterwards is the proof that the wrong ones had arrived.
	kitchen.SendDigit(house.Code, lab.DigitByINFO)
	s := h.Door.Wait(patience, "the lock open", func(s control.Status) bool { return s.GPIO.LockOpenings > 0 })
	if s.GPIO.LockOpenings != 1 {
		t.Errorf("the door opened %d times", s.GPIO.LockOpenings)
	}
}
