package station

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// FuzzStation plays random events. A phone that keeps its word is played beside them, now and then one that hangs.
func FuzzStation(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, uint16(400))
	}
	f.Fuzz(func(t *testing.T, seed uint64, steps uint16) { play(t, seed, int(steps%2000)) })
}

// TestRandomVisits is the same with many more seeds than a fuzz corpus holds.
func TestRandomVisits(t *testing.T) {
	for seed := range uint64(2000) {
		play(t, seed, 120)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// play checks, after each action: no two calls are up, the door opens only in a visit that talks and after a code's last
// digit, and each call is ended by the end.
func play(t *testing.T, seed uint64, steps int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	now := time.Unix(1_800_000_000, 0)
	m := NewMachine(home())
	var (
		up      VisitID // the call that is up, 0: none
		visits  VisitID
		talks   bool
		ordered bool // to hang up
		trace   []func() string
	)
	note := func(ev Event, acts []Action) {
		at := now
		trace = append(trace, func() string { return fmt.Sprintf("%v %T%+v -> %+v", at.Unix(), ev, ev, acts) })
		if e, ok := ev.(Answered); ok && e.Visit == up && !ordered {
			talks = true
		}
		for _, act := range acts {
			switch a := act.(type) {
			case ActCall:
				if up != 0 {
					t.Errorf("visit %d is called while %d is up", a.Visit, up)
				}
				if a.Visit != visits+1 || len(a.Plan.Steps) == 0 {
					t.Errorf("call %+v after visit %d", a, visits)
				}
				up, visits, talks, ordered = a.Visit, a.Visit, false, false
			case ActHangup:
				if a.Visit != up || ordered {
					t.Errorf("hangup of %d while %d is up (told before: %v)", a.Visit, up, ordered)
				}
				ordered, talks = true, false
			case ActOpen:
				d, isDigit := ev.(Digit)
				if !isDigit || !talks || a.Visit != up || d.Visit != up || (d.Digit != '1' && d.Digit != '2' && d.Digit != '9') {
					t.Errorf("the door opened at %+v (up %d, talks %v)", ev, up, talks)
				}
			}
		}
	}
	for range steps {
		v := up
		if r.IntN(4) == 0 {
			v = VisitID(r.Uint64N(uint64(visits) + 3)) // an older one or one that never was
		}
		now = now.Add(time.Duration(r.Int64N(int64(4 * time.Second))))
		if due, ok := m.Deadline(); ok && r.IntN(20) == 0 {
			now = due
		}
		// A deadline is dealt with before the event, as the Runner's timer would. A phone that hangs is written off with it.
		before := m.Snapshot()
		acts := m.Tick(now)
		if before.State == StateEnding && m.Snapshot().Visit != before.Visit {
			up = 0
		}
		note(nil, acts)
		var ev Event
		switch r.IntN(12) {
		case 0, 1:
			ev = Pressed{ID: uint64(r.IntN(9)), Button: []string{"Front door", "Garden", "Cellar", "Attic"}[r.IntN(4)], At: now}
		case 2:
			switch r.IntN(4) {
			case 0:
				ev = NobodyThere{v}
			case 1:
				ev = EarlyMedia{v, r.IntN(2) == 0}
			default:
				ev = Ringing{v, "101"}
			}
		case 3, 4:
			ev = Answered{v, "101"}
		case 5, 6, 7, 8:
			ev = Digit{v, rune("0123456789*#ABCDx"[r.IntN(17)])}
		case 9:
			ev = CallEnded{v, outcomes()[r.IntN(len(outcomes()))].outcome}
		case 10:
			ev = Configured{home()}
		case 11:
			ev = DoorOpened{Visit: v}
			if r.IntN(200) == 0 {
				ev = Stopping{}
			}
		}
		if e, ok := ev.(CallEnded); ok && e.Visit == up {
			up, talks, ordered = 0, false, false
		}
		note(ev, m.Handle(now, ev))
		if s := m.Snapshot(); (s.State == StateIdle) != (up == 0) || s.State != StateIdle && s.Visit != up {
			t.Errorf("up is %d, the station says %+v", up, s)
		}
		if t.Failed() {
			break
		}
	}
	// However it went: told to stop, the station is idle once the phone is done.
	note(Stopping{}, m.Handle(now, Stopping{}))
	if up != 0 {
		ended := CallEnded{up, OutcomeCancelled}
		up = 0
		note(ended, m.Handle(now, ended))
	}
	if s := m.Snapshot(); s.State != StateIdle || up != 0 {
		t.Errorf("at the end %+v, up %d", s, up)
	}
	if t.Failed() {
		for _, line := range trace[max(0, len(trace)-12):] {
			t.Log(line())
		}
	}
}
