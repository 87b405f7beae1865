package sip

import (
	"fmt"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// transactionLimit is 64*T1: Timers B, F and M of RFC 3261 section 17 and RFC 6026.
const transactionLimit = 64 * 500 * time.Millisecond

// A clientTx is a request of ours that waits for answers (RFC 3261 section 17.1, reliable transport).
type clientTx struct {
	c   *conn
	req *sipmsg.Request
	key string
	// onResponse gets every response in order, from the connection's reading goroutine; for INVITE also each further 2xx.
	onResponse func(*sipmsg.Response)
	// onFail is called instead of a final response, at most once: ErrNoAnswer or the error of the connection.
	onFail func(error)

	mu    sync.Mutex
	final bool
	timer *time.Timer
}

func clientKey(m sipmsg.Message) string {
	return param(m.Via().Params, "branch") + " " + string(m.CSeq().MethodName)
}

// request sends req, whose Via must be complete. Either it returns an error, or onResponse and onFail tell the rest.
func (c *conn) request(req *sipmsg.Request, onResponse func(*sipmsg.Response), onFail func(error)) error {
	t := &clientTx{c: c, req: req, key: clientKey(req), onResponse: onResponse, onFail: onFail}
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return c.err
	}
	t.timer = time.AfterFunc(transactionLimit, t.expire)
	c.clients[t.key] = t
	c.mu.Unlock()
	if err := c.send(req); err != nil {
		// The connection is closing; onFail stays unused if it was quicker to take the transaction.
		if c.drop(t) {
			return err
		}
	}
	return nil
}

// drop takes t off the books and tells whether it was still there.
func (c *conn) drop(t *clientTx) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clients[t.key] != t {
		return false
	}
	delete(c.clients, t.key)
	t.timer.Stop()
	return true
}

// expire is Timer B or F, or Timer M after a 2xx to INVITE.
func (t *clientTx) expire() {
	if !t.c.drop(t) {
		return
	}
	t.mu.Lock()
	final := t.final
	t.mu.Unlock()
	if !final {
		t.onFail(fmt.Errorf("%s: %w", t.req.Method, ErrNoAnswer))
	}
}

func (t *clientTx) fail(err error) {
	t.mu.Lock()
	final := t.final
	t.mu.Unlock()
	if !final {
		t.onFail(err)
	}
}

// receive takes a response, in the reading goroutine.
func (t *clientTx) receive(res *sipmsg.Response) {
	invite := t.req.IsInvite()
	t.mu.Lock()
	again := t.final
	if !res.IsProvisional() {
		t.final = true
	}
	t.mu.Unlock()
	switch {
	case again && !(invite && res.IsSuccess()):
		return
	case res.IsProvisional():
		if invite {
			t.timer.Stop() // ringing has no limit here; the caller has one
		}
	case invite && res.IsSuccess():
		t.timer.Reset(transactionLimit) // stay for 2xx that are sent again
	default:
		t.c.drop(t)
		if invite {
			if err := t.c.send(ackRejection(t.req, res)); err != nil {
				t.c.log.Debug("ACK not sent", "error", err)
			}
		}
	}
	t.onResponse(res)
}

// ackRejection builds the ACK of a final answer other than 2xx (RFC 3261 section 17.1.1.3).
func ackRejection(invite *sipmsg.Request, res *sipmsg.Response) *sipmsg.Request {
	ack := sipmsg.NewRequest(sipmsg.ACK, *invite.Recipient.Clone())
	ack.AppendHeader(invite.Via().Clone())
	sipmsg.CopyHeaders("Route", invite, ack)
	appendMaxForwards(ack)
	ack.AppendHeader(sipmsg.HeaderClone(invite.From()))
	ack.AppendHeader(sipmsg.HeaderClone(res.To()))
	ack.AppendHeader(sipmsg.HeaderClone(invite.CallID()))
	ack.AppendHeader(&sipmsg.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sipmsg.ACK})
	ack.SetBody(nil)
	return ack
}

// cancelOf builds the CANCEL of an INVITE (RFC 3261 section 9.1).
func cancelOf(invite *sipmsg.Request) *sipmsg.Request {
	req := sipmsg.NewRequest(sipmsg.CANCEL, *invite.Recipient.Clone())
	req.AppendHeader(invite.Via().Clone())
	sipmsg.CopyHeaders("Route", invite, req)
	appendMaxForwards(req)
	req.AppendHeader(sipmsg.HeaderClone(invite.From()))
	req.AppendHeader(sipmsg.HeaderClone(invite.To()))
	req.AppendHeader(sipmsg.HeaderClone(invite.CallID()))
	req.AppendHeader(&sipmsg.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sipmsg.CANCEL})
	req.SetBody(nil)
	return req
}

func appendMaxForwards(req *sipmsg.Request) {
	hops := sipmsg.MaxForwardsHeader(70)
	req.AppendHeader(&hops)
}

// A serverTx is a request of the peer that wants one final answer (RFC 3261 section 17.2, reliable transport).
type serverTx struct {
	c   *conn
	req *sipmsg.Request
	key string
	tag string // of To in the answers to a request without one

	mu       sync.Mutex
	answered bool
}

func serverKey(req *sipmsg.Request) string {
	return param(req.Via().Params, "branch") + " " + req.Via().SentBy()
}

// answer sends the final answer; a second one is dropped. extra are added to the headers copied from the request.
func (t *serverTx) answer(status int, reason, contentType, body string, extra ...sipmsg.Header) {
	t.mu.Lock()
	if t.answered {
		t.mu.Unlock()
		return
	}
	t.answered = true
	t.mu.Unlock()
	t.c.mu.Lock()
	if t.c.servers[t.key] == t {
		delete(t.c.servers, t.key)
	}
	t.c.mu.Unlock()

	res := sipmsg.NewResponse(status, reason)
	sipmsg.CopyHeaders("Record-Route", t.req, res)
	sipmsg.CopyHeaders("Via", t.req, res)
	res.AppendHeader(sipmsg.HeaderClone(t.req.From()))
	to := &sipmsg.ToHeader{DisplayName: t.req.To().DisplayName, Address: *t.req.To().Address.Clone(), Params: t.req.To().Params.Clone()}
	if param(to.Params, "tag") == "" {
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
	if err := t.c.send(res); err != nil {
		t.c.log.Debug("answer not sent", "method", string(t.req.Method), "status", status, "error", err)
	}
}
