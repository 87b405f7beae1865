package phone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"doorstation/internal/peer"
	"doorstation/internal/sip"
)

// errFarMedia is the end of a call whose answer can't be used: no audio was agreed on.
var errFarMedia = errors.New("the answer leaves no audio to talk with")

// reofferWait bounds how long a re-INVITE that overtook the 200 waits for the answer to be applied.
const reofferWait = 5 * time.Second

const (
	// hangupLimit bounds the wait for the answer to a BYE.
	hangupLimit = 3 * time.Second
	// endWait bounds the wait for the word of who ended a leg that is over.
	endWait = time.Second
)

// hooks are what a call tells the visit or the look it belongs to. Each may be nil.
type hooks struct {
	sent    func()                    // an INVITE is on the wire
	ringing func()                    // the far phone rings
	early   func(c *call, sdp string) // a description came before the answer
	digit   func(c *call, r rune)     // a key was pressed, each once
	camera  func()                    // the call reads the camera itself now, or does not need it
}

// call is one leg with its peer connection and its media: an attempt to reach a target, or a call to the door.
type call struct {
	phone *Phone
	log   *slog.Logger // says whose call it is
	watch *stopwatch
	on    hooks

	peer *peer.Peer
	leg  Leg

	// applied is closed when the answer has been given to the peer connection: a re-INVITE that comes
	// earlier (Asterisk sends one 1-30 ms after its 200) waits for it.
	applied   chan struct{}
	connected chan struct{} // closed when DTLS is up
	over      chan struct{} // closed when the leg has told its end
	failed    chan error    // holds the first failure of the media path
	trouble   chan string   // holds the newest wish for another path
	digits    digitFilter

	renewal  sync.Mutex  // one offer of our own at a time
	renewing atomic.Bool // an offer of our own is open
	restarts atomic.Int64

	mu         sync.Mutex
	viewer     *viewer // while pictures are sent
	watched    watched // by viewers before
	rangAt     time.Time
	negotiated peer.Negotiated
	media      *media
	end        *sip.End
}

func newCall(p *Phone, log *slog.Logger, watch *stopwatch, on hooks) *call {
	return &call{
		phone: p, log: log, watch: watch, on: on,
		applied: make(chan struct{}), connected: make(chan struct{}), over: make(chan struct{}),
		failed: make(chan error, 1), trouble: make(chan string, 1), digits: digitFilter{now: p.opt.Now},
	}
}

// dial rings the target until it answers, refuses, or ctx ends. On success the answer has been applied, and the peer connection
// belongs to the call: close gives it back. A failed attempt leaves none behind, as the next one may need other candidates.
func (c *call) dial(ctx context.Context, line *Line, target string) error {
	if line == nil || line.Ready != nil && !line.Ready() {
		return sip.ErrNotRegistered
	}
	p, err := line.Offers.Take(ctx)
	if err != nil {
		return fmt.Errorf("prepare the offer for %s: %w", target, err)
	}
	c.peer = p
	p.Start(c.peerEvents())
	c.leg, err = line.Signalling.Invite(ctx, target, p.Offer(), c.handler())
	if err != nil {
		c.leg = nil
		c.close()
		return ofTheEnd(ctx, line, err)
	}
	c.watch.mark(MarkAnswer, c.phone.opt.Now())
	n, err := p.SetAnswer(c.leg.Answer())
	if err == nil && n.Audio.Name == "" {
		err = errFarMedia
	}
	if err != nil {
		c.hangup()
		c.close()
		return fmt.Errorf("apply the answer of %s: %w", target, err)
	}
	c.agree(n)
	close(c.applied)
	return nil
}

// peerEvents are what the peer connection tells.
func (c *call) peerEvents() peer.Events {
	return peer.Events{
		Connected: c.onConnected,
		Failed: func(err error) {
			select {
			case c.failed <- err:
			default:
			}
		},
		RestartWanted: c.onTrouble,
		KeyFrame:      c.onKeyFrame,
		Audio:         c.onFarAudio,
		AudioLost:     c.onAudioLost,
		Digit:         func(r rune, _ uint32) { c.onDigit(digitRTP, r) },
	}
}

// handler is what the signalling leg tells.
func (c *call) handler() sip.Handler {
	return sip.Handler{
		Sent: func(at time.Time) {
			c.watch.mark(MarkInvite, at)
			if c.on.sent != nil {
				c.on.sent()
			}
		},
		Progress: c.onProgress,
		Reoffer:  c.onReoffer,
		Digit:    func(d sip.Digit) { c.onDigit(digitINFO, d.Value) },
		Ended:    c.onEnded,
	}
}

// onProgress takes an 18x.
func (c *call) onProgress(status int, _, body string) {
	if status == 180 || status == 183 {
		now := c.phone.opt.Now()
		c.watch.mark(MarkRinging, now)
		c.mu.Lock()
		if c.rangAt.IsZero() {
			c.rangAt = now
		}
		c.mu.Unlock()
		if c.on.ringing != nil {
			c.on.ringing()
		}
	}
	if body != "" && c.on.early != nil {
		c.on.early(c, body)
	}
}

// onEnded notes how the leg ended.
func (c *call) onEnded(e sip.End) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		c.end = &e
		close(c.over)
	}
}

// endedBy says who ended the leg. It is told about the time the leg is done, so it is waited for a moment.
func (c *call) endedBy() string {
	timer := time.NewTimer(endWait)
	defer timer.Stop()
	select {
	case <-c.over:
	case <-timer.C:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		return ""
	}
	return c.end.By
}

func (c *call) onConnected(iceAt, dtlsAt time.Time) {
	c.watch.mark(MarkICE, iceAt)
	c.watch.mark(MarkDTLS, dtlsAt)
	select {
	case <-c.connected:
	default:
		close(c.connected)
	}
}

// onReoffer answers a re-INVITE or UPDATE with SDP.
func (c *call) onReoffer(ctx context.Context, offer string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, reofferWait)
	defer cancel()
	select {
	case <-c.applied:
	case <-ctx.Done():
		return "", fmt.Errorf("re-offer before the answer was applied: %w", sip.ErrPending)
	}
	if c.renewing.Load() {
		return "", fmt.Errorf("re-offer while one of our own is open: %w", sip.ErrPending)
	}
	answer, n, err := c.peer.Reoffer(offer)
	if errors.Is(err, peer.ErrRenewing) { // begun in this moment
		return "", fmt.Errorf("re-offer: %w: %w", sip.ErrPending, err)
	}
	if err != nil {
		return "", fmt.Errorf("re-offer: %w: %w", sip.ErrNotAcceptable, err)
	}
	c.agree(n)
	return answer, nil
}

// agree notes what both sides agreed on and lets the media follow.
func (c *call) agree(n peer.Negotiated) {
	c.mu.Lock()
	changed := c.negotiated != n
	c.negotiated = n
	m := c.media
	c.mu.Unlock()
	if changed && m != nil {
		m.renegotiated(n)
	}
}

func (c *call) onDigit(kind digitKind, r rune) {
	if c.on.digit == nil || !c.digits.accept(kind, r) {
		return
	}
	c.log.Info("digit received", "by", string(kind))
	c.on.digit(c, r)
}

// rang says when the far phone began to ring in this attempt, zero when it never did.
func (c *call) rang() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rangAt
}

// rangFor is how long the far phone has been ringing, zero when it never did.
func (c *call) rangFor() time.Duration {
	began := c.rang()
	if began.IsZero() {
		return 0
	}
	return c.phone.opt.Now().Sub(began)
}

// hangup ends the leg, if there is one, within a few seconds.
func (c *call) hangup() {
	if c.leg == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), hangupLimit)
	defer cancel()
	if err := c.leg.Hangup(ctx); err != nil {
		c.log.Warn("hanging up was not confirmed", "error", err)
	}
}

// close gives back what the call holds. The leg must be over. It may be called more than once.
func (c *call) close() {
	c.mu.Lock()
	m := c.media
	c.mu.Unlock()
	if m != nil {
		m.stop()
	}
	if c.peer == nil {
		return
	}
	if err := c.peer.Close(); err != nil {
		c.log.Debug("closing the peer connection", "error", err)
	}
}
