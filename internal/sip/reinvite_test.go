package sip

import (
	"context"
	"errors"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// offered is what Reinvite returned.
type offered struct {
	answer string
	err    error
}

func reinvite(ctx context.Context, leg *Leg) <-chan offered {
	done := make(chan offered, 1)
	go func() {
		answer, err := leg.Reinvite(ctx, "new offer")
		done <- offered{answer, err}
	}()
	return done
}

// inBothDirections runs a scenario on a call of the agent's and on one of the PBX's. send makes requests of the PBX within it.
func inBothDirections(t *testing.T, scenario func(t *testing.T, w *world, l *line, leg *Leg, h *witness, send func(method, kind, body string, extra ...string))) {
	t.Helper()
	t.Run("our call", func(t *testing.T) {
		inTime(t, nil, func(t *testing.T, w *world) {
			l, h := w.registered(), newWitness()
			leg, far := w.talk(l, h)
			scenario(t, w, l, leg, h, far.send)
		})
	})
	t.Run("their call", func(t *testing.T) {
		withDoorman(t, inTime, func(t *testing.T, w *world, calls doorman) {
			l, h := w.registered(), newWitness()
			leg, d := w.talkIn(l, calls, h)
			scenario(t, w, l, leg, h, d.send)
		})
	})
}

func TestReinviteIsAnswered(t *testing.T) {
	inBothDirections(t, func(t *testing.T, _ *world, l *line, leg *Leg, h *witness, send func(method, kind, body string, extra ...string)) {
		done := reinvite(t.Context(), leg)
		re := l.nextRequest("INVITE")
		if !l.authorized(re, 401) { // in a call of ours the INVITE's credentials still hold
			l.next("ACK")
			re = l.nextRequest("INVITE")
			if !l.authorized(re, 401) {
				t.Error("wrong credentials")
			}
		}
		if string(re.Body()) != "new offer" || param(re.To().Params, "tag") == "" || headerValue(re, "Contact", "") == "" {
			t.Errorf("re-INVITE:\n%s", re)
		}
		l.reply(re, 422, "Session Interval Too Small", "", "Min-SE: 120")
		l.next("ACK")
		re = l.nextRequest("INVITE")
		if got := headerValue(re, "Session-Expires", ""); got != "120;refresher=uac" {
			t.Errorf("Session-Expires: %s", got)
		}
		l.reply(re, 100, "Trying", "")
		ok := response(re, 200, "OK", "", "new answer", "Contact: <sip:elsewhere@asterisk>", "Session-Expires: 120;refresher=uac")
		l.send(ok)
		send("INFO", "application/dtmf", "1")
		ack := l.nextRequest("ACK") // before anything that came after the 200
		if ack.CSeq().SeqNo != re.CSeq().SeqNo || ack.Recipient.String() != "sip:elsewhere@asterisk" {
			t.Errorf("ACK:\n%s", ack)
		}
		l.next("200 INFO")
		if o := receive(t, done); o.err != nil || o.answer != "new answer" {
			t.Errorf("Reinvite: %+v", o)
		}
		l.send(ok) // sent again
		if again := l.nextRequest("ACK"); clientBranch(again) != clientBranch(ack) {
			t.Error("another ACK for the same 200")
		}
		// What holds now is the new description.
		leg.mu.Lock()
		leg.updates = false
		leg.mu.Unlock()
		if refresh := l.nextRequest("INVITE"); string(refresh.Body()) != "new offer" {
			t.Errorf("refreshed with %q", refresh.Body())
		}
		if len(h.reoffers) != 0 {
			t.Error("the handler was asked")
		}
	})
}

func TestReinviteIsRefused(t *testing.T) {
	inBothDirections(t, func(t *testing.T, _ *world, l *line, leg *Leg, _ *witness, send func(method, kind, body string, extra ...string)) {
		done := reinvite(t.Context(), leg)
		l.reply(l.nextRequest("INVITE"), 488, "Not Acceptable Here", "")
		l.next("ACK")
		var rejected *RejectedError
		if o := receive(t, done); !errors.As(o.err, &rejected) || rejected.Status != 488 {
			t.Errorf("Reinvite: %+v", o)
		}
		send("INVITE", "", "") // what holds is the old description
		if res := l.next("200 INVITE").(*sipmsg.Response); string(res.Body()) == "new offer" {
			t.Error("the refused offer holds")
		}
		send("ACK", "", "")
	})
}

// Both offer at once: each gets 491, and the side that made the call waits longer.
func TestReinviteGlare(t *testing.T) {
	inBothDirections(t, func(t *testing.T, _ *world, l *line, leg *Leg, h *witness, send func(method, kind, body string, extra ...string)) {
		least, most := 2100*time.Millisecond, 4*time.Second
		if leg.in != nil {
			least, most = 0, 2*time.Second
		}
		for range 20 {
			done := reinvite(t.Context(), leg)
			re := l.nextRequest("INVITE")
			send("INVITE", "application/sdp", "their offer")
			l.next("491 INVITE")
			send("UPDATE", "application/sdp", "their offer")
			l.next("491 UPDATE")
			send("UPDATE", "", "") // offers nothing
			l.next("200 UPDATE")
			l.reply(re, 491, "Request Pending", "")
			l.next("ACK")
			began := time.Now()
			re = l.nextRequest("INVITE")
			if pause := time.Since(began); pause < least || pause > most {
				t.Errorf("tried again after %v", pause)
			}
			l.reply(re, 200, "OK", "new answer")
			l.next("ACK")
			if o := receive(t, done); o.err != nil {
				t.Error(o.err)
			}
		}
		if len(h.reoffers) != 0 {
			t.Error("the handler was asked")
		}
	})
}

// The peer's offer comes first: ours waits until it is answered.
func TestReinviteWaitsForTheirs(t *testing.T) {
	inBothDirections(t, func(t *testing.T, _ *world, l *line, leg *Leg, h *witness, send func(method, kind, body string, extra ...string)) {
		release := make(chan struct{})
		h.answer = func(context.Context, string) (string, error) {
			<-release
			return "answer", nil
		}
		send("INVITE", "application/sdp", "their offer")
		receive(t, h.reoffers)
		done := reinvite(t.Context(), leg)
		time.Sleep(time.Second)
		l.idle()
		close(release)
		l.next("200 INVITE")
		re := l.nextRequest("INVITE")
		send("ACK", "", "")
		l.reply(re, 500, "Server Internal Error", "", "Retry-After: 2 (busy)") // theirs is still open over there
		l.next("ACK")
		began := time.Now()
		l.reply(l.nextRequest("INVITE"), 200, "OK", "new answer")
		if pause := time.Since(began); pause != 2*time.Second {
			t.Errorf("tried again after %v", pause)
		}
		l.next("ACK")
		if o := receive(t, done); o.err != nil {
			t.Error(o.err)
		}
	})
}

// Refresh and Reinvite never overlap.
func TestReinviteWaitsForTheRefresh(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		leg, _ := w.talk(l, newWitness(), "Session-Expires: 90;refresher=uac")
		up := l.nextRequest("UPDATE")
		done := reinvite(t.Context(), leg)
		time.Sleep(time.Second)
		l.idle()
		l.reply(up, 200, "OK", "", "Session-Expires: 90;refresher=uac")
		answer := func() {
			l.reply(l.nextRequest("INVITE"), 200, "OK", "new answer", "Session-Expires: 90;refresher=uac")
			l.next("ACK")
			if o := receive(t, done); o.err != nil {
				t.Error(o.err)
			}
		}
		answer()
		time.Sleep(40 * time.Second)
		done = reinvite(t.Context(), leg)
		time.Sleep(10 * time.Second) // the refresh is due
		answer()                     // which is one too
		began := time.Now()
		l.reply(l.nextRequest("UPDATE"), 200, "OK", "")
		if pause := time.Since(began); pause != 45*time.Second {
			t.Errorf("next refresh after %v", pause)
		}
	})
}

func TestReinviteIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		trying bool
		answer int
	}{
		"before anything was answered": {false, 488}, "while it waits": {true, 487}, "and answered all the same": {true, 200},
		"and never answered": {true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBothDirections(t, func(t *testing.T, _ *world, l *line, leg *Leg, h *witness, send func(method, kind, body string, extra ...string)) {
				ctx, cancel := context.WithCancelCause(t.Context())
				done := reinvite(ctx, leg)
				re := l.nextRequest("INVITE")
				if c.trying {
					l.reply(re, 100, "Trying", "")
				}
				time.Sleep(time.Second)
				cancel(errChanged)
				if o := receive(t, done); !errors.Is(o.err, ErrCancelled) || !errors.Is(o.err, errChanged) {
					t.Errorf("Reinvite: %+v", o)
				}
				if c.trying {
					again := l.nextRequest("CANCEL")
					if clientBranch(again) != clientBranch(re) {
						t.Error("CANCEL of another request")
					}
					l.reply(again, 200, "OK", "")
				}
				switch c.answer {
				case 0:
					l.reply(l.nextRequest("BYE"), 200, "OK", "") // RFC 3261 section 12.2.1.2
					if e := receive(t, h.ended); e.By != EndedByTimer {
						t.Errorf("ended %+v", e)
					}
					return
				case 200:
					l.reply(re, 200, "OK", "new answer")
					l.next("ACK")
					back := l.nextRequest("INVITE") // to what holds here
					if b := string(back.Body()); b == "new offer" || b == "" {
						t.Errorf("restored with %q", b)
					}
					l.reply(back, 200, "OK", "old answer")
				default:
					l.reply(re, c.answer, "No", "")
				}
				l.next("ACK")
				send("INVITE", "application/sdp", "their offer") // nothing is in its way any more
				l.next("200 INVITE")
				send("ACK", "", "")
				time.Sleep(time.Minute)
				l.idle()
			})
		})
	}
}

func TestReinviteFindsNoCall(t *testing.T) {
	for _, c := range []struct {
		status int
		by     string
		want   error
	}{{481, EndedByFar, nil}, {408, EndedByTimer, nil}, {0, EndedByTimer, ErrNoAnswer}} {
		inBothDirections(t, func(t *testing.T, _ *world, l *line, leg *Leg, h *witness, _ func(method, kind, body string, extra ...string)) {
			done := reinvite(t.Context(), leg)
			re := l.nextRequest("INVITE")
			if c.status != 0 {
				l.reply(re, c.status, "No", "")
				l.next("ACK")
			}
			l.reply(l.nextRequest("BYE"), 481, "No", "")
			var rejected *RejectedError
			if o := receive(t, done); o.err == nil || !errors.As(o.err, &rejected) && !errors.Is(o.err, c.want) {
				t.Errorf("Reinvite: %+v", o)
			}
			if e := receive(t, h.ended); e != (End{By: c.by}) {
				t.Errorf("ended %+v", e)
			}
			if _, err := leg.Reinvite(t.Context(), "again"); !errors.Is(err, ErrEnded) {
				t.Errorf("on a leg that has ended: %v", err)
			}
		})
	}
}

func TestByeWhileReinviteIsOpen(t *testing.T) {
	inBothDirections(t, func(t *testing.T, _ *world, l *line, leg *Leg, h *witness, send func(method, kind, body string, extra ...string)) {
		done := reinvite(t.Context(), leg)
		re := l.nextRequest("INVITE")
		send("BYE", "", "")
		l.next("200 BYE")
		receive(t, h.ended)
		l.reply(re, 487, "Request Terminated", "")
		l.next("ACK")
		if o := receive(t, done); o.err == nil {
			t.Errorf("Reinvite: %+v", o)
		}
	})
}
