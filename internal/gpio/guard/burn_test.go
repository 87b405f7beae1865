package guard

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// coil is a lock's coil as an electrician would measure it: from when to when it was energised, in order.
type coil [][2]time.Duration

// TestNothingBurnsTheCoil: whatever is asked for, and however often, no stretch is longer than the limit, and no time whatever sees the coil
// energised for more than its budget and a quarter of what is beyond.
func TestNothingBurnsTheCoil(t *testing.T) {
	const seeds = 300
	for seed := range uint64(seeds) {
		random := rand.New(rand.NewPCG(seed, 7))
		limit := []time.Duration{time.Second, 5 * time.Second, 20 * time.Second, time.Minute, 5 * time.Minute}[random.IntN(5)]
		energised := play(NewBurn(limit), random)
		for _, s := range energised {
			if s[1]-s[0] > limit {
				t.Fatalf("seed %d, limit %s: energised for %s at a stretch", seed, limit, s[1]-s[0])
			}
		}
		budget := max(limit, leastBudget)
		for i, first := range energised {
			on := time.Duration(0)
			for _, last := range energised[i:] {
				// on <= budget + off/coolRatio
				on += last[1] - last[0]
				if most := budget + (last[1]-first[0]-on)/coolRatio; on > most+time.Millisecond {
					t.Fatalf("seed %d, limit %s: energised for %s of %s", seed, limit, on, last[1]-first[0])
				}
			}
		}
	}
}

// play lets somebody ask for pulses of all lengths at all times.
func play(b Burn, random *rand.Rand) (energised coil) {
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	var until time.Time
	on := false
	for now, n := start, 0; n < 300; n++ {
		next := now.Add(time.Duration(random.Int64N(int64(30*time.Second)) >> random.IntN(12)))
		if on && !until.After(next) { // its time is over first
			b.End(until)
			energised[len(energised)-1][1] = until.Sub(start)
			on = false
		}
		now = next
		if on && random.IntN(8) == 0 {
			b.End(now)
			energised[len(energised)-1][1] = now.Sub(start)
			on = false
			continue
		}
		end, err := b.Begin(now, time.Duration(1+random.Int64N(int64(2*time.Minute)))>>random.IntN(10))
		if err != nil {
			continue
		}
		if !on {
			energised = append(energised, [2]time.Duration{now.Sub(start)})
		}
		on, until = true, end
	}
	if on {
		energised[len(energised)-1][1] = until.Sub(start)
	}
	return energised
}

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
