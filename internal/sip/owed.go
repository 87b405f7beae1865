package sip

import (
	"fmt"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// An owedAck is a 2xx of ours to an INVITE. Its transaction sends it again where messages may be lost; when no ACK comes at all the
// call is hung up (RFC 3261 section 13.3.1.4).
type owedAck struct {
	tx   *serverTx
	over *time.Timer
}

func (o *owedAck) stop() {
	if o == nil {
		return
	}
	o.over.Stop()
}

// owe starts the wait for the ACK of the 2xx just sent. l.mu is held.
func (l *Leg) owe(t *serverTx) {
	l.owed.stop()
	o := &owedAck{tx: t}
	l.owed = o
	o.over = time.AfterFunc(transactionLimit, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.owed != o {
			return
		}
		l.owed.stop()
		l.owed = nil
		l.log.Warn("no ACK", "cseq", t.req.CSeq().SeqNo)
		if l.state == stateAccepted {
			l.in.conclude(fmt.Errorf("ACK: %w", ErrNoAnswer))
		}
		l.bye(End{By: EndedByTimer})
	})
}

// acknowledged takes an ACK. l.mu is held.
func (l *Leg) acknowledged(ack *sipmsg.Request) {
	if l.owed == nil || l.owed.tx.req.CSeq().SeqNo != ack.CSeq().SeqNo {
		return
	}
	l.owed.stop()
	l.owed = nil
	if l.state == stateAccepted {
		l.confirmed(ack)
	}
}
