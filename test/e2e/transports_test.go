package e2e

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

// TestTheDoorRegistersByEachTransport has the bell answered, with sound, picture and the lock, however the door reaches the
// PBX. Digits go through as SIP INFO, so that requests of the PBX are seen on each.
func TestTheDoorRegistersByEachTransport(t *testing.T) {
	for _, transport := range []string{"udp", "tcp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			ca := lab.NewCA(t)
			config := fmt.Sprintf("sip: {transport: %s, server: localhost}\n", transport)
			if transport == "tls" {
				config = fmt.Sprintf("sip: {transport: tls, server: localhost, tls: {ca_file: %s}}\n", ca.File)
			}
			h, kitchen := evening(t, house.Options{Asterisk: lab.AsteriskOptions{CA: ca, DTMFMode: "info"}, Config: config}, lab.PopupOptions{})
			contact := strings.ToLower(h.PBX.CLI(t, "pjsip show aor "+lab.DoorExtension))
			if udp := !strings.Contains(contact, "transport="); udp != (transport == "udp") || !udp && !strings.Contains(contact, "transport="+transport) {
				t.Errorf("the PBX has the door at:\n%s", contact)
			}
			answered(t, h, kitchen)
			assertPicture(t, kitchen)
			assertHears(t, kitchen)
			assertDoorHears(t, h.Door, kitchenHz)
			kitchen.SendDigit(house.Code, lab.DigitByINFO)
			h.Door.Wait(patience, "the lock open", func(s control.Status) bool { return s.GPIO.Lock == "on" })
			kitchen.Hangup()
			h.Door.WaitOutcome(1, "talked")
			assertNoChannels(t, h)
		})
	}
}

// TestADoorByUDPOutlivesItsPBX has the PBX restarted, which nobody tells the door: no connection closes, and the PBX may
// remember the door or not.
func TestADoorByUDPOutlivesItsPBX(t *testing.T) {
	h, kitchen := evening(t, house.Options{Config: "sip: {transport: udp, server: 127.0.0.1}\n"}, lab.PopupOptions{})
	h.PBX.Kill()
	h.Door.Wait(patience, "missing the PBX", func(s control.Status) bool { return s.Registration.State != "registered" })
	fault := h.Door.WaitFault("pbx_unreachable")
	if !strings.Contains(fault.Detail, "nothing listens at 127.0.0.1:5060") {
		t.Errorf("the fault does not say what to look at: %+v", fault)
	}
	h.PBX.Start(t)
	h.Door.WaitRegistered()
	kitchen.WaitRegistered(3 * patience) // it backs off longer than the door
	answered(t, h, kitchen)
	assertPicture(t, kitchen)
}

// doorPort is where the PBX has the door.
var doorPort = regexp.MustCompile(`sip:` + lab.DoorExtension + `@127\.0\.0\.1:(\d+)`)

// TestTheBellRingsAlthoughOneDatagramInFiveIsLost loses signalling by UDP, both ways.
func TestTheBellRingsAlthoughOneDatagramInFiveIsLost(t *testing.T) {
	h, kitchen := evening(t, house.Options{Config: "sip: {transport: udp, server: 127.0.0.1}\n"}, lab.PopupOptions{})
	m := doorPort.FindStringSubmatch(h.PBX.CLI(t, "pjsip show aor "+lab.DoorExtension))
	if m == nil {
		t.Fatal("the PBX does not tell where the door is")
	}
	door, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	loss := lab.Lose(t, 20, lab.PortRange{From: h.PBX.Ports.SIP, To: h.PBX.Ports.SIP}, lab.PortRange{From: door, To: door})
	const visits = 4
	for n := range visits {
		answered(t, h, kitchen)
		assertPicture(t, kitchen)
		kitchen.Hangup()
		h.Door.WaitOutcome(n+1, "talked")
	}
	if loss.Dropped(t) == 0 {
		t.Error("nothing was lost")
	}
	loss.Stop(t)
	assertNoChannels(t, h)
}

// TestTheHouseholdCallsTheDoorByEachTransport has the door take a call, which comes to it the way that it went out.
func TestTheHouseholdCallsTheDoorByEachTransport(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			h, kitchen := evening(t, house.Options{
				Config: fmt.Sprintf("sip: {transport: %s, server: 127.0.0.1}\nincoming: {answer: always}\n", transport),
			}, lab.PopupOptions{})
			kitchen.Dial(lab.DoorExtension)
			kitchen.WaitTalking(patience)
			assertHears(t, kitchen)
			assertPicture(t, kitchen)
			kitchen.Hangup()
			assertNoChannels(t, h)
		})
	}
}
