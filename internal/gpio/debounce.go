package gpio

import "time"

// stuckAfter is how long nobody leans on a bell: a button held longer is a fault in the wiring.
const stuckAfter = 30 * time.Second

const (
	// watchEvery is how often a line that may become a press is looked at.
	watchEvery = 5 * time.Millisecond
	// tolerance is the part of hold (a fifth) that a press which is over may have been seen too short.
	tolerance = 5
)

// verdict is what a sample of a button's line decided.
type verdict int

const (
	nothing verdict = iota
	pressed         // a press that lasted long enough
	glitch          // something that was too short for a press is over
	stuck           // it is held too long
	freed           // it was stuck and is released
)

// debouncer turns samples of a line into presses. Two things make a press: the line must have stayed down for debounce without
// a change, and hold must have passed since it first went down (less a fifth, if it is over by then). So contacts that bounce ring once, and neither a spike nor the
// hum of a long cable rings at all. It knows no clock: the samples carry their time.
type debouncer struct {
	debounce, hold time.Duration

	down    bool      // at the last sample
	changed time.Time // when the line last changed
	since   time.Time // when it first went down after it was last settled up
	seen    time.Time // when it was last seen down
	phase   phase
	glitch  int // how many there were
}

type phase int

const (
	unknown  phase = iota // before the first sample
	open                  // settled up
	maybe                 // has gone down and is not decided yet
	closed                // pressed, waits for the release
	jammed                // held too long, waits for the release
	fromBoot              // was down at the first sample: no press, nobody knows how old it is
)

func newDebouncer(debounce, hold time.Duration) *debouncer {
	return &debouncer{debounce: max(debounce, 0), hold: max(hold, 0)}
}

// sample takes the line's level: down means pressed. edge says that the line has changed since the last sample, even if it looks
// the same again. Samples come in the order of time.
func (d *debouncer) sample(at time.Time, down, edge bool) verdict {
	if d.phase == unknown {
		d.down, d.changed, d.since = down, at, at
		d.phase = open
		if down {
			d.phase = fromBoot
		}
		return nothing
	}
	// The reader learns of a press late, so one may be over before it has been seen for long enough. It counts if it was nearly
	// so. What is counted is the time between two samples that saw it down: a reader that was held up makes no ring of a spike.
	enough := d.phase == maybe && d.down && !down &&
		d.seen.Sub(d.changed) >= d.debounce && d.seen.Sub(d.since) >= d.hold-d.hold/tolerance
	if down != d.down || edge {
		d.down, d.changed = down, at
	}
	if down {
		d.seen = at
	}
	if enough {
		d.phase = closed
		return pressed
	}
	if d.phase == open && (down || edge) {
		d.phase, d.since = maybe, at
	}
	settled := at.Sub(d.changed) >= d.debounce
	switch {
	case !settled:
		return nothing
	case !down:
		return d.released()
	}
	held := at.Sub(d.since)
	switch {
	case d.phase == maybe && held >= d.hold:
		d.phase = closed
		return pressed
	case (d.phase == closed || d.phase == fromBoot) && held >= stuckAfter:
		d.phase = jammed
		return stuck
	}
	return nothing
}

// released takes a line that has settled up.
func (d *debouncer) released() verdict {
	was := d.phase
	d.phase = open
	switch was {
	case maybe:
		d.glitch++
		return glitch
	case jammed:
		return freed
	default:
		return nothing
	}
}

// next is when the next sample is wanted though nothing changes; false: none is.
func (d *debouncer) next() (time.Time, bool) {
	settles := d.changed.Add(d.debounce)
	switch {
	case d.phase == unknown || d.phase == open:
		return time.Time{}, false
	case !d.down:
		return settles, true
	case d.phase == maybe:
		decides := later(settles, d.since.Add(d.hold))
		if soon := d.seen.Add(watchEvery); soon.Before(decides) {
			return soon, true
		}
		return decides, true
	case d.phase == closed || d.phase == fromBoot:
		return later(settles, d.since.Add(stuckAfter)), true
	default: // jammed and down: only a change decides
		return time.Time{}, false
	}
}

// began is when the press that was decided last, or is being decided, went down.
func (d *debouncer) began() time.Time { return d.since }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
