package sip

import (
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// driftLimit is how long a leg without a session timer waits for a connection.
const driftLimit = minSession

// lost is told that connection c is gone. An INVITE in flight has been told by its transaction.
func (l *Leg) lost(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.c != c {
		return
	}
	switch l.state {
	case stateIncoming:
		l.fell(c.failure())
	case stateAccepted: // the PBX may have had the 200, and its ACK is lost
		l.orphan()
		l.hungUpEarly(c.failure())
		l.finish(End{By: EndedByConnection})
	case stateEstablished:
		l.drift()
	case stateEnding:
		l.finish(l.end)
	default:
	}
}

// drift makes the leg wait for the next connection: the call is up in the PBX, and its sound takes another way. l.mu is held.
func (l *Leg) drift() {
	l.log.Info("call goes on without a connection to the PBX")
	l.adrift = true
	l.owed.stop() // it may have gone down with the connection: see carry
	if !l.session.running {
		l.driftTimer = time.AfterFunc(driftLimit, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.adrift {
				l.bye(End{By: EndedByConnection})
			}
		})
	}
}

// carry takes an adrift leg over to connection c, and tells the PBX where it is now.
func (l *Leg) carry(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.adrift || l.state != stateEstablished {
		return
	}
	l.c, l.adrift, l.anchor = c, false, true
	if l.driftTimer != nil {
		l.driftTimer.Stop()
	}
	l.sayAgain()
	l.refreshNow()
	l.announce()
}

// sayAgain repeats the two messages of a call that nobody answers, and that the connection may have taken down with it: without the
// ACK of its 200 or the 200 to its re-INVITE a PBX refuses every offer with 491. One that has had them drops them. l.mu is held.
func (l *Leg) sayAgain() {
	if l.ack != nil {
		ack := l.dlg.buildNumbered(l.c, sipmsg.ACK, l.ack.CSeq().SeqNo)
		sipmsg.CopyHeaders("Authorization", l.ack, ack)
		sipmsg.CopyHeaders("Proxy-Authorization", l.ack, ack)
		l.ack = ack
		l.post(ack)
	}
	if o := l.owed; o != nil {
		if err := o.tx.moveTo(l.c); err != nil {
			l.log.Debug("answer not sent again", "error", err)
		}
		l.owe(o.tx)
	}
}

// orphan leaves the BYE to the next connection: the PBX keeps the call up without it. l.mu is held.
func (l *Leg) orphan() {
	a, d := l.agent, l.dlg
	a.remember(orphan{since: time.Now(), send: func(c *conn, failed func(error)) error { return a.farewell(c, d, failed) }})
}

// abandoned ends what is left of the leg when the agent has ended and there is no connection.
func (l *Leg) abandoned() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fell(ErrStopped)
	l.hungUpEarly(ErrStopped)
	if l.state == stateEstablished || l.state == stateAccepted || l.state == stateEnding {
		l.finish(End{By: EndedByUs})
	}
}
