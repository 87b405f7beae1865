package sip

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// challengesForever answers each request of a method by a challenge that nobody has seen before, of a new realm or of a stale nonce.
func (l *line) challengesForever(req *sipmsg.Request, n int, stale bool) {
	realm := fmt.Sprintf("realm%d", n)
	if stale {
		realm = "realm"
	}
	l.send(response(req, 401, "Unauthorized", "t0", "",
		fmt.Sprintf(`WWW-Authenticate: Digest realm="%s",nonce="nonce%d",stale=%t,qop="auth"`, realm, n, stale)))
}

// A PBX that is never content is asked a few times and no more.
func TestChallengesWithoutEnd(t *testing.T) {
	for _, stale := range []bool{false, true} {
		t.Run(fmt.Sprintf("REGISTER, stale %t", stale), func(t *testing.T) {
			n := 0
			inTime(t, func(_ *Config, p *pbx) {
				p.onREG = func(l *line, req *sipmsg.Request) bool {
					n++
					if n <= 100 {
						l.challengesForever(req, n, stale)
					}
					return true
				}
			}, func(t *testing.T, w *world) {
				w.registration(Refused)
				w.pbx.set(func(p *pbx) {
					if n > 10 {
						t.Errorf("%d REGISTERs", n)
					}
					p.onREG = nil
				})
			})
		})
		t.Run(fmt.Sprintf("INVITE, stale %t", stale), func(t *testing.T) {
			inTime(t, nil, func(t *testing.T, w *world) {
				l := w.registered()
				done := w.call(t.Context(), newWitness())
				n := 0
				for ; n <= 50; n++ {
					synctest.Wait()
					if len(done) > 0 {
						break
					}
					l.challengesForever(l.nextRequest("INVITE"), n, stale)
					l.next("ACK")
				}
				var rejected *RejectedError
				if o := receive(t, done); !errors.As(o.err, &rejected) || rejected.Status != 401 {
					t.Errorf("Invite: %v", o.err)
				}
				if n > 10 {
					t.Errorf("%d INVITEs", n)
				}
			})
		})
		t.Run(fmt.Sprintf("BYE, stale %t", stale), func(t *testing.T) {
			inTime(t, nil, func(t *testing.T, w *world) {
				l := w.registered()
				leg, _ := w.talk(l, newWitness())
				hung := make(chan error, 1)
				go func() { hung <- leg.Hangup(t.Context()) }()
				n := 0
				for ; n <= 100; n++ {
					synctest.Wait()
					if len(hung) > 0 {
						break
					}
					l.challengesForever(l.nextRequest("BYE"), n, stale)
				}
				if err := receive(t, hung); err != nil {
					t.Error(err)
				}
				if n > 10 {
					t.Errorf("%d BYEs", n)
				}
			})
		})
	}
}

// The BYE of a call that could not be hung up because the connection was away has its challenge answered like any other.
func TestByeOfALostCallIsChallenged(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		leg, _ := w.talk(l, newWitness())
		w.pbx.set(func(p *pbx) { p.away = true })
		l.hangUp()
		w.registration(Unreachable)
		synctest.Wait()
		if err := leg.Hangup(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.pbx.set(func(p *pbx) { p.away = false })
		l = w.registered()
		first := l.nextRequest("BYE")
		l.send(response(first, 401, "Unauthorized", "t0", "", `WWW-Authenticate: Digest realm="asterisk",nonce="another",algorithm=MD5,qop="auth"`))
		second := l.nextRequest("BYE")
		if !strings.Contains(headerValue(second, "Authorization", ""), `nonce="another"`) || second.CSeq().SeqNo != first.CSeq().SeqNo+1 {
			t.Errorf("BYE after the challenge:\n%s", second)
		}
		l.reply(second, 200, "OK", "")
	})
}

// What one branch of a forked call numbers is nothing to the branch that answers.
func TestNumbersOfAnotherBranch(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.registered()
		h := newWitness()
		done := w.call(t.Context(), h)
		far := l.invited()
		other := *far
		other.tag, other.cseq = "other-"+newToken(), 70000
		other.send("UPDATE", "", "")
		l.next("200 UPDATE")
		far.ok()
		l.next("ACK")
		if o := receive(t, done); o.err != nil {
			t.Fatal(o.err)
		}
		far.send("BYE", "", "")
		l.next("200 BYE")
		if e := receive(t, h.ended); e.By != EndedByFar {
			t.Errorf("ended %+v", e)
		}
	})
}

// A peer that rings without end while nobody here keeps up costs a bounded amount of memory.
func TestRingingWithoutEnd(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stuck, told, done := make(chan struct{}), 0, make(chan error, 1)
		go func() {
			_, err := w.agent.Invite(ctx, "101", testOffer, Handler{Progress: func(int, string, string) {
				told++
				<-stuck
			}})
			done <- err
		}()
		far := l.invited()
		for range 10 * maxWaiting {
			far.answer(183, "Session Progress", testAnswer)
		}
		synctest.Wait()
		far.answer(486, "Busy Here", "")
		l.next("ACK")
		close(stuck)
		var rejected *RejectedError
		if err := receive(t, done); !errors.As(err, &rejected) || rejected.Status != 486 {
			t.Errorf("Invite: %v", err)
		}
		if told > 2*maxWaiting+1 { // those taken at once, and those that wait
			t.Errorf("%d provisional answers were kept", told)
		}
	})
}

// A registrar may grant next to nothing, or say that it granted nothing, and is not asked all the time for it.
func TestRegistrarThatGrantsNothing(t *testing.T) {
	for _, expires := range []string{"0", "1"} {
		t.Run(expires, func(t *testing.T) {
			inTime(t, func(_ *Config, p *pbx) { p.expires = expires }, func(t *testing.T, w *world) {
				w.registered()
				before := len(w.seen())
				time.Sleep(time.Minute)
				if n := len(w.seen()) - before; n > 35 {
					t.Errorf("%d REGISTERs in a minute", n)
				}
			})
		})
	}
}

// A peer that agrees to a session of a second is not asked twice a second whether it still stands.
func TestSessionOfASecond(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		leg, _ := w.talk(l, newWitness(), "Session-Expires: 1;refresher=uac", "Require: timer")
		n := 0
		for limit := time.After(time.Minute); ; n++ {
			select {
			case m := <-l.in:
				req, ok := m.(*sipmsg.Request)
				if !ok || headerValue(req, "Session-Expires", "") != "90;refresher=uac" {
					t.Fatalf("got:\n%s", m)
				}
				l.reply(req, 200, "OK", "", "Session-Expires: 1;refresher=uac")
				continue
			case <-limit:
			case <-leg.Done():
				t.Error("the call was hung up")
			}
			break
		}
		if n < 1 || n > 10 {
			t.Errorf("%d refreshes in a minute", n)
		}
	})
}

// An INVITE whose CANCEL leads to nothing is forgotten in the end, however long it rings.
func TestRingingAfterCancelWithoutEnd(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		ctx, cancel := context.WithCancel(t.Context())
		done := w.call(ctx, newWitness())
		far := l.invited()
		far.answer(180, "Ringing", "")
		synctest.Wait()
		cancel()
		l.reply(l.nextRequest("CANCEL"), 200, "OK", "")
		if o := receive(t, done); !errors.Is(o.err, ErrCancelled) {
			t.Errorf("Invite: %v", o.err)
		}
		for range 10 {
			time.Sleep(time.Minute)
			far.answer(180, "Ringing", "")
		}
		synctest.Wait()
		w.agent.mu.Lock()
		c, legs := w.agent.conn, len(w.agent.legs)
		w.agent.mu.Unlock()
		c.mu.Lock()
		defer c.mu.Unlock()
		for key := range c.clients {
			if strings.HasSuffix(key, " INVITE") {
				t.Error("the INVITE is waited for")
			}
		}
		if legs != 0 {
			t.Errorf("%d legs are left", legs)
		}
	})
}

// Malformed messages cost a line in the log a minute and not one each.
func TestMalformedMessagesDoNotFillTheLog(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		for range 1000 {
			l.send("INVITE nonsense SIP/2.0\r\n\r\n")
			time.Sleep(120 * time.Millisecond)
		}
		if n := strings.Count(w.logs.String(), "malformed"); n < 2 || n > 4 {
			t.Errorf("%d lines in two minutes", n)
		}
	})
}

// Who calls is short, and an extension or nobody.
func TestCallerThatIsNoExtension(t *testing.T) {
	long := strings.Repeat("x", 50_000)
	for from, want := range map[string][2]string{
		`"` + long + `" <sip:101@x>`: {long[:maxName], "101"},
		`"a" <sip:` + long + `@x>`:   {"a", ""},
		`"a" <sip:1%0d%0a01@x>`:      {"a", "1%0d%0a01"},
		`"a" <sip:10%31@x>`:          {"a", "101"},
		"\"\xe2\x82\" <sip:1%zz@x>":  {"", "1%zz"},
		`<sip:x>`:                    {"", ""},
	} {
		m, err := parse([]byte("INVITE sip:8001@x SIP/2.0\r\nVia: SIP/2.0/WS h;branch=z9hG4bKx\r\nFrom: " + from +
			";tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"))
		if err != nil {
			t.Errorf("%.40q: %v", from, err)
			continue
		}
		if name, user := callerOf(m.(*sipmsg.Request)); name != want[0] || user != want[1] {
			t.Errorf("%.40q is %.40q, %.40q", from, name, user)
		}
	}
}
