package chaos

import (
	"testing"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
)

// away is how long a PBX that is restarted by its watchdog or updated by a person stays away.
const away = 10 * time.Second

// pbxTroubles are what happens to a PBX; each ends with the PBX being there again.
func pbxTroubles() []struct {
	name string
	do   func(*household)
} {
	return []struct {
		name string
		do   func(*household)
	}{
		{"a stop of the PBX", func(h *household) { h.PBX.Stop(); time.Sleep(away); h.PBX.Start(h.t) }},
		{"a death of the PBX", func(h *household) { h.PBX.Kill(); time.Sleep(away); h.PBX.Start(h.t) }},
		{"a restart of the PBX", func(h *household) { h.PBX.Restart(h.t) }},
	}
}

func TestThePBXGoesWhileNobodyRings(t *testing.T) {
	t.Parallel()
	h := settle(t, 1, house.Options{})
	for _, trouble := range pbxTroubles() {
		trouble.do(h)
		h.registeredAgain(trouble.name)
		h.goodAsEver()
	}
}

func TestThePBXGoesWhileItRings(t *testing.T) {
	t.Parallel()
	h := settle(t, 2, house.Options{Ring: "40s"})
	for _, trouble := range pbxTroubles() {
		h.ringOn(true)
		h.press("ringing")
		trouble.do(h)
		h.registeredAgain(trouble.name)
		h.goodAsEver()
	}
}

func TestThePBXGoesWhileTheyTalk(t *testing.T) {
	t.Parallel()
	h := settle(t, 3, house.Options{})
	for _, trouble := range pbxTroubles() {
		h.press("talking")
		h.hears()
		trouble.do(h)
		h.registeredAgain(trouble.name)
		h.goodAsEver()
	}
}

const (
	// blind is how long the wire passes nothing.
	blind = 60 * time.Second
	// noticed is by when the door must know, on a machine that is busy; it promises 20 s.
	noticed = 40 * time.Second
)

// blackHole lets nothing pass for a minute, checks that the door has noticed by then, and mends the wire.
func (h *household) blackHole() {
	h.t.Helper()
	began := time.Now()
	h.wire.Cut()
	h.Door.Wait(noticed, "the dead connection noticed", func(s control.Status) bool { return !registered(s) })
	h.t.Logf("noticed %v after the last packet", time.Since(began).Round(time.Second))
	time.Sleep(time.Until(began.Add(blind)))
	h.wire.Mend()
}

func TestTheWireIsABlackHoleWhileNobodyRings(t *testing.T) {
	t.Parallel()
	h := settle(t, 4, house.Options{})
	h.blackHole()
	h.registeredAgain("a minute of silence")
	h.goodAsEver()
}

func TestTheWireIsABlackHoleWhileItRings(t *testing.T) {
	t.Parallel()
	h := settle(t, 5, house.Options{})
	h.ringOn(true)
	h.press("ringing")
	h.blackHole()
	h.ringOn(false)
	h.registeredAgain("a minute of silence")
	h.goodAsEver()
}

func TestTheWireIsABlackHoleWhileTheyTalk(t *testing.T) {
	t.Parallel()
	h := settle(t, 6, house.Options{})
	h.press("talking")
	h.hears()
	h.blackHole()
	h.registeredAgain("a minute of silence")
	h.goodAsEver()
}
