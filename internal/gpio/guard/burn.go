package guard

import (
	"errors"
	"time"
)

const (
	// defaultLimit is how long the lock may be energised at a stretch where the configuration names no limit.
	defaultLimit = time.Minute
	// limitRest is how long it stays off after it was at its limit.
	limitRest = time.Second

	// The duty rule: pulses in a row must not burn what one pulse may not. What was energised for the length of the limit, leastBudget at
	// least, in one stretch or in many, has to cool, and that takes coolRatio times as long: a duty of 25 %, which the common openers
	// stand.
	leastBudget = time.Minute
	coolRatio   = 3
	// A lock that may be energised for this long at a stretch has reached its final warmth by then: it is made for any duty.
	continuous = 10 * time.Minute
	// leastPulse is what has to be left of the budget for a pulse that is longer.
	leastPulse = time.Second
)

// ErrLimit is given for a pulse while the lock has to rest.
var ErrLimit = errors.New("gpio: the lock was energised for as long as it may; it has to rest for a while")

// Burn bounds how long an output is energised: at a stretch, however many pulses that takes, and on the whole.
type Burn struct {
	limit  time.Duration
	budget time.Duration // 0: none
	since  time.Time     // when it was energised; zero: it is off
	cut    time.Time     // when a bound switched it off last
	// warm is how long it was energised, less what it has cooled since, at the time at.
	warm time.Duration
	at   time.Time
}

// NewBurn is one that is cold. limit is the longest time at a stretch; not positive: a minute.
func NewBurn(limit time.Duration) Burn {
	if limit <= 0 {
		limit = defaultLimit
	}
	b := Burn{limit: limit}
	if limit < continuous {
		b.budget = max(limit, leastBudget)
	}
	return b
}

// Limit is the longest time at a stretch.
func (b *Burn) Limit() time.Duration { return b.limit }

// Budget is how long the output may be energised altogether before it has to cool; 0: as long as anybody likes.
func (b *Burn) Budget() time.Duration { return b.budget }

// Count is what has to be known of a [Burn] for another one to go on from there.
type Count struct {
	// Warm is how long the output was energised until At, less what it had cooled.
	Warm time.Duration
	At   time.Time
	// On: it is energised, from At on.
	On bool
}

// Count tells how warm it is.
func (b *Burn) Count() Count { return Count{Warm: b.warm, At: b.at, On: !b.since.IsZero()} }

// Recall goes on, switched off, from how warm another one was.
func (b *Burn) Recall(warm time.Duration, at time.Time) {
	b.warm, b.at, b.since = warm, at, time.Time{}
}

// Begin says until when a pulse of d that begins now may last; [ErrLimit].
func (b *Burn) Begin(now time.Time, d time.Duration) (time.Time, error) {
	began := b.since.IsZero()
	if began {
		if !b.cut.IsZero() && now.Sub(b.cut) < limitRest {
			return time.Time{}, ErrLimit
		}
		b.warm = b.Warmth(now)
		if b.budget > 0 && b.budget-b.warm < min(d, leastPulse) {
			b.at = now
			return time.Time{}, ErrLimit
		}
		b.since, b.at = now, now
	}
	until := now.Add(d)
	if last := b.last(); until.After(last) {
		until = last
	}
	if !until.After(now) {
		return time.Time{}, ErrLimit
	}
	return until, nil
}

// Warmth is how long it was energised, less what it has cooled.
func (b *Burn) Warmth(now time.Time) time.Duration {
	if !b.since.IsZero() {
		return b.warm + now.Sub(b.since)
	}
	return max(0, b.warm-now.Sub(b.at)/coolRatio)
}

// last is the latest end of the stretch that is on.
func (b *Burn) last() time.Time {
	d := b.limit
	if b.budget > 0 {
		d = min(d, b.budget-b.warm)
	}
	return b.since.Add(d)
}

// End says that the output is off.
func (b *Burn) End(now time.Time) {
	if b.since.IsZero() {
		return
	}
	if !now.Before(b.last()) {
		b.cut = now
	}
	b.warm, b.at = b.warm+now.Sub(b.since), now
	b.since = time.Time{}
}
