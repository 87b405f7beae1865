package sip

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"doorstation/test/logbuffer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testPassword = "s3cr3t-of-the-door"
	testOffer    = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"
	testAnswer   = "v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\ns=answer\r\nt=0 0\r\n"
	patience     = time.Minute
)

// onBoth runs a scenario over a real WebSocket on loopback and over a socket in memory with a fake clock.
func onBoth(t *testing.T, scenario func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("websocket", func(t *testing.T) { scenario(t, newWorld(t, loopback, nil)) })
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { scenario(t, newWorld(t, memory, nil)) })
	})
}

// inTime runs a scenario with a fake clock only.
func inTime(t *testing.T, setup func(*Config, *pbx), scenario func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { scenario(t, newWorld(t, memory, setup)) })
}

// onBothWith is onBoth with a configuration of the test's own.
func onBothWith(t *testing.T, setup func(*Config, *pbx), scenario func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("websocket", func(t *testing.T) { scenario(t, newWorld(t, loopback, setup)) })
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { scenario(t, newWorld(t, memory, setup)) })
	})
}

type medium int

const (
	loopback medium = iota
	memory
)

// world is an agent, its PBX and what can be seen of both.
type world struct {
	t     *testing.T
	agent *Agent
	pbx   *pbx
	logs  *logBuffer
	regs  chan Registration
	quit  context.CancelFunc
	ended chan error
}

func newWorld(t *testing.T, m medium, setup func(*Config, *pbx)) *world {
	t.Helper()
	if m == memory {
		return newWorldBy(t, func(p *pbx) dialFunc { return p.dialMemory }, setup)
	}
	return newWorldBy(t, nil, func(c *Config, p *pbx) {
		srv := httptest.NewServer(p)
		t.Cleanup(srv.Close)
		c.Locate = func(context.Context) (Endpoint, error) {
			return Endpoint{URL: "ws" + strings.TrimPrefix(srv.URL, "http") + "/ws", Via: "ws"}, nil
		}
		if setup != nil {
			setup(c, p)
		}
	})
}

// newWorldBy makes a world whose agent dials in its own way, nil for real sockets.
func newWorldBy(t *testing.T, dial func(*pbx) dialFunc, setup func(*Config, *pbx)) *world {
	t.Helper()
	w := &world{t: t, pbx: newPBX(t), logs: &logBuffer{}, regs: make(chan Registration, 1000), ended: make(chan error, 1)}
	cfg := Config{
		Extension: "8001", Password: testPassword, DisplayName: `The "front" door`, Domain: "pbx.example",
		UserAgent: "doorstation/test", Log: slog.New(slog.NewJSONHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnRegistration: func(r Registration) { w.regs <- r },
		Locate: func(context.Context) (Endpoint, error) {
			return Endpoint{URL: "ws://pbx.example:8088/ws", Via: "ws"}, nil
		},
	}
	if setup != nil {
		setup(&cfg, w.pbx)
	}
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if dial != nil {
		a.dial, a.look = dial(w.pbx), w.pbx.lookMemory
	}
	w.agent = a
	ctx, cancel := context.WithCancel(t.Context())
	w.quit = cancel
	go func() { w.ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		w.pbx.set(func(p *pbx) { p.polite = true })
		w.stop()
		w.pbx.close()
		w.assertNoSecrets()
	})
	return w
}

// stop ends the agent; the PBX answers as it did before.
func (w *world) stop() {
	w.quit()
	select {
	case err := <-w.ended:
		if err != nil {
			w.t.Errorf("Run: %v", err)
		}
		w.ended <- nil
	case <-time.After(patience):
		w.t.Error("the agent does not stop")
	}
}

func (w *world) assertNoSecrets() {
	w.t.Helper()
	logs := w.logs.String()
	secrets := []string{testPassword, "Authorization", "response=", "nonce=", "n0nce"} // none of which a random token can hold
	w.pbx.mu.Lock()
	secrets = append(secrets, w.pbx.digests...)
	w.pbx.mu.Unlock()
	for _, secret := range secrets {
		if strings.Contains(logs, secret) {
			w.t.Errorf("the log holds %q:\n%s", secret, logs)
		}
	}
}

// registration waits for a state and returns its report.
func (w *world) registration(s RegistrationState) Registration {
	w.t.Helper()
	limit := time.After(5 * patience)
	for {
		select {
		case r := <-w.regs:
			if r.State == s {
				return r
			}
		case <-limit:
			w.t.Fatalf("never %s; now %+v", s, w.agent.Registration())
		}
	}
}

// registered returns the line of an agent that has registered.
func (w *world) registered() *line {
	w.t.Helper()
	l := w.pbx.connection()
	w.registration(Registered)
	return l
}

// outcome is what Invite returned.
type outcome struct {
	leg *Leg
	err error
}

// witness records what a handler was told.
type witness struct {
	sent     chan time.Time
	progress chan string
	reoffers chan string
	digits   chan Digit
	ended    chan End
	answer   func(ctx context.Context, offer string) (string, error)
}

func newWitness() *witness {
	return &witness{
		sent: make(chan time.Time, 100), progress: make(chan string, 100), reoffers: make(chan string, 100),
		digits: make(chan Digit, 1000), ended: make(chan End, 10),
		answer: func(_ context.Context, offer string) (string, error) { return "answer to " + offer, nil },
	}
}

func (w *witness) handler() Handler {
	return Handler{
		Sent:     func(at time.Time) { w.sent <- at },
		Progress: func(status int, reason, body string) { w.progress <- fmt.Sprintf("%d %s %s", status, reason, body) },
		Reoffer: func(ctx context.Context, offer string) (string, error) {
			w.reoffers <- offer
			return w.answer(ctx, offer)
		},
		Digit: func(d Digit) { w.digits <- d },
		Ended: func(e End) { w.ended <- e },
	}
}

// call starts Invite.
func (w *world) call(ctx context.Context, h *witness) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		leg, err := w.agent.Invite(ctx, "101", testOffer, h.handler())
		done <- outcome{leg, err}
	}()
	return done
}

// talk sets up a call that is up.
func (w *world) talk(l *line, h *witness, extra ...string) (*Leg, *farCall) {
	w.t.Helper()
	done := w.call(w.t.Context(), h)
	far := l.invited()
	far.ok(extra...)
	l.next("ACK")
	o := receive(w.t, done)
	if o.err != nil {
		w.t.Fatal(o.err)
	}
	return o.leg, far
}

func receive[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for a %T", *new(T))
		panic("unreachable")
	}
}

type logBuffer struct{ logbuffer.Buffer }
