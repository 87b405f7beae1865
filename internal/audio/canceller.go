package audio

import (
	"slices"
	"time"
)

// echoCanceller takes the loudspeaker's sound out of what the microphone hears, in two halves: the filter, and behind whatever lowers
// noise what lowers the rest of the echo.
type echoCanceller struct {
	down     *downsampler
	search   *delaySearch
	filter   *adaptiveFilter
	suppress *suppressor
	duplex   duplex
	gate     gate
	fft      *transform

	played []int16   // by the loudspeaker, and not yet handled
	step   []float32 // of that, what is being handled
	pair   []float32 // the last two steps
	// spectra of the loudspeaker's sound, in pairs of steps, and the mean square of each step; newest first.
	spectra [][]complex64
	powers  []float64

	delay   time.Duration
	known   bool
	late    bool
	skip    int // steps between the loudspeaker's sound and the begin of what the filter learns
	clipped int // steps for which the microphone having had too much is to be reckoned with

	left, gone, lastGone, doubt, lastDoubt []float32
}

const (
	// historySteps is how far back the loudspeaker's sound is kept: as far as an echo may be late.
	historySteps = filterSteps + searchMost*100/searchRate + 1
	// clipLasts is for how many steps the microphone having had too much shows in the spectra.
	clipLasts = 4
	// searchMargin is how much earlier than the first sound the filter begins; searchSteps by how many steps the first sound may come after
	// that before the filter is moved.
	searchMargin = 4 * time.Millisecond
	searchSteps  = 3
	// searchRest is how many blocks are left out of the search while all is well.
	searchRest = 3
	stepLength = 10 * time.Millisecond
)

// newEchoCanceller makes one that begins with a delay; zero: not known. late says that something between its halves is late by a step.
func newEchoCanceller(delay time.Duration, late bool) *echoCanceller {
	c := &echoCanceller{
		late: late, down: newDownsampler(echoRate), search: newDelaySearch(), filter: newAdaptiveFilter(), suppress: newSuppressor(),
		duplex: newDuplex(), gate: newGate(), fft: newTransform(2 * stepSamples),
		pair: make([]float32, 2*stepSamples), powers: make([]float64, historySteps),
		doubt: make([]float32, stepLines), lastDoubt: make([]float32, stepLines),
	}
	for _, p := range []*[]float32{&c.step, &c.left, &c.gone, &c.lastGone} {
		*p = make([]float32, stepSamples)
	}
	for range historySteps {
		c.spectra = append(c.spectra, make([]complex64, stepLines))
	}
	if delay > 0 && delay < searchMost*time.Second/searchRate {
		c.delay, c.known, c.skip = delay, true, skipFor(delay)
	}
	return c
}

// skipFor is how many steps after the loudspeaker's sound the filter begins.
func skipFor(delay time.Duration) int { return max(0, int((delay-searchMargin)/stepLength)) }

// restarted is called when the device starts anew: what the filter knows of the room is worth trying, and has to prove itself again.
func (c *echoCanceller) restarted() {
	c.search.forget()
	c.duplex.forget()
	c.played = c.played[:0]
}

// plays takes a frame of the loudspeaker's sound.
func (c *echoCanceller) plays(far []int16) {
	c.played = append(c.played, c.down.process(far)...)
}

// filterOut takes the echo out of the next 10 ms of what the microphone heard, in place; clipped says that it was too much for it.
func (c *echoCanceller) filterOut(heard []float32, clipped bool) {
	for i, v := range c.played[:stepSamples] {
		c.step[i] = float32(v) / fullScale
	}
	c.played = append(c.played[:0], c.played[stepSamples:]...)
	if c.clipped--; clipped {
		c.clipped = clipLasts
	}
	c.align(heard)
	c.remember()
	var far [filterSteps][]complex64
	copy(far[:], c.spectra[c.skip:])
	// A tone says nothing of the other lines, and yet has some power in them: what would be learnt of them is wrong.
	tone := tonal(c.spectra[c.skip])
	c.filter.step(&far, heard, c.left, !tone)
	c.duplex.hear(c.farPower(), float64(mean(heard)), float64(mean(c.left)), tone)
	if c.duplex.lost() {
		c.filter.forget()
		c.duplex.forget()
	}
	for i, v := range c.left {
		c.gone[i] = heard[i] - v
	}
	copy(heard, c.left)
}

// remember puts the loudspeaker's step in front of the earlier ones.
func (c *echoCanceller) remember() {
	last := c.spectra[historySteps-1]
	copy(c.spectra[1:], c.spectra)
	c.spectra[0] = last
	copy(c.powers[1:], c.powers)
	c.powers[0] = float64(mean(c.step))
	copy(c.pair, c.pair[stepSamples:])
	copy(c.pair[stepSamples:], c.step)
	c.fft.forward(c.pair, last)
}

// tonal reports whether nearly all power of a spectrum is around one line.
func tonal(spectrum []complex64) bool {
	best, sum := 0, float32(0)
	for k, c := range spectrum {
		sum += power(c)
		if power(c) > power(spectrum[best]) {
			best = k
		}
	}
	around := float32(0)
	for _, c := range spectrum[max(0, best-3):min(len(spectrum), best+4)] {
		around += power(c)
	}
	return around > 0.9*sum
}

// align looks for the delay, and moves the filter to it unless the filter does well where it is.
func (c *echoCanceller) align(heard []float32) {
	delay, found := c.search.step(c.step, heard, tonal(c.spectra[0]))
	if !found {
		return
	}
	well := c.duplex.trusted && c.duplex.lately(duplexFirst) >= duplexPoor
	if well {
		c.search.wait = searchRest
	}
	skip := skipFor(delay)
	fits := skip == c.skip || c.known && skip >= c.skip && skip <= c.skip+searchSteps
	if !fits && well {
		return
	}
	c.delay, c.known = delay, true
	if !fits {
		c.skip = skip
		c.filter.forget()
		c.duplex.forget()
	}
}

// farPower is the mean square of the loudspeaker's sound that comes back now; while it is not known how late that is, the most that may.
func (c *echoCanceller) farPower() float64 {
	if c.known {
		return c.powers[c.skip]
	}
	return slices.Max(c.powers)
}

// lower lowers what is left of the echo in the next 10 ms, in place, and is late by as much. It reports whether nothing but a visitor is
// to be heard.
func (c *echoCanceller) lower(x []float32) (visitor bool) {
	for k, d := range c.filter.doubt {
		c.doubt[k], c.lastDoubt[k] = max(d, c.lastDoubt[k]), d
	}
	gone := c.gone
	if c.late {
		gone = c.lastGone
	}
	far := c.duplex.envelope >= farSpeaks
	c.suppress.look(x, gone, c.doubt, far && c.clipped > 0)
	c.gone, c.lastGone = c.lastGone, c.gone
	closed := c.duplex.switchOff(c.suppress.restPower, c.suppress.expected)
	if !far {
		c.suppress.quiet()
	}
	c.suppress.lower(c.gate.next(closed), x)
	return !far || c.duplex.trusted && !closed && c.duplex.hold > 0
}
