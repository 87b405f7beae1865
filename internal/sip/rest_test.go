package sip

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

func TestReconnectsAtOnceThenBacksOff(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		time.Sleep(time.Minute)
		began := time.Now()
		var dials []time.Duration
		w.agent.backoff.random = func(n time.Duration) time.Duration { return n } // the longest each time
		w.pbx.set(func(p *pbx) {
			p.onDial = func(http.Header) error {
				dials = append(dials, time.Since(began))
				if len(dials) < 10 {
					return errDialRefused
				}
				return nil
			}
		})
		l.hangUp()
		if r := w.registration(Unreachable); !errors.Is(r.Err, ErrConnectionLost) || !r.ExpiresAt.IsZero() {
			t.Errorf("registration %+v", r)
		}
		if r := w.registration(Unreachable); !errors.Is(r.Err, errDialRefused) {
			t.Errorf("registration %+v", r)
		}
		w.registration(Registered)
		want := []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond, 7500 * time.Millisecond,
			15500 * time.Millisecond, 31500 * time.Millisecond, 61500 * time.Millisecond, 91500 * time.Millisecond, 121500 * time.Millisecond}
		for i, at := range want {
			if dials[i] != at {
				t.Errorf("dial %d after %v, want %v", i, dials[i], at)
			}
		}
	})
}

// While it fails again and again, the state does not flicker.
func TestUnreachableStaysUnreachable(t *testing.T) {
	inTime(t, func(_ *Config, p *pbx) { p.onDial = func(http.Header) error { return errDialRefused } }, func(t *testing.T, w *world) {
		time.Sleep(time.Hour)
		var states []RegistrationState
		for len(w.regs) > 0 {
			states = append(states, receive(t, w.regs).State)
		}
		// Registering, the address becoming known, the failure: and no more in an hour.
		if len(states) != 3 || states[2] != Unreachable {
			t.Errorf("states %v", states)
		}
	})
}

func TestBackoffJitter(t *testing.T) {
	b := newBackoff()
	if d := b.next(); d != 0 {
		t.Errorf("first pause %v", d)
	}
	for bound := firstPause; ; bound = min(2*bound, longestPause) {
		if d := b.next(); d < 0 || d >= bound {
			t.Errorf("pause %v is not below %v", d, bound)
		}
		if bound == longestPause {
			break
		}
	}
	b.reset()
	if d := b.next(); d != 0 {
		t.Errorf("first pause after a reset %v", d)
	}
}

// away makes the PBX unreachable, and back makes it reachable again; how says what is seen meanwhile.
type outageKind struct {
	name string
	away func(p *pbx) // p.mu is held
	back func(p *pbx)
	// most attempts to connect that one minute away may cost
	attempts int
}

func outageKinds() []outageKind {
	return []outageKind{
		{"nothing listens", func(p *pbx) {
			p.onDial = func(http.Header) error { return errDialRefused }
			p.onLook = func() error { return errDialRefused }
		}, func(p *pbx) { p.onDial, p.onLook = nil, func() error { return nil } }, 20},
		{"a proxy answers 502", func(p *pbx) {
			p.onDial = func(http.Header) error { return statusError(502) }
			p.onLook = func() error { return statusError(502) }
		}, func(p *pbx) { p.onDial, p.onLook = nil, func() error { return nil } }, 20},
		{"ingress opens and closes", func(p *pbx) {
			p.onDial = func(http.Header) error { return nil }
			p.onREG = func(l *line, _ *sipmsg.Request) bool { l.hangUp(); return true }
			p.onLook = func() error { return statusError(502) }
		}, func(p *pbx) { p.onDial, p.onREG, p.onLook = nil, nil, func() error { return nil } }, 20},
	}
}

// The PBX comes back without a word, after a second or after an hour: within 5 s the door is registered, and meanwhile it has
// not knocked much.
func TestRegisteredWithinFiveSecondsOfTheReturn(t *testing.T) {
	for _, away := range []time.Duration{time.Second, 2500 * time.Millisecond, 7 * time.Second, 23 * time.Second, time.Minute, 5 * time.Minute} {
		for _, kind := range outageKinds() {
			t.Run(fmt.Sprintf("%s for %v", kind.name, away), func(t *testing.T) {
				for range 10 { // the pauses are random
					inTime(t, nil, func(t *testing.T, w *world) {
						l := w.registered()
						time.Sleep(time.Minute)
						w.pbx.set(kind.away)
						l.hangUp()
						w.registration(Unreachable)
						before := w.pbx.counted(&w.pbx.dials)
						time.Sleep(away)
						synctest.Wait()
						dials := w.pbx.counted(&w.pbx.dials) - before
						if limit := 8 + kind.attempts*int(away/time.Minute+1)/2; dials > limit {
							t.Errorf("%d attempts while away, more than %d", dials, limit)
						}
						began := time.Now()
						w.pbx.set(kind.back)
						w.registration(Registered)
						if took := time.Since(began); took > 5*time.Second {
							t.Errorf("registered after %v", took)
						}
					})
				}
			})
		}
	}
}

// A PBX that goes again and again, each time a moment after the door had come back, and at last so briefly that no look finds it
// away.
func TestRegisteredWithinFiveSecondsOfTheLastOfManyReturns(t *testing.T) {
	kind := outageKinds()[1]
	for range 20 { // the pauses are random
		inTime(t, nil, func(t *testing.T, w *world) {
			l := w.registered()
			time.Sleep(time.Minute)
			for _, away := range []time.Duration{20 * time.Second, 20 * time.Second, time.Second} {
				w.pbx.set(kind.away)
				l.hangUp()
				w.registration(Unreachable)
				time.Sleep(away)
				w.pbx.set(kind.back)
				began := time.Now()
				l = w.registered()
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("registered %v after %v away", took, away)
				}
				time.Sleep(2 * time.Second)
			}
		})
	}
}

// A PBX on a small machine answers plain requests for a while before it takes registrations: its parts come up one after another.
func TestRegisteredWithinFiveSecondsOfASlowReturn(t *testing.T) {
	kind := outageKinds()[2]
	for _, halfReady := range []time.Duration{3 * time.Second, 10 * time.Second, 25 * time.Second, 45 * time.Second} {
		for range 20 { // the pauses are random
			inTime(t, nil, func(t *testing.T, w *world) {
				l := w.registered()
				time.Sleep(time.Minute)
				w.pbx.set(kind.away)
				l.hangUp()
				w.registration(Unreachable)
				time.Sleep(20 * time.Second)
				w.pbx.set(func(p *pbx) { p.onLook = func() error { return nil } })
				time.Sleep(halfReady)
				w.pbx.set(kind.back)
				began := time.Now()
				w.registered()
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("registered %v after the PBX, which was half ready for %v", took, halfReady)
				}
			})
		}
	}
}

// A server that takes connections and then fails is left in peace: looks find it open, and open it was before.
func TestServerThatAcceptsAndFailsIsNotHammered(t *testing.T) {
	inTime(t, func(_ *Config, p *pbx) {
		p.onREG = func(l *line, req *sipmsg.Request) bool {
			l.reply(req, 503, "Service Unavailable", "")
			return true
		}
		p.onLook = func() error { return nil }
	}, func(t *testing.T, w *world) {
		time.Sleep(10 * time.Minute)
		w.pbx.set(func(p *pbx) {
			// Full jitter up to 30 s is 15 s on average.
			if n := len(p.register); n < 15 || n > 90 {
				t.Errorf("%d attempts in ten minutes", n)
			}
			if p.looks > 150 {
				t.Errorf("%d looks in ten minutes", p.looks)
			}
		})
	})
}

// The same when looks find it shut and open by turns.
func TestFlappingServerIsNotHammered(t *testing.T) {
	inTime(t, func(_ *Config, p *pbx) {
		p.onDial = func(http.Header) error { return errDialRefused }
		open := false
		p.onLook = func() error {
			if open = !open; open {
				return nil
			}
			return errDialRefused
		}
	}, func(t *testing.T, w *world) {
		time.Sleep(10 * time.Minute)
		if n := w.pbx.counted(&w.pbx.dials); n > 260 {
			t.Errorf("%d attempts in ten minutes", n)
		}
	})
}

// A link or an address has come up, or somebody rings: the pause ends at once.
func TestNudgeEndsThePause(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		w.agent.backoff.random = func(n time.Duration) time.Duration { return n }
		l := w.registered()
		time.Sleep(time.Minute)
		w.pbx.set(func(p *pbx) { p.onDial = func(http.Header) error { return errDialRefused } })
		l.hangUp()
		time.Sleep(40 * time.Second) // within the pause that begins after 31.5 s and would take 30 s
		before := w.pbx.counted(&w.pbx.dials)
		for range 1000 {
			w.agent.Nudge()
		}
		synctest.Wait()
		if n := w.pbx.counted(&w.pbx.dials) - before; n != 1 {
			t.Errorf("%d attempts for one burst of nudges", n)
		}
		w.pbx.set(func(p *pbx) { p.onDial = nil })
		began := time.Now()
		w.agent.Nudge()
		w.registration(Registered)
		if took := time.Since(began); took > nudgeSpacing {
			t.Errorf("registered after %v", took)
		}
	})
}

func TestNudgesDoNotHammer(t *testing.T) {
	inTime(t, func(_ *Config, p *pbx) { p.onDial = func(http.Header) error { return errDialRefused } }, func(t *testing.T, w *world) {
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			w.agent.Nudge()
		}
		if n := w.pbx.counted(&w.pbx.dials); n < 50 || n > 75 {
			t.Errorf("%d attempts in a minute of nudges", n)
		}
	})
}

// What a look sees of a WebSocket server and of what stands before it.
func TestLookAtWebSocketServer(t *testing.T) {
	a, err := New(Config{Extension: "1", Domain: "d", Locate: func(context.Context) (Endpoint, error) { return Endpoint{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	for status, open := range map[int]bool{426: true, 200: true, 400: true, 401: true, 302: true, 404: false, 500: false, 502: false, 503: false} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Cookie") != "ingress_session=abc" || r.Header.Get("Upgrade") != "" || r.URL.Path != "/s3cr3t/ws" {
				t.Errorf("asked with %s %v", r.URL, r.Header)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}))
		e := Endpoint{URL: "ws" + strings.TrimPrefix(srv.URL, "http") + "/s3cr3t/ws", Header: http.Header{"Cookie": {"ingress_session=abc"}}}
		if err = a.look(t.Context(), e); (err == nil) != open {
			t.Errorf("%d: %v", status, err)
		}
		srv.Close()
		if err = a.look(t.Context(), e); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("closed: %v", err)
		}
	}
}
