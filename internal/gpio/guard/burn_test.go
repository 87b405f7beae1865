package guard

import (
	"errors"
	"testing"
	"time"
)

// TestAHouseholdIsNeverRefused: the whole family one after the other, a party, a lock that is opened again and again by the hour.
func TestAHouseholdIsNeverRefused(t *testing.T) {
	for name, ca := range map[string]struct {
		limit, pulse, every time.Duration
		times               int
	}{
		"a family, each opening as the last one's ends": {time.Minute, 3 * time.Second, 4 * time.Second, 20},
		"a party":                         {time.Minute, 3 * time.Second, 12 * time.Second, 500},
		"a long pulse":                    {time.Minute, 10 * time.Second, 12 * time.Second, 6},
		"a lock that stands little":       {4 * time.Second, 3 * time.Second, 6 * time.Second, 20},
		"the postman's button held down":  {time.Minute, 3 * time.Second, time.Second, 57},
		"a magnet that stands everything": {time.Hour, 3 * time.Second, 4 * time.Second, 10_000},
	} {
		b := NewBurn(ca.limit)
		now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
		var until time.Time
		for n := range ca.times {
			if !until.IsZero() && !until.After(now) {
				b.End(until)
			}
			end, err := b.Begin(now, ca.pulse)
			if err != nil || end.Sub(now) != ca.pulse {
				t.Errorf("%s: opening %d: %s, %v", name, n+1, end.Sub(now), err)
				break
			}
			until, now = end, now.Add(ca.every)
		}
	}
}

// TestTheLockRestsAfterALongHold: a short rest gives a short opening, a longer one all of it.
func TestTheLockRestsAfterALongHold(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	held := func() Burn {
		b := NewBurn(time.Minute)
		until, err := b.Begin(now, time.Minute)
		if err != nil || until.Sub(now) != time.Minute {
			t.Fatalf("%s, %v", until.Sub(now), err)
		}
		b.End(until)
		return b
	}
	for rest, want := range map[time.Duration]time.Duration{
		0: 0, time.Second: 0, 3*time.Second - 3: 0, 3 * time.Second: time.Second, 6 * time.Second: 2 * time.Second,
		9 * time.Second: 3 * time.Second, time.Hour: 3 * time.Second,
	} {
		b := held()
		begin := now.Add(time.Minute + rest)
		until, err := b.Begin(begin, 3*time.Second)
		if want == 0 {
			if !errors.Is(err, ErrLimit) {
				t.Errorf("after %s: %v", rest, err)
			}
		} else if err != nil || until.Sub(begin) != want {
			t.Errorf("after %s: open for %s, %v; want %s", rest, until.Sub(begin), err, want)
		}
	}
}
