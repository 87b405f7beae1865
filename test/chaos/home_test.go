package chaos

import (
	"testing"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab/homestub"
)

// noFaults waits until nothing is wrong any more, as far as the door knows.
func (h *household) noFaults() {
	h.t.Helper()
	h.Door.Wait(3*patience, "no fault", func(s control.Status) bool { return registered(s) && len(s.Faults) == 0 })
}

// fault waits until one stands; a poll of Home Assistant may have to come round and to take its time first.
func (h *household) fault(code string) {
	h.t.Helper()
	h.Door.Wait(3*patience, "fault "+code, func(s control.Status) bool { return house.FaultOf(s, code) != nil })
}

// anotherToken is what a person makes after the door's was deleted.
const anotherToken = "another-token-of-the-front-door"

func TestHomeAssistantIsInTroubleWhileThePBXIsNot(t *testing.T) {
	t.Parallel()
	h := settle(t, 8, house.Options{})
	for _, trouble := range []struct {
		name, fault string
		begin, end  func()
	}{
		{"answers with web pages", "home_assistant_unreachable",
			func() { h.HomeMood(house.HTML) }, func() { h.HomeMood(house.Well) }},
		{"answers too late", "home_assistant_unreachable",
			func() { h.HomeMood(house.Slow) }, func() { h.HomeMood(house.Well) }},
		{"refuses a token that was revoked", "token_refused",
			func() { h.Home.Set(func(o *homestub.Options) { o.Token = anotherToken }) },
			func() { h.Door.PutToken(anotherToken) }},
	} {
		trouble.begin()
		h.fault(trouble.fault)
		// The bell does not need Home Assistant, whose ingress lets a connection stand.
		h.visit()
		trouble.end()
		h.noFaults()
		t.Logf("over: Home Assistant %s", trouble.name)
	}
	h.goodAsEver()
}

func TestHomeAssistantRestarts(t *testing.T) {
	t.Parallel()
	h := settle(t, 9, house.Options{})
	h.HomeStops()
	h.Door.Wait(patience, "the loss noticed", func(s control.Status) bool { return !registered(s) })
	time.Sleep(away)
	h.HomeStarts()
	h.registeredAgain("a restart of Home Assistant")
	h.goodAsEver()
}

func TestTheTokenIsRevokedAndThePBXRestarts(t *testing.T) {
	t.Parallel()
	h := settle(t, 10, house.Options{})
	h.Home.Set(func(o *homestub.Options) { o.Token = anotherToken })
	h.Home.DropSessions()
	h.PBX.Restart(t)
	h.fault("token_refused")
	h.Door.PutToken(anotherToken)
	// Nothing tells the door that there is another one: it looks again within its usual pause.
	h.Door.Wait(3*patience, "registered with the other token", registered)
	h.goodAsEver()
}

func TestHomeAssistantIsDownAtBoot(t *testing.T) {
	t.Parallel()
	// A PBX that is not reached through Home Assistant.
	h := settle(t, 11, house.Options{ByWSS: true, StateDir: t.TempDir()})
	if status := h.Door.Stop(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	h.HomeStops()
	h.StartDoor()
	h.Door.WaitRegistered()
	h.fault("settings_kept")
	h.visit()
	h.held = h.Door.WaitRest(patience)
	h.HomeStarts()
	h.noFaults()
	h.goodAsEver()
}
