package peer

import (
	"encoding/binary"
	"math/bits"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
)

// reportInterval is how often sender and receiver reports leave. Browsers need a few to bring sound and picture together.
const reportInterval = time.Second

// rtcpReader is a pion sender or receiver.
type rtcpReader interface {
	Read(b []byte) (int, interceptor.Attributes, error)
}

// listen draws a stream's RTCP through the tap and the other interceptors until it ends: they see only what is read.
func (p *Peer) listen(r rtcpReader) {
	b := make([]byte, receiveMTU)
	for {
		if _, _, err := r.Read(b); err != nil {
			return
		}
	}
}

// roundTrip is the newest that is known: of ICE's checks, else of the reports.
func (p *Peer) roundTrip() time.Duration {
	if trip := time.Duration(p.checked.trip.Load()); trip > 0 {
		return trip
	}
	_, trip := p.picture.quality()
	return trip
}

// receiveRTCP takes in a decrypted compound packet, part by part: one that is malformed costs only itself. It returns what the
// other interceptors are to see, in the same memory: pion's would end the stream's feedback at the first malformed part, and
// answer every NACK.
func (p *Peer) receiveRTCP(b []byte, now time.Time) []byte {
	asked := false
	var far newest
	rest := b[:0]
	for len(b) >= 4 {
		length := (int(binary.BigEndian.Uint16(b[2:4])) + 1) * 4
		if length > len(b) {
			p.counters.dropped.Add(1)
			break
		}
		one := b[:length]
		b = b[length:]
		parts, err := rtcp.Unmarshal(one)
		if err != nil {
			if looksLikeKeyFrameRequest(one) {
				p.counters.keyFrames.Add(1)
				asked = true
			} else {
				p.counters.dropped.Add(1)
			}
			continue
		}
		for _, part := range parts { // one
			asked = p.feedback(part, now) || asked
			far.take(part, p.picture.ssrc)
			one = p.damped(part, one, far, now)
		}
		rest = append(rest, one...) // never longer than what was read
	}
	if asked {
		p.askKeyFrame()
	}
	return rest
}

// newest is the newest packet of the picture that the far side has, as a report says.
type newest struct {
	sequence uint16
	known    bool
}

func (n *newest) take(part rtcp.Packet, ssrc uint32) {
	var reports []rtcp.ReceptionReport
	switch r := part.(type) {
	case *rtcp.SenderReport:
		reports = r.Reports
	case *rtcp.ReceiverReport:
		reports = r.Reports
	}
	for _, r := range reports {
		if r.SSRC == ssrc {
			n.sequence, n.known = uint16(r.LastSequenceNumber), true
		}
	}
}

// damped returns an RTCP packet without those packets asked for that are not to be sent again now.
func (p *Peer) damped(part rtcp.Packet, raw []byte, far newest, now time.Time) []byte {
	nack, ok := part.(*rtcp.TransportLayerNack)
	if !ok {
		return raw
	}
	left := p.picture.memory.damp(nack, far, p.roundTrip(), now)
	if left == nil {
		return nil
	}
	text, err := left.Marshal()
	if err != nil || len(text) > len(raw) {
		return raw
	}
	return text
}

// looksLikeKeyFrameRequest tells a PLI or FIR by its header alone: whatever is wrong with the rest, what it asks for is clear.
func looksLikeKeyFrameRequest(b []byte) bool {
	if b[1] != uint8(rtcp.TypePayloadSpecificFeedback) {
		return false
	}
	kind := b[0] & 0x1F
	return kind == rtcp.FormatPLI || kind == rtcp.FormatFIR
}

// feedback acts on one RTCP packet and tells whether it asks for a key frame. There is one video stream, so a request is for
// that one, whichever SSRC of ours stands in it, and wherever: pion delivers what names one of them in any field. An estimate (REMB) counts
// for nothing: the door agrees to none (videoFeedback), and Chromium, which sends one all the same, makes it of nothing.
func (p *Peer) feedback(part rtcp.Packet, now time.Time) (keyFrame bool) {
	switch r := part.(type) {
	case *rtcp.PictureLossIndication:
		p.counters.keyFrames.Add(1)
		return true
	case *rtcp.FullIntraRequest:
		p.counters.keyFrames.Add(1)
		return true
	case *rtcp.TransportLayerNack:
		for _, n := range r.Nacks {
			p.counters.nacks.Add(1 + uint64(bits.OnesCount16(uint16(n.LostPackets))))
		}
	case *rtcp.TransportLayerCC:
		p.congestion.take(r)
	case *rtcp.SenderReport:
		p.receptionReports(r.Reports, now)
	case *rtcp.ReceiverReport:
		p.receptionReports(r.Reports, now)
	}
	return false
}

func (p *Peer) receptionReports(reports []rtcp.ReceptionReport, now time.Time) {
	for _, r := range reports {
		switch r.SSRC {
		case p.voice.ssrc:
			p.voice.reported(r, now)
			if p.events.AudioLost != nil {
				p.events.AudioLost(float64(r.FractionLost) / 256)
			}
		case p.picture.ssrc:
			p.picture.reported(r, now)
		}
	}
}

func (p *Peer) askKeyFrame() {
	if a := p.agreed.Load(); a != nil && a.Video && p.events.KeyFrame != nil {
		p.events.KeyFrame()
	}
}
