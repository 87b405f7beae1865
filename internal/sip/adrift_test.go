package sip

import (
	"context"
	"errors"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// moved sends what the far side says over another connection.
func (f *farCall) moved(l *line) *farCall {
	f.l = l
	return f
}

func TestConnectionLostWhileTalking(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		leg, far := w.talk(l, h, "Session-Expires: 90;refresher=uac")
		l.hangUp()
		l = w.registered()
		l.next("ACK")                 // the first may have been lost
		up := l.nextRequest("UPDATE") // where we are now
		if len(up.Body()) != 0 || up.Contact() == nil || up.CallID().Value() != far.invite.CallID().Value() ||
			up.CSeq().SeqNo <= far.invite.CSeq().SeqNo || param(up.To().Params, "tag") != far.tag {
			t.Errorf("UPDATE:\n%s", up)
		}
		l.reply(up, 200, "OK", "", "Session-Expires: 90;refresher=uac")
		// The call goes on, both ways.
		done := reinvite(t.Context(), leg)
		l.reply(l.nextRequest("INVITE"), 200, "OK", "new answer")
		l.next("ACK")
		if o := receive(t, done); o.err != nil {
			t.Error(o.err)
		}
		far.moved(l).send("INFO", "application/dtmf", "7")
		l.next("200 INFO")
		if d := receive(t, h.digits); d.Value != '7' {
			t.Errorf("digit %+v", d)
		}
		far.send("BYE", "", "")
		l.next("200 BYE")
		if e := receive(t, h.ended); e != (End{By: EndedByFar}) {
			t.Errorf("ended %+v", e)
		}
	})
}

func TestConnectionLostInACallOfThePBX(t *testing.T) {
	withDoorman(t, onBothWith, func(t *testing.T, w *world, calls doorman) {
		l := w.registered()
		h := newWitness()
		leg, _ := w.talkIn(l, calls, h)
		l.hangUp()
		l = w.registered()
		l.reply(l.nextRequest("UPDATE"), 200, "OK", "")
		hung := make(chan error, 1)
		go func() { hung <- leg.Hangup(t.Context()) }()
		l.reply(l.nextRequest("BYE"), 200, "OK", "")
		if err := receive(t, hung); err != nil {
			t.Error(err)
		}
	})
}

// A peer without UPDATE is told by re-INVITE, with the description that holds.
func TestReanchoredByReinvite(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		_, far := w.talk(l, h)
		l.hangUp()
		l = w.registered()
		l.next("ACK")
		l.reply(l.nextRequest("UPDATE"), 405, "Method Not Allowed", "")
		re := l.nextRequest("INVITE")
		if string(re.Body()) != testOffer {
			t.Errorf("re-INVITE carries %q", re.Body())
		}
		far.moved(l).send("INVITE", "application/sdp", "their offer")
		l.next("491 INVITE")
		l.reply(re, 491, "Request Pending", "")
		l.next("ACK")
		far.send("INVITE", "application/sdp", "their offer") // theirs goes first
		l.next("200 INVITE")
		far.send("ACK", "", "")
		re = l.nextRequest("INVITE")
		if string(re.Body()) != "answer to their offer" {
			t.Errorf("re-INVITE carries %q", re.Body())
		}
		l.reply(re, 200, "OK", testAnswer)
		l.next("ACK")
		time.Sleep(time.Hour)
		l.idle() // once is enough
		if len(h.ended) != 0 {
			t.Error("the call ended")
		}
	})
}

// One that will have neither does not keep a better offer, as of an ICE restart, waiting for ever.
func TestReanchoringIsRefused(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		leg, _ := w.talk(l, newWitness())
		l.hangUp()
		l = w.registered()
		l.next("ACK")
		done := reinvite(t.Context(), leg)
		l.reply(l.nextRequest("UPDATE"), 403, "Forbidden", "")
		l.reply(l.nextRequest("INVITE"), 488, "Not Acceptable Here", "")
		l.next("ACK")
		re := l.nextRequest("INVITE")
		if string(re.Body()) != "new offer" {
			t.Errorf("re-INVITE carries %q", re.Body())
		}
		l.reply(re, 200, "OK", "new answer")
		l.next("ACK")
		if o := receive(t, done); o.err != nil || o.answer != "new answer" {
			t.Errorf("Reinvite: %+v", o)
		}
	})
}

// The PBX restarted: it knows nothing of the call.
func TestPBXRestartedWhileTalking(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		leg, _ := w.talk(l, h)
		l.hangUp()
		l = w.registered()
		l.next("ACK")
		done := reinvite(t.Context(), leg)
		l.reply(l.nextRequest("UPDATE"), 481, "Call/Transaction Does Not Exist", "")
		l.reply(l.nextRequest("BYE"), 481, "Call/Transaction Does Not Exist", "")
		if e := receive(t, h.ended); e != (End{By: EndedByConnection}) {
			t.Errorf("ended %+v", e)
		}
		if o := receive(t, done); !errors.Is(o.err, ErrEnded) {
			t.Errorf("Reinvite: %+v", o)
		}
	})
}

func TestConnectionStaysAway(t *testing.T) {
	for name, c := range map[string]struct {
		extra []string
		after time.Duration
	}{
		"without session timer":   {nil, 90 * time.Second},
		"until the session ends":  {[]string{"Session-Expires: 120;refresher=uac"}, 120 * time.Second},
		"when the peer refreshes": {[]string{"Session-Expires: 90;refresher=uas"}, 90 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, nil, func(t *testing.T, w *world) {
				l := w.registered()
				h := newWitness()
				leg, far := w.talk(l, h, c.extra...)
				began := time.Now()
				w.pbx.set(func(p *pbx) { p.away = true })
				l.hangUp()
				time.Sleep(80 * time.Second)
				receive(t, leg.Done())
				if took := time.Since(began); took != c.after {
					t.Errorf("ended after %v", took)
				}
				if e := receive(t, h.ended); e != (End{By: EndedByConnection}) {
					t.Errorf("ended %+v", e)
				}
				w.pbx.set(func(p *pbx) { p.away = false })
				bye := w.registered().nextRequest("BYE")
				if bye.CallID().Value() != far.invite.CallID().Value() || param(bye.To().Params, "tag") != far.tag {
					t.Errorf("BYE:\n%s", bye)
				}
			})
		})
	}
}

func TestHangupWithoutConnection(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		leg, far := w.talk(l, h)
		w.pbx.set(func(p *pbx) { p.away = true })
		l.hangUp()
		w.registration(Unreachable)
		if err := leg.Hangup(t.Context()); err != nil {
			t.Error(err)
		}
		if e := receive(t, h.ended); e != (End{By: EndedByUs}) {
			t.Errorf("ended %+v", e)
		}
		w.pbx.set(func(p *pbx) { p.away = false })
		bye := w.registered().nextRequest("BYE")
		if bye.CallID().Value() != far.invite.CallID().Value() || param(bye.To().Params, "tag") != far.tag {
			t.Errorf("BYE:\n%s", bye)
		}
	})
}

// A BYE that was under way when the connection went may not have arrived.
func TestConnectionLostWhileHangingUp(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		leg, far := w.talk(l, h)
		hung := make(chan error, 1)
		go func() { hung <- leg.Hangup(t.Context()) }()
		l.next("BYE")
		l.hangUp()
		if err := receive(t, hung); err != nil {
			t.Error(err)
		}
		if e := receive(t, h.ended); e != (End{By: EndedByUs}) {
			t.Errorf("ended %+v", e)
		}
		if bye := w.registered().nextRequest("BYE"); param(bye.To().Params, "tag") != far.tag {
			t.Errorf("BYE:\n%s", bye)
		}
	})
}

func TestStopWithoutConnection(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		w.talk(l, h)
		w.pbx.set(func(p *pbx) { p.away = true })
		l.hangUp()
		w.registration(Unreachable)
		w.stop()
		if e := receive(t, h.ended); e != (End{By: EndedByUs}) {
			t.Errorf("ended %+v", e)
		}
	})
}

// The PBX sees the new connection first and hangs up on it before we have told it anything.
func TestByeBeforeTheRegistration(t *testing.T) {
	hold := make(chan struct{})
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		_, far := w.talk(l, h)
		w.pbx.set(func(p *pbx) {
			p.onREG = func(*line, *sipmsg.Request) bool {
				select {
				case <-hold:
					return false
				default:
					return true
				}
			}
		})
		l.hangUp()
		l = w.pbx.connection()
		far.moved(l).send("INFO", "application/dtmf", "7")
		l.next("200 INFO")
		far.send("BYE", "", "")
		l.next("200 BYE")
		if e := receive(t, h.ended); e != (End{By: EndedByFar}) {
			t.Errorf("ended %+v", e)
		}
		close(hold)
	})
}

// The connection goes while our re-INVITE is open: it is made again on the next one.
func TestConnectionLostWhileReinviting(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		leg, _ := w.talk(l, newWitness())
		done := reinvite(t.Context(), leg)
		l.next("INVITE")
		l.hangUp()
		l = w.registered()
		l.next("ACK")
		l.reply(l.nextRequest("UPDATE"), 200, "OK", "")
		re := l.nextRequest("INVITE")
		if string(re.Body()) != "new offer" {
			t.Errorf("re-INVITE carries %q", re.Body())
		}
		l.reply(re, 200, "OK", "new answer")
		l.next("ACK")
		if o := receive(t, done); o.err != nil || o.answer != "new answer" {
			t.Errorf("Reinvite: %+v", o)
		}
	})
}

// Our 200 to the peer's re-INVITE may have been lost, or its ACK: it is sent again.
func TestConnectionLostBeforeTheAck(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		_, far := w.talk(l, h)
		far.send("INVITE", "application/sdp", "offer")
		lost := l.next("200 INVITE").(*sipmsg.Response)
		l.hangUp()
		l = w.registered()
		l.next("ACK")
		again := l.next("200 INVITE").(*sipmsg.Response)
		if clientBranch(again) != clientBranch(lost) || string(again.Body()) != "answer to offer" {
			t.Errorf("sent again:\n%s", again)
		}
		far.moved(l).send("ACK", "", "")
		l.reply(l.nextRequest("UPDATE"), 200, "OK", "")
		far.send("BYE", "", "")
		l.next("200 BYE")
		receive(t, h.ended)
	})
}

// It goes, and nobody waits for the answer any more: the PBX may hold what we do not.
func TestConnectionLostAndReinviteGivenUp(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		leg, _ := w.talk(l, newWitness())
		ctx, cancel := context.WithCancelCause(t.Context())
		done := reinvite(ctx, leg)
		l.next("INVITE")
		w.pbx.set(func(p *pbx) { p.away = true })
		l.hangUp()
		w.registration(Unreachable)
		cancel(errChanged)
		if o := receive(t, done); !errors.Is(o.err, errChanged) {
			t.Errorf("Reinvite: %+v", o)
		}
		w.pbx.set(func(p *pbx) { p.away = false })
		l = w.registered()
		l.next("ACK")
		re := l.nextRequest("INVITE")
		if string(re.Body()) != testOffer {
			t.Errorf("re-INVITE carries %q", re.Body())
		}
		l.reply(re, 200, "OK", testAnswer)
		l.next("ACK")
		time.Sleep(time.Minute)
		l.idle()
	})
}

// The answer to the peer's offer was not heard: it is offered.
func TestConnectionLostWhileReofferIsAnswered(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		release := make(chan struct{})
		h.answer = func(context.Context, string) (string, error) {
			<-release
			return "their new answer", nil
		}
		_, far := w.talk(l, h)
		far.send("INVITE", "application/sdp", "offer")
		receive(t, h.reoffers)
		w.pbx.set(func(p *pbx) { p.away = true })
		l.hangUp()
		w.registration(Unreachable)
		close(release)
		time.Sleep(time.Second)
		w.pbx.set(func(p *pbx) { p.away = false })
		l = w.registered()
		l.next("ACK")
		re := l.nextRequest("INVITE")
		if string(re.Body()) != "their new answer" {
			t.Errorf("re-INVITE carries %q", re.Body())
		}
		l.reply(re, 200, "OK", testAnswer)
		l.next("ACK")
		time.Sleep(time.Minute)
		l.idle()
	})
}

// Connections come and go before the PBX has answered.
func TestConnectionLostAgainAndAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		_, far := w.talk(l, h)
		for range 2 {
			l.hangUp()
			l = w.registered()
			l.next("ACK")
			l.next("UPDATE")
		}
		l.hangUp()
		l = w.registered()
		l.next("ACK")
		l.reply(l.nextRequest("UPDATE"), 200, "OK", "")
		far.moved(l).send("BYE", "", "")
		l.next("200 BYE")
		if e := receive(t, h.ended); e.By != EndedByFar {
			t.Errorf("ended %+v", e)
		}
	})
}
