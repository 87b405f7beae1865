package audio

import (
	"math"
	"slices"
	"time"
)

// The test device's bursts, see [WithBursts]. They are what sound is timed by, so others that take part must make theirs alike.
const (
	// BurstHz is the frequency of a burst, whose length is BurstLength.
	BurstHz     = 1000
	BurstLength = 100 * time.Millisecond
	// BurstEvery is the distance of bursts: each begins with a second of the wall clock.
	BurstEvery = time.Second
)

// burstAt is a burst's amplitude, from 0 to 1, at a moment of the wall clock. It swells and fades in a millisecond.
func burstAt(t time.Time) float64 {
	const edge = time.Millisecond
	since := t.Sub(t.Truncate(BurstEvery))
	if since >= BurstLength {
		return 0
	}
	return min(1, float64(min(since, BurstLength-since))/float64(edge))
}

// onsets finds the beginnings of bursts in a stream of sound. A burst begins where its level first reaches half of what it then
// keeps, looked at in steps of a millisecond: what a codec smears ahead of it is not taken for it.
type onsets struct {
	heard  func(at time.Time)
	levels []onsetLevel // the newest ones, of one millisecond each
	quiet  int          // so many in a row were silent
	after  int          // so many came since a burst began to be heard; 0: none is
}

type onsetLevel struct {
	at  time.Time
	rms float64
}

const (
	onsetStep = SampleRate / 1000
	// onsetBefore and onsetAfter are how much is looked at around the moment at which a burst is noticed, in milliseconds.
	onsetBefore, onsetAfter = 40, 60
	// onsetQuiet is how long it must have been silent before a burst, in milliseconds.
	onsetQuiet = 150
	// onsetSilence and onsetLoud are levels (root mean square of full scale), -45 and -32 dBFS.
	onsetSilence, onsetLoud = 0.0056, 0.025
)

// take looks at sound whose first sample is at a moment; it is a whole number of milliseconds long.
func (o *onsets) take(pcm []int16, at time.Time) {
	for ; len(pcm) >= onsetStep; pcm = pcm[onsetStep:] {
		sum := 0.0
		for _, v := range pcm[:onsetStep] {
			sum += float64(v) * float64(v)
		}
		o.step(onsetLevel{at: at, rms: math.Sqrt(sum/onsetStep) / math.MaxInt16})
		at = at.Add(time.Millisecond)
	}
}

func (o *onsets) step(l onsetLevel) {
	if o.levels = append(o.levels, l); len(o.levels) > onsetBefore+onsetAfter {
		o.levels = slices.Delete(o.levels, 0, 1)
	}
	switch {
	case o.after > 0:
		if o.after++; o.after > onsetAfter {
			o.find()
			o.after, o.quiet = 0, 0
		}
	case l.rms >= onsetLoud && o.quiet >= onsetQuiet:
		o.after = 1
	case l.rms < onsetSilence:
		o.quiet++
	case l.rms >= onsetLoud:
		o.quiet = 0
	}
}

// find tells where the burst began that is in the levels.
func (o *onsets) find() {
	sorted := make([]float64, 0, onsetAfter)
	for _, l := range o.levels[max(0, len(o.levels)-onsetAfter):] {
		sorted = append(sorted, l.rms)
	}
	slices.Sort(sorted)
	half := sorted[len(sorted)/2] / 2
	for _, l := range o.levels {
		if l.rms >= half {
			o.heard(l.at)
			return
		}
	}
}
