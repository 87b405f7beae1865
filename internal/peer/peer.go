package peer

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
)

// Peer is one leg's media: its transport, the door's sound and picture on it, and what comes from the far side.
// Its methods may be called from any goroutine.
type Peer struct {
	config Config
	log    *slog.Logger
	pc     *webrtc.PeerConnection
	gather *gatherer
	made   time.Time

	voice    *voice
	picture  *picture
	far      incoming
	inbound  sync.Mutex // one packet at a time
	keypad   eventFilter
	counters counters

	agreed    atomic.Pointer[agreement]
	basePT    atomic.Uint32 // a payload type the PeerConnection knows for the far voice
	connected atomic.Bool
	iceUp     chan struct{} // closed when ICE has chosen its first pair

	ctx    context.Context
	cancel context.CancelCauseFunc
	work   workers
	once   struct{ iceUp, connected, failed, close sync.Once }

	// mu is for signalling: one description at a time.
	mu     sync.Mutex
	state  state
	local  local
	offer  string
	events Events // set before the answer, only read afterwards
	remote remote
	client bool // our DTLS role, kept for the life of the peer
	rounds int  // descriptions the PeerConnection was given

	// seen guards what Stats tells of the transport.
	seen struct {
		sync.Mutex
		iceAt, dtlsAt time.Time
		pair          *webrtc.ICECandidatePair
	}
}

type state uint8

const (
	gathering state = iota
	offered
	answered
	closed
)

// remote is what the far side said of its transport.
type remote struct {
	ufrag, pwd   string
	fingerprints []fingerprint
	setup        string
	candidates   []string
	lite         bool
}

// newPeer makes a peer that has begun to gather; known is what others like it found before.
func newPeer(c Config, known *experience) (*Peer, error) {
	c = c.withDefaults()
	p := &Peer{
		config: c, log: c.Log, gather: newGatherer(c, known), made: c.Now(), voice: newVoice(), picture: newPicture(),
		iceUp: make(chan struct{}),
	}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	pc, print, err := newConnection(p)
	if err != nil {
		p.cancel(err)
		return nil, err
	}
	p.pc = pc
	id := random64()
	p.local = local{
		session: id >> 2, version: 1, fingerprint: print.String(), setup: "actpass", hideBases: c.RelayOnly,
		cname: hex.EncodeToString([]byte{byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24)}),
	}
	if err = p.begin(); err != nil {
		return nil, errWithClose(err, p.Close)
	}
	return p, nil
}

// begin adds the tracks and starts gathering.
func (p *Peer) begin() error {
	p.pc.OnICECandidate(p.gather.take)
	p.pc.OnICEConnectionStateChange(p.iceState)
	p.pc.OnConnectionStateChange(p.connectionState)
	p.pc.OnTrack(p.track)
	var err error
	if p.voice.ssrc, err = p.add(p.voice, webrtc.RTPTransceiverDirectionSendrecv); err != nil {
		return err
	}
	if p.config.Video {
		if p.picture.ssrc, err = p.add(p.picture, webrtc.RTPTransceiverDirectionSendonly); err != nil {
			return err
		}
	}
	p.local.audio = stream{ssrc: p.voice.ssrc, track: p.voice.name}
	p.local.video = stream{ssrc: p.picture.ssrc, track: p.picture.name}
	o, err := p.pc.CreateOffer(nil)
	if err != nil {
		return fmt.Errorf("peer: offer: %w", err)
	}
	if err = p.pc.SetLocalDescription(o); err != nil {
		return fmt.Errorf("peer: offer: %w", err)
	}
	return p.takeCredentials(o.SDP)
}

func (p *Peer) add(t webrtc.TrackLocal, d webrtc.RTPTransceiverDirection) (ssrc uint32, err error) {
	tr, err := p.pc.AddTransceiverFromTrack(t, webrtc.RTPTransceiverInit{Direction: d})
	if err != nil {
		return 0, fmt.Errorf("peer: track %s: %w", t.ID(), err)
	}
	p.work.start(func() { p.listen(tr.Sender()) })
	e := tr.Sender().GetParameters().Encodings
	if len(e) == 0 {
		return 0, fmt.Errorf("peer: track %s has no SSRC", t.ID())
	}
	return uint32(e[0].SSRC), nil
}

// takeCredentials reads our ufrag and password from a description of pion's.
func (p *Peer) takeCredentials(sdp string) error {
	d, err := readSDP(sdp)
	if err != nil {
		return err
	}
	p.local.ufrag, p.local.pwd = d.media[0].ufrag, d.media[0].pwd
	return nil
}

// settle waits for the candidates that are to be expected, at most the gathering time since the peer was made, and fixes the
// offer.
func (p *Peer) settle(ctx context.Context) error {
	found, err := p.gather.wait(ctx, p.config.GatheringTimeout)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err = p.expect(gathering); err != nil {
		return err
	}
	p.setCandidates(found)
	if len(p.local.candidates) == 0 {
		return ErrNoCandidates
	}
	p.offer = p.local.write(p.local.offerSections(p.config.Video))
	p.state = offered
	return nil
}

func (p *Peer) setCandidates(found []webrtc.ICECandidate) {
	p.local.candidates = slices.DeleteFunc(found, func(c webrtc.ICECandidate) bool {
		return c.Component != 1 || (p.config.RelayOnly && c.Typ != webrtc.ICECandidateTypeRelay)
	})
}

// Offer returns the session description for an INVITE. It is complete: no candidate is told later.
func (p *Peer) Offer() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.offer
}

// Start sets the callbacks. It must come before SetAnswer and has no effect after it.
func (p *Peer) Start(e Events) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state <= offered {
		p.events = e
	}
}

func (p *Peer) expect(want state) error {
	switch p.state {
	case want:
		return nil
	case closed:
		return ErrClosed
	}
	return ErrState
}

// WriteAudio sends one frame, encoded as Negotiated.Audio says, that lasts d. It is dropped, and only its time passes, before
// the peer is connected and while the far side does not want to hear; an empty payload says that nothing was to be said for d.
// Errors are those of the network.
func (p *Peer) WriteAudio(payload []byte, d time.Duration) error {
	a := p.agreed.Load()
	if a == nil {
		return nil
	}
	return p.voice.write(a, p.connected.Load(), payload, d, p.config.Now())
}

// WriteVideo sends one access unit in Annex-B form with parameter sets before each key frame; pts may begin anywhere. It is
// dropped before the peer is connected, while the far side takes no video, and from the start of sending to the first key frame,
// which Events.KeyFrame asks for. Errors are those of the network.
func (p *Peer) WriteVideo(annexB []byte, pts time.Duration) error {
	a := p.agreed.Load()
	if a == nil {
		return nil
	}
	return p.picture.write(a, p.connected.Load(), annexB, pts)
}

// Close ends the transport and waits until everything of the peer has ended; no callback comes after it. It may be called more
// than once, but not from an event callback.
func (p *Peer) Close() error {
	var err error
	p.once.close.Do(func() {
		p.cancel(ErrClosed)
		p.gather.abandon()
		p.mu.Lock()
		p.state = closed
		p.mu.Unlock()
		p.connected.Store(false)
		p.rememberPair()
		if e := p.pc.GracefulClose(); e != nil && !errors.Is(e, webrtc.ErrConnectionClosed) {
			err = fmt.Errorf("peer: close: %w", e)
		}
		p.work.stop()
	})
	return err
}
