package peer

import (
	"sync/atomic"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

// tapFactory makes the one tap of a peer.
type tapFactory struct{ p *Peer }

func (f tapFactory) NewInterceptor(string) (interceptor.Interceptor, error) { return &tap{p: f.p}, nil }

// tap stands between the transport and everything else. Inbound it reads each packet as it came, sorts it by the payload types
// agreed last, and passes it on with one the PeerConnection knows: that one was told of a single set and would otherwise end
// the stream at a renumbered packet. Outbound it counts what leaves, resent packets, too, and numbers the
// picture's where the far side reports on them.
type tap struct {
	interceptor.NoOp
	p *Peer
}

// BindRemoteStream implements interceptor.Interceptor.
func (t *tap) BindRemoteStream(_ *interceptor.StreamInfo, reader interceptor.RTPReader) interceptor.RTPReader {
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, a, err := reader.Read(b, a)
		if err == nil {
			t.p.received(b[:n])
			if base := t.p.basePT.Load(); n > 1 {
				b[1] = b[1]&0x80 | byte(base)
			}
		}
		return n, a, err
	})
}

// BindRTCPReader implements interceptor.Interceptor.
func (t *tap) BindRTCPReader(reader interceptor.RTCPReader) interceptor.RTCPReader {
	return interceptor.RTCPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		for {
			n, attributes, err := reader.Read(b, a)
			if err != nil {
				return n, attributes, err
			}
			if rest := t.p.receiveRTCP(b[:n], t.p.config.Now()); len(rest) > 0 {
				return len(rest), attributes, nil
			}
		}
	})
}

// BindLocalStream implements interceptor.Interceptor.
func (t *tap) BindLocalStream(info *interceptor.StreamInfo, writer interceptor.RTPWriter) interceptor.RTPWriter {
	packets, bytes := &t.p.counters.videoOnWire, &t.p.counters.videoBytes
	sound := info.SSRC != t.p.picture.ssrc
	if sound {
		packets, bytes = &t.p.counters.audioOnWire, &t.p.counters.audioBytes
	}
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		packets.Add(1)
		bytes.Add(uint64(len(payload) + packetOverhead))
		if agreed := t.p.agreed.Load(); !sound && agreed != nil && agreed.transportCC != 0 {
			stamped, err := t.p.congestion.stamp(h, payload, agreed.transportCC, t.p.config.Now())
			if err != nil {
				return 0, err
			}
			h = stamped
		}
		return writer.Write(h, payload, a)
	})
}

// counters are what only Stats reads.
type counters struct {
	keyFrames, digits, dropped, nacks                atomic.Uint64
	videoOnWire, videoBytes, audioOnWire, audioBytes atomic.Uint64 // what really left
}

// received sorts one packet of the far side by its payload type.
func (p *Peer) received(b []byte) {
	var pkt rtp.Packet
	// The reader's memory is used again, and the callee may keep the packet.
	if err := pkt.Unmarshal(append([]byte(nil), b...)); err != nil {
		p.counters.dropped.Add(1)
		return
	}
	a := p.agreed.Load()
	if a == nil {
		return
	}
	// Streams that follow each other are read by different goroutines.
	p.inbound.Lock()
	defer p.inbound.Unlock()
	what := a.receive[pkt.PayloadType&127]
	switch what.kind {
	case payloadVoice:
		p.far.count(&pkt)
		if len(pkt.Payload) > 0 && p.events.Audio != nil {
			p.events.Audio(&pkt, what.codec)
		}
	case payloadEvent:
		p.far.count(&pkt)
		r, ok := p.keypad.take(pkt.SSRC, pkt.Timestamp, pkt.Payload)
		if !ok {
			return
		}
		p.counters.digits.Add(1)
		if p.events.Digit != nil {
			p.events.Digit(r, pkt.Timestamp)
		}
	default:
		p.counters.dropped.Add(1)
	}
}
