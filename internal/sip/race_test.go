package sip

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

func TestCancelCrossing200(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		ctx, cancel := context.WithCancelCause(t.Context())
		h := newWitness()
		done := w.call(ctx, h)
		far := l.invited()
		far.answer(180, "Ringing", "")
		receive(t, h.progress)
		cancel(errChanged)
		c := l.nextRequest("CANCEL")
		far.ok() // it was on its way
		l.reply(c, 481, "Call/Transaction Does Not Exist", "")
		l.next("ACK")
		bye := l.nextRequest("BYE")
		if param(bye.To().Params, "tag") != far.tag {
			t.Errorf("BYE:\n%s", bye)
		}
		l.reply(bye, 200, "OK", "")
		if o := receive(t, done); o.leg != nil || !errors.Is(o.err, ErrCancelled) || !errors.Is(o.err, errChanged) {
			t.Errorf("Invite: %v, %v", o.leg, o.err)
		}
	})
}

func Test200LongAfterInviteGaveUp(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		ctx, cancel := context.WithCancelCause(t.Context())
		done := w.call(ctx, newWitness())
		far := l.invited()
		cancel(errChanged)
		l.next("CANCEL")
		receive(t, done)
		time.Sleep(10 * time.Second)
		far.ok()
		l.next("ACK")
		l.reply(l.nextRequest("BYE"), 200, "OK", "")
	})
}

// A PBX that stood still takes up a call that nobody waits for any more: the house is not left ringing for it.
func TestInviteTakenUpTooLate(t *testing.T) {
	for name, last := range map[string]string{"180 comes": "CANCEL", "200 comes": "BYE"} {
		t.Run(name, func(t *testing.T) {
			inTime(t, nil, func(t *testing.T, w *world) {
				l := w.registered()
				done := w.call(t.Context(), newWitness())
				invite := l.nextRequest("INVITE")
				if o := receive(t, done); !errors.Is(o.err, ErrNoAnswer) {
					t.Fatalf("the call ends with %v", o.err)
				}
				time.Sleep(20 * time.Second)
				if last == "BYE" {
					l.reply(invite, 200, "OK", testAnswer, "Contact: <sip:101@pbx.example>")
					l.next("ACK")
				} else {
					l.reply(invite, 180, "Ringing", "")
				}
				end := l.nextRequest(last)
				l.reply(end, 200, "OK", "")
				if last == "CANCEL" {
					l.reply(invite, 487, "Request Terminated", "")
					l.next("ACK")
				}
			})
		})
	}
}

func TestTwo200s(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		done := w.call(t.Context(), h)
		far := l.invited()
		far.ok()
		far.ok() // sent again
		other := *far
		other.tag = "another-branch"
		other.ok()
		first, second := l.nextRequest("ACK"), l.nextRequest("ACK")
		if param(first.To().Params, "tag") != far.tag || param(second.To().Params, "tag") != far.tag {
			t.Error("the 200 that was sent again has no ACK of its own")
		}
		third := l.nextRequest("ACK")
		bye := l.nextRequest("BYE")
		if param(third.To().Params, "tag") != other.tag || param(bye.To().Params, "tag") != other.tag {
			t.Error("the second branch was not taken and hung up")
		}
		l.reply(bye, 200, "OK", "")
		o := receive(t, done)
		if o.err != nil {
			t.Fatal(o.err)
		}
		far.send("OPTIONS", "", "") // the first branch is the call
		l.next("200 OPTIONS")
		if len(h.ended) != 0 {
			t.Error("the call ended")
		}
		far.send("BYE", "", "")
		l.next("200 BYE")
		receive(t, h.ended)
		far.ok() // even now
		l.next("ACK")
	})
}

func TestTwoTargetsAnswerAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		ctx, cancel := context.WithCancelCause(t.Context())
		h1, h2 := newWitness(), newWitness()
		won := w.call(t.Context(), h1)
		far1 := l.invited()
		lost := w.call(ctx, h2)
		far2 := l.invited()
		far1.ok()
		l.next("ACK")
		leg := receive(t, won).leg
		far2.ok()
		cancel(errChanged)
		// Depending on who is first, Invite hangs the second call up, or had returned already, and its caller does.
		hung := make(chan error, 1)
		go func() {
			if o := <-lost; o.err == nil {
				hung <- o.leg.Hangup(t.Context())
				return
			}
			hung <- nil
		}()
		bye := l.next2("ACK", "BYE")
		if bye.CallID().Value() != far2.invite.CallID().Value() {
			t.Error("BYE for the winner")
		}
		l.reply(bye, 200, "OK", "")
		if err := receive(t, hung); err != nil {
			t.Error(err)
		}
		select {
		case <-leg.Done():
			t.Error("the winner ended")
		default:
		}
	})
}

// next2 skips to BYE over ACK and CANCEL, which must not come after it.
func (l *line) next2(first, last string) *sipmsg.Request {
	l.pbx.t.Helper()
	acked := false
	for {
		m := receive(l.pbx.t, l.in)
		switch describe(m) {
		case first:
			acked = true
		case "CANCEL":
			l.reply(m.(*sipmsg.Request), 481, "Call/Transaction Does Not Exist", "")
		case last:
			if !acked {
				l.pbx.t.Errorf("%s before %s", last, first)
			}
			return m.(*sipmsg.Request)
		default:
			l.pbx.t.Fatalf("unexpected %s", describe(m))
		}
	}
}

func TestByeCrossingBye(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		leg, far := w.talk(l, h)
		hung := make(chan error, 1)
		go func() { hung <- leg.Hangup(t.Context()) }()
		bye := l.nextRequest("BYE")
		far.send("BYE", "", "")
		l.next("200 BYE")
		l.reply(bye, 481, "Call/Transaction Does Not Exist", "")
		if err := receive(t, hung); err != nil {
			t.Error(err)
		}
		if e := receive(t, h.ended); e.By != EndedByUs {
			t.Errorf("ended %+v", e)
		}
		w.stop()
		if len(h.ended) != 0 {
			t.Error("ended twice")
		}
	})
}

func TestByeRightAfter200(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		done := w.call(t.Context(), h)
		far := l.invited()
		far.ok()
		far.send("BYE", "", "")
		l.next("ACK")
		l.next("200 BYE")
		o := receive(t, done)
		if o.err != nil {
			t.Fatal(o.err)
		}
		receive(t, o.leg.Done())
		if e := receive(t, h.ended); e.By != EndedByFar {
			t.Errorf("ended %+v", e)
		}
	})
}

func TestReinviteBeforeAck(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		done := w.call(t.Context(), h)
		far := l.invited()
		far.ok()
		far.send("INVITE", "application/sdp", "actpass offer", "Session-Expires: 1800;refresher=uas", "Supported: timer")
		far.send("INFO", "application/dtmf-relay", "Signal=5\r\nDuration=100\r\n")
		l.next("ACK") // first of all
		// The digit is acknowledged at once, the offer when the handler has answered it.
		a, b := l.nextOf("200 INFO", "200 INVITE"), l.nextOf("200 INFO", "200 INVITE")
		if a.CSeq().MethodName == sipmsg.INVITE {
			a, b = b, a
		}
		if len(a.Body()) != 0 || string(b.Body()) != "answer to actpass offer" {
			t.Errorf("re-INVITE was answered %q", b.Body())
		}
		if got := headerValue(b, "Session-Expires", ""); got != "90;refresher=uas" { // no longer than it must be

			t.Errorf("Session-Expires: %q", got)
		}
		if o := receive(t, done); o.err != nil {
			t.Fatal(o.err)
		}
		if got := receive(t, h.reoffers); got != "actpass offer" {
			t.Errorf("offer %q", got)
		}
		if d := receive(t, h.digits); d.Value != '5' || d.Duration != 100*time.Millisecond {
			t.Errorf("digit %+v", d)
		}
		far.send("ACK", "", "")
		far.send("OPTIONS", "", "")
		l.next("200 OPTIONS")
	})
}

func TestTwelveTimes180(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		done := w.call(t.Context(), h)
		far := l.invited()
		for i := range 12 {
			far.answer(180+i%2*3, fmt.Sprint("Ringing ", i), "")
		}
		far.ok()
		l.next("ACK")
		if o := receive(t, done); o.err != nil {
			t.Fatal(o.err)
		}
		for i := range 12 {
			if got, want := receive(t, h.progress), fmt.Sprintf("%d Ringing %d ", 180+i%2*3, i); got != want {
				t.Errorf("progress %q, want %q", got, want)
			}
		}
		far.answer(180, "Ringing", "") // noise after the final answer
		far.send("OPTIONS", "", "")
		l.next("200 OPTIONS")
		if len(h.progress) != 0 {
			t.Error("progress after the final answer")
		}
	})
}

func TestByeWhileReofferIsAnswered(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		h.answer = func(ctx context.Context, _ string) (string, error) {
			<-ctx.Done() // ends with the leg
			return "too late", nil
		}
		_, far := w.talk(l, h)
		far.send("INVITE", "application/sdp", "offer")
		receive(t, h.reoffers)
		far.send("INVITE", "application/sdp", "second offer before the first was answered")
		res := l.next("500 INVITE")
		if headerValue(res, "Retry-After", "") == "" {
			t.Error("500 without Retry-After")
		}
		far.send("BYE", "", "")
		l.next("200 BYE")
		l.next("487 INVITE")
		receive(t, h.ended)
		far.send("OPTIONS", "", "")
		l.next("481 OPTIONS")
	})
}

func TestCancelledReinvite(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		release := make(chan struct{})
		h.answer = func(context.Context, string) (string, error) {
			<-release
			return "answer", nil
		}
		_, far := w.talk(l, h)
		far.send("INVITE", "application/sdp", "offer")
		receive(t, h.reoffers)
		far.cseq--
		far.n-- // same branch
		far.send("CANCEL", "", "")
		l.next("200 CANCEL")
		l.next("487 INVITE")
		close(release)
		far.send("OPTIONS", "", "")
		l.next("200 OPTIONS")
	})
}

func TestConnectionLostWhileRinging(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		done := w.call(t.Context(), h)
		far := l.invited()
		far.answer(180, "Ringing", "")
		receive(t, h.progress)
		l.hangUp()
		if err := receive(t, done).err; !errors.Is(err, ErrConnectionLost) {
			t.Errorf("error %v", err)
		}
		// Back again, the house that still rings is told.
		c := w.registered().nextRequest("CANCEL")
		if clientBranch(c) != clientBranch(far.invite) {
			t.Errorf("CANCEL:\n%s", c)
		}
	})
}

// A PBX that stood still takes the INVITE from a connection that is gone, and Asterisk rings on although nobody hears of it.
func TestConnectionLostBeforeAnyAnswer(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		done := w.call(t.Context(), newWitness())
		invite := l.nextRequest("INVITE")
		l.hangUp()
		if err := receive(t, done).err; !errors.Is(err, ErrConnectionLost) {
			t.Errorf("error %v", err)
		}
		c := w.registered().nextRequest("CANCEL")
		if clientBranch(c) != clientBranch(invite) {
			t.Errorf("CANCEL:\n%s", c)
		}
	})
}

func TestStopWhileRinging(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		done := w.call(t.Context(), h)
		far := l.invited()
		far.answer(180, "Ringing", "")
		receive(t, h.progress)
		w.quit()
		c := l.nextRequest("CANCEL")
		l.reply(c, 200, "OK", "")
		far.answer(487, "Request Terminated", "")
		l.next("ACK")
		l.next("REGISTER") // Expires: 0
		if err := receive(t, done).err; !errors.Is(err, ErrCancelled) || !errors.Is(err, ErrStopped) {
			t.Errorf("error %v", err)
		}
		w.registration(Stopped)
		if _, err := w.agent.Invite(t.Context(), "101", testOffer, Handler{}); !errors.Is(err, ErrStopped) {
			t.Errorf("call after the end: %v", err)
		}
	})
}

func TestStopWhileTalking(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		w.talk(l, h)
		w.quit()
		bye := l.nextRequest("BYE")
		l.reply(bye, 200, "OK", "")
		l.next("REGISTER") // Expires: 0
		if e := receive(t, h.ended); e != (End{By: EndedByUs}) {
			t.Errorf("ended %+v", e)
		}
	})
}

func TestStopWithSilentPBX(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		w.talk(l, newWitness())
		w.pbx.set(func(p *pbx) { p.onREG = func(*line, *sipmsg.Request) bool { return true } })
		began := time.Now()
		w.stop() // nobody answers BYE or REGISTER
		if took := time.Since(began); took > 2*stopLimit {
			t.Errorf("stopping took %v", took)
		}
	})
}

func TestStopInEveryState(t *testing.T) {
	for name, setup := range map[string]func(*Config, *pbx){
		"while connecting fails": func(_ *Config, p *pbx) { p.onDial = func(http.Header) error { return errDialRefused } },
		"while locating": func(c *Config, _ *pbx) {
			c.Locate = func(ctx context.Context) (Endpoint, error) {
				<-ctx.Done()
				return Endpoint{}, context.Cause(ctx)
			}
		},
		"with a wrong address": func(c *Config, _ *pbx) {
			c.Locate = func(context.Context) (Endpoint, error) { return Endpoint{URL: "http://pbx.example"}, nil }
		},
		"while registering": func(_ *Config, p *pbx) { p.onREG = func(*line, *sipmsg.Request) bool { return true } },
		"while refused":     func(_ *Config, p *pbx) { p.password = "another" },
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, setup, func(t *testing.T, w *world) {
				time.Sleep(3 * time.Second)
				began := time.Now()
				w.stop()
				if took := time.Since(began); took != 0 {
					t.Errorf("stopping took %v", took)
				}
				if s := w.agent.Registration().State; s != Stopped {
					t.Errorf("state %s", s)
				}
			})
		})
	}
}

// Nor does a question that nobody answers hold it up: whether the connection lives, or whether a server is there.
func TestStopWhileAsking(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		w.registered()
		w.pbx.set(func(p *pbx) { p.mute = true })
		time.Sleep(probeInterval + time.Second)
		began := time.Now()
		w.stop() // REGISTER is not answered
		if took := time.Since(began); took > stopLimit {
			t.Errorf("stopping took %v", took)
		}
	})
	silent := listenOn(t, "127.0.0.1:0")
	ctx, cancel := context.WithCancelCause(t.Context())
	looked := make(chan error, 1)
	go func() {
		k := looker{identity{extension: "8001", domain: "pbx.example"}, newDialer(nil, discard()), discard()}
		looked <- k.look(ctx, Endpoint{URL: "udp://" + silent.LocalAddr().String()})
	}()
	if _, _, err := silent.ReadFromUDPAddrPort(make([]byte, 2000)); err != nil { // OPTIONS
		t.Fatal(err)
	}
	cancel(errChanged)
	if err := receive(t, looked); !errors.Is(err, errChanged) {
		t.Errorf("look: %v", err)
	}
}

// Run waits for the handlers, so that nothing of the agent is left when it has returned.
func TestStopWaitsForTheHandler(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		finished := false
		h.answer = func(ctx context.Context, _ string) (string, error) {
			<-ctx.Done()
			time.Sleep(time.Second)
			finished = true
			return "", errChanged
		}
		_, far := w.talk(l, h)
		far.send("INVITE", "application/sdp", "offer")
		receive(t, h.reoffers)
		w.pbx.set(func(p *pbx) { p.polite = true })
		w.stop()
		if !finished || len(h.ended) != 1 {
			t.Error("Run returned before the handler did")
		}
	})
}
