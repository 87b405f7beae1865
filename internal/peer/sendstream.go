package peer

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// ntpEpoch is how many seconds 1900 is before 1970.
const ntpEpoch = 2208988800

func random32() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: the runtime ends the process instead
	return binary.BigEndian.Uint32(b[:])
}

func random64() uint64 { return uint64(random32())<<32 | uint64(random32()) }

// outgoing is one stream of ours, as pion's webrtc.TrackLocal. Numbers go on without a gap whatever happens to codecs and
// payload types; which payload type a packet carries is the agreement's matter, not the binding's.
type outgoing struct {
	name string
	kind webrtc.RTPCodecType
	ssrc uint32 // set once, before the first packet

	mu       sync.Mutex
	writer   webrtc.TrackLocalWriter // nil until bound
	want     AudioCodec              // what an audio track binds to
	sequence uint16
	packets  uint64
	bytes    uint64

	reports   uint64
	lost      int64
	fraction  float64
	jitter    time.Duration // of a video stream only
	roundTrip time.Duration
}

var _ webrtc.TrackLocal = (*outgoing)(nil)

func newOutgoing(name string, kind webrtc.RTPCodecType) outgoing {
	// A sequence number in the lower half keeps the first packets clear of a wrap around, which SRTP could not survive if
	// they were lost (RFC 3711 section 3.3.1).
	return outgoing{name: name, kind: kind, sequence: uint16(random32()) & 0x7FFF}
}

// Bind implements webrtc.TrackLocal.
func (o *outgoing) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, codec := range c.CodecParameters() {
		_, name, _ := strings.Cut(codec.MimeType, "/")
		if o.kind == webrtc.RTPCodecTypeVideo || strings.EqualFold(name, o.want.Name) {
			o.writer = c.WriteStream()
			return codec, nil
		}
	}
	return webrtc.RTPCodecParameters{}, fmt.Errorf("%w: %s", webrtc.ErrUnsupportedCodec, o.want.Name)
}

// Unbind implements webrtc.TrackLocal.
func (o *outgoing) Unbind(webrtc.TrackLocalContext) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writer = nil
	return nil
}

// ID implements webrtc.TrackLocal.
func (o *outgoing) ID() string { return o.name }

// RID implements webrtc.TrackLocal.
func (o *outgoing) RID() string { return "" }

// StreamID implements webrtc.TrackLocal.
func (o *outgoing) StreamID() string { return "door" }

// Kind implements webrtc.TrackLocal.
func (o *outgoing) Kind() webrtc.RTPCodecType { return o.kind }

// put sends one packet; the caller holds the lock and has seen that there is a writer.
func (o *outgoing) put(pt uint8, timestamp uint32, marker bool, payload []byte) error {
	h := rtp.Header{
		Version: 2, PayloadType: pt, SequenceNumber: o.sequence, Timestamp: timestamp, SSRC: o.ssrc, Marker: marker,
	}
	o.sequence++
	o.packets++
	o.bytes += uint64(len(payload))
	if _, err := o.writer.WriteRTP(&h, payload); err != nil {
		return fmt.Errorf("peer: send %s: %w", o.name, err)
	}
	return nil
}

// reported takes in what the far side says of this stream (RFC 3550 section 6.4.1).
func (o *outgoing) reported(r rtcp.ReceptionReport, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lost = int64(int32(r.TotalLost<<8) >> 8) // 24 bits, signed
	o.fraction = float64(r.FractionLost) / 256
	o.reports++
	o.jitter = time.Duration(r.Jitter) * time.Second / videoClock
	if r.LastSenderReport == 0 {
		return
	}
	// Middle 32 bits of NTP time: units of 1/65536 s.
	trip := uint32(ntpTime(now)>>16) - r.LastSenderReport - r.Delay
	if trip < 1<<20 { // 16 s; a far clock that errs makes it wrap
		o.roundTrip = time.Duration(trip) * time.Second / 65536
	}
}

func ntpTime(t time.Time) uint64 {
	fraction := uint64(t.Nanosecond()) << 32 / uint64(time.Second)
	return uint64(t.Unix()+ntpEpoch)<<32 | fraction
}

func (o *outgoing) flow() Flow {
	o.mu.Lock()
	defer o.mu.Unlock()
	return Flow{Packets: o.packets, Bytes: o.bytes, Lost: o.lost}
}

func (o *outgoing) quality() (fraction float64, roundTrip time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.fraction, o.roundTrip
}
