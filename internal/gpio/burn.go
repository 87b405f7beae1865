package gpio

import (
	"errors"
	"time"
)

const (
	// defaultLimit is how long the lock may be energised at a stretch where the configuration names no limit.
	defaultLimit = time.Minute
	// limitRest is how long it stays off after it was at its limit: else pulses in a row would burn it all the same.
	limitRest = time.Second
)

// ErrLimit is given for a pulse just after the lock has been energised for as long as it may.
var ErrLimit = errors.New("gpio: the lock was energised for as long as it may at a stretch; it rests for a second")

// burn bounds how long an output is energised at a stretch, however many pulses that takes.
type burn struct {
	limit time.Duration
	since time.Time // when it was energised; zero: it is off
	cut   time.Time // when the limit switched it off last
}

func newBurn(limit time.Duration) burn {
	if limit <= 0 {
		limit = defaultLimit
	}
	return burn{limit: limit}
}

// begin says until when a pulse of d that begins now may last.
func (b *burn) begin(now time.Time, d time.Duration) (time.Time, error) {
	if b.since.IsZero() {
		if !b.cut.IsZero() && now.Sub(b.cut) < limitRest {
			return time.Time{}, ErrLimit
		}
		b.since = now
	}
	until := now.Add(d)
	if last := b.since.Add(b.limit); until.After(last) {
		until = last
	}
	if !until.After(now) {
		return time.Time{}, ErrLimit
	}
	return until, nil
}

// end says that the output is off.
func (b *burn) end(now time.Time) {
	if !b.since.IsZero() && now.Sub(b.since) >= b.limit {
		b.cut = now
	}
	b.since = time.Time{}
}
