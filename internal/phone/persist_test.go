package phone

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorstation/internal/sip"
	"doorstation/internal/station"
)

func TestACallWithoutALineIsOffline(t *testing.T) {
	d := newDoor(t, doorOptions{noLine: true})
	d.ring("101")
	d.ended(station.OutcomeOffline)
}

func TestACallWaitsForTheLine(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{noLine: true}), newTablet(t)
	d.phone.persist.limit = patience
	d.ring("101")
	eventually(t, "the call waits", func() bool { return d.log.has("tried again") })
	if !d.phone.ReleaseLine() {
		t.Error("a visit that has no line stands in the way of a new one")
	}
	d.phone.SetLine(d.line())
	l := kitchen.pickUp(d.rings("101"))
	next[station.Answered](d)
	if d.phone.ReleaseLine() {
		t.Error("the line was taken from under a call")
	}
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
	if !d.phone.ReleaseLine() {
		t.Error("the line is still held")
	}
}

func TestACallWaitsForTheRegistration(t *testing.T) {
	for _, first := range []error{sip.ErrNotRegistered, fmt.Errorf("x: %w", sip.ErrConnectionLost)} {
		t.Run(first.Error(), func(t *testing.T) {
			d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
			d.phone.persist.limit = patience
			d.pbx.failNext(first, sip.ErrNotRegistered)
			d.ring("101")
			l := kitchen.pickUp(d.rings("101"))
			next[station.Answered](d)
			hears(t, "the kitchen", kitchen.engine, doorHz)
			l.end(sip.EndedByFar)
			d.ended(station.OutcomeTalked)
			if n := d.pbx.invites(); n != 3 {
				t.Errorf("%d INVITEs, want 3", n)
			}
		})
	}
}

func TestALineThatIsNotReadyCostsNoOffers(t *testing.T) {
	d := newDoor(t, doorOptions{})
	line := d.line()
	line.Ready = func() bool { return false }
	d.phone.SetLine(line)
	d.ring("101")
	d.ended(station.OutcomeOffline)
	if n := d.pbx.invites(); n != 0 {
		t.Errorf("%d INVITEs", n)
	}
}

func TestAConnectionLostWhileItRangRingsAgain(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	d.phone.persist.limit = 0 // what was heard of is not given up, however long the door is away
	d.ring("101")
	in := d.rings("101")
	in.ringing()
	d.pbx.failNext(sip.ErrNotRegistered, sip.ErrConnectionLost, sip.ErrNotRegistered)
	in.reject(sip.ErrConnectionLost)
	l := kitchen.pickUp(d.rings("101"))
	next[station.Answered](d)
	hears(t, "the kitchen", kitchen.engine, doorHz)
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

func TestAConnectionLostWhileItRangForGood(t *testing.T) {
	d := newDoor(t, doorOptions{})
	d.ring("101")
	in := d.rings("101")
	in.ringing()
	line := d.line()
	line.Ready = func() bool { return false }
	d.phone.SetLine(line) // of the next visit
	d.pbx.failAll(sip.ErrNotRegistered)
	in.reject(sip.ErrConnectionLost)
	eventually(t, "it is tried again", func() bool { return d.pbx.invites() > 3 })
	d.phone.Hangup(1, station.OutcomeNoAnswer)
	d.ended(station.OutcomeUnreachable)
}

func TestTheStationGivesUpWaiting(t *testing.T) {
	d := newDoor(t, doorOptions{noLine: true})
	d.phone.persist.limit = time.Hour
	d.ring("101")
	eventually(t, "the call waits", func() bool { return d.log.has("tried again") })
	d.phone.Hangup(1, station.OutcomeNoAnswer)
	d.ended(station.OutcomeOffline)
}

func TestHowLongATargetIsTried(t *testing.T) {
	sorry := errors.New("not yet")
	always := func(v verdict) func(int) verdict { return func(int) verdict { return v } }
	for _, c := range []struct {
		name    string
		succeed int // attempt; 0: never
		hangUp  time.Duration
		judge   func(attempt int) verdict
		want    error
		took    time.Duration
	}{
		{"at once", 1, 0, always(verdictNotBegun), nil, 0},
		{"the third time", 3, 0, always(verdictNotBegun), nil, time.Second},
		{"in vain", 0, 0, always(verdictNotBegun), sorry, 10 * time.Second},
		{"given up", 0, 1700 * time.Millisecond, always(verdictNotBegun), sorry, 1700 * time.Millisecond},
		{"for another reason", 0, 0, always(verdictFinal), sorry, 0},
		{"a tablet that wakes up", 4, 0, always(verdictAway), nil, 7 * time.Second},
		{"a tablet that wakes up late", 8, 0, always(verdictAway), nil, 27 * time.Second},
		{"a tablet that does not wake up", 0, 45 * time.Second, always(verdictAway), sorry, 45 * time.Second},
		{"the connection is lost while it rings, for half a minute", 61, 0, func(n int) verdict {
			if n == 1 {
				return verdictLost
			}
			return verdictNotBegun
		}, nil, 30 * time.Second},
		{"the connection comes and somebody is away", 8, 0, func(n int) verdict {
			if n <= 4 {
				return verdictNotBegun
			}
			return verdictAway
		}, nil, 9 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if c.hangUp > 0 {
					time.AfterFunc(c.hangUp, cancel)
				}
				began, attempts := time.Now(), 0
				err := defaultPersistence().try(ctx, func() error {
					attempts++
					if attempts == c.succeed {
						return nil
					}
					return sorry
				}, func(error) verdict { return c.judge(attempts) }, func(verdict) {})
				if !errors.Is(err, c.want) || time.Since(began) != c.took {
					t.Errorf("got %v after %v, want %v after %v", err, time.Since(began), c.want, c.took)
				}
			})
		})
	}
}

func TestEarlyKeyFramesComeByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		askEarly(t.Context(), func() { at = append(at, time.Since(began)) })
		if !slices.Equal(at, earlyKeyFrames()) {
			t.Errorf("asked at %v", at)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		n := 0
		askEarly(ctx, func() { n++ })
		if n != 2 {
			t.Errorf("asked %d times within 150 ms, want 2", n)
		}
	})
}

func TestAPBXThatStopsWhileItRingsHasNotDeclined(t *testing.T) {
	d, kitchen := newDoor(t, doorOptions{}), newTablet(t)
	var ready atomic.Bool
	ready.Store(true)
	nudges := make(chan struct{}, 16)
	line := d.line()
	line.Ready = ready.Load
	line.Nudge = func() { nudges <- struct{}{} }
	d.phone.SetLine(line)
	d.ring("101")
	in := d.rings("101")
	in.ringing()
	in.reject(&sip.RejectedError{Status: 603, Rang: true})
	ready.Store(false)
	select {
	case <-nudges: // somebody stands at the door: the connection is wanted now
		ready.Store(true)
	case <-time.After(patience):
		t.Fatal("the connection is not asked for")
	}
	l := kitchen.pickUp(d.rings("101"))
	next[station.Answered](d)
	l.end(sip.EndedByFar)
	d.ended(station.OutcomeTalked)
}

func TestAPhoneThatDeclinesBySixHundredAndThree(t *testing.T) {
	d := newDoor(t, doorOptions{})
	line := d.line()
	line.Ready = func() bool { return true }
	d.phone.SetLine(line)
	d.ring("101")
	in := d.rings("101")
	in.ringing()
	in.reject(&sip.RejectedError{Status: 603, Rang: true})
	d.ended(station.OutcomeDeclined)
}
