package bandwidth

import (
	"slices"
	"time"
)

const (
	// congestedBy is the delay beyond the way's own that is taken for a queue, at least; half of the way's own where that is more.
	congestedBy = 60 * time.Millisecond
	// clearBy is what remains of an empty queue.
	clearBy = 25 * time.Millisecond
	// steep is a delay that needs no third measurement, when the one before was of the kind.
	steep = 120 * time.Millisecond
	// delaySpan is how far back measurements say something of now; delayCount is how many of them must agree.
	delaySpan  = 1200 * time.Millisecond
	delayCount = 3
	// baseSpan is how long the way's own delay is remembered, twice this at most.
	baseSpan = 15 * time.Second
	// checkGap is about the distance of two measurements.
	checkGap = 200 * time.Millisecond
)

// delay watches the round trips for a queue that builds. Single late answers are scheduling or a radio that repeats itself; a queue
// makes all of them late.
type delay struct {
	counted uint64
	trips   []trip // the newest last
	base    [2]time.Duration
	since   time.Time // of base[0]
}

type trip struct {
	at   time.Time
	took time.Duration
}

func (d *delay) take(s Sample) {
	if s.RoundTrips == d.counted || s.RoundTrip <= 0 {
		return
	}
	d.counted = s.RoundTrips
	d.trips = append(d.trips, trip{s.At, s.RoundTrip})
	if len(d.trips) > 8 {
		d.trips = append(d.trips[:0], d.trips[1:]...)
	}
	switch {
	case d.since.IsZero():
		d.base, d.since = [2]time.Duration{s.RoundTrip, s.RoundTrip}, s.At
	case s.At.Sub(d.since) > baseSpan:
		d.base[1], d.base[0], d.since = d.base[0], s.RoundTrip, s.At
	default:
		d.base[0] = min(d.base[0], s.RoundTrip)
	}
}

// own is the way's own delay.
func (d *delay) own() time.Duration { return min(d.base[0], d.base[1]) }

// now is the newest measurement.
func (d *delay) now() time.Duration {
	if len(d.trips) == 0 {
		return 0
	}
	return d.trips[len(d.trips)-1].took
}

// recent are the measurements that say something of now.
func (d *delay) recent(now time.Time) []trip {
	i := len(d.trips)
	for i > 0 && len(d.trips)-i < delayCount && now.Sub(d.trips[i-1].at) < delaySpan {
		i--
	}
	return d.trips[i:]
}

// excess is what of the delay is a queue's, by the least of the recent measurements. An answer that is overdue counts when the last
// one was late already.
func (d *delay) excess(now time.Time) time.Duration {
	if len(d.trips) == 0 {
		return 0
	}
	newest := d.trips[len(d.trips)-1]
	overdue := now.Sub(newest.at) + newest.took - 2*checkGap // one answer may be lost
	late := newest.took - d.own()
	if late > d.threshold() && overdue > newest.took {
		return overdue - d.own()
	}
	least := late
	for _, t := range d.recent(now) {
		least = min(least, t.took-d.own())
	}
	return max(least, 0)
}

func (d *delay) threshold() time.Duration { return max(congestedBy, d.own()/2) }

// congested reports whether a queue builds.
func (d *delay) congested(now time.Time) bool {
	recent := d.recent(now)
	if len(recent) == 0 {
		return d.excess(now) > max(steep, d.threshold())
	}
	if n := len(d.trips); n >= 2 {
		last, before := d.trips[n-1].took-d.own(), d.trips[n-2].took-d.own()
		if late := max(steep, d.threshold()); last > late && before > d.threshold() && last > before {
			return true
		}
	}
	return len(recent) >= delayCount && d.excess(now) > d.threshold()
}

// uneasy reports whether there may be a queue, too small to act on.
func (d *delay) uneasy(now time.Time) bool { return d.excess(now) > d.threshold()/2 }

// clear reports whether the queue is empty: one answer that was quick proves it.
func (d *delay) clear(now time.Time) bool {
	recent := d.recent(now)
	return len(recent) > 0 && recent[len(recent)-1].took-d.own() < max(clearBy, d.own()/4)
}

// stays reports whether the delay remains although the picture has sent nothing since quiet: a queue of its own becomes shorter by a
// second each second then.
func (d *delay) stays(now, quiet time.Time) bool {
	left := func(t trip) time.Time { return t.at.Add(-t.took) }
	i := slices.IndexFunc(d.trips, func(t trip) bool { return left(t).After(quiet) })
	if i < 0 || len(d.trips)-i < delayCount {
		return false
	}
	a, b := d.trips[i], d.trips[len(d.trips)-1]
	passed := left(b).Sub(left(a))
	return passed > checkGap && now.Sub(b.at) < 2*checkGap && b.took-d.own() > d.threshold() && a.took-b.took < passed/4
}

// falling reports whether the delay becomes less.
func (d *delay) falling(now time.Time) bool {
	recent := d.recent(now)
	if len(recent) < 2 {
		return false
	}
	return recent[len(recent)-1].took < recent[len(recent)-2].took
}

// slope is by how much the delay rose lately, in seconds a second, from 0 to 4.
func (d *delay) slope(now time.Time) float64 {
	recent := d.recent(now)
	if len(recent) < 2 {
		return 0
	}
	a, b := recent[0], recent[len(recent)-1]
	// The two packets left the door their round trips before.
	took := b.at.Add(-b.took).Sub(a.at.Add(-a.took)).Seconds()
	if took <= 0 {
		return 0
	}
	return min(max((b.took-a.took).Seconds()/took, 0), 4)
}

// accept takes the present delay for the way's own.
func (d *delay) accept(now time.Time) {
	own := d.own() + d.excess(now)
	d.base, d.since = [2]time.Duration{own, own}, now
}
