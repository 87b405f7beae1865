package sip

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	sipmsg "github.com/emiago/sipgo/sip"
)

// deaths are the ways a connection dies without being closed. p.mu is held.
func deaths() map[string]func(*pbx) {
	return map[string]func(*pbx){
		"half open: all packets are dropped": func(p *pbx) { p.mute = true },
		"pings are answered and no SIP":      func(p *pbx) { p.mute, p.pongs = true, true },
		"nothing is taken any more":          func(p *pbx) { p.mute, p.stuck = true, true },
	}
}

// Whenever it happens between two probes, it is noticed within 20 s.
func TestDeadConnectionIsNoticed(t *testing.T) {
	for name, die := range deaths() {
		for after := time.Second; after < 12*time.Second; after += 700 * time.Millisecond {
			t.Run(fmt.Sprintf("%s, %v", name, after), func(t *testing.T) {
				inTime(t, nil, func(t *testing.T, w *world) {
					l := w.registered()
					time.Sleep(time.Minute + after)
					w.pbx.set(die)
					began := time.Now()
					receive(t, l.gone)
					if took := time.Since(began); took > 20*time.Second {
						t.Errorf("noticed after %v", took)
					}
					r := w.registration(Unreachable)
					if !errors.Is(r.Err, ErrConnectionLost) || !errors.Is(r.Err, errSilent) && !errors.Is(r.Err, errStuck) {
						t.Errorf("error %v", r.Err)
					}
					w.pbx.set(func(p *pbx) { p.mute, p.pongs, p.stuck = false, false, false })
					began = time.Now()
					w.registered()
					if took := time.Since(began); took > 5*time.Second {
						t.Errorf("registered again after %v", took)
					}
				})
			})
		}
	}
}

// An idle line is used both ways well within 30 s.
func TestIdleLineIsUsed(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		w.registered()
		time.Sleep(10*time.Minute + time.Second)
		if n := w.pbx.counted(&w.pbx.options); n < 55 || n > 65 {
			t.Errorf("%d OPTIONS in ten minutes", n)
		}
	})
}

// Asterisk leaves some requests unanswered for 18 s while a call waits for a dead STUN server, and answers others at once.
func TestPBXThatIsStuckInPartsIsKept(t *testing.T) {
	inTime(t, func(_ *Config, p *pbx) { p.pongs = true; p.swallow = func(n int) bool { return n%4 != 1 } }, func(t *testing.T, w *world) {
		l := w.registered()
		time.Sleep(10 * time.Minute)
		select {
		case <-l.gone:
			t.Errorf("the connection was given up: %v", w.agent.Registration().Err)
		default:
		}
	})
}

// Asterisk may take nothing more from a connection while a call on it waits for a dead STUN server, 18 s a leg: the bell is not to
// be lost over that. When not even the way to it shows life, it is given up as ever.
func TestPBXThatIsBusyWithACallIsKept(t *testing.T) {
	for name, pongs := range map[string]bool{"the way to it is up": true, "half open": false} {
		t.Run(name, func(t *testing.T) {
			inTime(t, nil, func(t *testing.T, w *world) {
				l := w.registered()
				time.Sleep(time.Minute)
				h := newWitness()
				called := w.call(t.Context(), h)
				far := l.invited()
				far.answer(100, "Trying", "")
				w.pbx.set(func(p *pbx) { p.mute, p.pongs = true, pongs })
				if !pongs {
					began := time.Now()
					receive(t, l.gone)
					if took := time.Since(began); took > 20*time.Second {
						t.Errorf("noticed after %v", took)
					}
					w.pbx.set(func(p *pbx) { p.mute = false })
					if got := receive(t, called); !errors.Is(got.err, ErrConnectionLost) {
						t.Errorf("the call ends with %v", got.err)
					}
					return
				}
				time.Sleep(36 * time.Second)
				w.pbx.set(func(p *pbx) { p.mute = false })
				far.answer(180, "Ringing", "")
				far.ok()
				if got := receive(t, called); got.err != nil {
					t.Errorf("the call ends with %v", got.err)
				}
			})
		})
	}
}

// A PBX that takes its time is not a dead one.
func TestSlowPBXIsKept(t *testing.T) {
	for name, setup := range map[string]func(*pbx){
		"answers OPTIONS after 7 s":               func(p *pbx) { p.slow = 7 * time.Second },
		"answers pings only":                      func(p *pbx) { p.noOptions = true },
		"answers neither OPTIONS nor pings":       func(p *pbx) { p.noOptions, p.noPongs = true, true },
		"answers no pings and OPTIONS after 7 s ": func(p *pbx) { p.slow, p.noPongs = 7*time.Second, true },
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(_ *Config, p *pbx) { setup(p) }, func(t *testing.T, w *world) {
				l := w.registered()
				time.Sleep(10 * time.Minute)
				select {
				case <-l.gone:
					t.Errorf("the connection was given up: %v", w.agent.Registration().Err)
				default:
				}
			})
		})
	}
}

// Somebody rings, or the network has changed: a dead connection is known within 3 s.
func TestNudgeFindsADeadConnection(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		time.Sleep(time.Minute + 3*time.Second)
		w.pbx.set(func(p *pbx) { p.mute = true })
		began := time.Now()
		w.agent.Nudge()
		receive(t, l.gone)
		if took := time.Since(began); took > nudgeLimit {
			t.Errorf("noticed after %v", took)
		}
		w.pbx.set(func(p *pbx) { p.mute = false })
		w.registered()
	})
}

// So it is when the connection was being asked already, as it is for almost half of the time that a dead one stands.
func TestNudgeHurriesAQuestion(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		time.Sleep(time.Minute + 9*time.Second)
		w.pbx.set(func(p *pbx) { p.mute = true })
		time.Sleep(2 * time.Second)
		began := time.Now()
		w.agent.Nudge()
		receive(t, l.gone)
		if took := time.Since(began); took > nudgeLimit {
			t.Errorf("noticed after %v", took)
		}
		w.pbx.set(func(p *pbx) { p.mute = false })
		w.registered()
	})
}

// One that lives stays, however slow the PBX and however many nudges, which cost one question.
func TestNudgeLeavesALiveConnectionAlone(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		time.Sleep(time.Minute + 3*time.Second)
		before := w.pbx.counted(&w.pbx.options)
		w.pbx.set(func(p *pbx) { p.slow = 5 * time.Second })
		for range 1000 {
			w.agent.Nudge()
		}
		time.Sleep(6 * time.Second)
		if n := w.pbx.counted(&w.pbx.options) - before; n < 1 || n > 2 {
			t.Errorf("%d OPTIONS for one burst of nudges", n)
		}
		select {
		case <-l.gone:
			t.Error("the connection was given up")
		default:
		}
	})
}

// Nudges one after the other, as of a network that comes and goes, ask a question a second at most, also where only pings are answered.
func TestStormOfNudges(t *testing.T) {
	inTime(t, func(_ *Config, p *pbx) { p.noOptions = true }, func(t *testing.T, w *world) {
		w.registered()
		time.Sleep(time.Minute + 3*time.Second)
		before := w.pbx.counted(&w.pbx.options)
		for range 1000 {
			w.agent.Nudge()
			time.Sleep(10 * time.Millisecond)
		}
		if n := w.pbx.counted(&w.pbx.options) - before; n < 5 || n > 14 {
			t.Errorf("%d OPTIONS in 10 s", n)
		}
	})
}

// Nudges that a proxy answers do not put the next proper probe off.
func TestNudgesDoNotHideADeadPBX(t *testing.T) {
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		time.Sleep(time.Minute + time.Second)
		w.pbx.set(func(p *pbx) { p.mute, p.pongs = true, true })
		began := time.Now()
		for {
			select {
			case <-l.gone:
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("noticed after %v", took)
				}
				w.pbx.set(func(p *pbx) { p.mute = false })
				return
			case <-time.After(1500 * time.Millisecond):
				w.agent.Nudge()
			}
		}
	})
}

// A wrong password is tried again at once by a nudge, but not as often as somebody presses.
func TestNudgeTriesARefusedPassword(t *testing.T) {
	inTime(t, func(_ *Config, p *pbx) { p.password = "another" }, func(t *testing.T, w *world) {
		w.registration(Refused)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		before := len(w.seen())
		w.agent.Nudge()
		synctest.Wait()
		if n := len(w.seen()) - before; n != 2 {
			t.Errorf("%d REGISTERs after a nudge", n)
		}
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			w.agent.Nudge()
		}
		if n := len(w.seen()) - before; n > 6 {
			t.Errorf("%d REGISTERs in 10 s of nudges", n)
		}
		w.pbx.set(func(p *pbx) { p.password = testPassword })
		began := time.Now()
		w.agent.Nudge()
		w.registration(Registered)
		if took := time.Since(began); took > refusedSpacing {
			t.Errorf("registered after %v", took)
		}
	})
}

// seen returns the REGISTERs so far.
func (w *world) seen() []*sipmsg.Request {
	w.pbx.mu.Lock()
	defer w.pbx.mu.Unlock()
	return append([]*sipmsg.Request(nil), w.pbx.register...)
}

// What a household is told of a connection that ended lets it find the limit of its reverse proxy.
func TestEndOfConnectionIsDescribed(t *testing.T) {
	for name, c := range map[string]struct {
		shut func(*websocket.Conn)
		want []string
	}{
		"close frame": {
			func(c *websocket.Conn) { c.Close(websocket.StatusGoingAway, "idle\nlimit") }, //nolint:errcheck // the end of a test
			[]string{"closed by the far end with code 1001 (idle limit) after ", " idle, ", " after it was opened"},
		},
		"no goodbye": {
			func(c *websocket.Conn) { c.CloseNow() }, //nolint:errcheck // the end of a test
			[]string{"closed by the far end without a goodbye after ", " idle, "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, loopback, nil)
			l := w.registered()
			c.shut(l.ws)
			r := w.registration(Unreachable)
			for _, want := range c.want {
				if !strings.Contains(fmt.Sprint(r.Err), want) {
					t.Errorf("%v does not say %q", r.Err, want)
				}
			}
		})
	}
	inTime(t, nil, func(t *testing.T, w *world) {
		l := w.registered()
		time.Sleep(time.Hour + 4*time.Second)
		l.hangUp() // the last probe was a second after the full hour
		if r := w.registration(Unreachable); !strings.Contains(r.Err.Error(), "without a goodbye after 3s idle, 1h0m4s after it was opened") {
			t.Errorf("%v", r.Err)
		}
		w.registered()
		time.Sleep(time.Minute)
		w.pbx.set(func(p *pbx) { p.mute, p.pongs = true, true })
		if r := w.registration(Unreachable); !strings.Contains(r.Err.Error(), "silent for 18s, though the way to it is up") {
			t.Errorf("%v", r.Err)
		}
		w.pbx.set(func(p *pbx) { p.mute = false })
	})
}
