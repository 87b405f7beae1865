package sip

import (
	"errors"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

func TestSessionIsRefreshedByUpdate(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		leg, _ := w.talk(l, h, "Session-Expires: 90;refresher=uac", "Supported: timer", "Require: timer")
		began := time.Now()
		for i := 1; i <= 5; i++ {
			up := l.nextRequest("UPDATE")
			if at := time.Since(began); at != time.Duration(i)*45*time.Second {
				t.Errorf("refresh %d after %v", i, at)
			}
			if len(up.Body()) != 0 || headerValue(up, "Session-Expires", "") != "90;refresher=uac" {
				t.Errorf("UPDATE:\n%s", up)
			}
			l.reply(up, 200, "OK", "", "Session-Expires: 90;refresher=uac")
		}
		if len(h.reoffers) != 0 {
			t.Error("a refresh reached the handler")
		}
		select {
		case <-leg.Done():
			t.Error("the call ended")
		default:
		}
	})
}

func TestSessionIsRefreshedByReinvite(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		_, far := w.talk(l, h, "x: 120") // compact form, refresher left out: it is us, who asked
		l.reply(l.nextRequest("UPDATE"), 405, "Method Not Allowed", "")
		re := l.nextRequest("INVITE")
		if string(re.Body()) != testOffer {
			t.Errorf("re-INVITE carries %q", re.Body())
		}
		// Glare: while ours is open theirs gets 491.
		far.send("INVITE", "application/sdp", "their offer")
		l.next("491 INVITE")
		l.reply(re, 491, "Request Pending", "")
		l.next("ACK")
		again := l.nextRequest("INVITE")
		l.reply(again, 200, "OK", testAnswer, "Session-Expires: 120;refresher=uac")
		if ack := l.nextRequest("ACK"); ack.CSeq().SeqNo != again.CSeq().SeqNo {
			t.Errorf("ACK has CSeq %d, want %d", ack.CSeq().SeqNo, again.CSeq().SeqNo)
		}
		began := time.Now()
		l.reply(l.nextRequest("INVITE"), 200, "OK", testAnswer, "Session-Expires: 120;refresher=uac")
		if at := time.Since(began); at != time.Minute {
			t.Errorf("next refresh after %v", at)
		}
		l.next("ACK")
		far.send("INVITE", "application/sdp", "their offer")
		l.next("200 INVITE")
	})
}

func TestSessionIntervalTooSmall(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		done := w.call(t.Context(), newWitness())
		far := l.invited()
		far.answer(422, "Session Interval Too Small", "", "Min-SE: 180")
		l.next("ACK")
		second := l.invited()
		if got := headerValue(second.invite, "Session-Expires", ""); got != "180;refresher=uac" {
			t.Errorf("Session-Expires: %s", got)
		}
		second.answer(422, "Session Interval Too Small", "", "Min-SE: 360")
		l.next("ACK")
		var rejected *RejectedError
		if err := receive(t, done).err; !errors.As(err, &rejected) || rejected.Status != 422 {
			t.Errorf("error %v", err)
		}
	})
}

func TestSessionExpires(t *testing.T) {
	for name, c := range map[string]struct {
		header string
		answer int // to our refresh; 0: none
		after  time.Duration
	}{
		"the peer should refresh and does not": {"Session-Expires: 90;refresher=uas", 0, 60 * time.Second},
		"our refresh is not answered":          {"Session-Expires: 90;refresher=uac", 0, 60 * time.Second},
		"our refresh is refused for good":      {"Session-Expires: 90;refresher=uac", 481, 45 * time.Second},
		"our refresh is refused again":         {"Session-Expires: 90;refresher=uac", 500, 60 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, nil, func(t *testing.T, w *world) {
				l := w.registered()
				h := newWitness()
				w.talk(l, h, c.header)
				began := time.Now()
				for {
					req := l.nextAny()
					if req.Method == "BYE" {
						break
					}
					if c.answer != 0 {
						l.reply(req, c.answer, "No", "")
					}
				}
				if at := time.Since(began); at != c.after {
					t.Errorf("BYE after %v, want %v", at, c.after)
				}
				if e := receive(t, h.ended); e != (End{By: EndedByTimer}) {
					t.Errorf("ended %+v", e)
				}
			})
		})
	}
}

// nextAny takes the next request, whatever it is.
func (l *line) nextAny() *sipmsg.Request {
	l.pbx.t.Helper()
	select {
	case m := <-l.in:
		if req, ok := m.(*sipmsg.Request); ok {
			return req
		}
		l.pbx.t.Fatalf("unexpected %s", describe(m))
	case <-time.After(10 * time.Minute):
		l.pbx.t.Fatal("nothing came")
	}
	return nil
}

func TestPeerRefreshes(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		_, far := w.talk(l, h, "Session-Expires: 90;refresher=uas")
		for range 10 {
			time.Sleep(50 * time.Second)
			far.send("UPDATE", "", "", "Session-Expires: 90;refresher=uac", "Supported: timer")
			res := l.next("200 UPDATE")
			if headerValue(res, "Session-Expires", "") != "90;refresher=uac" || headerValue(res, "Require", "") != "timer" {
				t.Errorf("answer:\n%s", res)
			}
		}
		if len(h.ended) != 0 {
			t.Error("the call ended though it was refreshed")
		}
	})
}

func TestNoSessionTimer(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		w.talk(l, h)
		time.Sleep(time.Hour)
		l.idle()
		if len(h.ended) != 0 {
			t.Error("the call ended")
		}
	})
}

func TestParseSession(t *testing.T) {
	for v, want := range map[string]struct {
		d         time.Duration
		refresher string
		ok        bool
	}{
		"90":                            {90 * time.Second, "", true},
		" 1800 ; refresher = UAS ; x=y": {1800 * time.Second, "uas", true},
		"90;refresher=uac":              {90 * time.Second, "uac", true},
		"99999999999":                   {},
		"4294967295":                    {maxSession, "", true},
		"-1":                            {},
		"0":                             {},
		"":                              {},
		";refresher=uac":                {},
	} {
		if d, r, ok := parseSession(v); d != want.d || r != want.refresher || ok != want.ok {
			t.Errorf("%q: %v %q %v", v, d, r, ok)
		}
	}
}
