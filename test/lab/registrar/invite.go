package registrar

import (
	"time"

	"github.com/emiago/sipgo/sip"
)

// elsewhere tells the browsers that lost why they stop ringing (RFC 3326), in the words Asterisk uses.
const elsewhere = `SIP;cause=200;text="Call completed elsewhere"`

// invite is one INVITE that is being passed on: the caller's transaction and a branch to each contact.
type invite struct {
	key      string
	from     *flow
	req      *sip.Request
	branches []*branch
	best     *sip.Response // the refusal to pass on when every branch has refused
	final    bool          // the caller has its final response
	winner   *branch
	timer    *time.Timer
}

// branch is the copy of an INVITE that went to one contact.
type branch struct {
	id          string
	tx          *invite
	to          *flow
	req         *sip.Request // as sent
	provisional bool
	done        bool         // a final response has come, or none can come any more
	cancel      *sip.Request // waits for the first provisional response (RFC 3261 section 9.1)
	cancelSent  bool
	late        string // To tag of an answer that lost and has been hung up
}

// target is where a branch goes.
type target struct {
	flow    *flow
	address sip.Uri
}

// newInvite calls an extension: every contact of it rings.
func (s *Server) newInvite(from *flow, req *sip.Request) {
	key := transactionKey(from, req)
	if _, repeated := s.invites[key]; repeated {
		return
	}
	extension := req.Recipient.User
	if _, known := s.users[extension]; !known {
		s.reply(from, req, sip.StatusNotFound, "Not Found")
		return
	}
	var targets []target
	for _, b := range s.contacts(extension) {
		targets = append(targets, target{b.flow, b.address})
	}
	if len(targets) == 0 {
		s.reply(from, req, sip.StatusTemporarilyUnavailable, "Temporarily Unavailable")
		return
	}
	s.log.Debug("call", "from", from.user, "to", extension, "contacts", len(targets))
	s.fork(from, req, key, targets)
}

// fork sends an INVITE to its targets and remembers the transaction.
func (s *Server) fork(from *flow, req *sip.Request, key string, targets []target) {
	s.reply(from, req, sip.StatusTrying, "Trying")
	tx := &invite{key: key, from: from, req: req}
	tx.timer = time.AfterFunc(ringLimit, func() { s.expireInvite(tx) })
	s.invites[key] = tx
	for _, t := range targets {
		out, id := forward(req)
		out.Recipient = *t.address.Clone()
		b := &branch{id: id, tx: tx, to: t.flow, req: out}
		tx.branches = append(tx.branches, b)
		s.branches[id] = b
		t.flow.send([]byte(out.String()))
	}
}

// inviteResponse handles what one contact says to an INVITE.
func (s *Server) inviteResponse(b *branch, res *sip.Response) {
	tx := b.tx
	switch {
	case res.StatusCode == sip.StatusTrying:
		s.provisional(b)
	case res.IsProvisional():
		s.provisional(b)
		if !b.done && !tx.final && b.cancel == nil {
			tx.timer.Reset(ringLimit)
			tx.from.send([]byte(backward(res).String()))
		}
	case res.IsSuccess():
		b.done = true
		s.answered(b, res)
	default:
		b.to.send([]byte(hopRequest(sip.ACK, b.req, res.To()).String()))
		if b.done {
			return
		}
		b.done = true
		s.refused(b, backward(res))
	}
}

// provisional notes that a contact has taken the INVITE; a CANCEL that waited for this goes out now.
func (s *Server) provisional(b *branch) {
	b.provisional = true
	s.sendCancel(b)
}

// answered passes the first answer on and ends the other branches. An answer after that is hung up at once.
func (s *Server) answered(b *branch, res *sip.Response) {
	tx := b.tx
	if tx.final && tx.winner != b {
		s.hangUpLate(b, res)
		return
	}
	if !tx.final { // a repeated answer (until its ACK arrives) changes nothing
		tx.final, tx.winner = true, b
		tx.timer.Reset(transactionLimit)
		s.cancelBranches(tx, elsewhere)
		if tag(tx.req.To().Params) == "" {
			s.openDialog(tx, b, res)
		}
	}
	tx.from.send([]byte(backward(res).String()))
}

// hangUpLate acknowledges and ends an answer nobody waits for any more.
func (s *Server) hangUpLate(b *branch, res *sip.Response) {
	cseq := b.req.CSeq().SeqNo
	b.to.send([]byte(endpointRequest(sip.ACK, b.req, res, cseq).String()))
	if to := tag(res.To().Params); b.late != to {
		b.late = to
		b.to.send([]byte(endpointRequest(sip.BYE, b.req, res, cseq+1).String()))
	}
}

// refused keeps the best refusal and passes it on when no branch is left. A 6xx speaks for the whole household
// (RFC 3261 section 16.7).
func (s *Server) refused(b *branch, res *sip.Response) {
	tx := b.tx
	if tx.best == nil || better(res.StatusCode, tx.best.StatusCode) {
		tx.best = res
	}
	if res.IsGlobalError() {
		s.cancelBranches(tx, "")
	}
	for _, other := range tx.branches {
		if !other.done {
			return
		}
	}
	s.finish(tx, tx.best)
}

// better tells whether status a says more to the caller than b: 6xx first, then the lowest class, and within it
// a person's answer (486, 480 …) rather than the 487 of a branch that was cancelled.
func better(a, b int) bool {
	rank := func(status int) int {
		switch {
		case status >= 600:
			return 0
		case status == sip.StatusRequestTerminated:
			return 499
		default:
			return status / 100 * 100
		}
	}
	return rank(a) < rank(b)
}

// finish gives the caller a refusal, once.
func (s *Server) finish(tx *invite, res *sip.Response) {
	if tx.final {
		return
	}
	tx.final = true
	tx.timer.Reset(transactionLimit)
	tx.from.send([]byte(res.String()))
}

// cancelInvite handles the caller's CANCEL (RFC 3261 section 9.2).
func (s *Server) cancelInvite(from *flow, req *sip.Request) {
	tx, ok := s.invites[transactionKey(from, req)]
	if !ok {
		s.reply(from, req, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	}
	s.reply(from, req, sip.StatusOK, "OK")
	if tx.final {
		return
	}
	reason := ""
	if h := req.GetHeader("Reason"); h != nil {
		reason = h.Value()
	}
	tx.timer.Reset(transactionLimit)
	s.cancelBranches(tx, reason)
}

// cancelBranches stops every branch that has not come to an end.
func (s *Server) cancelBranches(tx *invite, reason string) {
	for _, b := range tx.branches {
		if b.done || b.cancel != nil {
			continue
		}
		b.cancel = hopRequest(sip.CANCEL, b.req, b.req.To())
		if reason != "" {
			b.cancel.AppendHeader(sip.NewHeader("Reason", reason))
		}
		if b.provisional {
			s.sendCancel(b)
		}
	}
}

func (s *Server) sendCancel(b *branch) {
	if b.cancel != nil && !b.cancelSent && !b.done {
		b.cancelSent = true
		b.to.send([]byte(b.cancel.String()))
	}
}

// expireInvite runs when an INVITE has waited too long, or has been over for long enough to be forgotten.
func (s *Server) expireInvite(tx *invite) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.invites[tx.key] != tx {
		return
	}
	if !tx.final {
		status, reason := sip.StatusRequestTimeout, "Request Timeout"
		if tx.branches[0].cancel != nil {
			status, reason = sip.StatusRequestTerminated, "Request Terminated"
		}
		s.cancelBranches(tx, "")
		s.finish(tx, sip.NewResponseFromRequest(tx.req, status, reason, nil))
		return
	}
	delete(s.invites, tx.key)
	for _, b := range tx.branches {
		delete(s.branches, b.id)
	}
}
