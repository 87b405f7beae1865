package sip

import (
	"math/rand/v2"
	"time"
)

const (
	firstPause   = 500 * time.Millisecond
	longestPause = 30 * time.Second
)

// backoff spaces out attempts to connect: the first at once, then full jitter under a bound that doubles up to
// longestPause, so that a house full of doors does not knock in step.
type backoff struct {
	bound  time.Duration
	random func(n time.Duration) time.Duration // in [0, n)
}

func newBackoff() *backoff { return &backoff{random: rand.N[time.Duration]} }

func (b *backoff) reset() { b.bound = 0 }

// next returns the pause before the next attempt.
func (b *backoff) next() time.Duration {
	if b.bound == 0 {
		b.bound = firstPause
		return 0
	}
	pause := b.random(b.bound)
	b.bound = min(2*b.bound, longestPause)
	return pause
}
