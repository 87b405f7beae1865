package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	// byeLimit is how long a leg waits for the answer to its BYE before it counts as ended.
	byeLimit = 2 * time.Second
	// maxWaiting bounds what a peer may pile up on a leg whose handler does not keep up: digits, or provisional answers.
	maxWaiting = 256
)

type legState int

const (
	stateCalling     legState = iota // INVITE sent, no final answer
	stateIncoming                    // INVITE received, no final answer
	stateAccepted                    // INVITE received and answered by 200, whose ACK has not come
	stateEstablished                 // 2xx sent or received, and acknowledged
	stateEnding                      // BYE sent
	stateOver                        // nothing of it is up
)

// A Leg is an established call, made by either side.
type Leg struct {
	agent *Agent
	h     Handler
	log   *slog.Logger
	in    *Incoming // of a call that the peer makes, else nil

	ctx    context.Context // ends with the leg; handed to Reoffer
	cancel context.CancelFunc
	done   chan struct{}
	calls  *mailbox[callEvent] // to the goroutine in Invite
	work   *mailbox[task]      // to the goroutine of the handler

	mu    sync.Mutex
	state legState
	c     *conn // the connection it is on, or was
	dlg   dialog
	local string // our session description last agreed on (or, in the first INVITE, offered)

	// making the call
	invite       *sipmsg.Request
	cred         *credentials
	redirect     redirection
	provisional  bool // the INVITE in flight was answered by a 1xx, so it may be cancelled
	rang         bool
	branches     int  // other ones that answered by 2xx
	concluded    bool // Invite knows its result
	cancelWanted error
	cancelSent   bool
	cancelTimer  *time.Timer
	early        early
	answer       string
	first        *sipmsg.Request // ACK of the 200
	ack          *sipmsg.Request // the last ACK: the first, or one of a re-INVITE

	// the call that is up
	hangUpOnAck *End // the end that an answered call has once its ACK came
	remoteCSeq  uint32
	remoteSeen  bool
	updates     bool      // the peer allows UPDATE
	open        *change   // re-INVITE or UPDATE of ours that is not settled
	pending     *serverTx // re-INVITE or UPDATE of the peer that is not answered
	owed        *owedAck  // 2xx of ours whose ACK has not come
	news        chan struct{}
	session     sessionTimer
	end         End
	byeTimer    *time.Timer

	// the call whose connection is gone
	adrift     bool
	driftTimer *time.Timer
	anchor     bool // the PBX is to learn of the new connection
	restore    bool // the peer may hold another description of ours than we do: the next refresh carries it
}

// task is one thing for the handler; exactly one field is set.
type task struct {
	reoffer *serverTx
	digit   *Digit
	end     *End
}

// Answer is the peer's session description. For a call that the agent made it is the one of the 200, or of the 183 before it where the
// 200 has none, and the ACK was sent before Invite returned. For a call that the peer made it is empty (see Incoming.Offer), unless
// the INVITE had no offer: then it came with the ACK.
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
	if l.state != stateEstablished && l.state != stateAccepted {
		return
	}
	if l.adrift {
		l.orphan()
		l.finish(end)
		return
	}
	l.state, l.end = stateEnding, end
	l.session.stop()
	l.byeTimer = time.AfterFunc(byeLimit, l.finishEnding)
	err := l.ask(inquiry{method: sipmsg.BYE, done: func(_ *sipmsg.Request, _ *sipmsg.Response, err error) { l.byeDone(err) }})
	if err != nil {
		l.orphan()
		l.finish(end)
	}
}

// byeDone is the answer to BYE, or its failure.
func (l *Leg) byeDone(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == stateEnding && errors.Is(err, ErrConnectionLost) {
		l.orphan() // it may not have arrived
	}
	l.finish(l.end)
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
	l.stopTimers()
	l.cancel()
	if l.pending != nil {
		l.pending.answer(487, "Request Terminated", "", "")
		l.pending = nil
	}
	l.work.put(task{end: &end})
	close(l.done)
	l.agent.forget(l)
}

// stopTimers ends all that would happen by itself. l.mu is held.
func (l *Leg) stopTimers() {
	l.session.stop()
	l.owed.stop()
	for _, t := range []*time.Timer{l.byeTimer, l.cancelTimer, l.driftTimer} {
		if t != nil {
			t.Stop()
		}
	}
}

// announce wakes whoever waits for the leg to change. l.mu is held.
func (l *Leg) announce() {
	close(l.news)
	l.news = make(chan struct{})
}

// stop ends the leg in whatever state it is, because the agent ends. A call whose ACK is still awaited gets its BYE all the same:
// later there will be nobody to send it.
func (l *Leg) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancelCall(ErrStopped)
	l.refuse(480, "Temporarily Unavailable", ErrStopped)
	l.hungUpEarly(ErrStopped)
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
