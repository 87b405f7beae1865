package peer

import (
	"fmt"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"
)

// iceState is pion's callback.
func (p *Peer) iceState(s webrtc.ICEConnectionState) {
	p.log.Debug("ICE", "state", s.String())
	if s == webrtc.ICEConnectionStateConnected {
		p.iceConnected(p.config.Now())
	}
}

// iceConnected notes the first pair. It is called by whichever of pion's callbacks comes first: they keep no order.
func (p *Peer) iceConnected(now time.Time) {
	p.once.iceUp.Do(func() {
		p.seen.Lock()
		p.seen.iceAt = now
		p.seen.Unlock()
		close(p.iceUp)
		p.work.start(p.watchDTLS)
	})
}

// watchDTLS gives up a key exchange that goes nowhere; pion would try for ever.
func (p *Peer) watchDTLS() {
	if waitFor(p.ctx, nil, dtlsPatience) == nil && !p.connected.Load() {
		p.fail(ErrDTLSFailed)
	}
}

// connectionState is pion's callback.
func (p *Peer) connectionState(s webrtc.PeerConnectionState) {
	p.log.Debug("transport", "state", s.String())
	switch s {
	case webrtc.PeerConnectionStateConnected:
		p.work.start(p.ready)
	case webrtc.PeerConnectionStateFailed:
		err := ErrICEFailed
		if p.pc.ICEConnectionState() != webrtc.ICEConnectionStateFailed {
			err = ErrDTLSFailed
		}
		p.work.start(func() { p.fail(err) })
	}
}

// ready opens the way for media, once.
func (p *Peer) ready() {
	p.once.connected.Do(func() {
		now := p.config.Now()
		p.iceConnected(now)
		p.seen.Lock()
		p.seen.dtlsAt = now
		iceAt := p.seen.iceAt
		p.seen.Unlock()
		p.rememberPair()
		p.picture.hold()
		p.connected.Store(true)
		if p.ctx.Err() != nil {
			return
		}
		if p.events.Connected != nil {
			p.events.Connected(iceAt, now)
		}
		p.askKeyFrame()
	})
}

func (p *Peer) fail(err error) {
	if p.ctx.Err() != nil {
		return // closing
	}
	p.once.failed.Do(func() {
		p.log.Debug("transport failed", "error", err)
		if p.events.Failed != nil {
			p.events.Failed(err)
		}
	})
}

// track is pion's callback for each stream that begins to arrive. The packets themselves are taken by the tap; here they are
// only drawn through it.
func (p *Peer) track(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	p.work.start(func() { p.listen(r) })
	p.work.start(func() {
		b := make([]byte, receiveMTU)
		for {
			if _, _, err := t.Read(b); err != nil {
				return
			}
		}
	})
}

// rememberPair keeps the chosen pair for Stats, which may be asked after the end. Before ICE has chosen one there is nothing to
// ask for, and pion's transport, which is being started by then, does not bear the question.
func (p *Peer) rememberPair() {
	if !isClosed(p.iceUp) {
		return
	}
	pair, err := p.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return
	}
	p.seen.Lock()
	p.seen.pair = pair
	p.seen.Unlock()
}

func candidateName(c *webrtc.ICECandidate) string {
	host := c.Address
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("udp %s %s:%d", c.Typ, host, c.Port)
}

// Stats returns the counters as they stand; after Close, as they stood at the end.
func (p *Peer) Stats() Stats {
	if p.ctx.Err() == nil {
		p.rememberPair()
	}
	s := Stats{
		AudioSent: p.voice.flow(), VideoSent: p.picture.flow(), AudioReceived: p.far.flow(),
		NACKs: p.counters.nacks.Load(), KeyFrameRequests: p.counters.keyFrames.Load(),
		Digits: p.counters.digits.Load(), Dropped: p.counters.dropped.Load(),
	}
	if wire := p.counters.videoOnWire.Load(); wire > s.VideoSent.Packets {
		s.Resent = wire - s.VideoSent.Packets
	}
	s.FractionLost, s.RoundTrip = p.picture.quality()
	if _, trip := p.voice.quality(); s.RoundTrip == 0 {
		s.RoundTrip = trip
	}
	p.seen.Lock()
	defer p.seen.Unlock()
	s.ICEAt, s.DTLSAt = p.seen.iceAt, p.seen.dtlsAt
	if p.seen.pair != nil {
		s.LocalCandidate, s.RemoteCandidate = candidateName(p.seen.pair.Local), candidateName(p.seen.pair.Remote)
	}
	return s
}
