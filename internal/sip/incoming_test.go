package sip

import (
	"context"
	"errors"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

func TestIncomingCallIsAnswered(t *testing.T) {
	withDoorman(t, onBothWith, func(t *testing.T, w *world, calls doorman) {
		l := w.registered()
		d := l.dials()
		d.invite()
		i := receive(t, calls)
		if i.Caller() != "101" || i.CallerName() != `The "tall" one` || i.Offer() != testOffer {
			t.Errorf("called by %q, %q with %q", i.Caller(), i.CallerName(), i.Offer())
		}
		if err := i.Ring(); err != nil {
			t.Error(err)
		}
		ringing := l.next("180 INVITE").(*sipmsg.Response)
		h := newWitness()
		done := answer(t, i, h)
		ok := d.accepted()
		if param(ringing.To().Params, "tag") != d.toTag || string(ok.Body()) != testAnswer || headerValue(ok, "Allow", "") != allowed {
			t.Errorf("answer:\n%s", ok)
		}
		select {
		case o := <-done:
			t.Fatalf("Answer returned before the ACK: %v", o.err)
		case <-i.Context().Done():
			t.Fatal("Context ended before the ACK")
		default:
		}
		d.send("ACK", "", "")
		o := receive(t, done)
		if o.err != nil {
			t.Fatal(o.err)
		}
		receive(t, i.Context().Done())
		if err := context.Cause(i.Context()); !errors.Is(err, ErrDecided) {
			t.Errorf("Context ended because of %v", err)
		}
		for _, err := range []error{i.Ring(), i.Reject(486, "Busy Here")} {
			if !errors.Is(err, ErrDecided) {
				t.Errorf("deciding again: %v", err)
			}
		}
		d.send("INFO", "application/dtmf", "5")
		l.next("200 INFO")
		if digit := receive(t, h.digits); digit.Value != '5' {
			t.Errorf("digit %+v", digit)
		}
		d.send("INVITE", "application/sdp", "with video")
		if res := l.next("200 INVITE").(*sipmsg.Response); string(res.Body()) != "answer to with video" {
			t.Errorf("re-INVITE was answered %q", res.Body())
		}
		d.send("ACK", "", "")
		// Our own requests are the dialog's, seen from the other end.
		hung := make(chan error, 1)
		go func() { hung <- o.leg.Hangup(t.Context()) }()
		bye := l.nextRequest("BYE")
		if bye.Recipient.String() != "sip:asterisk@asterisk:5060;transport=ws" || param(bye.From().Params, "tag") != d.toTag ||
			param(bye.To().Params, "tag") != d.tag || bye.From().Address.String() != "sip:8001@192.0.2.7" ||
			bye.To().Address.String() != "sip:asterisk@pbx.example" || bye.CallID().Value() != d.callID {
			t.Errorf("BYE:\n%s", bye)
		}
		l.reply(bye, 200, "OK", "")
		if err := receive(t, hung); err != nil {
			t.Error(err)
		}
		if e := receive(t, h.ended); e != (End{By: EndedByUs}) {
			t.Errorf("ended %+v", e)
		}
	})
}

func TestIncomingCallIsHungUpByTheCaller(t *testing.T) {
	withDoorman(t, onBothWith, func(t *testing.T, w *world, calls doorman) {
		h := newWitness()
		l := w.registered()
		leg, d := w.talkIn(l, calls, h)
		d.send("BYE", "", "")
		l.next("200 BYE")
		if e := receive(t, h.ended); e.By != EndedByFar {
			t.Errorf("ended %+v", e)
		}
		receive(t, leg.Done())
	})
}

func TestIncomingCallIsRefused(t *testing.T) {
	reject := func(i *Incoming) {
		if err := i.Reject(200, "OK"); err == nil {
			panic("200 is no refusal")
		}
		if err := i.Reject(403, "For\r\nbidden"); err != nil {
			panic(err)
		}
	}
	for name, c := range map[string]struct {
		decide     func(*Incoming)
		kind, body string
		extra      []string
		want       string
		header     string
		value      string
	}{
		"nobody takes calls":      {nil, "application/sdp", testOffer, nil, "403 INVITE", "", ""},
		"by the handler":          {reject, "application/sdp", testOffer, nil, "403 INVITE", "", ""},
		"the handler looks away":  {func(*Incoming) {}, "application/sdp", testOffer, nil, "480 INVITE", "", ""},
		"100rel is required":      {reject, "application/sdp", testOffer, []string{"Require: timer, 100rel", "Require: x"}, "420 INVITE", "Unsupported", "100rel, x"},
		"an offer we cannot read": {reject, "multipart/mixed", "--x", nil, "415 INVITE", "Accept", "application/sdp"},
		"a session too short": {
			reject, "application/sdp", testOffer, []string{"Session-Expires: 60", "k: timer"}, "422 INVITE", "Min-SE", "90",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(cfg *Config, _ *pbx) { cfg.OnInvite = c.decide }, func(t *testing.T, w *world) {
				l := w.registered()
				d := l.dials()
				d.send("INVITE", c.kind, c.body, c.extra...)
				res := l.nextFinal()
				if describe(res) != c.want || c.header != "" && headerValue(res, c.header, "") != c.value {
					t.Errorf("want %s:\n%s", c.want, res)
				}
				d.toTag = param(res.To().Params, "tag")
				d.n--
				d.send("ACK", "", "")
				d.send("BYE", "", "")
				l.next("481 BYE")
			})
		})
	}
}

// nextFinal skips provisional answers.
func (l *line) nextFinal() *sipmsg.Response {
	l.pbx.t.Helper()
	for {
		res, ok := receive(l.pbx.t, l.in).(*sipmsg.Response)
		if !ok {
			l.pbx.t.Fatal("a request of the agent's")
		}
		if res.StatusCode >= 200 {
			return res
		}
	}
}

func TestManyIncomingCalls(t *testing.T) {
	withDoorman(t, inTime, func(t *testing.T, w *world, calls doorman) {
		l := w.registered()
		first := l.dials()
		first.invite()
		i := receive(t, calls)
		for range maxIncoming - 1 {
			l.dials().invite()
			receive(t, calls)
		}
		l.dials().send("INVITE", "application/sdp", testOffer)
		l.next("486 INVITE")
		if err := i.Reject(486, "Busy Here"); err != nil {
			t.Error(err)
		}
		l.next("486 INVITE")
		l.dials().invite()
		receive(t, calls)
		w.quit() // the rest is told
		for range maxIncoming {
			l.next("480 INVITE")
		}
		l.next("REGISTER")
	})
}

func TestIncomingCallIsCancelled(t *testing.T) {
	withDoorman(t, onBothWith, func(t *testing.T, w *world, calls doorman) {
		l := w.registered()
		d := l.dials()
		d.invite()
		i := receive(t, calls)
		d.send("CANCEL", "", "", `Reason: SIP;cause=200;text="Call completed elsewhere"`)
		l.next("200 CANCEL")
		l.next("487 INVITE")
		receive(t, i.Context().Done())
		if err := context.Cause(i.Context()); !errors.Is(err, ErrCancelled) || err.Error() != "call cancelled by the caller: Call completed elsewhere" {
			t.Errorf("Context ended because of %v", err)
		}
		if _, err := i.Answer(t.Context(), testAnswer, Handler{}); !errors.Is(err, ErrCancelled) {
			t.Errorf("answering: %v", err)
		}
		if err := i.Reject(486, "Busy Here"); !errors.Is(err, ErrCancelled) {
			t.Errorf("refusing: %v", err)
		}
	})
}

func TestIncomingCancelCrossingOur200(t *testing.T) {
	withDoorman(t, onBothWith, func(t *testing.T, w *world, calls doorman) {
		l := w.registered()
		d := l.dials()
		d.invite()
		done := answer(t, receive(t, calls), newWitness())
		cancel := d.text("CANCEL", "", "")
		d.accepted()
		l.send(cancel)
		if m := receive(t, l.in); describe(m) != "481 CANCEL" && describe(m) != "200 CANCEL" { // either way it has no effect
			t.Errorf("got %s", describe(m))
		}
		d.send("ACK", "", "")
		if o := receive(t, done); o.err != nil {
			t.Fatal(o.err)
		}
		d.send("BYE", "", "") // which is what the caller does then
		l.next("200 BYE")
	})
}

func TestIncomingByeWhileRinging(t *testing.T) {
	withDoorman(t, onBothWith, func(t *testing.T, w *world, calls doorman) {
		l := w.registered()
		d := l.dials()
		d.invite()
		i := receive(t, calls)
		if err := i.Ring(); err != nil {
			t.Error(err)
		}
		d.toTag = param(l.next("180 INVITE").To().Params, "tag")
		d.send("UPDATE", "application/sdp", "too early")
		l.next("500 UPDATE")
		d.send("UPDATE", "", "")
		l.next("200 UPDATE")
		d.send("BYE", "", "")
		l.next("200 BYE")
		l.next("487 INVITE")
		receive(t, i.Context().Done())
	})
}

func TestIncomingByeBeforeAck(t *testing.T) {
	withDoorman(t, onBothWith, func(t *testing.T, w *world, calls doorman) {
		l := w.registered()
		d := l.dials()
		d.invite()
		done := answer(t, receive(t, calls), newWitness())
		d.accepted()
		d.send("BYE", "", "")
		l.next("200 BYE")
		if o := receive(t, done); !errors.Is(o.err, ErrCancelled) {
			t.Errorf("Answer: %v", o.err)
		}
	})
}

func TestNoAck(t *testing.T) {
	withDoorman(t, inTime, func(t *testing.T, w *world, calls doorman) {
		l := w.registered()
		d := l.dials()
		d.invite()
		done := answer(t, receive(t, calls), newWitness())
		d.accepted()
		began := time.Now()
		l.reply(l.nextRequest("BYE"), 200, "OK", "")
		if took := time.Since(began); took != transactionLimit {
			t.Errorf("BYE after %v", took)
		}
		if o := receive(t, done); !errors.Is(o.err, ErrNoAnswer) {
			t.Errorf("Answer: %v", o.err)
		}
	})
}

func TestAnswerIsGivenUp(t *testing.T) {
	withDoorman(t, inTime, func(t *testing.T, w *world, calls doorman) {
		l := w.registered()
		d := l.dials()
		d.invite()
		i := receive(t, calls)
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := i.Answer(ctx, testAnswer, Handler{})
			done <- err
		}()
		d.accepted()
		cancel(errChanged)
		if err := receive(t, done); !errors.Is(err, ErrCancelled) || !errors.Is(err, errChanged) {
			t.Errorf("Answer: %v", err)
		}
		time.Sleep(time.Second)
		l.idle() // BYE may not go out before the ACK
		d.send("ACK", "", "")
		l.reply(l.nextRequest("BYE"), 200, "OK", "")
	})
}

func TestMergedInvite(t *testing.T) {
	withDoorman(t, onBothWith, func(t *testing.T, w *world, calls doorman) {
		l := w.registered()
		d := l.dials()
		d.invite()
		i := receive(t, calls)
		d.cseq-- // the same request by another way
		d.send("INVITE", "application/sdp", testOffer)
		l.next("482 INVITE")
		d.n, d.cseq = 0, d.cseq-1
		d.send("INVITE", "application/sdp", testOffer) // the same, sent again
		d.send("OPTIONS", "", "")
		l.next("200 OPTIONS")
		if err := i.Reject(486, "Busy Here"); err != nil {
			t.Error(err)
		}
		l.next("486 INVITE")
		if len(calls) != 0 {
			t.Error("one call rang twice")
		}
	})
}

func TestInviteWithoutOffer(t *testing.T) {
	withDoorman(t, onBothWith, func(t *testing.T, w *world, calls doorman) {
		l := w.registered()
		d := l.dials()
		d.send("INVITE", "", "")
		l.next("100 INVITE")
		i := receive(t, calls)
		if i.Offer() != "" {
			t.Errorf("offer %q", i.Offer())
		}
		done := answer(t, i, newWitness())
		if res := d.accepted(); string(res.Body()) != testAnswer {
			t.Errorf("our offer %q", res.Body())
		}
		d.send("ACK", "application/sdp", "their answer")
		o := receive(t, done)
		if o.err != nil || o.leg.Answer() != "their answer" {
			t.Errorf("Answer: %v", o)
		}
	})
}

func TestCallers(t *testing.T) {
	for want, headers := range map[[2]string][]string{
		{"101", ""}:            {"From: <sip:101@pbx.example>;tag="},
		{"102", "Anna"}:        {"From: <sip:101@pbx.example>;tag=", "P-Asserted-Identity: <tel:+49>, Anna <sip:102@pbx.example>"},
		{"*43#", "x"}:          {`From: "x" <sip:*43%23@pbx.example>;tag=`},
		{"anonymous", "An\\ö"}: {`From: "An\\ö" <sip:anonymous@anonymous.invalid>;tag=`},
		{"", ""}:               {"From: sip:pbx.example;tag="},
		{"103", "Broken"}:      {`From: "Broken" <sip:103@pbx.example>;tag=`, `P-Asserted-Identity: "unclosed <sip:1@x>`},
	} {
		withDoorman(t, inTime, func(t *testing.T, w *world, calls doorman) {
			l := w.registered()
			d := l.dials()
			d.caller = headers
			d.invite()
			if i := receive(t, calls); i.Caller() != want[0] || i.CallerName() != want[1] {
				t.Errorf("%q: %q %q", headers, i.Caller(), i.CallerName())
			}
		})
	}
}

func TestIncomingConnectionLost(t *testing.T) {
	withDoorman(t, onBothWith, func(t *testing.T, w *world, calls doorman) {
		l := w.registered()
		d := l.dials()
		d.invite()
		ringing := receive(t, calls)
		answered := l.dials()
		answered.invite()
		done := answer(t, receive(t, calls), newWitness())
		answered.accepted()
		l.hangUp()
		receive(t, ringing.Context().Done())
		if err := context.Cause(ringing.Context()); !errors.Is(err, ErrConnectionLost) {
			t.Errorf("Context ended because of %v", err)
		}
		if o := receive(t, done); !errors.Is(o.err, ErrConnectionLost) {
			t.Errorf("Answer: %v", o.err)
		}
		// Of the one that had been answered the PBX may hold a call.
		bye := w.registered().nextRequest("BYE")
		if bye.CallID().Value() != answered.callID || param(bye.To().Params, "tag") != answered.tag {
			t.Errorf("BYE:\n%s", bye)
		}
	})
}

// Run waits for OnInvite, which is told of the end by its Context.
func TestStopWithIncomingCalls(t *testing.T) {
	finished := false
	onInvite := func(i *Incoming) {
		<-i.Context().Done()
		if !errors.Is(context.Cause(i.Context()), ErrStopped) {
			t.Errorf("Context ended because of %v", context.Cause(i.Context()))
		}
		time.Sleep(time.Second)
		finished = true
	}
	inTime(t, func(c *Config, _ *pbx) { c.OnInvite = onInvite }, func(t *testing.T, w *world) {
		l := w.registered()
		l.dials().invite()
		w.stop()
		l.next("480 INVITE")
		if !finished {
			t.Error("Run returned before OnInvite did")
		}
	})
}

func TestStopWhileTheAckIsAwaited(t *testing.T) {
	withDoorman(t, inTime, func(t *testing.T, w *world, calls doorman) {
		l := w.registered()
		d := l.dials()
		d.invite()
		done := answer(t, receive(t, calls), newWitness())
		d.accepted()
		w.quit()
		l.reply(l.nextRequest("BYE"), 200, "OK", "")
		if o := receive(t, done); !errors.Is(o.err, ErrStopped) {
			t.Errorf("Answer: %v", o.err)
		}
		l.next("REGISTER")
	})
}

func TestIncomingSessionTimer(t *testing.T) {
	for name, c := range map[string]struct {
		extra   []string
		want    string
		require string
	}{
		"Asterisk's":                {[]string{"Supported: 100rel, timer", "Session-Expires: 1800", "Min-SE: 90"}, "90;refresher=uas", ""},
		"the caller refreshes":      {[]string{"Supported: timer", "Session-Expires: 600;refresher=uac", "Min-SE: 120"}, "120;refresher=uac", "timer"},
		"we refresh":                {[]string{"Supported: timer", "Session-Expires: 100;refresher=uas", "Min-SE: 300"}, "100;refresher=uas", ""},
		"none asked for, but known": {[]string{"k: timer"}, "90;refresher=uas", ""},
		"a proxy asks for it":       {[]string{"Session-Expires: 60"}, "90;refresher=uas", ""},
		"not known":                 {nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			withDoorman(t, inTime, func(t *testing.T, w *world, calls doorman) {
				l := w.registered()
				d := l.dials()
				d.invite(c.extra...)
				h := newWitness()
				done := answer(t, receive(t, calls), h)
				res := d.accepted()
				if headerValue(res, "Session-Expires", "") != c.want || headerValue(res, "Require", "") != c.require {
					t.Errorf("answer:\n%s", res)
				}
				d.send("ACK", "", "")
				receive(t, done)
				interval, refresher, _ := parseSession(c.want)
				switch refresher {
				case "uas":
					up := l.nextRequest("UPDATE")
					if got := headerValue(up, "Session-Expires", ""); got != seconds(interval)+";refresher=uac" {
						t.Errorf("refresh with %q", got)
					}
					l.reply(up, 200, "OK", "")
				case "uac":
					l.reply(l.nextRequest("BYE"), 200, "OK", "")
					if e := receive(t, h.ended); e.By != EndedByTimer {
						t.Errorf("ended %+v", e)
					}
				default:
					time.Sleep(time.Hour)
					l.idle()
				}
			})
		})
	}
}
