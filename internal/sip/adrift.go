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
	l.owed.stop() // on the connection that is gone
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
	l.refreshNow()
	l.announce()
}

// orphan leaves the BYE to the next connection: the PBX keeps the call up without it. l.mu is held.
func (l *Leg) orphan() {
	d := l.dlg
	l.agent.remember(orphan{since: time.Now(), build: func(c *conn) *sipmsg.Request { return d.build(c, sipmsg.BYE) }})
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
