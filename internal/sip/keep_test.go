package sip

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Whatever lifetime the registrar grants, the next REGISTER comes before it has passed.
func TestRefreshComesInTime(t *testing.T) {
	for _, granted := range []time.Duration{3 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, time.Hour} {
		for name, where := range map[string]func(p *pbx, l *line, req *sipmsg.Request){
			"in Contact": func(p *pbx, l *line, req *sipmsg.Request) {
				l.reply(req, 200, "OK", "", "Contact: <"+req.Contact().Address.String()+">;expires="+seconds(granted), "Expires: 7200")
			},
			"in Expires": func(p *pbx, l *line, req *sipmsg.Request) {
				l.reply(req, 200, "OK", "", "Contact: <"+req.Contact().Address.String()+">", "Expires: "+seconds(granted))
			},
		} {
			t.Run(fmt.Sprintf("%v %s", granted, name), func(t *testing.T) {
				var last time.Time
				inTime(t, func(_ *Config, p *pbx) {
					p.onREG = func(l *line, req *sipmsg.Request) bool {
						if took := time.Since(last); !last.IsZero() && took >= granted {
							t.Errorf("REGISTER after %v", took)
						}
						last = time.Now()
						where(p, l, req)
						return true
					}
				}, func(t *testing.T, w *world) {
					w.registered()
					time.Sleep(10 * granted)
					synctest.Wait()
					w.pbx.set(func(p *pbx) { p.onREG = nil })
					if n := len(w.seen()); n < 10 || n > 25 {
						t.Errorf("%d REGISTERs in ten lifetimes", n)
					}
				})
			})
		}
	}
}

// A refresh that fails is tried again while the registration lasts, on the same connection: calls are up there.
func TestFailedRefreshIsTriedAgain(t *testing.T) {
	for name, fail := range map[string]func(l *line, req *sipmsg.Request){
		"refused for now": func(l *line, req *sipmsg.Request) { l.reply(req, 503, "Service Unavailable", "") },
		"timed out":       func(l *line, req *sipmsg.Request) { l.reply(req, 408, "Request Timeout", "") },
		"not answered":    func(*line, *sipmsg.Request) {},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(_ *Config, p *pbx) { p.expires = "60" }, func(t *testing.T, w *world) {
				l := w.registered()
				_, far := w.talk(l, newWitness())
				before := len(w.seen())
				w.pbx.set(func(p *pbx) {
					p.onREG = func(l *line, req *sipmsg.Request) bool {
						fail(l, req)
						return true
					}
				})
				time.Sleep(50 * time.Second) // the refresh was due after 30 s
				w.pbx.set(func(p *pbx) { p.onREG = nil })
				if n := len(w.seen()) - before; n < 2 {
					t.Errorf("%d tries", n)
				}
				if r := w.agent.Registration(); r.State != Registered {
					t.Errorf("registration %+v", r)
				}
				w.registration(Registered)
				far.send("OPTIONS", "", "")
				l.next("200 OPTIONS")
			})
		})
	}
}

// When it goes on failing until the registration has expired, another connection is made.
func TestRegistrationThatExpires(t *testing.T) {
	inTime(t, func(_ *Config, p *pbx) { p.expires = "60" }, func(t *testing.T, w *world) {
		l := w.registered()
		began := time.Now()
		w.pbx.set(func(p *pbx) {
			p.onREG = func(l *line, req *sipmsg.Request) bool {
				l.reply(req, 503, "Service Unavailable", "")
				return true
			}
		})
		receive(t, l.gone)
		if took := time.Since(began); took < 55*time.Second || took > time.Minute {
			t.Errorf("given up after %v", took)
		}
		w.pbx.set(func(p *pbx) { p.onREG = nil })
		w.registration(Registered)
	})
}

// A PBX that drops the first REGISTER, because it has only just started, is asked again on the same connection.
func TestUnansweredRegisterIsSentAgain(t *testing.T) {
	n := 0
	inTime(t, func(_ *Config, p *pbx) {
		p.onREG = func(*line, *sipmsg.Request) bool { n++; return n == 1 }
	}, func(t *testing.T, w *world) {
		began := time.Now()
		w.registered()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("registered after %v", took)
		}
		if dials := w.pbx.counted(&w.pbx.dials); dials != 1 {
			t.Errorf("%d connections", dials)
		}
	})
}

// A PBX that has just started refuses everybody until it has read its users: a password that was right is tried again soon.
func TestRefusalOfAPasswordThatWasRight(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		time.Sleep(time.Minute)
		w.pbx.set(func(p *pbx) {
			p.onREG = func(l *line, req *sipmsg.Request) bool {
				l.reply(req, 403, "Forbidden", "")
				return true
			}
		})
		l.hangUp()
		if r := w.registration(Refused); !errors.Is(r.Err, ErrRefused) {
			t.Errorf("registration %+v", r)
		}
		began := time.Now()
		time.Sleep(3 * time.Second)
		w.pbx.set(func(p *pbx) { p.onREG = nil })
		w.registration(Registered)
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("registered after %v", took)
		}
		// But when it is wrong for good, it is tried slowly again.
		w.pbx.set(func(p *pbx) { p.password = "another" })
		w.registration(Refused)
		time.Sleep(time.Minute)
		before := len(w.seen())
		time.Sleep(5 * time.Minute)
		if n := len(w.seen()) - before; n > 22 {
			t.Errorf("%d REGISTERs in five minutes", n)
		}
	})
}

// A press waits for no refresh: what is registered stays so for calls while REGISTER goes unanswered.
func TestCallWhileRefreshing(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		w.pbx.set(func(p *pbx) { p.onREG = func(*line, *sipmsg.Request) bool { return true } })
		time.Sleep(151 * time.Second)
		w.talk(l, newWitness())
		w.pbx.set(func(p *pbx) { p.onREG = nil })
	})
}
