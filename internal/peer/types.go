package peer

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/pion/rtp"
)

// ICEServer is one STUN or TURN server entry, in the shape of RTCIceServer: several URLs (RFC 7064, RFC 7065) that share
// one set of credentials.
type ICEServer struct {
	URLs                 []string
	Username, Credential string
}

// LogValue keeps the credential out of every log.
func (s ICEServer) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("urls", s.URLs), slog.String("username", s.Username))
}

// String keeps the credential out of printed text.
func (s ICEServer) String() string { return s.LogValue().String() }

// Config says how peers are made.
type Config struct {
	// Servers are the STUN and TURN servers to gather from. One that is not usable as written is left out and logged. "stuns:" is
	// asked by UDP, as browsers do. (Their iceCandidatePoolSize is met by the pool's warm offers.)
	Servers []ICEServer
	// RelayOnly lets no host or server reflexive candidate leave the door; TURN carries everything.
	RelayOnly bool
	// GatheringTimeout bounds how long an offer waits for servers, counted from the making of the peer. Zero means host
	// candidates only, unless the peer was warm for long enough.
	GatheringTimeout time.Duration
	// Video adds a sendonly H.264 m-line to the offer.
	Video bool
	// TLS is for servers of "turns:", with the authorities to trust; nil is TLS 1.2 or newer and those of the system. An empty
	// ServerName is that of the server's URL.
	TLS *tls.Config
	// Loopback also gathers 127.0.0.1 and ::1, for tests.
	Loopback bool
	// IncludeInterface says which network interfaces are used. Nil leaves container, virtual machine and VPN interfaces
	// out unless there is nothing else.
	IncludeInterface func(name string) bool
	// Log receives what happens; nil discards it.
	Log *slog.Logger
	// Now is the clock for time stamps; nil means time.Now.
	Now func() time.Time
}

// AudioCodec names an audio encoding as it goes through RTP.
type AudioCodec struct {
	Name      string // "opus", "G722", "PCMU" or "PCMA"
	ClockRate int    // RTP clock in Hz
	Channels  int    // as in the rtpmap; opus always says 2 (RFC 7587 section 7)
}

// Negotiated is what both sides agreed on last.
type Negotiated struct {
	Audio          AudioCodec // the codec WriteAudio is to be fed with
	AudioSend      bool       // the far side wants to hear the door; false while it holds us
	AudioReceive   bool       // the far side may speak
	Video          bool       // the far side takes our H.264
	TelephoneEvent bool       // the far side can send digits as RFC 4733 events
}

// Events are the callbacks of a Peer. Each may be nil. They are called from the peer's own goroutines, so they must
// return soon, and none of them may call Close, which waits for those goroutines.
type Events struct {
	// Connected is called once, when ICE has chosen a pair and DTLS has delivered keys: media can flow.
	Connected func(iceAt, dtlsAt time.Time)
	// Failed is called at most once, when the transport is beyond repair: nothing was heard for half a minute. Errors:
	// ErrICEFailed, ErrDTLSFailed.
	Failed func(err error)
	// RestartWanted is called when the path is in trouble – nothing heard for some seconds, or the machine lost the address it
	// uses – and again every few seconds while that lasts. An ICE restart (Renew) may mend it.
	RestartWanted func(reason string)
	// KeyFrame is called when the far side asked for a key frame (PLI, RFC 4585; FIR, RFC 5104), and when sending of
	// video starts or resumes, as nothing is sent before a key frame then.
	KeyFrame func()
	// Audio is called for each packet of the far voice, in order of arrival. The packet belongs to the callee.
	Audio func(pkt *rtp.Packet, codec AudioCodec)
	// AudioLost is called for each report of the far side on the door's voice, with the part of its packets that were lost since
	// the one before, 0 to 1 (RFC 3550 section 6.4.1).
	AudioLost func(fraction float64)
	// Digit is called once for each RFC 4733 event, on the first of its packets that arrives.
	Digit func(r rune, rtpTime uint32)
}

// Flow counts one direction of one kind of media.
type Flow struct {
	Packets, Bytes uint64 // RTP packets, payload bytes; resent ones not counted
	Lost           int64  // as told by the receiver: the far side's reports (sent), our own count (received)
}

// Stats is a snapshot of a peer's counters.
type Stats struct {
	AudioSent, AudioReceived, VideoSent Flow
	FractionLost                        float64       // of the video lately, as in the far side's last report, 0 to 1
	RoundTrip                           time.Duration // from the far side's reports, 0 while unknown
	NACKs, Resent                       uint64        // packets asked for again, packets sent again
	KeyFrameRequests                    uint64        // PLI and FIR received
	Digits                              uint64        // RFC 4733 events received
	Dropped                             uint64        // packets received that were of no use: malformed, unknown, not decryptable
	LocalCandidate, RemoteCandidate     string        // the pair in use, "udp host 192.0.2.1:4000"
	ICEAt, DTLSAt                       time.Time     // when ICE chose the first pair, when the keys were there
}
