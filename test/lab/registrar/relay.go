package registrar

import (
	"time"

	"github.com/emiago/sipgo/sip"
)

// relay is a request other than INVITE that waits for its final response.
type relay struct {
	id    string
	from  *flow
	to    *flow
	req   *sip.Request // as received
	timer *time.Timer
}

// dialogID names a call by the caller's Call-ID and the two tags.
type dialogID struct {
	callID, caller, callee string
}

// dialog is a call that is up: which connection is at either end.
type dialog struct {
	caller, callee side
}

// side is one end of a call. Its connection may be replaced when the same extension comes back on another.
type side struct {
	flow *flow
	user string
}

func (s *Server) openDialog(tx *invite, b *branch, res *sip.Response) {
	id := dialogID{tx.req.CallID().Value(), tag(tx.req.From().Params), tag(res.To().Params)}
	s.dialogs[id] = &dialog{
		caller: side{tx.from, tx.from.user},
		callee: side{b.to, b.to.user},
	}
}

// inDialog passes a request of a call that is up to its other end. An INVITE among them is a re-INVITE.
func (s *Server) inDialog(from *flow, req *sip.Request) {
	to := s.otherEnd(from, req)
	switch {
	case from.user == "":
		s.reply(from, req, sip.StatusForbidden, "Forbidden")
	case to == nil || to.gone:
		s.reply(from, req, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
	case req.IsInvite():
		key := transactionKey(from, req)
		if _, repeated := s.invites[key]; !repeated {
			s.fork(from, req, key, []target{{to, req.Recipient}})
		}
	default:
		s.relayTo(from, to, req, req.Recipient)
		if req.Method == sip.BYE {
			s.closeDialog(req)
		}
	}
}

// otherEnd finds the connection a request within a dialog is for: the call's other end, or, for a call that is
// not known (one still ringing), the one whose contact the request names.
func (s *Server) otherEnd(from *flow, req *sip.Request) *flow {
	callID, near, far := req.CallID().Value(), tag(req.From().Params), tag(req.To().Params)
	if d, ok := s.dialogs[dialogID{callID, near, far}]; ok {
		return route(from, &d.caller, &d.callee)
	}
	if d, ok := s.dialogs[dialogID{callID, far, near}]; ok {
		return route(from, &d.callee, &d.caller)
	}
	return s.contactFlow(req.Recipient)
}

// route checks that the sender is that end of the call and returns the other. A sender that has reconnected takes
// its place again, if it is the same extension.
func route(from *flow, sender, receiver *side) *flow {
	if from != sender.flow {
		if from.user == "" || from.user != sender.user {
			return nil
		}
		sender.flow = from
	}
	return receiver.flow
}

func (s *Server) closeDialog(req *sip.Request) {
	callID, near, far := req.CallID().Value(), tag(req.From().Params), tag(req.To().Params)
	delete(s.dialogs, dialogID{callID, near, far})
	delete(s.dialogs, dialogID{callID, far, near})
}

// ack passes the ACK of an answer on; the ACK of a refusal ends here (RFC 3261 section 17.2.1).
func (s *Server) ack(from *flow, req *sip.Request) {
	if tx, ours := s.invites[transactionKey(from, req)]; ours && tx.winner == nil {
		return
	}
	if from.user == "" || req.MaxForwards() != nil && req.MaxForwards().Val() == 0 {
		return
	}
	if to := s.otherEnd(from, req); to != nil {
		out, _ := forward(req)
		to.send([]byte(out.String()))
	}
}

// relayToExtension passes a request outside of a call (MESSAGE, OPTIONS …) to the newest contact of an extension.
func (s *Server) relayToExtension(from *flow, req *sip.Request) {
	extension := req.Recipient.User
	if _, known := s.users[extension]; !known {
		s.reply(from, req, sip.StatusNotFound, "Not Found")
		return
	}
	list := s.contacts(extension)
	if len(list) == 0 {
		s.reply(from, req, sip.StatusTemporarilyUnavailable, "Temporarily Unavailable")
		return
	}
	newest := list[len(list)-1]
	s.relayTo(from, newest.flow, req, newest.address)
}

func (s *Server) relayTo(from, to *flow, req *sip.Request, address sip.Uri) {
	out, id := forward(req)
	out.Recipient = *address.Clone()
	r := &relay{id: id, from: from, to: to, req: req}
	r.timer = time.AfterFunc(transactionLimit, func() { s.expireRelay(r) })
	s.relays[id] = r
	to.send([]byte(out.String()))
}

// expireRelay answers for a client that did not.
func (s *Server) expireRelay(r *relay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.relays[r.id] != r {
		return
	}
	delete(s.relays, r.id)
	s.reply(r.from, r.req, sip.StatusRequestTimeout, "Request Timeout")
}

// response takes a response back the way its request came. Only the connection that was asked may answer.
func (s *Server) response(from *flow, res *sip.Response) {
	id := branchOf(res)
	if b, ok := s.branches[id]; ok && b.to == from {
		if res.CSeq().MethodName == sip.INVITE { // and not the 200 to our own CANCEL
			s.inviteResponse(b, res)
		}
		return
	}
	r, ok := s.relays[id]
	if !ok || r.to != from {
		return // late, repeated, or an answer to our own BYE
	}
	r.from.send([]byte(backward(res).String()))
	if !res.IsProvisional() {
		r.timer.Stop()
		delete(s.relays, id)
	}
}

// dropTransactions ends what a closed connection was part of: it answers nothing any more, and nobody waits for
// what it asked.
func (s *Server) dropTransactions(f *flow) {
	for id, r := range s.relays {
		switch f {
		case r.to:
			s.reply(r.from, r.req, sip.StatusTemporarilyUnavailable, "Temporarily Unavailable")
		case r.from:
		default:
			continue
		}
		r.timer.Stop()
		delete(s.relays, id)
	}
	for _, tx := range s.invites {
		if tx.from == f && !tx.final {
			tx.final = true
			tx.timer.Reset(transactionLimit)
			s.cancelBranches(tx, "")
		}
		for _, b := range tx.branches {
			if b.to == f && !b.done {
				b.done = true
				s.refused(b, sip.NewResponseFromRequest(tx.req, sip.StatusTemporarilyUnavailable, "Temporarily Unavailable", nil))
			}
		}
	}
}

// dropDialogs forgets calls that have lost both ends.
func (s *Server) dropDialogs() {
	for id, d := range s.dialogs {
		if d.caller.flow.gone && d.callee.flow.gone {
			delete(s.dialogs, id)
		}
	}
}
