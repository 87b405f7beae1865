package sip

import (
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Digits open a lock: nobody's count who does not talk yet, whoever answers in the end.

func TestDigitsBeforeTheAnswerAreNotKept(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		done := w.call(t.Context(), h)
		far := l.invited()
		far.answer(183, "Session Progress", "")
		far.send("INFO", typeDTMF, "1")
		l.next("200 INFO")
		far.ok()
		l.next("ACK")
		if o := receive(t, done); o.err != nil {
			t.Fatal(o.err)
		}
		far.send("INFO", typeDTMF, "2")
		l.next("200 INFO")
		if d := receive(t, h.digits); d.Value != '2' {
			t.Errorf("digit %c was typed before the answer", d.Value)
		}
	})
}

func TestDigitsOfACallerBeforeTheAnswerAreNotKept(t *testing.T) {
	withDoorman(t, onBothWith, func(t *testing.T, w *world, calls doorman) {
		l := w.registered()
		d := l.dials()
		d.invite()
		i := receive(t, calls)
		if err := i.Ring(); err != nil {
			t.Error(err)
		}
		d.toTag = param(l.next("180 INVITE").(*sipmsg.Response).To().Params, "tag")
		d.send("INFO", typeDTMF, "1")
		l.next("200 INFO")
		h := newWitness()
		done := answer(t, i, h)
		d.accepted()
		d.cseq-- // the ACK has the INVITE's
		d.send("ACK", "", "")
		d.cseq++
		if o := receive(t, done); o.err != nil {
			t.Fatal(o.err)
		}
		d.send("INFO", typeDTMF, "2")
		l.next("200 INFO")
		if digit := receive(t, h.digits); digit.Value != '2' {
			t.Errorf("digit %c was typed before the answer", digit.Value)
		}
	})
}
