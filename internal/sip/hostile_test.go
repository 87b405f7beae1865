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
