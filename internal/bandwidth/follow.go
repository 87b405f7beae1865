package bandwidth

import "time"

// followPace is how much faster than the rate packets may leave when an estimate holds it down. Were it less, what waits here would
// hide from the estimate how much passes.
const followPace = 1.5

// follow makes an estimate the target. Own findings are given up: when there is no estimate any more, the rules go on from where it
// left the target.
func (p *Policy) follow(s Sample) {
	if !p.following {
		p.following, p.trial, p.ceiling, p.rough, p.hits = true, nil, 0, false, 0
		p.holdTo, p.nextCut, p.tryFrom = time.Time{}, time.Time{}, time.Time{}
		if p.draining {
			p.draining, p.broken = false, p.broken || p.torn(s)
		}
	}
	p.target = p.bound(float64(s.Estimate) - p.past.headers()*rtpOverhead/packetOverhead)
	p.cause = CauseNone
	if p.target < float64(p.limits.Max) {
		p.cause = CauseGCC
	}
	p.tidy(s)
}

// tidy does what an estimate does not: it leaves out what would come too late, and sees to it that a torn picture is mended.
func (p *Policy) tidy(s Sample) {
	switch {
	case !p.broken && p.delay.excess(s.At) > skipFrom:
		p.broken, p.skip, p.drainSince = true, true, s.At
	case !p.broken:
		p.mend(s)
		p.whole = s
	case p.delay.clear(s.At):
		p.broken, p.clear, p.whole = false, true, s
	case s.At.Sub(p.drainSince) > drainLimit, p.delay.stays(s.At, p.quietFrom):
		p.delay.accept(s.At) // not ours
		p.broken, p.clear, p.whole = false, true, s
	}
}

// unguided goes on by the policy's own rules.
func (p *Policy) unguided(s Sample) {
	if !p.following {
		return
	}
	p.following = false
	p.past.missFrom = s.At
	if p.cause == CauseGCC {
		p.cause = CauseDelay
	}
	if p.broken {
		// A key frame is due when the queue is empty, as after a cut.
		p.draining, p.drainFrom, p.drainFirst = true, p.delay.excess(s.At), p.delay.excess(s.At)
		p.before, p.ceiling = p.target, p.wireOf(p.target)
		p.cutAt, p.nextCut = s.At, s.At.Add(cutGap)
	}
}
