package peer

import (
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

const (
	// videoMTU bounds an RTP packet; with SRTP, UDP and IPv6 headers, and inside a tunnel or a TURN channel, it still
	// goes through everywhere.
	videoMTU  = 1200
	rtpHeader = 12
	// packetOverhead is what a packet is longer on the wire than its payload, about: RTP, SRTP, UDP, IP and the link's own.
	packetOverhead = 64

	// leastPackets is the number of packets in a picture at least. A PBX notices that one is missing by how many follow:
	// Asterisk asks for it when five have, again when ten have, and shows nothing meanwhile (res_rtp_asterisk.c). With two
	// packets to a picture that is a freeze each time.
	leastPackets = 5
	// leastPayload is what it does not pay to go below.
	leastPayload = 100

	// firstSets is how often the parameter sets are sent before the very first picture. Nobody can miss, and ask for, what comes
	// before the first packet that arrives.
	firstSets = 3

	// resendMemory is how many video packets can be sent again (a power of two): at 1.5 Mbit/s some 160 a second leave.
	resendMemory = 512
)

// Kinds of NAL units (ITU-T H.264 table 7-1, RFC 6184 section 5.2).
const (
	naluIDR   = 5
	naluSPS   = 7
	naluSTAPA = 24
)

// picture is the door's video.
type picture struct {
	outgoing
	memory memory

	// sending is held by the one who sends an access unit: packets of two never mix, however long the pace makes them wait.
	sending sync.Mutex

	base     uint32
	waiting  bool // for a key frame: without one the far side could show nothing
	pace     bucket
	left     int // bytes of the picture that is leaving, of which the last is to have left at until
	until    time.Time
	pictures uint64
}

func newPicture() *picture {
	return &picture{outgoing: newOutgoing("picture", webrtc.RTPCodecTypeVideo), base: random32(), waiting: true}
}

// hold makes the stream begin with a key frame again.
func (p *picture) hold() {
	p.mu.Lock()
	p.waiting = true
	p.mu.Unlock()
}

// videoClockwork is time as the pace needs it: wait reports false when there is no point in going on.
type videoClockwork struct {
	now  func() time.Time
	wait func(time.Duration) bool
}

// write sends one access unit (RFC 6184, packetization-mode 1), as fast as the pace allows.
func (p *picture) write(a *agreement, open bool, annexB []byte, pts time.Duration, clock videoClockwork) error {
	p.sending.Lock()
	defer p.sending.Unlock()
	payloads := p.packetize(a, open, annexB, clock.now())
	timestamp := p.base + ticks(pts, videoClock)
	var failed error
	for i, payload := range payloads {
		if wait := p.due(len(payload)+packetOverhead, clock.now()); wait > 0 && !clock.wait(wait) {
			return nil
		}
		// A failure: the rest may still get through, and this one can be asked for again.
		if err := p.leave(a.videoPT, timestamp, i == len(payloads)-1, payload, clock.now()); err != nil {
			failed = err
		}
	}
	return failed
}

// packetize gives the payloads of an access unit that is to be sent.
func (p *picture) packetize(a *agreement, open bool, annexB []byte, now time.Time) [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !open || p.writer == nil || !a.Video {
		p.waiting = true
		return nil
	}
	if p.waiting && !hasIDR(annexB) {
		return nil
	}
	// A payloader for each unit: it would keep parameter sets from one call to the next, in the caller's memory.
	var payloader codecs.H264Payloader
	payloads := payloader.Payload(payloadSize(len(annexB)), annexB)
	if len(payloads) == 0 {
		return nil
	}
	if kind := payloads[0][0] & 0x1F; p.waiting && (kind == naluSTAPA || kind == naluSPS) {
		payloads = slices.Insert(payloads, 0, slices.Repeat(payloads[:1], firstSets-1)...)
	}
	p.waiting = false
	p.pictures++
	p.hurry(len(annexB)+len(payloads)*packetOverhead, now)
	return payloads
}

// leave sends one packet.
func (p *picture) leave(pt uint8, timestamp uint32, marker bool, payload []byte, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.writer == nil {
		return nil // closed while it waited
	}
	p.memory.sent(p.sequence, len(payload)+packetOverhead, now) // before it can be asked for
	return p.put(pt, timestamp, marker, payload)
}

// payloadSize is how much of a picture goes into one packet.
func payloadSize(picture int) uint16 {
	return uint16(min(max(picture/leastPackets, leastPayload), videoMTU-rtpHeader))
}

// hasIDR looks for a NAL unit of type 5 (RFC 6184 section 1.3).
func hasIDR(annexB []byte) bool {
	for i := 0; i+3 < len(annexB); i++ {
		if annexB[i] == 0 && annexB[i+1] == 0 && annexB[i+2] == 1 {
			if annexB[i+3]&0x1F == naluIDR {
				return true
			}
			i += 2
		}
	}
	return false
}
