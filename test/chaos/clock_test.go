package chaos

import (
	"testing"
	"time"

	"doorstation/test/house"
)

const year = 365 * 24 * time.Hour

// TestTheClockJumps: a board without a battery for its clock wakes up in the past and is set right by the network; now and then one
// is set wrong.
func TestTheClockJumps(t *testing.T) {
	t.Parallel()
	binary := house.BuildJumping(t)
	for i, jump := range []struct {
		name string
		by   time.Duration
	}{{"a year ahead", year}, {"a year back", -year}} {
		t.Run(jump.name, func(t *testing.T) {
			t.Parallel()
			const after = 20 * time.Second
			started := time.Now()
			h := settle(t, 13+i, house.Options{Binary: binary, Env: []string{house.Jump(after, jump.by)}})
			time.Sleep(time.Until(started.Add(after + 2*time.Second)))
			s := h.Door.WaitRegistered()
			if s.Registration.Since == nil || time.Since(*s.Registration.Since).Abs() > year/2 {
				t.Errorf("the jump has made a new registration: %+v", s.Registration)
			}
			h.visit()
			// Longer than any of the door's rounds: the look at the connection, the look at the settings.
			time.Sleep(30 * time.Second)
			h.Door.WaitRegistered()
			h.visit()
			h.PBX.Restart(t)
			h.registeredAgain("a restart of the PBX in another time")
			if since := h.Door.WaitRegistered().Registration.Since; since == nil || (time.Since(*since)+jump.by).Abs() > year/2 {
				t.Errorf("the clock has not jumped: registered since %v", since)
			}
			h.goodAsEver()
		})
	}
}
