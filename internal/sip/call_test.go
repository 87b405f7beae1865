package sip

import (
	"context"
	"errors"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"
)

var errChanged = errors.New("the visitor left")

func TestCallIsAnsweredAndHungUp(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		done := w.call(t.Context(), h)
		far := l.invited()
		if got := string(far.invite.Body()); got != testOffer {
			t.Errorf("offer on the wire %q", got)
		}
		for header, want := range map[string]string{
			"Session-Expires": "90;refresher=uac", "Min-SE": "90", "Supported": "timer", "Allow": allowed,
			"User-Agent": "doorstation/test", "Content-Type": "application/sdp", "To": "<sip:101@pbx.example>",
		} {
			if got := headerValue(far.invite, header, ""); got != want {
				t.Errorf("%s: %q, want %q", header, got, want)
			}
		}
		if from := far.invite.From().Value(); !strings.HasPrefix(from, `"The 'front' door" <sip:8001@pbx.example>;tag=`) {
			t.Errorf("From: %s", from)
		}
		if c := far.invite.Contact().Value(); !strings.HasSuffix(c, ".invalid;transport=ws>") {
			t.Errorf("Contact: %s", c)
		}
		far.answer(180, "Ringing", "")
		far.ok()
		ack := l.nextRequest("ACK")
		if ack.CSeq().SeqNo != far.invite.CSeq().SeqNo || param(ack.To().Params, "tag") != far.tag ||
			ack.Recipient.String() != "sip:asterisk@asterisk:5060;transport=ws" {
			t.Errorf("ACK:\n%s", ack)
		}
		o := receive(t, done)
		if o.err != nil || o.leg.Answer() != testAnswer {
			t.Fatalf("Invite: %v", o.err)
		}
		if len(h.sent) != 2 {
			t.Errorf("Sent was told %d times, want 2", len(h.sent))
		}
		if got := receive(t, h.progress); got != "180 Ringing " || len(h.progress) != 0 {
			t.Errorf("progress %q and %d more", got, len(h.progress))
		}
		hung := make(chan error, 1)
		go func() { hung <- o.leg.Hangup(t.Context()) }()
		bye := l.nextRequest("BYE")
		if bye.CSeq().SeqNo <= far.invite.CSeq().SeqNo {
			t.Errorf("BYE has CSeq %d", bye.CSeq().SeqNo)
		}
		l.reply(bye, 200, "OK", "")
		if err := receive(t, hung); err != nil {
			t.Error(err)
		}
		if e := receive(t, h.ended); e != (End{By: EndedByUs}) {
			t.Errorf("ended %+v", e)
		}
		if err := o.leg.Hangup(t.Context()); err != nil {
			t.Errorf("hanging up again: %v", err)
		}
		receive(t, o.leg.Done())
	})
}

func TestFarHangup(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		_, far := w.talk(l, h)
		far.send("BYE", "", "", `Reason: SIP;cause=200;text="Call completed, elsewhere"`, "Reason: Q.850;cause=16")
		l.next("200 BYE")
		if e := receive(t, h.ended); e != (End{By: EndedByFar, Status: 200, Reason: "Call completed, elsewhere", Q850: 16}) {
			t.Errorf("ended %+v", e)
		}
		far.send("BYE", "", "")
		l.next("481 BYE")
	})
}

func TestRejections(t *testing.T) {
	for _, c := range []struct {
		name   string
		ring   bool
		status int
		reason string
		extra  string
		want   RejectedError
	}{
		{"busy", true, 486, "Busy Here", "", RejectedError{Status: 486, Reason: "Busy Here", Rang: true}},
		{"declined by the card", true, 480, "Temporarily Unavailable", "", RejectedError{Status: 480, Reason: "Temporarily Unavailable", Rang: true}},
		{"not registered", false, 503, "Service Unavailable", "Reason: Q.850;cause=34", RejectedError{Status: 503, Reason: "Service Unavailable", Q850: 34}},
		{"unknown", false, 404, "Not Found", "", RejectedError{Status: 404, Reason: "Not Found"}},
		{"moved", false, 302, "Moved", "", RejectedError{Status: 302, Reason: "Moved"}},
		{"password refused", false, 401, "Unauthorized", "", RejectedError{Status: 401, Reason: "Unauthorized"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inTime(t, nil, func(t *testing.T, w *world) {
				l := w.registered()
				done := w.call(t.Context(), newWitness())
				far := l.invited()
				if c.ring {
					far.answer(180, "Ringing", "")
				}
				var extra []string
				if c.extra != "" {
					extra = append(extra, c.extra)
				}
				far.answer(c.status, c.reason, "", extra...)
				ack := l.nextRequest("ACK")
				if clientBranch(ack) != clientBranch(far.invite) || param(ack.To().Params, "tag") != far.tag {
					t.Errorf("ACK:\n%s", ack)
				}
				var got *RejectedError
				if err := receive(t, done).err; !errors.As(err, &got) || *got != c.want {
					t.Errorf("error %v, want %+v", err, c.want)
				}
			})
		})
	}
}

func TestProxyChallenge(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		done := w.call(t.Context(), newWitness())
		first := l.nextRequest("INVITE")
		l.authorized(first, 407)
		l.next("ACK")
		second := l.nextRequest("INVITE")
		if !l.authorized(second, 407) {
			t.Fatal("wrong credentials")
		}
		far := &farCall{l: l, invite: second, tag: "far"}
		far.ok()
		if ack := l.nextRequest("ACK"); headerValue(ack, "Proxy-Authorization", "") == "" {
			t.Error("ACK without the credentials of its INVITE")
		}
		leg := receive(t, done).leg
		// A challenge within the dialog.
		go leg.Hangup(t.Context()) //nolint:errcheck // seen by the BYE
		if l.authorized(l.nextRequest("BYE"), 401) {
			t.Error("credentials before a challenge")
		}
		bye := l.nextRequest("BYE")
		if !l.authorized(bye, 401) {
			t.Error("wrong credentials")
		}
		l.reply(bye, 200, "OK", "")
		receive(t, leg.Done())
	})
}

func TestCancelWhileRinging(t *testing.T) {
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
		if clientBranch(c) != clientBranch(far.invite) || c.CSeq().SeqNo != far.invite.CSeq().SeqNo ||
			c.To().Value() != far.invite.To().Value() || c.Recipient.String() != far.invite.Recipient.String() {
			t.Errorf("CANCEL:\n%s", c)
		}
		l.reply(c, 200, "OK", "")
		far.answer(487, "Request Terminated", "")
		l.next("ACK")
		if err := receive(t, done).err; !errors.Is(err, ErrCancelled) || !errors.Is(err, errChanged) {
			t.Errorf("error %v", err)
		}
	})
}

func TestCancelBeforeAnyAnswer(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		ctx, cancel := context.WithCancelCause(t.Context())
		done := w.call(ctx, newWitness())
		req := l.nextRequest("INVITE")
		cancel(errChanged)
		if err := receive(t, done).err; !errors.Is(err, errChanged) {
			t.Errorf("error %v", err)
		}
		l.idle() // CANCEL may not go out before a provisional answer
		l.reply(req, 100, "Trying", "")
		c := l.nextRequest("CANCEL")
		l.reply(c, 200, "OK", "")
		l.reply(req, 487, "Request Terminated", "")
		l.next("ACK")
	})
}

func TestCancelDuringChallenge(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		ctx, cancel := context.WithCancelCause(t.Context())
		done := w.call(ctx, newWitness())
		req := l.nextRequest("INVITE")
		cancel(errChanged)
		receive(t, done)
		l.authorized(req, 401)
		l.next("ACK")
		l.idle()
	})
}

func TestTargets(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		for target, uri := range map[string]string{"*43#": "sip:*43%23@pbx.example", "a b": "", "": "", "x@y": "sip:x%40y@pbx.example", "1\r\nX: y": ""} {
			if uri == "" {
				if _, err := w.agent.Invite(t.Context(), target, testOffer, Handler{}); !errors.Is(err, ErrBadTarget) {
					t.Errorf("target %q: %v", target, err)
				}
				continue
			}
			done := make(chan error, 1)
			go func() {
				_, err := w.agent.Invite(t.Context(), target, testOffer, Handler{})
				done <- err
			}()
			req := l.nextRequest("INVITE")
			if got := req.Recipient.String(); got != uri {
				t.Errorf("target %q is called as %s, want %s", target, got, uri)
			}
			l.reply(req, 404, "Not Found", "")
			l.next("ACK")
			if err := receive(t, done); err == nil {
				t.Errorf("target %q: no error", target)
			}
		}
	})
}

func TestOutOfDialogRequests(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		for _, c := range []struct{ method, want string }{
			{"OPTIONS", "200 OPTIONS"}, {"NOTIFY", "200 NOTIFY"}, {"INVITE", "403 INVITE"}, {"SUBSCRIBE", "405 SUBSCRIBE"},
			{"REFER", "603 REFER"}, {"MESSAGE", "405 MESSAGE"}, {"BYE", "481 BYE"}, {"INFO", "481 INFO"}, {"CANCEL", "481 CANCEL"},
			{"UPDATE", "481 UPDATE"}, {"WHATEVER", "405 WHATEVER"}, {"PUBLISH", "405 PUBLISH"},
		} {
			l.send(c.method + " sip:8001@192.0.2.7:4711;transport=ws SIP/2.0\r\nVia: SIP/2.0/WS 192.0.2.2:8088;branch=z9hG4bK-" + c.method +
				"\r\nFrom: <sip:pbx@pbx.example>;tag=abc\r\nTo: <sip:8001@pbx.example>\r\nCall-ID: out-" + c.method +
				"\r\nCSeq: 7 " + c.method + "\r\nContent-Length: 0\r\n\r\n")
			res := l.next(c.want)
			if param(res.To().Params, "tag") == "" {
				t.Errorf("%s: no tag in To", c.want)
			}
			if strings.HasPrefix(c.want, "405") && headerValue(res, "Allow", "") != allowed {
				t.Errorf("%s without Allow", c.want)
			}
		}
	})
}

func TestInDialogRequests(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		_, far := w.talk(l, h)
		for _, c := range []struct{ method, contentType, body, want string }{
			{"OPTIONS", "", "", "200 OPTIONS"},
			{"MESSAGE", "text/plain", "hello", "405 MESSAGE"},
			{"NOTIFY", "", "", "200 NOTIFY"},
			{"REFER", "", "", "603 REFER"},
			{"SUBSCRIBE", "", "", "405 SUBSCRIBE"},
			{"PRACK", "", "", "405 PRACK"},
			{"INFO", "application/media_control+xml", "<xml/>", "415 INFO"},
			{"INFO", "application/dtmf-relay", "Signal=notadigit", "400 INFO"},
			{"INFO", "application/dtmf-relay", "Signal=16", "200 INFO"},
			{"INVITE", "application/json", "{}", "415 INVITE"},
			{"UPDATE", "", "", "200 UPDATE"},
			{"UPDATE", "application/sdp", "offer by update", "200 UPDATE"},
			{"INVITE", "application/sdp; charset=utf-8", "offer by invite", "200 INVITE"},
		} {
			far.send(c.method, c.contentType, c.body)
			res := l.next(c.want)
			if strings.HasPrefix(c.body, "offer by") && string(res.(*sipmsg.Response).Body()) != "answer to "+c.body {
				t.Errorf("%s %s was answered %q", c.method, c.body, res.(*sipmsg.Response).Body())
			}
		}
		if len(h.digits) != 0 || len(h.reoffers) != 2 {
			t.Errorf("%d digits and %d offers reached the handler, want 0 and 2", len(h.digits), len(h.reoffers))
		}
		// A request with another tag, and one of another call.
		stranger := *far
		stranger.tag = "stranger"
		stranger.send("BYE", "", "")
		l.next("481 BYE")
		if len(h.ended) != 0 {
			t.Error("a stranger's BYE ended the call")
		}
	})
}

func TestReofferRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		var refusal error
		h.answer = func(context.Context, string) (string, error) { return "", refusal }
		_, far := w.talk(l, h)
		for _, c := range []struct {
			err  error
			want string
		}{{ErrNotAcceptable, "488 INVITE"}, {ErrPending, "491 INVITE"}, {errChanged, "500 INVITE"}} {
			refusal = c.err
			far.send("INVITE", "application/sdp", "offer")
			l.next(c.want)
			receive(t, h.reoffers)
		}
		far.send("INVITE", "", "") // without an offer it gets ours
		if res := l.next("200 INVITE").(*sipmsg.Response); string(res.Body()) != testOffer {
			t.Errorf("answered with %q", res.Body())
		}
	})
}

func TestDigits(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		_, far := w.talk(l, h)
		const keys = "0123456789*#ABCD0123456789*#ABCD"
		for i, k := range keys {
			if i%2 == 0 {
				far.send("INFO", "Application/DTMF-Relay", "Signal="+string(k)+"\r\nDuration=160\r\n")
			} else {
				far.send("INFO", "application/dtmf", string(k))
			}
			if i%8 == 0 { // the same number again is the same digit
				far.cseq--
				far.send("INFO", "application/dtmf", string(k))
			}
		}
		var got strings.Builder
		last := uint32(0)
		for range keys {
			d := receive(t, h.digits)
			got.WriteRune(d.Value)
			if d.CSeq <= last {
				t.Errorf("CSeq %d after %d", d.CSeq, last)
			}
			last = d.CSeq
		}
		if got.String() != keys || len(h.digits) != 0 {
			t.Errorf("digits %q and %d more, want %q", got.String(), len(h.digits), keys)
		}
	})
}
