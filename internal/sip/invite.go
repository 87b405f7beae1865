package sip

import (
	"context"
	"errors"
	"fmt"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// cancelLimit is how long Invite waits for the end of a call that it cancelled. A PBX that answers later than that
// is still served: its 200 gets ACK and BYE.
const cancelLimit = 5 * time.Second

// maxBranches is how many branches of a forked call that answered too late are hung up with all care.
const maxBranches = 16

// early is the last session description of a provisional answer, and which branch of the call it is from.
type early struct{ tag, sdp string }

// callEvent is what happened to an INVITE; exactly one of the three is meant.
type callEvent struct {
	sent   time.Time
	status int // of a provisional answer
	reason string
	body   string
	final  bool
	err    error // of the final answer, nil for 2xx
}

// Invite calls target, an extension of the agent's domain, with the given offer and blocks until the final answer. With
// a 2xx it returns the leg, its ACK sent. Otherwise the error is a *RejectedError, or wraps ErrNotRegistered,
// ErrConnectionLost, ErrNoAnswer, ErrBadTarget or ErrCancelled. A 3xx is followed within the PBX's own domain, at most three times.
//
// When ctx ends first, CANCEL is sent (as soon as the PBX has answered anything, RFC 3261 section 9.1), a 200 that
// crosses it is acknowledged and hung up, and the error wraps ErrCancelled and the cause of ctx: a leg is never returned then.
func (a *Agent) Invite(ctx context.Context, target, offer string, h Handler) (*Leg, error) {
	if ctx.Err() != nil {
		return nil, cancelledError(context.Cause(ctx))
	}
	if !validUser(target) {
		return nil, fmt.Errorf("%q: %w", target, ErrBadTarget)
	}
	l, err := a.newLeg(target, offer, h)
	if err != nil {
		return nil, err
	}
	if err = l.call(ctx); err != nil {
		l.dismiss()
		a.wg.Done()
		return nil, err
	}
	go func() {
		defer a.wg.Done()
		l.handle()
	}()
	return l, nil
}

func cancelledError(cause error) error { return fmt.Errorf("%w: %w", ErrCancelled, cause) }

// call sends the INVITE and sees it to its end.
func (l *Leg) call(ctx context.Context) error {
	l.mu.Lock()
	if err := l.sendInvite(); err != nil {
		l.conclude(err)
	}
	l.mu.Unlock()
	cancelled := ctx.Done()
	var giveUp <-chan time.Time
	for {
		select {
		case <-l.calls.ready:
			for _, ev := range l.calls.take() {
				if ev.final {
					return l.result(ctx, ev.err)
				}
				l.tell(ev)
			}
		case <-cancelled:
			cancelled = nil
			l.mu.Lock()
			l.cancelCall(context.Cause(ctx))
			l.mu.Unlock()
			timer := time.NewTimer(cancelLimit)
			defer timer.Stop()
			giveUp = timer.C
		case <-giveUp:
			return cancelledError(context.Cause(ctx))
		}
	}
}

func (l *Leg) tell(ev callEvent) {
	switch {
	case !ev.sent.IsZero():
		if l.h.Sent != nil {
			l.h.Sent(ev.sent)
		}
	case l.h.Progress != nil:
		l.h.Progress(ev.status, ev.reason, ev.body)
	}
}

// result turns the end of the call into what Invite returns.
func (l *Leg) result(ctx context.Context, err error) error {
	if err == nil && ctx.Err() != nil {
		err = cancelledError(context.Cause(ctx))
		l.mu.Lock()
		l.bye(End{By: EndedByUs})
		l.mu.Unlock()
	}
	return err
}

// dismiss answers what the peer sent to a leg that nobody will handle.
func (l *Leg) dismiss() {
	for _, t := range l.work.take() {
		if t.reoffer != nil {
			t.reoffer.answer(487, "Request Terminated", "", "")
		}
	}
}

// sendInvite sends the INVITE, again with credentials or another session interval where asked. l.mu is held.
func (l *Leg) sendInvite() error {
	req := l.dlg.build(l.c, sipmsg.INVITE,
		l.dlg.id.contact(l.c),
		sipmsg.NewHeader("Allow", allowed),
		sipmsg.NewHeader("Supported", "timer"),
		sipmsg.NewHeader("Session-Expires", sessionExpires(l.session.interval, "uac")),
		sipmsg.NewHeader("Min-SE", seconds(minSession)),
	)
	withSDP(req, l.local)
	l.cred.authorize(req)
	l.invite, l.provisional = req, false
	if err := l.c.request(req, func(res *sipmsg.Response) { l.answered(req, res) }, l.unanswered); err != nil {
		return err
	}
	l.calls.put(callEvent{sent: time.Now()})
	return nil
}

// answered takes each response to an INVITE, in the connection's goroutine: an ACK sent from here is on the wire
// before anything that came after the 200 is looked at.
func (l *Leg) answered(req *sipmsg.Request, res *sipmsg.Response) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if res.IsSuccess() {
		l.c.life.decided(l.dlg.callID)
		l.accepted(req, res)
		return
	}
	if l.state == stateOver && req == l.invite && res.IsProvisional() {
		l.cancelLate()
	}
	if l.state != stateCalling || req != l.invite {
		return
	}
	if res.StatusCode == 100 {
		l.c.life.tries(l.dlg.callID)
	} else {
		l.c.life.decided(l.dlg.callID)
	}
	switch status := res.StatusCode; {
	case status < 200:
		l.provisional = true
		l.sendCancel()
		if status == 100 || l.cancelWanted != nil || l.concluded {
			return
		}
		l.rang = true
		if len(res.Body()) > 0 && mediaType(res) == "application/sdp" {
			l.early = early{tag: param(res.To().Params, "tag"), sdp: string(res.Body())}
		}
		if l.calls.size() < maxWaiting {
			l.calls.put(callEvent{status: status, reason: res.Reason, body: string(res.Body())})
		}
	case l.cancelWanted != nil:
		l.conclude(cancelledError(l.cancelWanted))
	case status == 401 || status == 407:
		if err := l.cred.challenged(res); err != nil {
			l.conclude(l.rejection(res))
		} else if err = l.sendInvite(); err != nil {
			l.conclude(err)
		}
	case status == 422 && l.session.raise(headerValue(res, "Min-SE", "")):
		l.cred = l.agent.credentials()
		if err := l.sendInvite(); err != nil {
			l.conclude(err)
		}
	case l.redirected(res):
	default:
		l.conclude(l.rejection(res))
	}
}

func (l *Leg) rejection(res *sipmsg.Response) error {
	q850, _, _ := readReason(res)
	return &RejectedError{Status: res.StatusCode, Reason: res.Reason, Q850: q850, Rang: l.rang}
}

// unanswered is the end of the INVITE's transaction without a final answer.
func (l *Leg) unanswered(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == stateCalling && l.invite != nil && errors.Is(err, ErrConnectionLost) {
		// The PBX goes on ringing the house without us, or begins to, when it stood still: Asterisk does not mind that its 180 finds
		// nobody. Tell it when there is a connection again. Where it never took the INVITE up it answers 481.
		cancel := cancelOf(l.invite)
		l.agent.remember(orphan{since: time.Now(), send: func(c *conn, failed func(error)) error {
			return c.request(cancel, func(*sipmsg.Response) {}, failed)
		}})
	}
	l.conclude(err)
}

// accepted takes a 2xx: the first, one sent again, or one of another branch of a forked call. l.mu is held.
func (l *Leg) accepted(req *sipmsg.Request, res *sipmsg.Response) {
	tag := param(res.To().Params, "tag")
	switch {
	case l.state == stateCalling:
		l.dlg.establish(res)
		l.first = l.acknowledge(&l.dlg, req)
		l.ack = l.first
		l.state, l.answer = stateEstablished, string(res.Body())
		if l.answer == "" && l.early.tag == tag {
			l.answer = l.early.sdp
		}
		l.updates = allows(res, sipmsg.UPDATE)
		if l.cancelTimer != nil {
			l.cancelTimer.Stop()
		}
		l.beginSession(res)
		if l.cancelWanted != nil {
			cause := l.cancelWanted
			l.bye(End{By: EndedByUs})
			l.conclude(cancelledError(cause))
			return
		}
		l.conclude(nil)
	case tag == l.dlg.remoteTag:
		if l.first != nil {
			l.post(l.first)
		}
	default: // RFC 3261 section 13.2.2.4: take it and hang it up
		other := l.dlg
		other.routes = nil
		other.establish(res)
		l.acknowledge(&other, req)
		l.hangUpBranch(other)
	}
}

// hangUpBranch ends a branch of the call that nobody wants. Of many, which no house has, the later ones get a BYE that is not sent
// again. l.mu is held.
func (l *Leg) hangUpBranch(d dialog) {
	if l.branches++; l.branches > maxBranches {
		l.post(d.build(l.c, sipmsg.BYE))
		return
	}
	failed := func(err error) { l.log.Debug("another branch not hung up", "error", err) }
	if err := l.agent.farewell(l.c, d, failed); err != nil {
		failed(err)
	}
}

// acknowledge sends the ACK of a 2xx, with the credentials of the INVITE (RFC 3261 section 13.2.2.4).
func (l *Leg) acknowledge(d *dialog, invite *sipmsg.Request) *sipmsg.Request {
	ack := d.buildNumbered(l.c, sipmsg.ACK, invite.CSeq().SeqNo)
	sipmsg.CopyHeaders("Authorization", invite, ack)
	sipmsg.CopyHeaders("Proxy-Authorization", invite, ack)
	l.post(ack)
	return ack
}

// post sends what nobody waits for. An error has ended the connection, which everybody is told of.
func (l *Leg) post(req *sipmsg.Request) {
	if err := l.c.send(req); err != nil {
		l.log.Debug("not sent", "method", string(req.Method), "error", err)
	}
}

// cancelCall gives up a call that was not answered yet. l.mu is held.
func (l *Leg) cancelCall(cause error) {
	if l.state != stateCalling || l.cancelWanted != nil || l.concluded {
		return
	}
	l.cancelWanted = cause
	l.sendCancel()
}

// cancelLate cancels a call that the PBX takes up after it was given up unanswered. l.mu is held.
func (l *Leg) cancelLate() {
	if l.provisional {
		return // it was answered in time, and cancelled if need be
	}
	l.provisional = true
	if l.cancelWanted == nil {
		l.cancelWanted = ErrNoAnswer
	}
	l.sendCancel()
}

// sendCancel sends CANCEL once it is wanted and allowed. l.mu is held.
func (l *Leg) sendCancel() {
	if l.cancelWanted == nil || !l.provisional || l.cancelSent {
		return
	}
	l.cancelSent = true
	l.cancelTimer = time.AfterFunc(transactionLimit, func() { l.unanswered(ErrNoAnswer) })
	ignore := func(*sipmsg.Response) {}
	if err := l.c.request(cancelOf(l.invite), ignore, func(error) {}); err != nil {
		l.log.Debug("CANCEL not sent", "error", err)
	}
}

// conclude gives Invite its result; the first one counts. l.mu is held.
func (l *Leg) conclude(err error) {
	if err != nil && l.state == stateCalling {
		if l.cancelWanted != nil {
			err = cancelledError(l.cancelWanted)
		}
		l.state = stateOver
		l.stopTimers()
		l.cancel()
		close(l.done)
		l.agent.forget(l)
	}
	if !l.concluded {
		l.concluded = true
		l.c.life.decided(l.dlg.callID)
		l.calls.put(callEvent{final: true, err: err})
	}
}
