package sip

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	// tryingAfter is how long an INVITE may stay without any answer before it gets 100 (RFC 3261 section 17.2.1).
	tryingAfter = 200 * time.Millisecond
	// maxServers bounds the transactions that a peer may leave with us; each stays for 32 s on an unreliable transport.
	maxServers = 1024
)

var errAnswered = errors.New("answered already")

// A serverTx is a request of the peer that wants one final answer (RFC 3261 section 17.2). On an unreliable transport a
// request that comes again gets the last response again, and the final answer to an INVITE is sent again until its ACK comes.
type serverTx struct {
	c    *conn
	req  *sipmsg.Request
	key  string
	tag  string         // of To in the answers to a request without one
	from netip.AddrPort // where the answers go; zero: the only way there is

	mu       sync.Mutex
	onCancel func(cancel *sipmsg.Request) // told, once, that 487 was the answer because of a CANCEL; may be nil
	answered bool
	success  bool             // the final answer was a 2xx
	last     *sipmsg.Response // nil: none sent yet
	done     bool             // no timer may be set any more
	pause    time.Duration    // before the final answer to an INVITE is sent again
	again    *time.Timer      // 100 Trying, then Timer G
	end      *time.Timer      // Timers H, I, J and L
}

func newServerTx(c *conn, req *sipmsg.Request, from netip.AddrPort) *serverTx {
	return &serverTx{c: c, req: req, key: serverKey(req, req.Method), tag: newToken(), from: replyTo(req, from)}
}

// serverKey tells transactions of the peer apart (RFC 3261 section 17.2.3). An ACK of a rejection has that of its INVITE.
func serverKey(req *sipmsg.Request, method sipmsg.RequestMethod) string {
	if method == sipmsg.ACK {
		method = sipmsg.INVITE
	}
	branch := param(req.Via().Params, "branch")
	if unique, ok := strings.CutPrefix(branch, sipmsg.RFC3261BranchMagicCookie); !ok || unique == "" {
		// The peer knows RFC 2543 only, where the branch need not be unique.
		branch += " " + req.CallID().Value() + " " + param(req.From().Params, "tag") + " " + strconv.FormatUint(uint64(req.CSeq().SeqNo), 10)
	}
	return branch + " " + req.Via().SentBy() + " " + string(method)
}

// replyTo is where answers to a datagram go: back where it came from, but to the port that Via names unless it asks for the
// other one (RFC 3261 section 18.2.2, RFC 3581 section 4).
func replyTo(req *sipmsg.Request, from netip.AddrPort) netip.AddrPort {
	if !from.IsValid() {
		return from
	}
	for _, p := range req.Via().Params {
		if p.K == "rport" {
			return from
		}
	}
	port := req.Via().Port
	if port <= 0 || port > 0xffff {
		port = defaultPort
	}
	return netip.AddrPortFrom(from.Addr(), uint16(port))
}

// book enters a transaction. It returns false for a request that needs nothing more: one that came before, or the ACK of an
// answer that is not 2xx.
func (c *conn) book(t *serverTx) bool {
	if t.req.IsAck() {
		return !c.acknowledged(t)
	}
	if c.hop.reliable() && !t.req.IsInvite() {
		return true
	}
	c.mu.Lock()
	before := c.servers[t.key]
	full := len(c.servers) >= maxServers
	if before == nil && !full && c.err == nil {
		c.servers[t.key] = t
		if t.req.IsInvite() && !c.hop.reliable() {
			t.mu.Lock()
			t.again = time.AfterFunc(tryingAfter, t.trying)
			t.mu.Unlock()
		}
	}
	c.mu.Unlock()
	if before != nil {
		before.repeat()
	}
	return before == nil && !full
}

// acknowledged takes an ACK. That of a rejection ends its transaction's repetitions, and true is returned; that of a 2xx is
// a transaction of its own (RFC 3261 section 13.2.2.4) and goes on to its call.
func (c *conn) acknowledged(ack *serverTx) bool {
	if c.hop.reliable() {
		return false
	}
	c.mu.Lock()
	invite := c.servers[ack.key]
	own := invite != nil
	if !own {
		for _, t := range c.servers {
			if t.accepts(ack.req) {
				invite = t
				break
			}
		}
	}
	c.mu.Unlock()
	if invite != nil {
		invite.quiet()
	}
	return own
}

// accepts tells whether t is an INVITE answered by 2xx that ack is for.
func (t *serverTx) accepts(ack *sipmsg.Request) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.req.IsInvite() && t.success && t.req.CSeq().SeqNo == ack.CSeq().SeqNo &&
		t.req.CallID().Value() == ack.CallID().Value() && param(t.req.From().Params, "tag") == param(ack.From().Params, "tag")
}

// quiet ends the repetition of the final answer. What is left of the transaction absorbs what is still on its way.
func (t *serverTx) quiet() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.answered || t.done {
		return
	}
	t.pause = 0
	if t.again != nil {
		t.again.Stop()
	}
	if t.end != nil && !t.success {
		t.end.Reset(timerT4) // Timer I
	}
}

// repeat answers a request that came again by what was answered last.
func (t *serverTx) repeat() {
	t.mu.Lock()
	last := t.last
	t.mu.Unlock()
	if last != nil && !t.c.hop.reliable() {
		t.post(last)
	}
}

// trying tells a peer whose INVITE waits for a decision to stop sending it.
func (t *serverTx) trying() {
	if err := t.provisional(100, "Trying"); err != nil {
		t.c.log.Debug("100 not sent", "error", err)
	}
}

// provisional sends a 1xx. Once the final answer was given, by whomever, it sends nothing and returns an error. A 100 after
// another 1xx is left out.
func (t *serverTx) provisional(status int, reason string, extra ...sipmsg.Header) error {
	res := t.response(status, reason, "", "", extra...)
	t.mu.Lock()
	switch {
	case t.answered:
		t.mu.Unlock()
		return errAnswered
	case status == 100 && t.last != nil || t.done:
		t.mu.Unlock()
		return nil
	}
	t.last = res
	t.mu.Unlock()
	return t.c.sendTo(res, t.from)
}

// answer is reply where nothing depends on its result: an error of the connection tells so by itself.
func (t *serverTx) answer(status int, reason, contentType, body string, extra ...sipmsg.Header) {
	if err := t.reply(status, reason, contentType, body, extra...); errors.Is(err, errAnswered) {
		t.c.log.Debug("answered already", "method", string(t.req.Method), "status", status)
	}
}

// reply sends the final answer; a second one is dropped, which is errAnswered. Another error has ended the connection. extra
// are added to the headers copied from the request. A 2xx to an INVITE is sent again by itself, where that is needed, until
// the ACK comes or 32 s are over.
func (t *serverTx) reply(status int, reason, contentType, body string, extra ...sipmsg.Header) error {
	res := t.response(status, reason, contentType, body, extra...)
	t.mu.Lock()
	if t.answered {
		t.mu.Unlock()
		return errAnswered
	}
	t.answered, t.success, t.last = true, res.IsSuccess(), res
	if t.again != nil {
		t.again.Stop()
	}
	t.mu.Unlock()
	t.settle()
	return t.send(res)
}

// settle starts what follows the final answer: nothing on a reliable transport, else repetition (Timer G, for 2xx section
// 13.3.1.4) and lingering (Timers H, J and L).
func (t *serverTx) settle() {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if t.c.servers[t.key] != t {
		return
	}
	if t.c.hop.reliable() {
		delete(t.c.servers, t.key)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = time.AfterFunc(transactionLimit, t.forget)
	if t.req.IsInvite() {
		t.pause = timerT1
		t.again = time.AfterFunc(t.pause, t.sendAgain)
	}
}

// forget ends the transaction.
func (t *serverTx) forget() {
	t.c.mu.Lock()
	if t.c.servers[t.key] == t {
		delete(t.c.servers, t.key)
	}
	t.c.mu.Unlock()
	t.stop()
}

func (t *serverTx) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done = true
	for _, timer := range []*time.Timer{t.again, t.end} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// sendAgain is Timer G.
func (t *serverTx) sendAgain() {
	t.mu.Lock()
	if t.done || t.pause == 0 {
		t.mu.Unlock()
		return
	}
	t.pause = min(2*t.pause, timerT2)
	t.again.Reset(t.pause)
	last := t.last
	t.mu.Unlock()
	t.post(last)
}

// post sends what nobody waits for: an error has ended the connection, which everybody is told of.
func (t *serverTx) post(res *sipmsg.Response) { _ = t.send(res) }

func (t *serverTx) send(res *sipmsg.Response) error {
	err := t.c.sendTo(res, t.from)
	if err != nil {
		t.c.log.Debug("answer not sent", "method", string(t.req.Method), "status", res.StatusCode, "error", err)
	}
	return err
}

// whenCancelled has f told of a CANCEL.
func (t *serverTx) whenCancelled(f func(cancel *sipmsg.Request)) {
	t.mu.Lock()
	t.onCancel = f
	t.mu.Unlock()
}

// cancelledBy answers an INVITE that cancel is for.
func (t *serverTx) cancelledBy(cancel *sipmsg.Request) {
	if err := t.reply(487, "Request Terminated", "", ""); errors.Is(err, errAnswered) {
		return // a 200 crossed the CANCEL, which then has no effect (RFC 3261 section 9.2)
	}
	t.mu.Lock()
	f := t.onCancel
	t.mu.Unlock()
	if f != nil {
		f(cancel)
	}
}

// moveTo sends the last response again by another connection, where the one that the request came by is gone. The peer knows it by
// its Via.
func (t *serverTx) moveTo(c *conn) error {
	t.mu.Lock()
	last := t.last
	t.mu.Unlock()
	if last == nil {
		return nil
	}
	return c.send(last)
}

// isAnswered tells whether the final answer was given.
func (t *serverTx) isAnswered() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.answered
}

// response builds an answer with what it copies from the request (RFC 3261 section 8.2.6).
func (t *serverTx) response(status int, reason, contentType, body string, extra ...sipmsg.Header) *sipmsg.Response {
	res := sipmsg.NewResponse(status, reason)
	sipmsg.CopyHeaders("Record-Route", t.req, res)
	sipmsg.CopyHeaders("Via", t.req, res)
	if via := res.Via(); via != nil && t.from.IsValid() {
		t.stamp(via)
	}
	res.AppendHeader(sipmsg.HeaderClone(t.req.From()))
	to := &sipmsg.ToHeader{DisplayName: t.req.To().DisplayName, Address: *t.req.To().Address.Clone(), Params: t.req.To().Params.Clone()}
	if param(to.Params, "tag") == "" && status > 100 {
		to.Params.Add("tag", t.tag)
	}
	res.AppendHeader(to)
	res.AppendHeader(sipmsg.HeaderClone(t.req.CallID()))
	res.AppendHeader(sipmsg.HeaderClone(t.req.CSeq()))
	for _, h := range extra {
		res.AppendHeader(h)
	}
	if body != "" {
		ct := sipmsg.ContentTypeHeader(contentType)
		res.AppendHeader(&ct)
		res.SetBody([]byte(body))
	} else {
		res.SetBody(nil)
	}
	return res
}

// stamp says in the answer's Via where the request came from, if that was asked for (RFC 3581 section 4) or is not where Via says
// (RFC 3261 section 18.2.1).
func (t *serverTx) stamp(via *sipmsg.ViaHeader) {
	from := t.from.Addr().Unmap().WithZone("").String()
	stamped := !strings.EqualFold(strings.Trim(via.Host, "[]"), from)
	for i, p := range via.Params {
		if p.K == "rport" {
			via.Params[i].V = strconv.Itoa(int(t.from.Port()))
			stamped = true
		}
	}
	if stamped {
		via.Params.Add("received", from)
	}
}
