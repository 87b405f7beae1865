package gpio

import "time"

// stuckAfter is how long nobody leans on a bell: a button held longer is a fault in the wiring.
const stuckAfter = 30 * time.Second

// tolerance is the part of hold (a fifth) that a press which is over may have been too short: clocks and fingers are not exact.
const tolerance = 5

// verdict is what the changes of a line decided.
type verdict int

const (
	nothing verdict = iota
	pressed         // a press that lasted long enough
	glitch          // something that was too short for a press is over
	stuck           // it is held too long
	freed           // it was stuck and is released
	raised          // of an input: it is active
	lowered         // of an input: it is not active any more
)

// debouncer turns a line's edges into presses. Two things make a press: the line must have stayed down for debounce without
// a change, and hold must have passed since it first went down (less a fifth, if it is over by then). So contacts that bounce
// ring once, and neither a spike nor the hum of a long cable rings at all. It knows no clock: edges carry the time at which they
// happened, so that it does not matter when they are read.
type debouncer struct {
	debounce, hold time.Duration

	down    bool      // after the last edge
	changed time.Time // when the line last changed
	since   time.Time // when it first went down after it was last settled up
	phase   phase
	glitch  int // how many there were
	presses int
}

type phase int

const (
	unknown  phase = iota // before the first level
	open                  // settled up
	maybe                 // has gone down and is not decided yet
	closed                // pressed, waits for the release
	jammed                // held too long, waits for the release
	fromBoot              // was down from the first: no press, nobody knows how old it is
)

func newDebouncer(debounce, hold time.Duration) *debouncer {
	return &debouncer{debounce: max(debounce, 0), hold: max(hold, 0)}
}

// begin takes the level that the line has at the start.
func (d *debouncer) begin(at time.Time, down bool) {
	d.down, d.changed, d.since, d.phase = down, at, at, open
	if down {
		d.phase = fromBoot
	}
}

// edge takes a change: down means pressed after it. A change to what was already known stands for two that were too quick to be told
// apart. Edges come in the order of time.
func (d *debouncer) edge(at time.Time, down bool) verdict {
	v := d.settle(at)
	if d.phase == maybe && d.down && at.Sub(d.changed) >= d.debounce && at.Sub(d.since) >= d.hold-d.hold/tolerance {
		d.phase = closed
		d.presses++
		v = pressed
	}
	d.down, d.changed = down, at
	if d.phase == open {
		d.phase, d.since = maybe, at
	}
	return v
}

// settle says what is decided by the line having stayed as it is until at.
func (d *debouncer) settle(at time.Time) verdict {
	if at.Sub(d.changed) < d.debounce {
		return nothing
	}
	if !d.down {
		return d.released()
	}
	held := at.Sub(d.since)
	switch {
	case d.phase == maybe && held >= d.hold:
		d.phase = closed
		d.presses++
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

// next is when settle will decide something if nothing changes; false: never.
func (d *debouncer) next() (time.Time, bool) {
	settles := d.changed.Add(d.debounce)
	switch {
	case d.phase == unknown || d.phase == open:
		return time.Time{}, false
	case !d.down:
		return settles, true
	case d.phase == maybe:
		return later(settles, d.since.Add(d.hold)), true
	case d.phase == closed || d.phase == fromBoot:
		return later(settles, d.since.Add(stuckAfter)), true
	default: // jammed and down: only a change decides
		return time.Time{}, false
	}
}

func (d *debouncer) isDown() bool { return d.down }

// began is when the press that was decided last, or is being decided, went down.
func (d *debouncer) began() time.Time { return d.since }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
