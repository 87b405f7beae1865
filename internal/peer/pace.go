package peer

import "time"

const (
	// paceSpan is what may leave at once, as time at the pace: two packets of a small picture's.
	paceSpan = 5 * time.Millisecond
	// paceLimit is how long one picture may take to leave. A larger one goes faster, or the next ones would come too late, too.
	paceLimit = 600 * time.Millisecond
)

// VideoPace is how the picture is to leave. Rates are in bit/s on the wire.
type VideoPace struct {
	// Rate is how fast its packets may follow each other; 0 is as they come.
	Rate int
	// Resend is how much of it may be sent again when the far side asks for it.
	Resend int
	// Target is the picture's rate now, Least and Most are its bounds: what an estimate (Link.Estimate) is to begin with and keep to.
	Target, Least, Most int
}

// SetVideoPace changes how the picture leaves from now on.
func (p *Peer) SetVideoPace(v VideoPace) {
	now := p.config.Now()
	p.picture.memory.allow(v.Resend, now)
	p.congestion.allow(estimateRange{least: v.Least, start: v.Target, most: v.Most})
	p.picture.mu.Lock()
	defer p.picture.mu.Unlock()
	p.picture.pace.set(v.Rate, paceSpan, now)
}

// due takes the time of a packet from the pace and tells how long it has to wait.
func (p *picture) due(bytes int, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := max(p.left, bytes)
	p.left = left - bytes
	if p.pace.rate == 0 {
		return 0
	}
	wait := p.pace.owe(bytes, now)
	most := time.Duration(float64(p.until.Sub(now)) * float64(bytes) / float64(left))
	if most = max(most, 0); wait > most {
		p.pace.forgive(wait - most)
		return most
	}
	return wait
}

// hurry keeps a picture of this size from taking too long: its packets share the time that it has. The caller holds mu.
func (p *picture) hurry(bytes int, now time.Time) { p.left, p.until = bytes, now.Add(paceLimit) }

// Link is what is known of the way to the far side and of the picture on it. Counters only grow; sizes are those on the wire.
type Link struct {
	// Way is the number of the path in use: another is another path.
	Way uint64
	// RoundTrip is the time that the newest of ICE's checks took on it, RoundTrips how many were answered.
	RoundTrip  time.Duration
	RoundTrips uint64
	// Packets and Bytes are the picture's, with those sent again, which are Again packets. Media is its bytes as they were handed in.
	Packets, Bytes, Again, Media uint64
	// SoundBytes are the sound's.
	SoundBytes uint64
	// Missing counts the packets of the picture that the far side asked for again, each once; Withheld the askings that
	// VideoPace.Resend did not allow for.
	Missing, Withheld uint64
	// Reports counts the far side's reports on the picture; FractionLost, 0 to 1, and Jitter are the newest's.
	Reports      uint64
	FractionLost float64
	Jitter       time.Duration
	// Estimate is the rate at which the picture's packets may leave as congestion control (GCC) sees it, in bit/s with RTP's headers;
	// 0 without a far side that reports soundly on each packet.
	Estimate int
}

// Link tells what is known now.
func (p *Peer) Link() Link {
	l := Link{
		Bytes: p.counters.videoBytes.Load(), Packets: p.counters.videoOnWire.Load(), SoundBytes: p.counters.audioBytes.Load(),
	}
	l.Missing, l.Withheld = p.picture.memory.counts()
	p.checks(&l)
	now := p.config.Now()
	a := p.agreed.Load()
	l.Estimate = p.congestion.estimate(a != nil && a.transportCC != 0, now)
	o := p.picture
	o.mu.Lock()
	defer o.mu.Unlock()
	l.Again, l.Media = l.Packets-min(o.packets, l.Packets), o.bytes
	l.Reports, l.FractionLost, l.Jitter = o.reports, o.fraction, o.jitter
	return l
}

// checks asks ICE how long its checks take.
func (p *Peer) checks(l *Link) {
	p.checked.Lock()
	defer p.checked.Unlock()
	if w := p.inUse.Load(); w != nil && w != p.checked.path {
		p.checked.path = w
		p.checked.way++
		p.checked.trip.Store(0)
	}
	l.Way = p.checked.way
	if p.checked.path == nil || p.ctx.Err() != nil {
		return
	}
	if stats, ok := p.checked.path.agent.GetSelectedCandidatePairStats(); ok {
		l.RoundTrips = stats.ResponsesReceived
		l.RoundTrip = time.Duration(stats.CurrentRoundTripTime * float64(time.Second))
		p.checked.trip.Store(int64(l.RoundTrip))
	}
}
