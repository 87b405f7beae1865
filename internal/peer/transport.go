package peer

import (
	"fmt"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"
)

// iceConnected notes the first pair.
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

// connectionState is pion's callback. The link neither fails nor grows silent, so this is about DTLS alone.
func (p *Peer) connectionState(s webrtc.PeerConnectionState) {
	p.log.Debug("transport", "state", s.String())
	switch s {
	case webrtc.PeerConnectionStateConnected:
		p.work.start(p.ready)
	case webrtc.PeerConnectionStateFailed:
		p.work.start(func() { p.fail(ErrDTLSFailed) })
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

// rememberPair keeps the chosen pair for Stats, which may be asked after the end.
func (p *Peer) rememberPair() {
	w := p.inUse.Load()
	if w == nil {
		return
	}
	local, far, ok := w.pair()
	if !ok {
		return
	}
	p.seen.Lock()
	p.seen.local, p.seen.far = candidateName(local), candidateName(far)
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
	s.LocalCandidate, s.RemoteCandidate = p.seen.local, p.seen.far
	return s
}
