package sip

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

func allowHeader() sipmsg.Header { return sipmsg.NewHeader("Allow", allowed) }

// receive takes every request of the PBX, in the connection's goroutine.
func (a *Agent) receive(t *serverTx) {
	if status, reason := defect(t.req); status != 0 {
		if !t.req.IsAck() {
			t.answer(status, reason, "", "")
		}
		return
	}
	tag := param(t.req.To().Params, "tag")
	switch unknown := unsupported(t.req); {
	case unknown != "" && !t.req.IsAck():
		t.answer(420, "Bad Extension", "", "", sipmsg.NewHeader("Unsupported", unknown))
		return
	case tag == "":
		a.receiveOutside(t)
		return
	}
	a.mu.Lock()
	l := a.legs[dialogKey(t.req.CallID().Value(), tag)]
	a.mu.Unlock()
	if l == nil || !l.receive(t) {
		if !t.req.IsAck() {
			t.answer(481, "Call/Transaction Does Not Exist", "", "")
		}
	}
}

// unsupported lists what a request requires beyond session timers (RFC 3261 section 8.2.2.3); 100rel is not offered.
func unsupported(req *sipmsg.Request) string {
	return strings.Join(slices.DeleteFunc(values(req, "Require", ""), func(v string) bool { return strings.EqualFold(v, "timer") }), ", ")
}

// receiveOutside answers what belongs to no call. A MESSAGE gets 405: nobody would read it, and RFC 3428 section 7 has 2xx mean that
// somebody may and 6xx that it was delivered. A NOTIFY that nobody subscribed to is how PBXs tell of voice mail: 200 stops them.
func (a *Agent) receiveOutside(t *serverTx) {
	switch t.req.Method {
	case sipmsg.ACK:
	case sipmsg.OPTIONS:
		t.answer(200, "OK", "", "", allowHeader(), sipmsg.NewHeader("Accept", "application/sdp"))
	case sipmsg.NOTIFY:
		t.answer(200, "OK", "", "")
	case sipmsg.INVITE:
		a.invited(t)
	case sipmsg.REFER:
		t.answer(603, "Decline", "", "")
	case sipmsg.BYE, sipmsg.INFO, sipmsg.UPDATE, sipmsg.PRACK:
		t.answer(481, "Call/Transaction Does Not Exist", "", "")
	default:
		t.answer(405, "Method Not Allowed", "", "", allowHeader())
	}
}

// receive takes a request within the dialog. It returns false when it belongs to none.
func (l *Leg) receive(t *serverTx) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := param(t.req.From().Params, "tag")
	switch {
	case param(t.req.To().Params, "tag") != l.dlg.localTag:
		return false
	case l.dlg.remoteTag != "" && from != l.dlg.remoteTag:
		return false
	case l.state == stateOver:
		return false
	case t.req.IsAck():
		l.acknowledged(t.req)
		return true
	}
	seq := t.req.CSeq().SeqNo
	if l.remoteSeen && seq <= l.remoteCSeq {
		l.repeated(t, seq)
		return true
	}
	if l.state != stateCalling { // else it may be of a branch other than the one that will answer, which counts for itself
		l.remoteCSeq, l.remoteSeen = seq, true
	}
	switch t.req.Method {
	case sipmsg.BYE:
		l.farBye(t)
	case sipmsg.INVITE, sipmsg.UPDATE:
		l.offered(t)
	case sipmsg.INFO:
		l.info(t)
	case sipmsg.OPTIONS:
		t.answer(200, "OK", "", "", allowHeader(), sipmsg.NewHeader("Accept", "application/sdp, "+typeRelay+", "+typeDTMF))
	case sipmsg.NOTIFY:
		t.answer(200, "OK", "", "")
	case sipmsg.REFER:
		t.answer(603, "Decline", "", "")
	default:
		t.answer(405, "Method Not Allowed", "", "", allowHeader())
	}
	return true
}

// repeated answers a request whose number was used before (RFC 3261 section 12.2.2). A digit sent twice was heard once.
func (l *Leg) repeated(t *serverTx, seq uint32) {
	if t.req.Method == sipmsg.INFO && seq == l.remoteCSeq {
		t.answer(200, "OK", "", "")
		return
	}
	t.answer(500, "Server Internal Error", "", "")
}

func (l *Leg) farBye(t *serverTx) {
	if l.state == stateCalling { // a callee may not end a call that it has not answered (RFC 3261 section 15)
		t.answer(481, "Call/Transaction Does Not Exist", "", "")
		return
	}
	t.answer(200, "OK", "", "")
	end := End{By: EndedByFar}
	end.Q850, end.Status, end.Reason = readReason(t.req)
	switch l.state {
	case stateEnding:
		end = l.end
	case stateIncoming: // a caller may do so (RFC 3261 section 15.1.2)
		l.refuse(487, "Request Terminated", fmt.Errorf("%w by the caller", ErrCancelled))
		return
	case stateAccepted: // before the ACK, which then never comes
		l.in.conclude(fmt.Errorf("%w by the caller", ErrCancelled))
	default:
	}
	l.finish(end)
}

// offered takes re-INVITE and UPDATE. A re-INVITE that came before Invite or Answer has returned waits in the mailbox.
func (l *Leg) offered(t *serverTx) {
	hasOffer := len(t.req.Body()) > 0
	switch {
	case l.state == stateEnding:
		t.answer(481, "Call/Transaction Does Not Exist", "", "")
	case hasOffer && mediaType(t.req) != "application/sdp":
		t.answer(415, "Unsupported Media Type", "", "", sipmsg.NewHeader("Accept", "application/sdp"))
	case tooSmall(t.req):
		t.answer(422, "Session Interval Too Small", "", "", sipmsg.NewHeader("Min-SE", seconds(minSession)))
	case l.state == stateCalling || l.state == stateIncoming:
		l.offeredEarly(t, hasOffer)
	case t.req.Method == sipmsg.UPDATE && !hasOffer:
		l.dlg.refreshTarget(t.req)
		t.answer(200, "OK", "", "", append(l.peerSession(t.req), l.dlg.id.contact(t.c), allowHeader())...)
	case l.open != nil && l.open.method == sipmsg.INVITE: // section 14.2, RFC 3311 section 5.2
		t.answer(491, "Request Pending", "", "")
	case l.pending != nil: // RFC 3261 section 14.2
		t.answer(500, "Server Internal Error", "", "", sipmsg.NewHeader("Retry-After", "1"))
	default:
		l.pending = t
		l.work.put(task{reoffer: t})
	}
}

// offeredEarly takes re-INVITE and UPDATE of a call that is not answered. The offer of the first INVITE is still open, so there is no
// place for another (RFC 3311 section 5.2, RFC 3261 section 14.2).
func (l *Leg) offeredEarly(t *serverTx, hasOffer bool) {
	switch {
	case t.req.Method == sipmsg.UPDATE && !hasOffer:
		l.dlg.refreshTarget(t.req)
		t.answer(200, "OK", "", "", l.dlg.id.contact(t.c), allowHeader())
	case l.state == stateCalling:
		t.answer(491, "Request Pending", "", "")
	default:
		t.answer(500, "Server Internal Error", "", "", sipmsg.NewHeader("Retry-After", "1"))
	}
}

// reoffer asks the handler for the answer to an offer, in the handler's goroutine.
func (l *Leg) reoffer(t *serverTx) {
	offer := string(t.req.Body())
	var answer string
	err := ErrNotAcceptable
	switch {
	case t.isAnswered():
		err = ErrCancelled
	case offer == "":
		// A re-INVITE without offer wants ours: the one that holds, so that nothing changes.
		l.mu.Lock()
		answer, err = l.local, nil
		l.mu.Unlock()
	case l.h.Reoffer != nil:
		answer, err = l.h.Reoffer(l.ctx, offer)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending == t {
		l.pending = nil
		l.announce()
	}
	switch {
	case l.state != stateEstablished:
		t.answer(487, "Request Terminated", "", "")
	case err == nil:
		l.agree(t, answer)
	case errors.Is(err, ErrNotAcceptable):
		t.answer(488, "Not Acceptable Here", "", "")
	case errors.Is(err, ErrPending):
		t.answer(491, "Request Pending", "", "")
	default:
		l.log.Warn("offer of the peer not answered", "error", err)
		t.answer(500, "Server Internal Error", "", "")
	}
}

// agree answers an offer of the peer. l.mu is held.
func (l *Leg) agree(t *serverTx, answer string) {
	l.dlg.refreshTarget(t.req)
	err := t.reply(200, "OK", "application/sdp", answer, append(l.peerSession(t.req), l.dlg.id.contact(t.c), allowHeader())...)
	l.local = answer
	switch {
	case errors.Is(err, errAnswered): // cancelled meanwhile
	case err != nil: // the peer does not know, and the handler has moved on
		l.mend()
	case t.req.IsInvite():
		l.owe(t)
	}
}

func (l *Leg) info(t *serverTx) {
	if l.state == stateEnding {
		t.answer(481, "Call/Transaction Does Not Exist", "", "")
		return
	}
	kind := mediaType(t.req)
	if kind != typeRelay && kind != typeDTMF {
		t.answer(415, "Unsupported Media Type", "", "", sipmsg.NewHeader("Accept", typeRelay+", "+typeDTMF))
		return
	}
	digit, duration, err := parseDigit(kind, string(t.req.Body()))
	switch {
	case errors.Is(err, errFlash):
		t.answer(200, "OK", "", "")
	case err != nil:
		t.answer(400, "Bad Request", "", "")
	case l.state == stateCalling || l.state == stateIncoming: // nobody talks yet; kept, it would be taken for typed by who answers
		t.answer(200, "OK", "", "")
	case l.work.size() >= maxWaiting:
		t.answer(503, "Service Unavailable", "", "")
	default:
		t.answer(200, "OK", "", "")
		l.work.put(task{digit: &Digit{Value: digit, Duration: duration, CSeq: t.req.CSeq().SeqNo}})
	}
}
