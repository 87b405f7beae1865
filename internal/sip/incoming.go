package sip

import (
	"context"
	"errors"
	"fmt"

	sipmsg "github.com/emiago/sipgo/sip"
)

// maxIncoming is how many calls to the agent may wait for a decision at a time; more get 486.
const maxIncoming = 8

// Incoming is an INVITE from outside a dialog that waits for a decision (RFC 3261 section 13.3).
type Incoming struct {
	leg *Leg
	tx  *serverTx

	ctx    context.Context
	cancel context.CancelCauseFunc
	caller string
	name   string
	offer  string

	// under the leg's lock
	concluded bool
	result    chan error // of Answer
}

// Caller is the extension that calls: the user part of P-Asserted-Identity (RFC 3325), else of From. The PBX vouches for the first; it
// is empty when the caller has none.
func (i *Incoming) Caller() string { return i.caller }

// CallerName is the display name of the caller, perhaps empty.
func (i *Incoming) CallerName() string { return i.name }

// Offer is the caller's session description. It is empty when the caller leaves the offer to us (RFC 3261 section 13.2.1): then what
// Answer is given is the offer, and Leg.Answer returns the caller's answer to it.
func (i *Incoming) Offer() string { return i.offer }

// Context ends when the caller has given up or the call was decided; its cause says why: an error that wraps ErrCancelled,
// ErrConnectionLost, ErrStopped or ErrDecided.
func (i *Incoming) Context() context.Context { return i.ctx }

// Ring sends 180. It fails with the cause of Context when the call has ended or is decided.
func (i *Incoming) Ring() error {
	l := i.leg
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != stateIncoming {
		return i.why()
	}
	return i.tx.provisional(180, "Ringing", l.dlg.id.contact(i.tx.c), allowHeader())
}

// why tells what has become of the call when it is not to be decided any more. l.mu is held.
func (i *Incoming) why() error {
	if err := context.Cause(i.ctx); err != nil {
		return err
	}
	return ErrDecided
}

// Reject sends a final answer of 400 to 699. It fails with the cause of Context when the call has ended or was decided before.
func (i *Incoming) Reject(status int, reason string) error {
	if status < 400 || status > 699 {
		return fmt.Errorf("status %d refuses no call", status)
	}
	i.leg.mu.Lock()
	defer i.leg.mu.Unlock()
	if i.leg.state != stateIncoming {
		return i.why()
	}
	i.leg.refuse(status, displayName(reason), ErrDecided)
	return nil
}

// Answer sends 200 with the session description and returns the leg once the ACK came. Errors wrap ErrCancelled when the caller gave
// up first or ctx ended, ErrConnectionLost, ErrStopped, ErrNoAnswer when no ACK came in 32 s, or ErrDecided.
//
// When ctx ends first the call is hung up as soon as RFC 3261 section 15 allows; a leg is never returned then.
func (i *Incoming) Answer(ctx context.Context, answer string, h Handler) (*Leg, error) {
	l := i.leg
	l.mu.Lock()
	switch {
	case l.state != stateIncoming:
		defer l.mu.Unlock()
		return nil, i.why()
	case ctx.Err() != nil:
		l.mu.Unlock()
		return nil, cancelledError(context.Cause(ctx))
	}
	l.h, l.local, l.state = h, answer, stateAccepted
	if err := l.accept(answer); err != nil {
		l.fell(err)
	}
	l.mu.Unlock()
	select {
	case err := <-i.result:
		return l.taken(err)
	case <-ctx.Done():
	}
	l.mu.Lock()
	l.hungUpEarly(cancelledError(context.Cause(ctx)))
	l.mu.Unlock()
	err := <-i.result
	if err == nil { // the ACK was quicker
		err = cancelledError(context.Cause(ctx))
		l.mu.Lock()
		l.bye(End{By: EndedByUs})
		l.mu.Unlock()
	}
	return l.taken(err)
}

// taken turns the end of Answer into what it returns.
func (l *Leg) taken(err error) (*Leg, error) {
	if err != nil {
		l.dismiss()
		l.agent.wg.Done()
		return nil, err
	}
	go func() {
		defer l.agent.wg.Done()
		l.handle()
	}()
	return l, nil
}

// invited takes an INVITE from outside a dialog, in the connection's goroutine.
func (a *Agent) invited(t *serverTx) {
	from := param(t.req.From().Params, "tag")
	hasOffer := len(t.req.Body()) > 0
	a.mu.Lock()
	stopped, waiting, merged := a.stopped, 0, false
	for _, l := range a.legs {
		if l.in == nil {
			continue
		}
		first := l.in.tx.req // what the leg was made of stays
		if first.CallID().Value() == t.req.CallID().Value() && l.in.from() == from && first.CSeq().SeqNo == t.req.CSeq().SeqNo {
			merged = true
		}
		if l.in.ctx.Err() == nil {
			waiting++
		}
	}
	a.mu.Unlock()
	switch {
	case merged: // the same call by another way (RFC 3261 section 8.2.2.2)
		t.answer(482, "Loop Detected", "", "")
	case stopped:
		t.answer(480, "Temporarily Unavailable", "", "")
	case a.cfg.OnInvite == nil:
		t.answer(403, "Forbidden", "", "")
	case hasOffer && mediaType(t.req) != "application/sdp":
		t.answer(415, "Unsupported Media Type", "", "", sipmsg.NewHeader("Accept", "application/sdp"))
	case tooSmall(t.req):
		t.answer(422, "Session Interval Too Small", "", "", sipmsg.NewHeader("Min-SE", seconds(minSession)))
	case t.req.Contact() == nil || t.req.Contact().Address.Host == "":
		t.answer(400, "Missing Contact", "", "")
	case waiting >= maxIncoming:
		t.answer(486, "Busy Here", "", "")
	default:
		a.ringsHere(t)
	}
}

// from is the caller's tag.
func (i *Incoming) from() string { return param(i.tx.req.From().Params, "tag") }

// ringsHere has OnInvite decide.
func (a *Agent) ringsHere(t *serverTx) {
	i := &Incoming{tx: t, offer: string(t.req.Body()), result: make(chan error, 1)}
	i.ctx, i.cancel = context.WithCancelCause(context.Background())
	i.name, i.caller = callerOf(t.req)
	l := a.makeLeg(t.c, dialog{
		id: a.id, callID: t.req.CallID().Value(), localTag: t.tag, local: t.req.To().Address.Clone(),
		remote:    sipmsg.ToHeader{Address: *t.req.From().Address.Clone()},
		remoteTag: i.from(),
	})
	for _, h := range t.req.GetHeaders("Record-Route") {
		l.dlg.routes = append(l.dlg.routes, h.Value())
	}
	l.dlg.refreshTarget(t.req)
	l.log = a.log.With("call_id", l.dlg.callID, "caller", i.caller)
	l.in, i.leg, l.state = i, l, stateIncoming
	l.remoteCSeq, l.remoteSeen = t.req.CSeq().SeqNo, true
	l.updates = allows(t.req, sipmsg.UPDATE)
	t.whenCancelled(l.farCancel)
	a.mu.Lock()
	if a.stopped { // meanwhile
		a.mu.Unlock()
		t.answer(480, "Temporarily Unavailable", "", "")
		l.cancel()
		i.cancel(ErrStopped)
		return
	}
	a.legs[l.dlg.key()] = l
	a.wg.Add(2)
	a.mu.Unlock()
	if err := t.provisional(100, "Trying"); err != nil {
		l.log.Debug("100 not sent", "error", err)
	}
	go func() {
		defer a.wg.Done()
		a.cfg.OnInvite(i)
		l.mu.Lock()
		l.refuse(480, "Temporarily Unavailable", ErrDecided)
		l.mu.Unlock()
	}()
}

// accept sends the 200. l.mu is held.
func (l *Leg) accept(answer string) error {
	t := l.in.tx
	err := t.reply(200, "OK", "application/sdp", answer, append(l.peerSession(t.req), l.dlg.id.contact(t.c), allowHeader())...)
	if errors.Is(err, errAnswered) { // by 487, because of a CANCEL
		return fmt.Errorf("%w by the caller", ErrCancelled)
	}
	if err == nil {
		l.owe(t)
	}
	return err
}

// confirmed is told that the ACK of the 200 came. l.mu is held.
func (l *Leg) confirmed(ack *sipmsg.Request) {
	l.state = stateEstablished
	if l.in.offer == "" {
		l.answer = string(ack.Body())
	}
	if end := l.hangUpOnAck; end != nil {
		l.bye(*end)
		return
	}
	l.in.conclude(nil)
}

// hungUpEarly gives up a call that was answered and whose ACK is awaited; BYE may follow only then (RFC 3261 section 15). l.mu is held.
func (l *Leg) hungUpEarly(cause error) {
	if l.state != stateAccepted {
		return
	}
	l.hangUpOnAck = &End{By: EndedByUs}
	l.in.conclude(cause)
}

// refuse answers an INVITE that waits for a decision, and ends the leg. l.mu is held.
func (l *Leg) refuse(status int, reason string, cause error) {
	if l.state != stateIncoming {
		return
	}
	l.in.tx.answer(status, reason, "", "")
	l.fell(cause)
}

// fell ends an incoming call that is not up. l.mu is held.
func (l *Leg) fell(cause error) {
	if l.state != stateIncoming && l.state != stateAccepted {
		return
	}
	given := l.state == stateAccepted // to Answer, which returns it
	l.state = stateOver
	l.stopTimers()
	l.cancel()
	close(l.done)
	l.agent.forget(l)
	l.in.conclude(cause)
	if !given {
		l.agent.wg.Done()
	}
}

// farCancel is told that the INVITE was cancelled by the caller, and answered by 487.
func (l *Leg) farCancel(cancel *sipmsg.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := fmt.Errorf("%w by the caller", ErrCancelled)
	if _, _, text := readReason(cancel); text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	l.fell(err)
}

// conclude gives Answer its result, the first counts, and ends Context. l.mu is held.
func (i *Incoming) conclude(err error) {
	if i.concluded {
		return
	}
	i.concluded = true
	i.result <- err
	if err == nil {
		err = ErrDecided
	}
	i.cancel(err)
}
