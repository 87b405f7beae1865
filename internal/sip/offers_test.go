package sip

import (
	"context"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// reoffers plays offers of the peer to a handler that answers each, by re-INVITE and by UPDATE, in calls of both directions.
func reoffers(t *testing.T, offers ...string) {
	t.Helper()
	for _, method := range []string{"INVITE", "UPDATE"} {
		t.Run(method, func(t *testing.T) {
			inBothDirections(t, func(t *testing.T, _ *world, l *line, _ *Leg, h *witness, send func(method, kind, body string, extra ...string)) {
				for _, offer := range offers {
					send(method, "application/sdp", offer)
					res := l.next("200 " + method).(*sipmsg.Response)
					if string(res.Body()) != "answer to "+offer || headerValue(res, "Contact", "") == "" {
						t.Errorf("answer:\n%s", res)
					}
					if method == "INVITE" {
						send("ACK", "", "")
					}
					if got := receive(t, h.reoffers); got != offer {
						t.Errorf("the handler got %q", got)
					}
				}
				time.Sleep(time.Minute)
				l.idle()
			})
		})
	}
}

func TestHoldAndResume(t *testing.T) {
	reoffers(t, "v=0 sendonly", "v=0 sendrecv", "v=0 inactive", "v=0 sendrecv")
}

func TestVideoAddedAndDropped(t *testing.T) { reoffers(t, "m=audio m=video", "m=audio m=video port 0") }

// The peer moves: its Contact is where the next request goes (RFC 3261 section 12.2).
func TestPeerChangesItsAddress(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		leg, far := w.talk(l, newWitness())
		target := func() string {
			done := reinvite(t.Context(), leg)
			re := l.nextRequest("INVITE")
			l.reply(re, 488, "Not Acceptable Here", "")
			l.next("ACK")
			receive(t, done)
			return re.Recipient.String()
		}
		for _, c := range []struct{ method, body, contact string }{
			{"UPDATE", "", "sip:by-update@192.0.2.3"}, {"INVITE", "offer", "sip:by-reinvite@192.0.2.4;transport=ws"},
		} {
			kind := ""
			if c.body != "" {
				kind = "application/sdp"
			}
			l.send(strings.Replace(far.request(c.method, kind, c.body), "sip:asterisk@asterisk:5060;transport=ws", c.contact, 1))
			l.next("200 " + c.method)
			if c.method == "INVITE" {
				far.send("ACK", "", "")
			}
			if got := target(); got != c.contact {
				t.Errorf("after %s the target is %s", c.method, got)
			}
		}
		// A refused offer changes nothing.
		l.send(strings.Replace(far.request("INVITE", "application/json", "{}"), "sip:asterisk@asterisk:5060", "sip:nowhere@192.0.2.5", 1))
		l.next("415 INVITE")
		if got := target(); got != "sip:by-reinvite@192.0.2.4;transport=ws" {
			t.Errorf("after a refused offer the target is %s", got)
		}
	})
}

func TestPeerRefreshesByReinvite(t *testing.T) {
	inBothDirections(t, func(t *testing.T, _ *world, l *line, _ *Leg, h *witness, send func(method, kind, body string, extra ...string)) {
		send("INVITE", "application/sdp", "same", "Supported: timer", "Session-Expires: 60;refresher=uac")
		if res := l.next("422 INVITE"); headerValue(res, "Min-SE", "") != "90" {
			t.Errorf("answer:\n%s", res)
		}
		send("ACK", "", "")
		for range 5 {
			send("INVITE", "application/sdp", "same", "Supported: timer", "Session-Expires: 1800;refresher=uac", "Min-SE: 90")
			res := l.next("200 INVITE")
			if headerValue(res, "Session-Expires", "") != "90;refresher=uac" || headerValue(res, "Require", "") != "timer" {
				t.Errorf("answer:\n%s", res)
			}
			send("ACK", "", "")
			time.Sleep(45 * time.Second)
		}
		l.idle()
		l.reply(l.nextRequest("BYE"), 200, "OK", "") // it stopped refreshing
		if e := receive(t, h.ended); e != (End{By: EndedByTimer}) {
			t.Errorf("ended %+v", e)
		}
	})
}

// The ACK of our 200 to a re-INVITE never comes (RFC 3261 section 14.2).
func TestReinviteOfThePeerIsNeverAcknowledged(t *testing.T) {
	inBothDirections(t, func(t *testing.T, _ *world, l *line, _ *Leg, h *witness, send func(method, kind, body string, extra ...string)) {
		send("INVITE", "application/sdp", "offer")
		l.next("200 INVITE")
		began := time.Now()
		l.reply(l.nextRequest("BYE"), 200, "OK", "")
		if took := time.Since(began); took != transactionLimit {
			t.Errorf("BYE after %v", took)
		}
		receive(t, h.ended)
	})
}

func TestEarlyMedia(t *testing.T) {
	const early = "v=0 early"
	for name, c := range map[string]struct {
		ring func(*farCall)
		ok   string
		want string
	}{
		"the 200 has another description": {func(f *farCall) { f.answer(183, "Session Progress", early) }, testAnswer, testAnswer},
		"the 200 has none":                {func(f *farCall) { f.answer(183, "Session Progress", early) }, "", early},
		"and the last one before it holds": {func(f *farCall) {
			f.answer(180, "Ringing", "first")
			f.answer(183, "Session Progress", early)
			f.answer(180, "Ringing", "")
		}, "", early},
		"another branch's does not count": {func(f *farCall) {
			other := *f
			other.tag = "another"
			other.answer(183, "Session Progress", early)
		}, "", ""},
		"what is no description does not": {func(f *farCall) { f.answer(183, "Session Progress", "hi", "Content-Type: text/plain") }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, w *world) {
				l := w.registered()
				done := w.call(t.Context(), newWitness())
				far := l.invited()
				c.ring(far)
				far.answer(200, "OK", c.ok)
				l.next("ACK")
				if o := receive(t, done); o.err != nil || o.leg.Answer() != c.want {
					t.Errorf("answered with %q (%v), want %q", o.leg.Answer(), o.err, c.want)
				}
			})
		})
	}
}

// Provisional answers in any order, and some after the final one.
func TestReorderedResponses(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		done := w.call(t.Context(), h)
		far := l.invited()
		far.answer(183, "Session Progress", "early")
		far.answer(180, "Ringing", "")
		far.answer(183, "Session Progress", "early")
		l.reply(far.invite, 100, "Trying", "")
		far.ok()
		far.answer(180, "Ringing", "")
		far.answer(183, "Session Progress", "too late")
		far.answer(486, "Busy Here", "") // of nobody
		far.ok()
		l.next("ACK")
		l.next("ACK")
		o := receive(t, done)
		if o.err != nil || o.leg.Answer() != testAnswer {
			t.Fatalf("Invite: %v", o.err)
		}
		for _, want := range []string{"183 Session Progress early", "180 Ringing ", "183 Session Progress early"} {
			if got := receive(t, h.progress); got != want {
				t.Errorf("progress %q, want %q", got, want)
			}
		}
		far.send("OPTIONS", "", "")
		l.next("200 OPTIONS")
		if len(h.progress) != 0 || len(h.ended) != 0 {
			t.Error("something after the 200 was taken for real")
		}
	})
}

// PRACK is not offered, so nobody may require it.
func TestReliableProvisionalAnswersAreNotOffered(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		_, far := w.talk(l, newWitness())
		if s := headerValue(far.invite, "Supported", "k"); strings.Contains(s, "100rel") {
			t.Errorf("Supported: %s", s)
		}
		for _, method := range []string{"INVITE", "UPDATE", "OPTIONS", "INFO"} {
			far.send(method, "", "", "Require: 100rel")
			if res := l.next("420 " + method); headerValue(res, "Unsupported", "") != "100rel" {
				t.Errorf("answer:\n%s", res)
			}
		}
		far.send("UPDATE", "", "", "Require: timer")
		l.next("200 UPDATE")
	})
}

// A Reoffer that takes long holds nothing else up.
func TestSlowReoffer(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		release := make(chan struct{})
		h.answer = func(context.Context, string) (string, error) {
			<-release
			return "slow answer", nil
		}
		_, far := w.talk(l, h)
		far.send("UPDATE", "application/sdp", "offer")
		receive(t, h.reoffers)
		far.send("UPDATE", "", "")
		l.next("200 UPDATE")
		far.send("OPTIONS", "", "")
		l.next("200 OPTIONS")
		far.send("INVITE", "application/sdp", "another")
		l.next("500 INVITE")
		close(release)
		if res := l.next("200 UPDATE").(*sipmsg.Response); string(res.Body()) != "slow answer" {
			t.Errorf("answer:\n%s", res)
		}
	})
}
