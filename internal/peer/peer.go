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
	config  Config
	log     *slog.Logger
	pc      *webrtc.PeerConnection
	link    *link
	gather  *gatherer // of the first path
	made    time.Time
	onClose func() // tells the pool

	voice    *voice
	picture  *picture
	far      incoming
	inbound  sync.Mutex // one packet at a time
	keypad   eventFilter
	counters counters
	// congestion is of the picture.
	congestion congestion

	agreed    atomic.Pointer[agreement]
	basePT    atomic.Uint32 // a payload type the PeerConnection knows for the far voice
	connected atomic.Bool
	iceUp     chan struct{} // closed when ICE has chosen its first pair

	ctx    context.Context
	cancel context.CancelCauseFunc
	work   workers
	once   struct{ iceUp, connected, failed, close sync.Once }
	poke   chan struct{} // the guard is to look again

	// ways are the paths. What is sent goes by the one in use, which is the current.
	ways struct {
		sync.Mutex
		current, next *path       // next: after a restart, until it is up
		all           []*path     // that are not closed
		negotiating   time.Time   // since when a renewal is open
		known         *experience // of the pool's present round
	}
	inUse atomic.Pointer[path]

	// checked is what ICE's checks told last of the path in use.
	checked struct {
		sync.Mutex
		path *path
		way  uint64
		trip atomic.Int64 // time.Duration
	}

	// mu is for signalling: one description at a time.
	mu      sync.Mutex
	state   state
	local   local
	layout  []localSection // the m-lines of the session, as they stand
	offer   string
	events  Events // set before the answer, only read afterwards
	remote  remote
	client  bool // our DTLS role, kept for the life of the peer
	renewal *renewal

	// seen guards what Stats tells of the transport.
	seen struct {
		sync.Mutex
		iceAt, dtlsAt time.Time
		local, far    string // candidates
	}
}

type state uint8

const (
	gathering state = iota
	offered
	early    // an answer came before the call was answered
	accepted // an incoming call's offer was answered; Start is to come
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
		config: c, log: c.Log, made: c.Now(), voice: newVoice(), picture: newPicture(),
		iceUp: make(chan struct{}), poke: make(chan struct{}, 1),
	}
	p.link = newLink(p.leave)
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	first, err := newPath(p.ctx, c, known, p.pathState)
	if err != nil {
		p.cancel(err)
		return nil, err
	}
	p.gather, p.ways.current, p.ways.all = first.gather, first, []*path{first}
	p.ways.known = known
	p.inUse.Store(first)
	pc, print, err := newConnection(p)
	if err != nil {
		p.cancel(err)
		return nil, errWithClose(err, first.close)
	}
	p.pc = pc
	id := random64()
	p.local = local{
		session: id >> 2, version: 1, fingerprint: print.String(), setup: "actpass", hideBases: c.RelayOnly,
		cname: hex.EncodeToString([]byte{byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24)}),
		ufrag: first.ufrag, pwd: first.pwd,
	}
	if err = p.begin(); err != nil {
		return nil, errWithClose(err, p.Close)
	}
	return p, nil
}

// begin adds the tracks, the picture's too if it is not offered yet, and lets the PeerConnection make the one offer of its life.
func (p *Peer) begin() error {
	p.pc.OnConnectionStateChange(p.connectionState)
	p.pc.OnTrack(p.track)
	var err error
	if p.voice.ssrc, err = p.add(p.voice, webrtc.RTPTransceiverDirectionSendrecv); err != nil {
		return err
	}
	if p.picture.ssrc, err = p.add(p.picture, webrtc.RTPTransceiverDirectionSendonly); err != nil {
		return err
	}
	p.congestion.log, p.congestion.stream = p.log, p.picture.ssrc
	p.local.audio = stream{ssrc: p.voice.ssrc, track: p.voice.name}
	p.local.video = stream{ssrc: p.picture.ssrc, track: p.picture.name}
	o, err := p.pc.CreateOffer(nil)
	if err != nil {
		return fmt.Errorf("peer: offer: %w", err)
	}
	if err = p.pc.SetLocalDescription(o); err != nil {
		return fmt.Errorf("peer: offer: %w", err)
	}
	d, err := readSDP(o.SDP)
	if err != nil {
		return err
	}
	p.link.know(d.media[0].ufrag, d.media[0].pwd)
	return nil
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
	if p.local.candidates = p.offerable(found); len(p.local.candidates) == 0 {
		return ErrNoCandidates
	}
	p.layout = p.local.offerSections(p.config.Video)
	p.offer = p.local.write(p.layout)
	p.state = offered
	return nil
}

// offerable are those candidates that may leave the door.
func (p *Peer) offerable(found []webrtc.ICECandidate) []webrtc.ICECandidate {
	return slices.DeleteFunc(found, func(c webrtc.ICECandidate) bool {
		return c.Component != 1 || (p.config.RelayOnly && c.Typ != webrtc.ICECandidateTypeRelay)
	})
}

// Offer returns the session description for an INVITE. It is complete: no candidate is told later.
func (p *Peer) Offer() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.offer
}

// Start sets the callbacks. It must come before SetAnswer and SetEarlyAnswer and has no effect after them. The peer of an incoming
// call begins to connect with it.
func (p *Peer) Start(e Events) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.state {
	case gathering, offered:
		p.events = e
	case accepted:
		p.events = e
		p.state = answered
		if err := p.begun(); err != nil {
			p.work.start(func() { p.fail(err) })
		}
	default:
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
// which Events.KeyFrame asks for. It takes as long as the pace of SetVideoPace asks for. Errors are those of the network.
func (p *Peer) WriteVideo(annexB []byte, pts time.Duration) error {
	a := p.agreed.Load()
	if a == nil {
		return nil
	}
	return p.picture.write(a, p.connected.Load(), annexB, pts, videoClockwork{now: p.config.Now, wait: p.pause})
}

// pause waits; it reports false when the peer is closed meanwhile.
func (p *Peer) pause(d time.Duration) bool { return waitFor(p.ctx, nil, d) == nil }

// Close ends the transport and waits until everything of the peer has ended; no callback comes after it. It may be called more
// than once, but not from an event callback.
func (p *Peer) Close() error {
	var errs []error
	p.once.close.Do(func() {
		p.cancel(ErrClosed)
		p.gather.abandon()
		p.mu.Lock()
		p.state = closed
		p.mu.Unlock()
		p.connected.Store(false)
		p.rememberPair()
		if e := p.pc.GracefulClose(); e != nil && !errors.Is(e, webrtc.ErrConnectionClosed) {
			errs = append(errs, fmt.Errorf("peer: close: %w", e))
		}
		p.congestion.close()
		errs = append(errs, p.closePaths())
		p.work.stop()
		if p.onClose != nil {
			p.onClose()
		}
	})
	return errors.Join(errs...)
}
