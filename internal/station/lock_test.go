package station

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func guarded() Config {
	c := home()
	c.MaxOpen, c.LeftOpen, c.ForcedAlarm, c.TamperBlocks = 10*time.Minute, 2*time.Minute, true, true
	return c
}

func (h *house) order(o LockOrder) *house { return h.do(LockOrdered{ID: 1, Order: o}) }

func (h *house) contact(open bool) *house { return h.do(ContactChanged{Open: open, At: h.now}) }

func (h *house) tamper(active bool) *house { return h.do(TamperChanged{Active: active}) }

func TestLockAndAlarms(t *testing.T) {
	idle := func() *house { return newHouse(guarded()).contact(false).forget() }
	for _, ca := range []struct {
		name  string
		begin *house
		story func(*house)
		want  []string
		lock  LockMode
	}{
		{"opened by order", idle(), func(h *house) { h.order(OrderOpen) }, []string{"open 3s", "reply <nil>"}, LockNormal},
		{"held open, for as long as it may be", idle(), func(h *house) { h.order(OrderHold).after(10*time.Minute - 1) },
			[]string{"open 10m0s", "reply <nil>"}, LockHeld},
		{"the hold ends", idle(), func(h *house) { h.order(OrderHold).after(10 * time.Minute) },
			[]string{"open 10m0s", "reply <nil>", "shut"}, LockNormal},
		{"a code while it is held open does not shorten that", talking(guarded()), func(h *house) { h.order(OrderHold).after(time.Minute).types(1, "1") },
			// It may have failed meanwhile: for the rest of the time it is opened anew.
			[]string{"open 10m0s", "reply <nil>", "open 9m0s", "hear opened"}, LockHeld},
		{"an order while it is held open does not shorten that", idle(), func(h *house) { h.order(OrderHold).after(time.Minute).order(OrderOpen).after(9*time.Minute - 1) },
			[]string{"open 10m0s", "reply <nil>", "open 9m0s", "reply <nil>"}, LockHeld},
		{"held open twice is no longer than once: the lock may not", idle(), func(h *house) { h.order(OrderHold).after(time.Minute).order(OrderHold).after(9 * time.Minute) },
			[]string{"open 10m0s", "reply <nil>", "open 9m0s", "reply <nil>", "shut"}, LockNormal},
		{"released", idle(), func(h *house) { h.order(OrderHold).order(OrderRelease).order(OrderRelease) },
			[]string{"open 10m0s", "reply <nil>", "shut", "reply <nil>", "reply <nil>"}, LockNormal},
		{"blocked, a code opens nothing", talking(guarded()), func(h *house) { h.order(OrderBlock).types(1, "1") },
			[]string{"shut", "remember order", "reply <nil>", "alarm blocked true", "log error", "hear fault"}, LockBlocked},
		{"blocked, nor does an order", idle(), func(h *house) { h.order(OrderBlock).forget().order(OrderOpen).order(OrderHold) },
			[]string{"reply " + ErrBlocked.Error(), "reply " + ErrBlocked.Error()}, LockBlocked},
		{"blocked while it is held open", idle(), func(h *house) { h.order(OrderHold).forget().order(OrderBlock).after(time.Hour) },
			[]string{"shut", "remember order", "reply <nil>", "alarm blocked true"}, LockBlocked},
		{"blocked and released", talking(guarded()), func(h *house) { h.order(OrderBlock).order(OrderRelease).forget().types(1, "1") },
			[]string{"open 3s", "hear opened"}, LockNormal},
		{"blocked before a restart", newHouse(guarded()), func(h *house) { h.do(Remembered{Why: BlockedByOrder}).order(OrderOpen) },
			[]string{"alarm blocked true", "reply " + ErrBlocked.Error()}, LockBlocked},
		{"an unknown order", idle(), func(h *house) { h.order("dance") }, []string{"reply no such order: dance"}, LockNormal},

		{"let in", idle(), func(h *house) {
			h.order(OrderOpen).forget().after(5 * time.Second).contact(true).after(time.Minute).contact(false)
		},
			nil, LockNormal},
		{"forced", idle(), func(h *house) { h.after(time.Hour).contact(true).after(time.Second).contact(false).after(time.Hour) },
			[]string{"alarm forced true"}, LockNormal},
		{"forced, long after somebody was let in", idle(), func(h *house) { h.order(OrderOpen).forget().after(13 * time.Second).contact(true) },
			[]string{"alarm forced true"}, LockNormal},
		{"a forced door is looked after", idle(), func(h *house) { h.contact(true).contact(false).do(AlarmsCleared{2}) },
			[]string{"alarm forced true", "alarm forced false", "reply <nil>"}, LockNormal},
		{"open at the start is not forced", newHouse(guarded()), func(h *house) { h.contact(true) }, nil, LockNormal},
		{"left open", idle(), func(h *house) {
			h.order(OrderOpen).forget().contact(true).after(2*time.Minute + time.Second).contact(false)
		},
			[]string{"alarm left_open true", "alarm left_open false"}, LockNormal},
		{"held open and left open", idle(), func(h *house) { h.order(OrderHold).forget().contact(true).after(10*time.Minute - 1) },
			nil, LockHeld},
		{"held open and left open longer than that", idle(), func(h *house) { h.order(OrderHold).forget().contact(true).after(10 * time.Minute) },
			[]string{"shut", "alarm left_open true"}, LockNormal},

		{"tampered with", talking(guarded()), func(h *house) { h.tamper(true).types(1, "1") },
			[]string{"alarm tamper true", "shut", "remember tamper", "log error", "hear fault"}, LockBlocked},
		{"tampered with, and shut again", idle(), func(h *house) { h.tamper(true).tamper(false).forget().order(OrderOpen).order(OrderRelease) },
			[]string{"reply " + ErrTampered.Error(), "reply " + ErrTampered.Error()}, LockBlocked},
		{"tampered with, and looked after", idle(), func(h *house) { h.tamper(true).tamper(false).forget().do(AlarmsCleared{2}).order(OrderOpen) },
			[]string{"alarm tamper false", "remember ", "reply <nil>", "open 3s", "reply <nil>"}, LockNormal},
		{"cleared while it is still open", idle(), func(h *house) { h.tamper(true).forget().do(AlarmsCleared{2}) },
			[]string{"reply " + ErrStillTampered.Error()}, LockBlocked},
		{"tampered with before a restart", newHouse(guarded()), func(h *house) { h.do(Remembered{Why: BlockedByTamper}).tamper(false).order(OrderOpen) },
			[]string{"alarm tamper true", "reply " + ErrTampered.Error()}, LockBlocked},
		{"blocked and tampered with: each is remembered", idle(), func(h *house) {
			h.order(OrderBlock).forget().tamper(true).tamper(false).do(AlarmsCleared{2})
		},
			[]string{"alarm tamper true", "shut", "remember order+tamper", "alarm tamper false", "remember order", "reply <nil>"}, LockBlocked},
		{"blocked and tampered with before a restart, and looked after", newHouse(guarded()), func(h *house) {
			h.do(Remembered{Why: BlockedByBoth}).forget().do(AlarmsCleared{2}).order(OrderOpen)
		},
			[]string{"alarm tamper false", "remember order", "reply <nil>", "reply " + ErrBlocked.Error()}, LockBlocked},
	} {
		t.Run(ca.name, func(t *testing.T) {
			h := ca.begin
			ca.story(h)
			if !slices.Equal(h.heard, ca.want) {
				t.Errorf("happened:\n  %s\nwant:\n  %s", strings.Join(h.heard, "\n  "), strings.Join(ca.want, "\n  "))
			}
			if s := h.m.Snapshot(); s.Lock.Mode != ca.lock {
				t.Errorf("the lock is %s, want %s", s.Lock.Mode, ca.lock)
			}
		})
	}
}

// TestADoorWithAHandle: without forced in the settings, whoever leaves gives no alarm.
func TestADoorWithAHandle(t *testing.T) {
	c := guarded()
	c.ForcedAlarm, c.TamperBlocks, c.LeftOpen = false, false, 0
	h := newHouse(c).contact(false).contact(true).after(24 * time.Hour)
	if len(h.heard) > 0 {
		t.Errorf("happened %q", h.heard)
	}
	if h.tamper(true); !slices.Equal(h.heard, []string{"alarm tamper true"}) {
		t.Errorf("a switch that blocks nothing: %q", h.heard)
	}
}

// TestAlarmsOutliveARestart: a door that was forced, and a station that was tampered with, are alarms until somebody has looked after them,
// however often the power is cut; and what is remembered is written when it changes, and not whenever the door moves.
func TestAlarmsOutliveARestart(t *testing.T) {
	handle := guarded()
	handle.TamperBlocks = false
	for _, ca := range []struct {
		name  string
		story func(*house)
		heard []string // after the restart
	}{
		{"nothing happened", func(h *house) { h.order(OrderOpen).contact(true).contact(false) }, nil},
		{"forced", func(h *house) { h.contact(true) }, []string{"alarm forced true"}},
		{"forced again and again", func(h *house) {
			for range 100 {
				h.contact(true).contact(false)
			}
		}, []string{"alarm forced true"}},
		{"tampered with", func(h *house) { h.tamper(true).tamper(false).tamper(true).tamper(false) }, []string{"alarm tamper true"}},
		{"cleared", func(h *house) { h.contact(true).do(AlarmsCleared{1}) }, nil},
		{"both, and cleared", func(h *house) { h.contact(true).tamper(true).tamper(false).do(AlarmsCleared{1}) }, nil},
		{"both", func(h *house) { h.contact(true).tamper(true) }, []string{"alarm forced true", "alarm tamper true"}},
	} {
		t.Run(ca.name, func(t *testing.T) {
			before := newHouse(handle).contact(false)
			ca.story(before)
			if before.writes > 3 {
				t.Errorf("written %d times", before.writes)
			}
			h := newHouse(handle).do(Remembered{Standing: before.standing})
			if h.contact(true); !slices.Equal(h.heard, ca.heard) {
				t.Errorf("after the restart: %q, want %q", h.heard, ca.heard)
			}
			if h.writes > 0 {
				t.Error("what is remembered was written again")
			}
			h.forget().do(AlarmsCleared{2})
			if len(h.standing) > 0 || len(newHouse(handle).do(Remembered{Standing: h.standing}).heard) > 0 {
				t.Errorf("cleared, and remembered: %v", h.standing)
			}
		})
	}
}
