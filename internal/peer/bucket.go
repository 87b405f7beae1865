package peer

import "time"

// bucket is a budget of bytes that fills at a rate.
type bucket struct {
	rate   float64 // bytes a second; 0 is none
	depth  float64
	filled float64
	at     time.Time
}

// set changes the rate, in bit/s; what fills in span is kept at most.
func (b *bucket) set(bps int, span time.Duration, now time.Time) {
	fresh := b.rate == 0
	b.fill(now)
	b.rate = float64(bps) / 8
	b.depth = b.rate * span.Seconds()
	if fresh {
		b.filled = b.depth
	}
	b.filled = min(b.filled, b.depth)
}

func (b *bucket) fill(now time.Time) {
	if d := now.Sub(b.at); d > 0 && !b.at.IsZero() {
		b.filled = min(b.filled+b.rate*d.Seconds(), b.depth)
	}
	b.at = now
}

// take takes bytes if they are there.
func (b *bucket) take(bytes int, now time.Time) bool {
	b.fill(now)
	if b.filled < float64(bytes) {
		return false
	}
	b.filled -= float64(bytes)
	return true
}

// owe takes bytes in any case and tells how long it is until they are there.
func (b *bucket) owe(bytes int, now time.Time) time.Duration {
	b.fill(now)
	b.filled -= float64(bytes)
	if b.filled >= 0 || b.rate == 0 {
		return 0
	}
	return time.Duration(-b.filled / b.rate * float64(time.Second))
}

// forgive gives back what fills in d.
func (b *bucket) forgive(d time.Duration) { b.filled += b.rate * d.Seconds() }
