package sip

import (
	"context"
	"errors"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

func TestRegistrationIsKept(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		l := w.pbx.connection()
		r := w.registration(Registered)
		if r.Extension != "8001" || r.Transport != "ws" || r.Server == "" || r.Err != nil || r.Since.IsZero() {
			t.Errorf("registration %+v", r)
		}
		// Of the two contacts in the answer ours says 299.
		if left := time.Until(r.ExpiresAt); left < 290*time.Second || left > 299*time.Second {
			t.Errorf("expires in %v", left)
		}
		w.pbx.set(func(p *pbx) {
			first, second := p.register[0], p.register[1]
			if headerValue(first, "Expires", "") != "300" || first.Recipient.String() != "sip:pbx.example" ||
				first.To().Value() != "<sip:8001@pbx.example>" {
				t.Errorf("REGISTER:\n%s", first)
			}
			if first.CallID().Value() != second.CallID().Value() || first.From().Value() != second.From().Value() ||
				second.CSeq().SeqNo != first.CSeq().SeqNo+1 || first.Contact().Value() != second.Contact().Value() {
				t.Errorf("REGISTERs differ:\n%s\n%s", first, second)
			}
		})
		w.stop()
		bye := l.nextRequest("REGISTER")
		if headerValue(bye, "Expires", "") != "0" {
			t.Errorf("last REGISTER:\n%s", bye)
		}
		if got := w.agent.Registration(); got.State != Stopped {
			t.Errorf("state %s", got.State)
		}
	})
}

func TestRegistrationIsRefreshedAtHalfTime(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		w.registered()
		began := time.Now()
		for i := 1; i <= 5; i++ {
			r := w.registration(Registered)
			if at := time.Since(began); at != time.Duration(i)*299*time.Second/2 {
				t.Errorf("refresh %d after %v", i, at)
			}
			if left := time.Until(r.ExpiresAt); left != 299*time.Second {
				t.Errorf("refresh %d expires in %v", i, left)
			}
		}
		w.pbx.set(func(p *pbx) {
			for i, r := range p.register[1:] {
				if prev := p.register[i]; r.CSeq().SeqNo != prev.CSeq().SeqNo+1 || r.CallID().Value() != prev.CallID().Value() {
					t.Errorf("REGISTER %d:\n%s", i, r)
				}
			}
		})
	})
}

func TestIntervalTooBrief(t *testing.T) {
	inTime(t, func(c *Config, p *pbx) {
		c.Expires = 30 * time.Second
		p.expires = "119"
		p.onREG = func(l *line, req *sipmsg.Request) bool {
			if e := headerValue(req, "Expires", ""); e != "30" {
				return false
			}
			l.reply(req, 423, "Interval Too Brief", "", "Min-Expires: 120")
			return true
		}
	}, func(t *testing.T, w *world) {
		w.registered()
		w.pbx.set(func(p *pbx) {
			if e := headerValue(p.register[len(p.register)-1], "Expires", ""); e != "120" {
				t.Errorf("asked for %s in the end", e)
			}
		})
	})
}

func TestStaleNonce(t *testing.T) {
	inTime(t, func(_ *Config, p *pbx) { p.stale = 1 }, func(t *testing.T, w *world) { w.registered() })
}

func TestWrongPassword(t *testing.T) {
	inTime(t, func(_ *Config, p *pbx) { p.password = "another" }, func(t *testing.T, w *world) {
		l := w.pbx.connection()
		r := w.registration(Refused)
		if !errors.Is(r.Err, ErrRefused) {
			t.Errorf("error %v", r.Err)
		}
		if _, err := w.agent.Invite(t.Context(), "101", testOffer, Handler{}); !errors.Is(err, ErrNotRegistered) {
			t.Errorf("Invite: %v", err)
		}
		var tries int
		w.pbx.set(func(p *pbx) { tries = len(p.register) })
		time.Sleep(refusedPause - time.Second)
		w.pbx.set(func(p *pbx) {
			if len(p.register) != tries {
				t.Errorf("%d more REGISTERs within the pause", len(p.register)-tries)
			}
			p.password = testPassword // somebody mends it
		})
		w.registration(Registered)
		select {
		case <-l.gone:
			t.Error("the connection was given up")
		default:
		}
	})
}

func TestRefusals(t *testing.T) {
	for status, want := range map[int]RegistrationState{403: Refused, 404: Refused, 503: Unreachable, 500: Unreachable, 302: Unreachable} {
		inTime(t, func(_ *Config, p *pbx) {
			p.onREG = func(l *line, req *sipmsg.Request) bool {
				l.reply(req, status, "No", "")
				return true
			}
		}, func(t *testing.T, w *world) {
			var rejected *RejectedError
			if r := w.registration(want); !errors.As(r.Err, &rejected) || rejected.Status != status {
				t.Errorf("%d gives %v", status, r.Err)
			}
		})
	}
}

// A proxy that answers 101 and closes: Home Assistant's ingress with a dead session.
func TestClosedRightAfterOpening(t *testing.T) {
	errSession := errors.New("the ingress session is not valid")
	asked := make(chan Endpoint, 100)
	inTime(t, func(c *Config, p *pbx) {
		c.Diagnose = func(_ context.Context, e Endpoint, cause error) error {
			if !errors.Is(cause, ErrConnectionLost) {
				t.Errorf("cause %v", cause)
			}
			asked <- e
			return errSession
		}
		p.onREG = func(l *line, _ *sipmsg.Request) bool {
			l.hangUp()
			return true
		}
	}, func(t *testing.T, w *world) {
		if r := w.registration(Unreachable); !errors.Is(r.Err, errSession) {
			t.Errorf("registration %+v", r)
		}
		if e := <-asked; e.Via != "ws" {
			t.Errorf("asked about %+v", e)
		}
		w.pbx.set(func(p *pbx) { p.onREG = nil })
		w.registration(Registered)
	})
}

// The add-on is stopped in the middle: it said something, and the way is closed all the same.
func TestClosedAfterSomeMessages(t *testing.T) {
	errAddon := errors.New("the add-on does not answer")
	inTime(t, func(c *Config, p *pbx) {
		c.Diagnose = func(context.Context, Endpoint, error) error { return errAddon }
		p.onREG = func(l *line, req *sipmsg.Request) bool {
			if headerValue(req, "Authorization", "") == "" {
				return false // challenged
			}
			l.hangUp()
			return true
		}
	}, func(t *testing.T, w *world) {
		if r := w.registration(Unreachable); !errors.Is(r.Err, errAddon) {
			t.Errorf("registration %+v", r)
		}
		w.pbx.set(func(p *pbx) { p.onREG = nil })
		w.registration(Registered)
	})
}

// Nobody is asked about a connection that stood: the next attempt tells more.
func TestConnectionThatStoodIsNotDiagnosed(t *testing.T) {
	inTime(t, func(c *Config, _ *pbx) {
		c.Diagnose = func(_ context.Context, _ Endpoint, cause error) error {
			t.Errorf("asked about %v", cause)
			return nil
		}
	}, func(t *testing.T, w *world) {
		l := w.registered()
		time.Sleep(time.Minute)
		l.hangUp()
		w.registration(Unreachable)
		w.registered()
	})
}

func TestLocateFails(t *testing.T) {
	errHome := errors.New("Home Assistant is away")
	fails := 3
	inTime(t, func(c *Config, _ *pbx) {
		locate := c.Locate
		c.Locate = func(ctx context.Context) (Endpoint, error) {
			if fails--; fails >= 0 {
				return Endpoint{}, errHome
			}
			return locate(ctx)
		}
	}, func(t *testing.T, w *world) {
		if r := w.registration(Unreachable); !errors.Is(r.Err, errHome) {
			t.Errorf("registration %+v", r)
		}
		w.registration(Registered)
	})
}

func TestUnansweredRegister(t *testing.T) {
	inTime(t, func(_ *Config, p *pbx) {
		p.onREG = func(*line, *sipmsg.Request) bool { return true }
	}, func(t *testing.T, w *world) {
		if r := w.registration(Unreachable); !errors.Is(r.Err, ErrNoAnswer) {
			t.Errorf("registration %+v", r)
		}
	})
}

func TestNew(t *testing.T) {
	ok := Config{Extension: "8001", Domain: "pbx.example", Locate: func(context.Context) (Endpoint, error) { return Endpoint{}, nil }}
	if _, err := New(ok); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Config){
		"no extension":     func(c *Config) { c.Extension = "" },
		"odd extension":    func(c *Config) { c.Extension = "80 01" },
		"no domain":        func(c *Config) { c.Domain = "" },
		"odd domain":       func(c *Config) { c.Domain = "pbx.example>\r\nX: y" },
		"no Locate":        func(c *Config) { c.Locate = nil },
		"negative expires": func(c *Config) { c.Expires = -1 },
	} {
		c := ok
		spoil(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRunTwice(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		w.registered()
		if err := w.agent.Run(t.Context()); !errors.Is(err, ErrRunning) {
			t.Errorf("second Run: %v", err)
		}
	})
}
