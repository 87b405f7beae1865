package sip

import (
	"errors"
	"math/rand/v2"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// ownGlare and theirGlare are how long RFC 3261 section 14.1 has one wait after a 491: the side that made the Call-ID longer than the
// other, so that they do not meet again.
func ownGlare() time.Duration {
	return 2100*time.Millisecond + time.Duration(rand.IntN(191))*10*time.Millisecond
}
func theirGlare() time.Duration { return time.Duration(rand.IntN(201)) * 10 * time.Millisecond }

// glare is the pause after a 491.
func (l *Leg) glare() time.Duration {
	if l.in == nil {
		return ownGlare()
	}
	return theirGlare()
}

// An inquiry is a request within the dialog.
type inquiry struct {
	method sipmsg.RequestMethod
	extra  []sipmsg.Header
	sdp    string
	// sent may be nil. It is told of each request that goes out, the bare one and those with credentials; l.mu is held.
	sent func(*sipmsg.Request)
	// provisional may be nil; l.mu is not held.
	provisional func()
	// done gets the final answer or the failure, and of an INVITE each further 2xx; l.mu is not held.
	done func(*sipmsg.Request, *sipmsg.Response, error)
}

// ask sends a request within the dialog and answers a challenge. Only a request that could not be sent is an error at once.
// l.mu is held.
func (l *Leg) ask(q inquiry) error {
	cred := l.agent.credentials()
	var try func() error
	try = func() error {
		req := l.dlg.build(l.c, q.method, q.extra...)
		if q.sdp != "" {
			withSDP(req, q.sdp)
		}
		cred.authorize(req)
		if q.sent != nil {
			q.sent(req)
		}
		return l.c.request(req, func(res *sipmsg.Response) {
			switch status := res.StatusCode; {
			case status < 200:
				if q.provisional != nil {
					q.provisional()
				}
				return
			case status == 401 || status == 407:
				l.mu.Lock()
				err := cred.challenged(res)
				if err != nil {
					l.mu.Unlock()
					break // the 401 is the answer
				}
				err = try()
				l.mu.Unlock()
				if err != nil {
					q.done(req, nil, err)
				}
				return
			}
			q.done(req, res, nil)
		}, func(err error) { q.done(req, nil, err) })
	}
	return try()
}

// A change is a re-INVITE or UPDATE of ours. One is open at a time on a leg, so that refresh, re-anchoring and Reinvite never
// overlap. It belongs to its leg's lock.
type change struct {
	method sipmsg.RequestMethod
	offer  string // empty: none
	gone   string // the By of the leg's end when the peer knows no such call
	// settled is called once, with l.mu held, with the final answer or the failure. A 2xx has been acknowledged and taken over.
	settled func(*sipmsg.Response, error)

	over        bool
	raised      bool
	abandoned   bool // nobody wants it any more
	provisional bool
	cancelSent  bool
	limit       *time.Timer     // after a 1xx, which ends the transaction's own
	req         *sipmsg.Request // last sent
	ack         *sipmsg.Request
}

// begin sends a change; no other may be open. l.mu is held.
func (l *Leg) begin(ch *change) {
	l.open = ch
	err := l.ask(inquiry{
		method: ch.method, sdp: ch.offer,
		extra: []sipmsg.Header{
			l.dlg.id.contact(l.c), allowHeader(),
			sipmsg.NewHeader("Supported", "timer"),
			sipmsg.NewHeader("Session-Expires", sessionExpires(l.session.interval, l.session.refresher())),
			sipmsg.NewHeader("Min-SE", seconds(minSession)),
		},
		sent: func(req *sipmsg.Request) { ch.req, ch.provisional, ch.cancelSent = req, false, false },
		provisional: func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			ch.provisional = true
			if ch.limit == nil {
				ch.limit = time.AfterFunc(transactionLimit, func() { l.abandon(ch) })
			}
			l.cancelChange(ch)
		},
		done: func(req *sipmsg.Request, res *sipmsg.Response, err error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.changed(ch, req, res, err)
		},
	})
	if err != nil {
		l.settle(ch, nil, err)
	}
}

// changed takes the final answer to a change, in the connection's goroutine like that of the first INVITE. l.mu is held.
func (l *Leg) changed(ch *change, req *sipmsg.Request, res *sipmsg.Response, err error) {
	if res != nil && res.IsSuccess() {
		if !ch.over && l.state == stateEstablished {
			l.dlg.refreshTarget(res)
		}
		switch {
		case ch.method != sipmsg.INVITE:
		case ch.ack == nil:
			ch.ack = l.acknowledge(&l.dlg, req)
			l.ack = ch.ack
		default: // the 200 was sent again
			l.post(ch.ack)
		}
	}
	if ch.over {
		return
	}
	if res != nil && res.StatusCode == 422 && !ch.raised && !ch.abandoned && l.state == stateEstablished {
		if least, _, ok := parseSession(headerValue(res, "Min-SE", "")); ok && least > l.session.interval {
			ch.raised, l.session.interval = true, least
			l.begin(ch)
			return
		}
	}
	l.settle(ch, res, err)
}

// settle makes a change over. l.mu is held.
func (l *Leg) settle(ch *change, res *sipmsg.Response, err error) {
	if ch.over {
		return
	}
	ch.over = true
	if ch.limit != nil {
		ch.limit.Stop()
	}
	if l.open == ch {
		l.open = nil
	}
	if l.state == stateEstablished {
		switch {
		case res != nil && res.IsSuccess() && ch.abandoned:
			l.restore = true // the peer took what nobody here wants any more
		case res != nil && res.IsSuccess() && ch.offer != "":
			l.local = ch.offer
		case errors.Is(err, ErrConnectionLost):
			if ch.abandoned {
				l.restore = true
			}
		case errors.Is(err, ErrNoAnswer), res != nil && res.StatusCode == 408: // RFC 3261 section 12.2.1.2, as for 481
			l.bye(End{By: EndedByTimer})
		case res != nil && res.StatusCode == 481:
			l.bye(End{By: ch.gone})
		}
	}
	ch.settled(res, err)
	if l.state == stateEstablished && res != nil && res.IsSuccess() {
		l.beginSession(res)
	}
	l.announce()
}

// abandon gives a change up.
func (l *Leg) abandon(ch *change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ch.abandoned = true
	l.cancelChange(ch)
}

// cancelChange cancels an abandoned re-INVITE, once that is allowed (RFC 3261 section 9.1). l.mu is held.
func (l *Leg) cancelChange(ch *change) {
	if !ch.abandoned || ch.over || !ch.provisional || ch.cancelSent || ch.method != sipmsg.INVITE {
		return
	}
	ch.cancelSent = true
	ignore := func(*sipmsg.Response) {}
	if err := l.c.request(cancelOf(ch.req), ignore, func(error) {}); err != nil {
		l.log.Debug("CANCEL not sent", "error", err)
	}
	ch.limit.Stop()
	ch.limit = time.AfterFunc(transactionLimit, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.settle(ch, nil, ErrNoAnswer)
	})
}

// mend has the description that holds offered again: the peer may have taken another. l.mu is held.
func (l *Leg) mend() {
	l.restore = true
	l.refreshIfOwed()
}

// away tells that the leg has no connection that works. l.mu is held.
func (l *Leg) away() bool { return l.adrift || l.c.failure() != nil }
