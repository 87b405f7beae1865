package phone

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"doorstation/internal/peer"
	"doorstation/internal/sip"
	"doorstation/internal/station"
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

// call is the attempt to reach one target: its peer connection and, once answered, its leg.
type call struct {
	visit  *visit
	target string
	watch  stopwatch

	peer *peer.Peer
	leg  Leg

	// applied is closed when the answer has been given to the peer connection: a re-INVITE that comes
	// earlier (Asterisk sends one 1-30 ms after its 200) waits for it.
	applied   chan struct{}
	connected chan struct{} // closed when DTLS is up
	over      chan struct{} // closed when the leg has told its end
	failed    chan error    // holds the first failure of the media path
	digits    digitFilter

	mu         sync.Mutex
	negotiated peer.Negotiated
	media      *media
	end        *sip.End
	wrongCodec bool // said already
}

func newCall(v *visit, target string) *call {
	return &call{
		visit: v, target: target,
		applied: make(chan struct{}), connected: make(chan struct{}), over: make(chan struct{}), failed: make(chan error, 1),
		digits: digitFilter{now: v.phone.opt.Now},
	}
}

// dial rings the target until it answers, refuses, or ctx ends. A door that is not connected right now is waited for. On success
// the answer has been applied. The peer connection belongs to the call from here on; close gives it back.
func (c *call) dial(ctx context.Context) error {
	waits := false
	return c.visit.phone.persist.try(ctx, func() error { return c.attempt(ctx) }, func(err error) bool {
		again := c.notBegun(err) && ctx.Err() == nil
		if again && !waits {
			waits = true
			c.visit.phone.opt.Log.Info("the call can't begin yet, it is tried again", "visit", uint64(c.visit.id), "target", c.target, "reason", err.Error())
		}
		return again
	})
}

// attempt dials once. A failed attempt leaves no peer connection behind: the next one may need other candidates.
func (c *call) attempt(ctx context.Context) error {
	line := c.visit.lineNow()
	if line == nil || line.Ready != nil && !line.Ready() {
		return sip.ErrNotRegistered
	}
	p, err := line.Offers.Take(ctx)
	if err != nil {
		return fmt.Errorf("prepare the offer for %s: %w", c.target, err)
	}
	c.peer = p
	p.Start(c.peerEvents())
	c.leg, err = line.Signalling.Invite(ctx, c.target, p.Offer(), c.handler())
	if err != nil {
		c.leg = nil
		c.close()
		return err
	}
	c.watch.mark(MarkAnswer, c.visit.phone.opt.Now())
	n, err := p.SetAnswer(c.leg.Answer())
	if err == nil && n.Audio.Name == "" {
		err = errFarMedia
	}
	if err != nil {
		c.hangup()
		c.close()
		return fmt.Errorf("apply the answer of %s: %w", c.target, err)
	}
	c.mu.Lock()
	c.negotiated = n
	c.mu.Unlock()
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
		KeyFrame: func() { c.visit.phone.opt.Camera.RequestKeyFrame() },
		Audio:    c.onFarAudio,
		Digit:    func(r rune, _ uint32) { c.onDigit(digitRTP, r) },
	}
}

// handler is what the signalling leg tells.
func (c *call) handler() sip.Handler {
	return sip.Handler{
		Sent: func(at time.Time) { c.watch.mark(MarkInvite, at) },
		Progress: func(status int, _, _ string) {
			if status == 180 || status == 183 {
				c.watch.mark(MarkRinging, c.visit.phone.opt.Now())
				c.visit.onRinging(c)
			}
		},
		Reoffer: c.onReoffer,
		Digit:   func(d sip.Digit) { c.onDigit(digitINFO, d.Value) },
		Ended:   c.onEnded,
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
	answer, n, err := c.peer.Reoffer(offer)
	if err != nil {
		return "", fmt.Errorf("re-offer: %w: %w", sip.ErrNotAcceptable, err)
	}
	c.mu.Lock()
	changed := c.negotiated != n
	c.negotiated = n
	m := c.media
	c.mu.Unlock()
	if changed && m != nil {
		m.renegotiated(n)
	}
	return answer, nil
}

func (c *call) onDigit(kind digitKind, r rune) {
	if !c.digits.accept(kind, r) {
		return
	}
	c.visit.phone.opt.Log.Info("digit received", "visit", uint64(c.visit.id), "target", c.target, "by", string(kind))
	c.visit.phone.opt.Events(station.Digit{Visit: c.visit.id, Digit: r})
}

// rangFor is how long the target has been ringing, zero when it never did.
func (c *call) rangFor() time.Duration {
	began := c.watch.get(MarkRinging)
	if began.IsZero() {
		return 0
	}
	return c.visit.phone.opt.Now().Sub(began)
}

// hangup ends the leg, if there is one, within a few seconds.
func (c *call) hangup() {
	if c.leg == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), hangupLimit)
	defer cancel()
	if err := c.leg.Hangup(ctx); err != nil {
		c.visit.phone.opt.Log.Warn("hanging up was not confirmed", "target", c.target, "error", err)
	}
}

// close gives back what the call holds. The leg must be over. It may be called more than once.
func (c *call) close() {
	if c.peer == nil {
		return
	}
	if err := c.peer.Close(); err != nil {
		c.visit.phone.opt.Log.Debug("closing the peer connection", "target", c.target, "error", err)
	}
}
