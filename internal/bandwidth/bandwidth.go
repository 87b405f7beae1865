// Package bandwidth decides how many bits a second of picture a way through the network is given. It is a pure policy: what was
// sent and what is known of its arrival go in, a target comes out. It holds no goroutine and no clock.
//
// It is made for a far side that says little. A PBX may report on the picture every five seconds only, and ask for what it misses
// with many askings too many; so the delay of the way itself is watched, by ICE's own checks, which pass the same queues as the
// picture. Three things are told apart:
//
//   - A queue that builds: the delay rises, and loss follows when the queue is full. The rate falls below what passes, until the
//     queue is empty.
//   - Loss without a queue: a shaper without one, or a bad radio. It is found out: where less loss follows from less rate it was the
//     rate's fault, else the rate of before returns and that much loss is taken for the way's nature.
//   - A delay that less rate does not end: somebody else's queue, or another way; it is taken for the way's nature, too.
//
// Where the far side reports soundly on each packet, Google's congestion control, which is not in this package, says what is possible
// (Sample.Estimate). Then that is the target, and these rules rest until there is none any more.
package bandwidth

import "time"

// Limits bound a target, in bit/s.
type Limits struct {
	// Min and Max bound it; Start is what it begins with.
	Min, Start, Max int
}

// Sample is what is known at one moment. All counters only grow. Sizes are those on the wire, with all headers, unless said
// otherwise.
type Sample struct {
	At time.Time
	// Way is another number when the packets take another way from now on.
	Way uint64
	// RoundTrip is the newest time there and back, RoundTrips how often it was measured.
	RoundTrip  time.Duration
	RoundTrips uint64
	// Packets and Bytes are the picture's, with those sent again; Again is how many packets those were.
	Packets, Bytes, Again uint64
	// Media is what the encoder made, in bytes without headers.
	Media uint64
	// SoundBytes are those of the sound beside it.
	SoundBytes uint64
	// Missing counts the packets of the picture that the far side has asked for again, each once.
	Missing uint64
	// Withheld counts the askings that Decision.Resend did not allow for.
	Withheld uint64
	// Reports counts the far side's reports on the picture (RFC 3550 section 6.4), of which FractionLost, from 0 to 1, and Jitter
	// are the newest's.
	Reports      uint64
	FractionLost float64
	Jitter       time.Duration
	// Estimate is what congestion control makes of reports on each packet, in bit/s of the picture's packets with the headers of RTP;
	// 0 when there are none that are sound.
	Estimate int
}

// Cause is what holds a target down.
type Cause string

// Causes.
const (
	CauseNone  Cause = ""      // nothing
	CauseDelay Cause = "delay" // a queue built
	CauseLoss  Cause = "loss"  // packets were lost
	CauseGCC   Cause = "gcc"   // Google's congestion control, where the far side reports on each packet
)

// Decision is what is to be done from now on. Rates are in bit/s.
type Decision struct {
	// Target is for the encoder.
	Target int
	// Pace is how fast packets may leave, on the wire; 0 is as fast as they come.
	Pace int
	// Resend is how much may be sent again, on the wire.
	Resend int
	// Cause is what holds the target down.
	Cause Cause
	// Skip says that what still waits to be sent is too much and of no use any more.
	Skip bool
	// KeyFrame says that pictures were lost, or skipped, and the way is clear again.
	KeyFrame bool
}

// What a policy goes by.
const (
	// packetOverhead is RTP, SRTP, UDP, IP and link headers of a packet, in bytes.
	packetOverhead = 64
	// rtpOverhead is the part of it that estimates include: RTP with a header extension.
	rtpOverhead = 20

	// rateSpan is over how long a rate is measured, lossSpan a share of lost packets; lossPackets is the least they are shares of.
	rateSpan    = time.Second
	lossSpan    = 2 * time.Second
	lossPackets = 40

	// cutGap is the least time from one cut to the next: a cut must be able to show.
	cutGap = 700 * time.Millisecond
	// cutLeast is the least share of a rate that one cut leaves: what is measured while a queue overflows is not exact.
	cutLeast = 0.45
	// skipLeast takes its place when what waits is left out.
	skipLeast = 0.22
	// share is how much of what passes is used once the queue is empty.
	share = 0.92
	// firstHold is how long a rate is kept after a cut before more is tried; when the next try meets the same ceiling it is lengthened
	// by holdStep, up to lastHold.
	firstHold = 3 * time.Second
	holdStep  = 2500 * time.Millisecond
	lastHold  = 8 * time.Second
	roughHold = time.Second
	// growth, and nearGrowth around what was found to be the ceiling, are by how much the target rises in a second.
	growth      = 0.11
	nearGrowth  = 0.04
	roughGrowth = 0.09 // where the ceiling is a rough guess
	// skipFrom is the queue from which on pictures are rather left out than shown late.
	skipFrom = 400 * time.Millisecond
	// tornFrom is how many packets may be lost beyond the usual before a picture is not waited for any more.
	tornFrom = 8
	// drainLimit is after how long of lower rate a delay that remains is not the picture's.
	drainLimit = 5 * time.Second
	// quietSpan is how long the picture must have sent nothing for that to be no pause between two pictures.
	quietSpan = 400 * time.Millisecond

	// settle is how long after a change of rate what is missing may still be of the rate before.
	settle = 300 * time.Millisecond

	// lossSuspect is the loss beyond the usual that makes a policy find out whether the rate is at fault; quickLoss makes it do so at
	// once.
	lossSuspect = 0.12
	quickLoss   = 0.3
	quickSpan   = 700 * time.Millisecond
	// sharpSpan is over how little a loss that has just begun is measured.
	sharpSpan = 300 * time.Millisecond

	leastResend = 64_000
	// mendGap is the least distance of key frames for packets that were not sent again.
	mendGap = 1500 * time.Millisecond
)

// Policy decides for one way. It is not for use by several goroutines at once.
type Policy struct {
	limits Limits
	delay  delay
	past   past

	target  float64
	cause   Cause
	ceiling float64 // what passed on the wire when a cut was made, 0 when not known
	rough   bool    // the ceiling is a rough guess, too low rather than too high
	hits    int     // cuts at about the same ceiling
	cutAt   time.Time
	nextCut time.Time
	holdTo  time.Time

	draining   bool
	drainSince time.Time
	drainFrom  time.Duration // the excess of the delay at the last cut
	drainFirst time.Duration // and at the first
	before     float64       // the target that made the queue
	broken     bool          // pictures were lost or skipped since the queue began to build
	skip       bool          // at this moment
	clear      bool          // at this moment, after pictures were lost
	whole      Sample        // when all was well
	mended     uint64        // what had been withheld at the last key frame
	mendFrom   time.Time     // no key frame for what was withheld before
	quietFrom  time.Time     // since when the picture has sent nothing

	trial   *trial
	tryFrom time.Time // no trial before
	usual   float64   // loss that is the way's nature

	following bool // an estimate
	last      Sample
	decided   Decision
}

// New makes a policy.
func New(l Limits) *Policy {
	p := &Policy{limits: l}
	p.target = p.bound(float64(l.Start))
	return p
}

func (p *Policy) bound(v float64) float64 {
	return min(max(v, float64(p.limits.Min)), float64(p.limits.Max))
}

// Update takes what is known now, about ten times a second, and decides.
func (p *Policy) Update(s Sample) Decision {
	first := p.last.At.IsZero()
	p.skip, p.clear = false, false
	if first || s.Way != p.last.Way {
		p.otherWay(s)
	}
	if s.Media != p.last.Media {
		p.quietFrom = s.At
	}
	p.delay.take(s)
	p.past.add(s)
	if s.Estimate == 0 {
		p.unguided(s)
	}
	switch {
	case first:
	case s.Estimate > 0:
		p.follow(s)
	case p.draining:
		p.drain(s)
	case p.delay.congested(s.At):
		p.cut(s)
	case p.trial != nil:
		p.judge(s)
	case p.suspicious(s):
		p.try(s)
	default:
		p.grow(s)
	}
	p.last = s
	return p.decide(s)
}

// otherWay forgets what was known of the way before. Pictures that were given up there are missed here, too.
func (p *Policy) otherWay(s Sample) {
	p.clear, p.broken = (p.draining || p.following) && p.broken, false
	p.delay, p.past = delay{}, past{}
	p.ceiling, p.rough, p.hits, p.usual, p.trial, p.draining = 0, false, 0, 0, nil, false
	p.whole = s
}

// torn reports whether more was lost since all was well than this way always loses: more than is mended by sending it again.
func (p *Policy) torn(s Sample) bool { return p.lostMore(s, tornFrom) }

func (p *Policy) lostMore(s Sample, than float64) bool {
	packets := float64(s.Packets - p.whole.Packets)
	return float64(s.Missing-p.whole.Missing) > than+2*p.usual*packets
}

// decide puts the state in words.
func (p *Policy) decide(s Sample) Decision {
	d := Decision{Target: int(p.target), Cause: p.cause, Skip: p.skip, KeyFrame: p.clear}
	wire := p.wireOf(float64(d.Target)) - p.past.sound()
	again := min(max(0.1+1.5*p.lossNow(s), 0.15), 0.5)
	if p.draining {
		again = 0.15
	}
	d.Resend = max(int(again*wire), leastResend)
	switch {
	case p.following:
		if p.cause == CauseGCC {
			d.Pace = int(followPace * wire)
		}
	case p.ceiling > 0 || p.trial != nil:
		d.Pace = int(max(1.2*wire, p.ceiling-p.past.sound()))
	}
	if p.clear {
		p.mended, p.mendFrom = s.Withheld, s.At.Add(mendGap)
	}
	p.decided = d
	return d
}

// lossNow is the share of the packets that is lost, as far as it is known: after a change of rate it can't be measured for a while, and
// is what it was.
func (p *Policy) lossNow(s Sample) float64 {
	lost := max(p.past.loss(s.At, lossSpan), p.usual)
	if p.trial != nil && p.trial.loss < quickLoss { // what is sent again into a queue that overflows is lost, too
		lost = max(lost, p.trial.loss)
	}
	return lost
}

// wireOf is what a target comes to on the wire, with the sound.
func (p *Policy) wireOf(target float64) float64 {
	return target + p.past.sound() + p.past.headers()
}

// mediaOf is the target that comes to a rate on the wire.
func (p *Policy) mediaOf(wire float64) float64 {
	return wire - p.past.sound() - p.past.headers()
}

// cut lowers the target below what passes.
func (p *Policy) cut(s Sample) {
	if s.At.Before(p.nextCut) {
		return
	}
	span := rateSpan
	if p.draining {
		span = min(span, s.At.Sub(p.cutAt))
	}
	// What was sent, not what was to be: not every source follows.
	sent := p.past.wire(s.At, span)
	lost := max(p.past.loss(s.At, span), p.past.loss(s.At, quickSpan), p.past.loss(s.At, sharpSpan))
	if p.trial != nil {
		lost = max(lost, p.trial.loss)
	}
	passes := sent * (1 - lost) / (1 + p.delay.slope(s.At))
	p.broken = p.broken || p.torn(s)
	p.drainFrom = p.delay.excess(s.At)
	// What is lost can't be shown, and what would come a second late nobody wants to see.
	p.skip = p.broken || p.drainFrom > skipFrom
	if p.skip {
		// The queue empties by itself, which says nothing of what passes: so little at first, and quickly more.
		p.broken, p.rough = true, true
		p.met(max(passes, skipLeast*sent))
	} else {
		p.rough = false
		p.met(max(passes, cutLeast*sent))
	}
	if !p.draining {
		p.draining, p.drainSince, p.drainFirst = true, s.At, p.drainFrom
		p.before = p.target
	}
	p.cause, p.trial = CauseDelay, nil
	p.target = p.bound(min(p.target, p.mediaOf(p.ceiling*p.drainShare(p.drainFrom))))
	p.cutAt, p.nextCut = s.At, s.At.Add(cutGap+p.delay.now()/2)
	p.past.missFrom = s.At.Add(p.delay.now())
}

// drainShare is how much of what passes is used while a queue of a length empties: in about two seconds it is gone.
func (p *Policy) drainShare(queue time.Duration) float64 {
	return min(max(0.85-queue.Seconds()/3, 0.5), 0.85)
}

// met notes what passed when a rate proved too high.
func (p *Policy) met(passes float64) {
	if p.ceiling > 0 && passes > 0.8*p.ceiling && passes < 1.25*p.ceiling {
		p.hits++
	} else if !p.draining {
		p.hits = 0
	}
	p.ceiling = passes
}

// drain waits for the queue to be empty.
func (p *Policy) drain(s Sample) {
	p.broken = p.broken || p.torn(s)
	left := p.delay.excess(s.At)
	ours := true
	switch {
	case p.delay.clear(s.At):
	case s.At.Sub(p.drainSince) > drainLimit && left > p.drainFrom*4/5, p.delay.stays(s.At, p.quietFrom):
		p.delay.accept(s.At)
		ours = false
	case s.At.Sub(p.quietFrom) > quietSpan: // nothing is sent, so nothing is learned of what passes
		return
	case !s.At.Before(p.nextCut) && left >= p.drainFrom*9/10 && !p.delay.falling(s.At):
		p.cut(s)
		return
	default:
		return
	}
	p.draining = false
	p.past.missFrom = s.At.Add(settle)
	p.target = p.bound(max(p.target, min(p.mediaOf(share*p.ceiling), share*p.before)))
	if !ours || s.At.Sub(p.drainSince) < p.drainFirst/2 && !p.torn(s) {
		// Somebody else's queue; or one that was none, as none empties so fast: the radio or the machine stood still for a moment.
		p.target, p.ceiling, p.rough = p.bound(share*p.before), 0, true
	}
	p.holdTo = s.At.Add(p.hold())
	// A few losses may have been mended, or not; a key frame costs less than to wait for the far side's word, which comes after three
	// seconds.
	p.clear = p.broken || p.lostMore(s, 0)
	p.broken, p.whole = false, s
}

func (p *Policy) hold() time.Duration {
	if p.rough {
		return roughHold
	}
	return min(firstHold+time.Duration(p.hits)*holdStep, lastHold)
}

// mend has a key frame made when packets are missing that were not sent again: nothing else would bring the picture back, and the far
// side may wait long to say so.
func (p *Policy) mend(s Sample) {
	if s.Withheld != p.mended && !s.At.Before(p.mendFrom) {
		p.clear = true
	}
}

// grow raises the target, carefully, when nothing speaks against it.
func (p *Policy) grow(s Sample) {
	p.learn(s)
	p.mend(s)
	p.whole = s
	most := float64(p.limits.Max)
	if p.target >= most {
		p.cause = CauseNone
		return
	}
	if s.At.Before(p.holdTo) || p.delay.uneasy(s.At) || p.past.loss(s.At, lossSpan) > max(0.02, 1.5*p.usual+0.02) {
		return
	}
	// A scene that needs no more says nothing of what would pass.
	if p.target > 2*p.past.media(s.At, lossSpan)+100_000 {
		return
	}
	rate := growth
	if p.rough {
		rate = roughGrowth
	} else if wire := p.wireOf(p.target); p.ceiling > 0 {
		switch {
		case wire > 1.12*p.ceiling:
			p.ceiling, p.hits = 0, 0
		case wire > 0.8*p.ceiling:
			rate = nearGrowth
		}
	}
	p.target = p.bound(p.target * (1 + rate*min(s.At.Sub(p.last.At), time.Second).Seconds()))
	if p.target >= most {
		p.cause = CauseNone
	}
}
