package sip

import (
	"fmt"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// The timers of RFC 3261 section 17 (table 4).
const (
	timerT1 = 500 * time.Millisecond // an estimate of the round trip
	timerT2 = 4 * time.Second        // the longest pause between two of the same
	timerT4 = 5 * time.Second        // how long the network may keep a message
	// transactionLimit is 64*T1: Timers B, D, F, H and J, and L and M of RFC 6026.
	transactionLimit = 64 * timerT1

	// cancelledLimit is how long an INVITE that was cancelled is still listened for: a PBX that goes on ringing for a while and then
	// answers 200 is hung up properly. RFC 3261 section 9.1 asks for 64*T1.
	cancelledLimit = 4 * transactionLimit
	// lateLimit is the same for an INVITE that nothing was heard of in time.
	lateLimit = 4 * transactionLimit

	noLimit time.Duration = 0
)

// A clientTx is a request of ours that waits for answers (RFC 3261 section 17.1). On an unreliable transport it is sent again
// until something is heard, and stays a while after the end for answers that are sent again.
type clientTx struct {
	c   *conn
	req *sipmsg.Request
	key string
	// onResponse gets every response in order, from the connection's reading goroutine; for INVITE also each further 2xx.
	onResponse func(*sipmsg.Response)
	// onFail is called instead of a final response, at most once: ErrNoAnswer or the error of the connection.
	onFail func(error)

	mu          sync.Mutex
	provisional bool
	late        bool // nothing came in time, and onFail was told
	final       bool
	cancelled   bool
	over        bool            // off the books, no timer may be set any more
	ack         *sipmsg.Request // of a final answer other than 2xx to an INVITE on an unreliable transport
	pause       time.Duration   // before the request is sent again
	again       *time.Timer     // Timer A or E; nil on reliable transports
	timer       *time.Timer     // Timer B or F, then D, K or M
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
	t.mu.Lock() // the timers find it complete
	t.timer = time.AfterFunc(transactionLimit, t.expire)
	if !c.hop.reliable() {
		t.pause = timerT1
		t.again = time.AfterFunc(t.pause, t.sendAgain)
	}
	t.mu.Unlock()
	c.clients[t.key] = t
	var invite *clientTx
	if req.Method == sipmsg.CANCEL {
		invite = c.clients[param(req.Via().Params, "branch")+" "+string(sipmsg.INVITE)]
	}
	c.mu.Unlock()
	if invite != nil {
		invite.cancel()
	}
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
	t.stop()
	return true
}

func (t *clientTx) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	t.timer.Stop()
	if t.again != nil {
		t.again.Stop()
	}
}

// sendAgain is Timer A of an INVITE, which doubles until anything is answered, or Timer E of another request, which doubles
// up to T2 until the final answer (RFC 3261 sections 17.1.1.2 and 17.1.2.2).
func (t *clientTx) sendAgain() {
	t.mu.Lock()
	if t.over || t.final || t.late || t.provisional && t.req.IsInvite() {
		t.mu.Unlock()
		return
	}
	t.pause *= 2
	if !t.req.IsInvite() {
		if t.pause = min(t.pause, timerT2); t.provisional {
			t.pause = timerT2
		}
	}
	t.again.Reset(t.pause)
	t.mu.Unlock()
	if err := t.c.send(t.req); err != nil {
		t.c.log.Debug("not sent again", "method", string(t.req.Method), "error", err)
	}
}

// expire is Timer B or F, or the end of lingering: D, K or M. An INVITE that begins a call stays on the books for longer: a PBX
// that stood still may take it up when its caller is long gone, and would ring the house for nobody.
func (t *clientTx) expire() {
	t.mu.Lock()
	stays := !t.final && !t.late && !t.over && t.req.IsInvite() && param(t.req.To().Params, "tag") == ""
	if stays {
		t.late = true
		t.timer.Reset(lateLimit)
	}
	t.mu.Unlock()
	if stays {
		t.onFail(fmt.Errorf("%s: %w", t.req.Method, ErrNoAnswer))
	} else if t.c.drop(t) {
		t.fail(fmt.Errorf("%s: %w", t.req.Method, ErrNoAnswer))
	}
}

func (t *clientTx) fail(err error) {
	t.mu.Lock()
	told := t.final || t.late
	t.mu.Unlock()
	if !told {
		t.onFail(err)
	}
}

// cancel bounds the life of an INVITE that a CANCEL was sent for.
func (t *clientTx) cancel() {
	t.mu.Lock()
	done := t.final || t.cancelled
	t.cancelled = true
	t.mu.Unlock()
	if !done {
		t.linger(cancelledLimit)
	}
}

// linger keeps the transaction for d more.
func (t *clientTx) linger(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timer.Stop(); !t.over && d != noLimit {
		t.timer.Reset(d)
	}
}

// receive takes a response, in the reading goroutine.
func (t *clientTx) receive(res *sipmsg.Response) {
	invite, reliable := t.req.IsInvite(), t.c.hop.reliable()
	t.mu.Lock()
	repeated, ack, cancelled, late := t.final, t.ack, t.cancelled, t.late
	if res.IsProvisional() {
		t.provisional = true
	} else {
		t.final = true
	}
	t.mu.Unlock()
	switch {
	case repeated && !(invite && res.IsSuccess()):
		if ack != nil && !res.IsProvisional() {
			t.sendACK(ack)
		}
		return
	case res.IsProvisional():
		if invite && !cancelled && !late {
			t.linger(noLimit) // ringing has no limit here; the caller has one
		}
	case invite && res.IsSuccess():
		t.linger(transactionLimit) // for 2xx that are sent again
	case invite:
		ack = ackRejection(t.req, res)
		if reliable {
			t.c.drop(t)
		} else {
			t.mu.Lock()
			t.ack = ack
			t.mu.Unlock()
			t.linger(transactionLimit)
		}
		t.sendACK(ack)
	case reliable:
		t.c.drop(t)
	default:
		t.linger(timerT4)
	}
	t.onResponse(res)
}

func (t *clientTx) sendACK(ack *sipmsg.Request) {
	if err := t.c.send(ack); err != nil {
		t.c.log.Debug("ACK not sent", "error", err)
	}
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
