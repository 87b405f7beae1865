package gpio

import (
	"io/fs"
	"math/rand/v2"
	"testing"
	"time"

	"doorstation/internal/gpio/guard"
)

// coil is a lock's coil as an electrician would measure it: from when to when it was energised, in order.
type coil [][2]time.Duration

// TestNothingBurnsTheCoil: whatever is asked for, and however often, no stretch is longer than the limit, and no time whatever sees the coil
// energised for more than its budget and a quarter of what is beyond, though the agent is stopped or dies in between.
func TestNothingBurnsTheCoil(t *testing.T) {
	const seeds = 300
	for seed := range uint64(seeds) {
		random := rand.New(rand.NewPCG(seed, 7))
		limit := []time.Duration{time.Second, 5 * time.Second, 20 * time.Second, time.Minute, 5 * time.Minute}[random.IntN(5)]
		energised := play(limit, random)
		for _, s := range energised {
			if s[1]-s[0] > limit {
				t.Fatalf("seed %d, limit %s: energised for %s at a stretch", seed, limit, s[1]-s[0])
			}
		}
		budget := max(limit, time.Minute)
		for i, first := range energised {
			on := time.Duration(0)
			for _, last := range energised[i:] {
				// on <= budget + off/3
				on += last[1] - last[0]
				if most := budget + (last[1]-first[0]-on)/3; on > most+time.Millisecond {
					t.Fatalf("seed %d, limit %s: energised for %s of %s", seed, limit, on, last[1]-first[0])
				}
			}
		}
	}
}

// play lets somebody ask for pulses of all lengths at all times, of one agent after the other.
func play(limit time.Duration, random *rand.Rand) (energised coil) {
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	now, until, on := start, time.Time{}, false
	var b guard.Burn
	var m *coilMemory
	file := []byte(nil)
	agent := func() {
		b = guard.NewBurn(limit)
		m = &coilMemory{
			read: func() ([]byte, error) {
				if file == nil {
					return nil, fs.ErrNotExist
				}
				return file, nil
			},
			write: func(data []byte) error { file = data; return nil },
			up:    func() time.Duration { return longUp + now.Sub(start) },
		}
		m.recall(&b, now)
		m.keep(&b, now)
	}
	off := func(at time.Time) {
		energised[len(energised)-1][1] = at.Sub(start)
		on = false
	}
	agent()
	for range 300 {
		next := now.Add(time.Duration(random.Int64N(int64(30*time.Second)) >> random.IntN(12)))
		if on && !until.After(next) { // its time is over first
			now = until
			b.End(now)
			m.keep(&b, now)
			off(now)
		}
		now = next
		switch {
		case random.IntN(15) == 0: // the agent dies, the lock closes at some time before it is back, and not later than it has to
			if on {
				off(now.Add(min(time.Duration(random.Int64N(int64(5*time.Second))), until.Sub(now))))
			}
			now = now.Add(5 * time.Second)
			agent()
		case on && random.IntN(8) == 0:
			b.End(now)
			m.keep(&b, now)
			off(now)
		default:
			end, err := b.Begin(now, time.Duration(1+random.Int64N(int64(2*time.Minute)))>>random.IntN(10))
			if err != nil {
				continue
			}
			m.keep(&b, now)
			if !on {
				energised = append(energised, [2]time.Duration{now.Sub(start)})
			}
			on, until = true, end
		}
	}
	if on {
		off(until)
	}
	return energised
}
