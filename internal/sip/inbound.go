package sip

import (
	"errors"

	sipmsg "github.com/emiago/sipgo/sip"
)

func allowHeader() sipmsg.Header { return sipmsg.NewHeader("Allow", allowed) }

// receive takes every request of the PBX, in the connection's goroutine.
func (a *Agent) receive(t *serverTx) {
	if param(t.req.To().Params, "tag") == "" {
		a.receiveOutside(t)
		return
	}
	a.mu.Lock()
	l := a.legs[t.req.CallID().Value()]
	a.mu.Unlock()
	if l == nil || !l.receive(t) {
		if !t.req.IsAck() {
			t.answer(481, "Call/Transaction Does Not Exist", "", "")
		}
	}
}

// receiveOutside answers what belongs to no call. The door takes no calls yet.
func (a *Agent) receiveOutside(t *serverTx) {
	switch t.req.Method {
	case sipmsg.ACK:
	case sipmsg.OPTIONS:
		t.answer(200, "OK", "", "", allowHeader(), sipmsg.NewHeader("Accept", "application/sdp"))
	case sipmsg.NOTIFY:
		t.answer(200, "OK", "", "")
	case sipmsg.INVITE:
		t.answer(403, "Forbidden", "", "")
	case sipmsg.MESSAGE, sipmsg.REFER:
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
		return true
	}
	seq := t.req.CSeq().SeqNo
	if l.remoteSeen && seq <= l.remoteCSeq {
		l.repeated(t, seq)
		return true
	}
	l.remoteCSeq, l.remoteSeen = seq, true
	switch t.req.Method {
	case sipmsg.BYE:
		l.farBye(t)
	case sipmsg.INVITE, sipmsg.UPDATE:
		l.offered(t)
	case sipmsg.INFO:
		l.info(t)
	case sipmsg.OPTIONS:
		t.answer(200, "OK", "", "", allowHeader(), sipmsg.NewHeader("Accept", "application/sdp, "+typeRelay+", "+typeDTMF))
	case sipmsg.MESSAGE, sipmsg.NOTIFY:
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
	if l.state == stateEnding {
		l.finish(l.end)
		return
	}
	end := End{By: EndedByFar}
	end.Q850, end.Status, end.Reason = readReason(t.req)
	l.finish(end)
}

// offered takes re-INVITE and UPDATE. A re-INVITE that came before Invite has returned waits in the mailbox.
func (l *Leg) offered(t *serverTx) {
	hasOffer := len(t.req.Body()) > 0
	switch {
	case l.state == stateEnding:
		t.answer(481, "Call/Transaction Does Not Exist", "", "")
	case hasOffer && mediaType(t.req) != "application/sdp":
		t.answer(415, "Unsupported Media Type", "", "", sipmsg.NewHeader("Accept", "application/sdp"))
	case t.req.Method == sipmsg.UPDATE && !hasOffer:
		l.dlg.refreshTarget(t.req)
		t.answer(200, "OK", "", "", append(l.peerSession(t.req), l.dlg.id.contact(t.c), allowHeader())...)
	case l.offering:
		t.answer(491, "Request Pending", "", "")
	case l.pending != nil: // RFC 3261 section 14.2
		t.answer(500, "Server Internal Error", "", "", sipmsg.NewHeader("Retry-After", "1"))
	default:
		l.pending = t
		l.work.put(task{reoffer: t})
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
	}
	switch {
	case l.state != stateEstablished:
		t.answer(487, "Request Terminated", "", "")
	case err == nil:
		l.local = answer
		l.dlg.refreshTarget(t.req)
		t.answer(200, "OK", "application/sdp", answer, append(l.peerSession(t.req), l.dlg.id.contact(t.c), allowHeader())...)
	case errors.Is(err, ErrNotAcceptable):
		t.answer(488, "Not Acceptable Here", "", "")
	case errors.Is(err, ErrPending):
		t.answer(491, "Request Pending", "", "")
	default:
		l.log.Warn("offer of the peer not answered", "error", err)
		t.answer(500, "Server Internal Error", "", "")
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
	case l.work.size() >= maxWaiting:
		t.answer(503, "Service Unavailable", "", "")
	default:
		t.answer(200, "OK", "", "")
		l.work.put(task{digit: &Digit{Value: digit, Duration: duration, CSeq: t.req.CSeq().SeqNo}})
	}
}
