package phone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"doorstation/internal/peer"
	"doorstation/internal/sip"
	"doorstation/internal/station"
)

// IncomingCall is somebody who calls the door and waits for a decision.
type IncomingCall interface {
	// Caller is the extension that calls, empty when it is not known.
	Caller() string
	// Offer is the caller's session description; empty: the caller wants one from the door.
	Offer() string
	// Context ends when the caller has given up.
	Context() context.Context
	// Ring tells the caller that the door thinks about it.
	Ring() error
	// Answer accepts with a session description and returns the leg once the caller has acknowledged it.
	Answer(ctx context.Context, answer string, h sip.Handler) (Leg, error)
	// Reject refuses with a status of 400 and above.
	Reject(status int, reason string) error
}

// refused is the cause of the end of a look that the station did not want.
type refused struct{ why station.Refusal }

// Error makes it usable as the cause of a context.
func (r refused) Error() string { return "refused by the station: " + string(r.why) }

// look is one call to the door.
type look struct {
	phone *Phone
	id    station.LookID
	in    IncomingCall
	line  *Line
	log   *slog.Logger
	watch stopwatch

	ctx      context.Context
	cancel   context.CancelCauseFunc
	admitted chan struct{} // closed by the station's word
	admit    sync.Once

	mu    sync.Mutex
	open  bool // the loudspeaker
	media *media
}

// Incoming takes a call to the door. It returns at once; the station is asked by station.Knocked and decides with Admit or Refuse.
func (p *Phone) Incoming(in IncomingCall) {
	if !p.beginLook(in) {
		reject(p.opt.Log, in, station.RefusedUnavailable)
	}
}

// beginLook starts the goroutine of a look, unless none can be taken.
func (p *Phone) beginLook(in IncomingCall) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.line == nil {
		return false
	}
	p.lookIDs++
	l := &look{
		phone: p, id: p.lookIDs, in: in, line: p.line, admitted: make(chan struct{}),
		log: p.opt.Log.With("look", uint64(p.lookIDs), "caller", in.Caller()),
	}
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	l.watch.mark(MarkPress, p.opt.Now())
	p.looks[l.id] = l
	p.wg.Go(l.run)
	return true
}

// Admit answers a call to the door, with the loudspeaker closed. station.LookBegan follows when it is up and station.LookEnded at
// last, or only the latter.
func (p *Phone) Admit(id station.LookID) {
	if l := p.look(id); l != nil {
		l.admit.Do(func() { close(l.admitted) })
	}
}

// Refuse does not answer it. It returns at once.
func (p *Phone) Refuse(id station.LookID, why station.Refusal) {
	if l := p.look(id); l != nil {
		l.cancel(refused{why}) // a socket may keep whoever writes to it waiting: not the station, which a press may reach meanwhile
	}
}

// Loudspeaker opens the door's loudspeaker to the caller's voice, or closes it.
func (p *Phone) Loudspeaker(id station.LookID, open bool) {
	if l := p.look(id); l != nil {
		l.speak(open)
	}
}

// EndLook hangs up; why is the outcome its log line shows.
func (p *Phone) EndLook(id station.LookID, why station.Outcome) {
	if l := p.look(id); l != nil {
		l.cancel(hungUp{why})
	}
}

func (p *Phone) look(id station.LookID) *look {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.looks[id]
}

// reject answers a call that is not taken.
func reject(log *slog.Logger, in IncomingCall, why station.Refusal) {
	status, reason := 480, "Temporarily Unavailable"
	switch why {
	case station.RefusedForbidden:
		status, reason = 403, "Forbidden"
	case station.RefusedBusy:
		status, reason = 486, "Busy Here"
	case station.RefusedUnavailable:
	}
	if err := in.Reject(status, reason); err != nil {
		log.Debug("the call to the door was over before it was refused", "error", err)
	}
}

// run asks the station and does what it says.
func (l *look) run() {
	defer l.over()
	defer l.cancel(nil)
	// Context ends with the decision, too: the watch is over before that.
	stopWatching := context.AfterFunc(l.in.Context(), func() {
		l.cancel(fmt.Errorf("the caller gave up: %w", context.Cause(l.in.Context())))
	})
	defer stopWatching()
	l.phone.opt.Events(station.Knocked{Look: l.id, Caller: l.in.Caller()})
	select {
	case <-l.admitted:
	case <-l.ctx.Done():
		l.giveUp()
		return
	}
	c := newCall(l.phone, l.log, &l.watch, hooks{
		digit: func(_ *call, r rune) { l.phone.opt.Events(station.LookDigit{Look: l.id, Digit: r}) },
	})
	defer c.close()
	if err := l.answer(c, stopWatching); err != nil {
		l.log.Warn("a call to the door did not come up", "error", err)
		return
	}
	l.carry(c)
}

// over tells the station that nothing of the look is up.
func (l *look) over() {
	l.phone.mu.Lock()
	delete(l.phone.looks, l.id)
	l.phone.mu.Unlock()
	l.phone.opt.Events(station.LookEnded{Look: l.id})
}

// giveUp refuses a call that the door itself has ended before it was answered.
func (l *look) giveUp() {
	var ended hungUp
	var unwanted refused
	switch cause := context.Cause(l.ctx); {
	case errors.As(cause, &unwanted):
		reject(l.log, l.in, unwanted.why)
	case errors.As(cause, &ended):
		reject(l.log, l.in, station.RefusedUnavailable)
	}
}

// answer brings the call up. The call owns the peer connection then.
func (l *look) answer(c *call, stopWatching func() bool) error {
	if err := l.in.Ring(); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	var sdp string
	var err error
	offered := l.in.Offer() != ""
	if offered {
		var n peer.Negotiated
		if c.peer, sdp, n, err = l.line.Offers.Answer(l.ctx, l.in.Offer()); err == nil {
			c.peer.Start(c.peerEvents())
			c.agree(n)
			close(c.applied)
		}
	} else if c.peer, err = l.line.Offers.Take(l.ctx); err == nil {
		c.peer.Start(c.peerEvents())
		sdp = c.peer.Offer()
	}
	if err != nil {
		l.refuseOffer(err)
		return fmt.Errorf("prepare the answer: %w", err)
	}
	stopWatching()
	c.leg, err = l.in.Answer(l.ctx, sdp, c.handler())
	if err != nil {
		c.leg = nil
		l.giveUp()
		return fmt.Errorf("answer: %w", err)
	}
	l.watch.mark(MarkAnswer, l.phone.opt.Now())
	if offered {
		return nil
	}
	n, err := c.peer.SetAnswer(c.leg.Answer())
	if err != nil {
		c.hangup()
		return fmt.Errorf("apply the caller's answer: %w", err)
	}
	c.agree(n)
	close(c.applied)
	return nil
}

// refuseOffer tells the caller that the door can't answer.
func (l *look) refuseOffer(err error) {
	if l.ctx.Err() != nil {
		l.giveUp()
		return
	}
	status, reason := 488, "Not Acceptable Here"
	if errors.Is(err, peer.ErrNoCandidates) || errors.Is(err, peer.ErrClosed) {
		status, reason = 500, "Server Internal Error"
	}
	if rejectErr := l.in.Reject(status, reason); rejectErr != nil {
		l.log.Debug("the call to the door was over before it was refused", "error", rejectErr)
	}
}

// carry keeps the look up until either side ends it, and writes its line.
func (l *look) carry(c *call) {
	m := c.openMedia(mediaOptions{muted: true})
	l.mu.Lock()
	l.media = m
	m.mute(!l.open)
	l.mu.Unlock()
	m.goLive()
	l.phone.opt.Events(station.LookBegan{Look: l.id})
	began := l.phone.opt.Now()
	var beside []func(context.Context)
	if l.line.Video && !m.negotiated().Video {
		// A popup that calls offers sound only (it has no camera to show): the picture is offered to it.
		beside = append(beside, c.addPicture)
	}
	outcome := c.carry(l.ctx, beside...)
	m.stop()
	c.hangup()
	attrs := []any{"outcome", string(outcome), "talk", l.phone.opt.Now().Sub(began)}
	l.log.Info("look ended", append(attrs, m.attrs("after_call")...)...)
}

// speak opens or closes the loudspeaker, now or as soon as there is sound.
func (l *look) speak(open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = open
	if l.media != nil {
		l.media.mute(!open)
	}
}
