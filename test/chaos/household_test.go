package chaos

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

const (
	// patience is how long a person waits for things that should take well under a second, on a busy machine.
	patience = 45 * time.Second
	// bound is the promise of five seconds from the moment something is back, with room for a busy machine.
	bound = 15 * time.Second
	// afterBlindness is how long the PBX may keep a call whose end it was not told: its session timer is 90 s.
	afterBlindness = 150 * time.Second

	doorHz = 440 // what the door's test device says

	// bell is an extension that answers at once and gives sound and picture back; after household.ringOn it rings on and on.
	bell = "904"
)

// bellPlan is the bell in Asterisk's dialplan.
func bellPlan() []string {
	return []string{
		`exten => 904,1,GotoIf($["${RINGS}" = "1"]?ring)`,
		" same => n,Answer()",
		" same => n,Echo()",
		" same => n(ring),Ringing()",
		" same => n,Wait(600)",
	}
}

// household is a house whose door is at the end of a wire.
type household struct {
	*house.House
	t    *testing.T
	wire *lab.Wire
	held house.Held // after the first visit
}

// settle starts a household of its own number, lets one visit pass, and takes what the agent holds then for what it needs.
func settle(t *testing.T, number int, o house.Options) *household {
	t.Helper()
	network := lab.NewFarNetwork(t, fmt.Sprintf("door%d", number))
	o.Network = network
	o.Asterisk.Ports = ports(number)
	o.Asterisk.DialplanExtra = append(bellPlan(), o.Asterisk.DialplanExtra...)
	o.Targets = []string{bell}
	o.SIPCore = func(core map[string]any) {
		core["users"] = append(core["users"].([]any), map[string]any{"ha_username": "bell", "extension": bell, "password": lab.Password})
	}
	h := &household{House: house.Prepare(t, o), t: t, wire: network.Wire}
	h.StartDoor()
	h.Door.WaitRegistered()
	h.visit()
	h.held = h.Door.WaitRest(patience)
	return h
}

// visit is a press that is answered, a talk, and its end by the household.
func (h *household) visit() {
	h.t.Helper()
	h.press("talking")
	h.hears()
	h.hangUp()
}

// press presses the bell and waits until the visit is so far.
func (h *household) press(state string) {
	h.t.Helper()
	h.Door.Press("")
	h.Door.Wait(patience, state, func(s control.Status) bool { return s.Visit.State == state })
}

// hears waits until the door hears what comes back from the far side, which is its own voice.
func (h *household) hears() {
	h.t.Helper()
	h.Door.Wait(patience, "its voice comes back", func(s control.Status) bool {
		return s.Sound.FarFrequency != nil && *s.Sound.FarFrequency > doorHz-15 && *s.Sound.FarFrequency < doorHz+15
	})
}

// hangUp ends all calls at the PBX and waits for the end of the visit.
func (h *household) hangUp() {
	h.t.Helper()
	h.PBX.CLI(h.t, "channel request hangup all")
	h.Door.Wait(patience, "idle", idle)
}

func idle(s control.Status) bool { return s.Visit.State == "idle" }

// ringOn makes the bell ring without being answered, until the PBX starts anew or ringOn(false).
func (h *household) ringOn(on bool) {
	h.t.Helper()
	value := "0"
	if on {
		value = "1"
	}
	h.PBX.CLI(h.t, "dialplan set global RINGS "+value)
}

// registeredAgain waits until the door is registered after something is back, and tells how long it took.
func (h *household) registeredAgain(after string) {
	h.t.Helper()
	began := time.Now()
	h.Door.Wait(bound, "registered again after "+after, registered)
	took := time.Since(began)
	lab.Eventually(h.t, patience, "the PBX has the door's contact", func() bool { return h.PBX.Registered(h.t, lab.DoorExtension) })
	h.t.Logf("registered %v after %s", took.Round(time.Millisecond), after)
}

func registered(s control.Status) bool { return s.Registration.State == "registered" }

// goodAsEver checks what must hold after any trouble: no call is left standing anywhere, the next press is answered, and the
// agent holds no more than it did.
func (h *household) goodAsEver() {
	h.t.Helper()
	s := h.Door.Wait(afterBlindness, "the visit of the trouble is over, or talking", func(s control.Status) bool {
		return s.Visit.State == "idle" || s.Visit.State == "talking"
	})
	if s.Visit.State == "talking" { // it has survived, or was answered late
		h.PBX.CLI(h.t, "channel request hangup all")
		h.Door.Wait(afterBlindness, "idle", idle)
	}
	lab.Eventually(h.t, afterBlindness, "no call left at the PBX", func() bool { return h.PBX.Channels(h.t) == 0 })
	h.visit()
	h.nothingLeft()
}

// ports are those of a PBX of its own. n is from 1 to 19.
func ports(n int) lab.Ports {
	return lab.Ports{
		WS: 8100 + 10*n, WSS: 8101 + 10*n, SIP: 5100 + 10*n,
		RTP: lab.PortRange{From: 20000 + 1000*n, To: 20900 + 1000*n},
	}
}

// heapMoreKB is far more than a visit leaves until the next collection, and less than what a picture's pipeline takes.
const heapMoreKB = 16 << 10

var errMore = errors.New("the agent holds more than before")

// nothingLeft waits until the agent holds no more than after the first visit.
func (h *household) nothingLeft() {
	h.t.Helper()
	var now house.Held
	err := house.Eventually(2*patience, func() error {
		now = h.Door.WaitRest(patience)
		if now.Goroutines > h.held.Goroutines+house.GoroutinesMore || now.Files > h.held.Files+house.FilesMore || now.HeapKB > h.held.HeapKB+heapMoreKB {
			return errMore
		}
		return nil
	})
	h.t.Logf("held before: %v; now: %v", h.held, now)
	if err != nil {
		h.t.Errorf("%v: before %v, now %v; its goroutines stand in its log", err, h.held, now)
		h.Door.Dump()
	}
}
