package sip

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	// byeLimit is how long a leg waits for the answer to its BYE before it counts as ended.
	byeLimit = 2 * time.Second
	// maxWaiting bounds what a peer may pile up on a leg whose handler does not keep up.
	maxWaiting = 256
)

type legState int

const (
	stateCalling     legState = iota // INVITE sent, no final answer
	stateEstablished                 // 2xx received and acknowledged
	stateEnding                      // BYE sent
	stateOver                        // nothing of it is up
)

// A Leg is an established outgoing call.
type Leg struct {
	agent *Agent
	c     *conn
	h     Handler
	log   *slog.Logger

	ctx    context.Context // ends with the leg; handed to Reoffer
	cancel context.CancelFunc
	done   chan struct{}
	calls  *mailbox[callEvent] // to the goroutine in Invite
	work   *mailbox[task]      // to the goroutine of the handler

	mu    sync.Mutex
	state legState
	dlg   dialog
	local string // our session description last agreed on (or offered)

	// making the call
	invite       *sipmsg.Request
	cred         *credentials
	provisional  bool // the INVITE in flight was answered by a 1xx, so it may be cancelled
	rang         bool
	concluded    bool // Invite knows its result
	cancelWanted error
	cancelSent   bool
	cancelTimer  *time.Timer
	answer       string
	ack          *sipmsg.Request

	// the call that is up
	remoteCSeq uint32
	remoteSeen bool
	updates    bool // the peer allows UPDATE
	offering   bool // a re-INVITE of ours is open
	pending    *serverTx
	session    sessionTimer
	end        End
	byeTimer   *time.Timer
}

// task is one thing for the handler; exactly one field is set.
type task struct {
	reoffer *serverTx
	digit   *Digit
	end     *End
}

// Answer is the session description of the 200. Its ACK was sent before Invite returned.
func (l *Leg) Answer() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answer
}

// Done is closed when nothing of the leg is up any more. Handler.Ended is called about the same time.
func (l *Leg) Done() <-chan struct{} { return l.done }

// Hangup sends BYE and waits until it is answered, at most two seconds, or ctx ends. It may be called at any time, from
// any goroutine, also from within the handler, and returns nil when the leg has ended.
func (l *Leg) Hangup(ctx context.Context) error {
	l.mu.Lock()
	l.bye(End{By: EndedByUs})
	l.mu.Unlock()
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("hanging up: %w", context.Cause(ctx))
	}
}

// bye ends an established leg. l.mu is held.
func (l *Leg) bye(end End) {
	if l.state != stateEstablished {
		return
	}
	l.state, l.end = stateEnding, end
	l.session.stop()
	l.byeTimer = time.AfterFunc(byeLimit, l.finishEnding)
	err := l.ask(sipmsg.BYE, nil, "", func(*sipmsg.Request, *sipmsg.Response, error) { l.finishEnding() })
	if err != nil {
		l.finish(end)
	}
}

func (l *Leg) finishEnding() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finish(l.end)
}

// finish makes an established leg over. l.mu is held.
func (l *Leg) finish(end End) {
	if l.state == stateOver {
		return
	}
	l.state = stateOver
	l.session.stop()
	if l.byeTimer != nil {
		l.byeTimer.Stop()
	}
	l.cancel()
	if l.pending != nil {
		l.pending.answer(487, "Request Terminated", "", "")
		l.pending = nil
	}
	l.work.put(task{end: &end})
	close(l.done)
	l.agent.forget(l)
}

// lost is told that the connection is gone. An INVITE in flight has been told by its transaction.
func (l *Leg) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == stateEstablished {
		l.agent.remember(orphan{since: time.Now(), build: l.lastBye()})
	}
	l.finish(End{By: EndedByConnection})
}

// lastBye prepares the BYE for a leg whose connection is gone: the PBX keeps the call up without it.
func (l *Leg) lastBye() func(*conn) *sipmsg.Request {
	d := l.dlg
	return func(c *conn) *sipmsg.Request { return d.build(c, sipmsg.BYE) }
}

// stop ends the leg in whatever state it is, because the agent ends.
func (l *Leg) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancelCall(ErrStopped)
	l.bye(End{By: EndedByUs})
}

// handle runs the handler until the leg has ended.
func (l *Leg) handle() {
	for range l.work.ready {
		for _, t := range l.work.take() {
			switch {
			case t.reoffer != nil:
				l.reoffer(t.reoffer)
			case t.digit != nil:
				if l.h.Digit != nil {
					l.h.Digit(*t.digit)
				}
			case t.end != nil:
				l.log.Debug("leg ended", "by", t.end.By, "reason", t.end.Reason)
				if l.h.Ended != nil {
					l.h.Ended(*t.end)
				}
				return
			}
		}
	}
}

// ask sends a request within the dialog, answers a challenge, and reports the final answer or the failure. Only a
// request that could not be sent is an error at once. l.mu is held here and not when done is called.
func (l *Leg) ask(method sipmsg.RequestMethod, extra []sipmsg.Header, sdp string,
	done func(*sipmsg.Request, *sipmsg.Response, error)) error {
	cred := l.agent.credentials()
	var try func() error
	try = func() error {
		req := l.dlg.build(l.c, method, extra...)
		if sdp != "" {
			withSDP(req, sdp)
		}
		cred.authorize(req)
		return l.c.request(req, func(res *sipmsg.Response) {
			if res.IsProvisional() {
				return
			}
			if res.StatusCode == 401 || res.StatusCode == 407 {
				l.mu.Lock()
				err := cred.challenged(res)
				if err == nil {
					err = try()
				}
				l.mu.Unlock()
				if err == nil {
					return
				}
			}
			done(req, res, nil)
		}, func(err error) { done(req, nil, err) })
	}
	return try()
}
