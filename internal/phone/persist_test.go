package phone

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

func TestAConnectionLostWhileItRangIsNotTriedAgain(t *testing.T) {
	d := newDoor(t, doorOptions{})
	d.phone.persist.limit = patience
	d.ring("101")
	in := d.rings("101")
	in.ringing()
	in.reject(sip.ErrConnectionLost)
	d.ended(station.OutcomeUnreachable)
}

func TestTheStationGivesUpWaiting(t *testing.T) {
	d := newDoor(t, doorOptions{noLine: true})
	d.phone.persist.limit = time.Hour
	d.ring("101")
	eventually(t, "the call waits", func() bool { return d.log.has("tried again") })
	d.phone.Hangup(1, station.OutcomeNoAnswer)
	d.ended(station.OutcomeNoAnswer)
}

func TestACallIsTriedForTenSeconds(t *testing.T) {
	sorry := errors.New("not yet")
	always := func(error) bool { return true }
	for _, c := range []struct {
		name    string
		succeed int // attempt; 0: never
		hangUp  time.Duration
		again   func(error) bool
		want    error
		took    time.Duration
	}{
		{"at once", 1, 0, always, nil, 0},
		{"the third time", 3, 0, always, nil, time.Second},
		{"in vain", 0, 0, always, sorry, 10 * time.Second},
		{"given up", 0, 1700 * time.Millisecond, always, sorry, 1700 * time.Millisecond},
		{"for another reason", 0, 0, func(error) bool { return false }, sorry, 0},
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
				}, c.again)
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
