package bandwidth

import "time"

const (
	// trialSpan is how long a rate is tried; trialQuick where much is lost.
	trialSpan  = 1600 * time.Millisecond
	trialQuick = 900 * time.Millisecond
	// trialShare is the share of the rate that is tried, trialAgain of that when it is tried once more.
	trialShare = 0.55
	trialAgain = 0.5
	// helped is the share of a loss that may be left for a lower rate to have helped.
	helped = 0.5
	// justBegun is how many times more must be lost now than in a longer while for the loss to have just begun.
	justBegun = 2
	// trialPause is how long a verdict stands at least.
	trialPause = 20 * time.Second
	// hopeless is a loss at which fewer packets give more whole pictures.
	hopeless = 0.25
	// nobodys is a loss that no way has by nature.
	nobodys = 0.5
)

// trial is finding out whether the rate is at fault for a loss. A queue that overflows lets the same through whatever is sent, a bad
// radio the same share of it.
type trial struct {
	until  time.Time
	before float64 // the target that loss struck
	loss   float64

	// Of the first rate that was tried, when this is the second: what was sent and what of it arrived.
	sent, arrived float64
}

// suspicious reports whether more is lost than is usual on this way.
func (p *Policy) suspicious(s Sample) bool {
	if s.At.Before(p.nextCut) || s.At.Before(p.tryFrom) {
		return false
	}
	if p.past.packets(s.At, quickSpan) >= lossPackets && p.past.loss(s.At, quickSpan) > p.usual+quickLoss {
		return true
	}
	return p.past.packets(s.At, lossSpan) >= 2*lossPackets && p.past.loss(s.At, lossSpan) > max(lossSuspect, p.usual+0.1)
}

// try begins a trial. What is lost of few packets is mostly chance, and the most of several such shares even more so: the way's usual
// loss would look as if a lower rate had helped. So the short spans count only for a loss that has just begun.
func (p *Policy) try(s Sample) {
	lost := p.past.loss(s.At, lossSpan)
	if now := max(p.past.loss(s.At, sharpSpan), p.past.loss(s.At, quickSpan)); now > justBegun*lost {
		lost = now
	}
	p.trial = &trial{before: p.target, loss: lost}
	p.cause = CauseLoss
	p.lower(s, trialShare*p.target)
}

// lower sets the rate of a trial.
func (p *Policy) lower(s Sample, target float64) {
	span := trialSpan
	if p.trial.loss > quickLoss {
		span = trialQuick
	}
	p.target = p.bound(target)
	p.past.missFrom = s.At.Add(settle + p.delay.now())
	p.trial.until = p.past.missFrom.Add(span)
}

// judge ends a trial when it is time to.
func (p *Policy) judge(s Sample) {
	t := p.trial
	p.mend(s)
	if s.At.Before(t.until) {
		return
	}
	lost := p.past.loss(s.At, trialSpan)
	sent := p.past.wire(s.At, s.At.Sub(p.past.missFrom))
	arrived := sent * (1 - lost)
	switch {
	case lost < helped*t.loss:
		p.found(s, arrived)
	case t.sent == 0 && p.target > float64(p.limits.Min):
		t.sent, t.arrived, t.loss = sent, arrived, lost
		p.lower(s, trialAgain*p.target)
	case t.sent > 0 && (arrived > t.arrived*(1+sent/t.sent)/2 || lost > nobodys):
		p.found(s, arrived)
	default:
		p.usual, p.target = lost, t.before
		if lost > hopeless {
			p.target = p.bound(trialShare * t.before)
		}
		p.trial, p.tryFrom = nil, s.At.Add(trialPause)
		p.past.missFrom = s.At.Add(settle + p.delay.now())
	}
}

// found ends a trial with the rate being at fault: so much passes.
func (p *Policy) found(s Sample, passes float64) {
	p.met(passes)
	p.trial, p.clear = nil, true
	p.target = p.bound(min(p.target, p.mediaOf(share*passes)))
	p.nextCut = s.At.Add(cutGap)
	p.holdTo = s.At.Add(p.hold())
	p.past.missFrom = s.At.Add(settle + p.delay.now())
}

// learn follows what loss is usual, slowly.
func (p *Policy) learn(s Sample) {
	const slowly = 0.1 // a second
	lost := p.past.loss(s.At, lossSpan)
	p.usual += (lost - p.usual) * slowly * min(s.At.Sub(p.last.At), time.Second).Seconds()
}
