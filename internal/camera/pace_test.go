package camera

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestThePaceIsSteadierThanArrival(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		rate int           // configured
		real time.Duration // the source's distance of pictures
	}{
		"as configured":        {30, time.Second / 30},
		"a little slower":      {30, time.Second / 29},
		"half of it":           {30, time.Second / 15},
		"more than configured": {15, time.Second / 25},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPace(c.rate)
			var last time.Duration
			for n := range 600 {
				taken := time.Duration(n) * c.real
				jitter := time.Duration(rng.Int64N(int64(20 * time.Millisecond)))
				pts := p.next(taken + jitter)
				if n > 0 && pts <= last {
					t.Fatalf("picture %d: %v after %v", n, pts, last)
				}
				if n > 200 { // settled
					if step := pts - last; step < c.real-6*time.Millisecond || step > c.real+6*time.Millisecond {
						t.Errorf("picture %d comes %v after the one before, want about %v", n, step, c.real)
					}
					if off := pts - taken; off < -30*time.Millisecond || off > 50*time.Millisecond {
						t.Fatalf("picture %d has drifted by %v", n, off)
					}
				}
				last = pts
			}
		})
	}
}

func TestThePaceFollowsAGapAndABurst(t *testing.T) {
	p := newPace(25)
	p.next(0)
	p.next(40 * time.Millisecond)
	if got := p.next(5 * time.Second); got != 5*time.Second {
		t.Errorf("after a gap: %v", got)
	}
	last := 5 * time.Second
	for range 100 { // what had piled up
		pts := p.next(5 * time.Second)
		if pts <= last || pts > 5*time.Second+2*paceJump {
			t.Fatalf("in a burst: %v after %v", pts, last)
		}
		last = pts
	}
}
