package audio

import "time"

// What the estimate of the delay is made of.
const (
	// delayLeast and delayMost bound the target.
	delayLeast, delayMost = 20 * time.Millisecond, 200 * time.Millisecond
	// delayFirst is the target before anything is known of the network.
	delayFirst = 60 * time.Millisecond
	// delayMargin is added to what the network asks for: sound is taken in frames, which after a stretch do not begin where packets
	// do, so that a packet may be needed up to a frame before its first sample is.
	delayMargin = FrameDuration
	// delayBin is the resolution of the histogram, delayBins its length: what is later than its end counts as its end.
	delayBin, delayBins = 5 * time.Millisecond, 60
	// delayQuantile of the packets are to come before their turn.
	delayQuantile = 0.98
	// delayMemory is the weight of a new packet in the histogram once it is full: it remembers some 200 packets, 4 s. Four packets that
	// come late raise the target at once; it falls when they are forgotten.
	delayMemory = 0.005
	// delayPrior is the weight of what was assumed before the first packet, in packets. It is outweighed within a second.
	delayPrior = 1.0
	// delayLate is how many packets one counts for that came after its turn: what was heard missing weighs more than what might have been.
	delayLate = 3
	// peakAbove is how much later than the target a packet must come to be a peak, peakRest how long one lasts at most, peakMemory within
	// which time another makes it a habit of the network: then the target covers it for twice the time between them.
	peakAbove, peakRest, peakMemory = 20 * time.Millisecond, time.Second, 20 * time.Second
	// transitSpan is how long the fastest packet is the measure of the others, at least; twice that at most. The clocks of two sound
	// cards differ by up to 2 ms in it.
	transitSpan = 5 * time.Second
	// transitJump is a change of the transit time that is no delay: the far end let its clock stand still.
	transitJump = time.Second
)

// fastest is the least of the values of the last one to two spans.
type fastest struct {
	span            time.Duration
	known           bool
	began           time.Time
	current, before time.Duration
}

// add takes a value.
func (f *fastest) add(v time.Duration, now time.Time) {
	switch age := now.Sub(f.began); {
	case !f.known || age >= 2*f.span:
		*f = fastest{span: f.span, known: true, began: now, current: v, before: v}
	case age >= f.span:
		f.before, f.current, f.began = min(f.current, v), v, now
	default:
		f.current = min(f.current, v)
	}
}

// least is the least value; there must have been one.
func (f *fastest) least() time.Duration { return min(f.current, f.before) }

// delayEstimate learns from the arrival of packets how long they should wait. It knows nothing but how much later than the fastest
// one each came, and how often that was: a histogram that forgets.
type delayEstimate struct {
	epoch   time.Time
	transit fastest // time of arrival less timestamp
	bins    [delayBins]float64
	packets float64 // seen so far, as far as that matters
	peaks   peaks
	target  time.Duration
}

func newDelayEstimate() *delayEstimate {
	e := &delayEstimate{transit: fastest{span: transitSpan}, target: delayFirst}
	e.bins[binOf(delayFirst-delayMargin)] = 1
	return e
}

// since is a point in time as a duration, from the first one on.
func (e *delayEstimate) since(t time.Time) time.Duration {
	if e.epoch.IsZero() {
		e.epoch = t
	}
	return t.Sub(e.epoch)
}

// base is the transit time of the fastest packet; false while there was none.
func (e *delayEstimate) base() (time.Duration, bool) { return e.transit.least(), e.transit.known }

// restart forgets the clock of the far end, but not what the network is like.
func (e *delayEstimate) restart() { e.transit.known = false }

// arrived takes a packet whose first sample has the time media on the clock of the far end, and gives its delay relative to the
// fastest.
func (e *delayEstimate) arrived(media time.Duration, at time.Time) time.Duration {
	transit := e.since(at) - media
	if base, ok := e.base(); ok && (transit-base > transitJump || base-transit > transitJump) {
		e.restart()
	}
	e.transit.add(transit, at)
	late := transit - e.transit.least()
	e.peaks.take(late, late+delayMargin > e.target+peakAbove, at)
	e.count(late)
	return late
}

// count enters a delay.
func (e *delayEstimate) count(late time.Duration) {
	weight := max(delayMemory, 1/(delayPrior+1+e.packets))
	e.packets = min(e.packets+1, 1/delayMemory)
	for i := range e.bins {
		e.bins[i] *= 1 - weight
	}
	e.bins[binOf(late)] += weight
	e.target = min(delayMost, max(delayLeast, max(e.quantile(), e.peaks.habit)+delayMargin))
}

// wasLate gives a packet that came after its turn more weight.
func (e *delayEstimate) wasLate(late time.Duration) {
	for range delayLate - 1 {
		e.count(late)
	}
}

// quantile is the delay that few packets exceed.
func (e *delayEstimate) quantile() time.Duration {
	rest := 1 - delayQuantile
	for i := delayBins - 1; i > 0; i-- {
		if rest -= e.bins[i]; rest < 0 {
			return time.Duration(i) * delayBin
		}
	}
	return 0
}

// binOf gives the bin of a delay: the one whose number, in bins, is not less than it.
func binOf(late time.Duration) int {
	return int(min(max(0, (late+delayBin-1)/delayBin), delayBins-1))
}

// peaks tells stretches that come late now and then for ever, as when a radio looks for other networks, from one that came late once.
type peaks struct {
	known  bool
	began  time.Time     // of the last one
	height time.Duration // the latest packet of it
	habit  time.Duration // what is to be expected again, 0: nothing
	until  time.Time
}

// take looks at the delay of a packet; beyond: it is later than the target makes up for.
func (p *peaks) take(late time.Duration, beyond bool, now time.Time) {
	if p.habit > 0 && now.After(p.until) {
		p.habit = 0
	}
	since := now.Sub(p.began)
	covered := p.habit > 0 && late > p.habit/2 // a peak that is made up for is one all the same
	switch {
	case !beyond && !covered:
		return
	case p.known && since < peakRest:
		p.height = max(p.height, late)
		return
	case p.known && since < peakMemory:
		p.habit = max(p.habit, p.height)
		p.until = now.Add(2 * since)
	}
	p.known, p.began, p.height = true, now, late
}
