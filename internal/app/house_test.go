package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"doorstation/internal/control"
	"doorstation/internal/settings"
	"doorstation/test/lab/homestub"
	"doorstation/test/lab/registrar"

	"doorstation/test/logbuffer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute

// What must not be in any log.
const (
	token      = "token-of-the-door-77ab"
	password   = "password-of-the-door-93cd"
	credential = "credential-of-turn-41ef"
)

const userID = "a3f1c2d4e5b60718293a4b5c6d7e8f90"

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sipCore are a household's settings.
func sipCore() map[string]any {
	return map[string]any{
		"users":        users(map[string]any{"ha_username": userID, "display_name": "Front door", "extension": "200", "password": password}),
		"sip_video":    true,
		"popup_config": map[string]any{"buttons": []any{map[string]any{"label": "Open", "type": "dtmf", "data": "42"}}},
		"ice_config": map[string]any{"iceGatheringTimeout": 500, "iceServers": []any{
			map[string]any{"urls": "turn:127.0.0.1:9", "username": "u", "credential": credential},
		}},
	}
}

// users are the kitchen's tablet and others.
func users(others ...map[string]any) []any {
	list := []any{map[string]any{"ha_username": "kitchen", "extension": "101", "password": password}}
	for _, u := range others {
		list = append(list, u)
	}
	return list
}

// with is sipCore with one key changed.
func with(key string, value any) map[string]any {
	core := sipCore()
	core[key] = value
	return core
}

// house is a household without a door: Home Assistant's stand-in and a registrar in the PBX's place.
type house struct {
	t    *testing.T
	home *homestub.Server
	url  string
	pbx  *registrar.Server
	dir  string

	service  Service                          // who starts the agent
	exchange string                           // the PBX's WebSocket
	instead  atomic.Pointer[http.HandlerFunc] // answers in Home Assistant's place, nil for itself
	dials    atomic.Int32                     // connections to Home Assistant
	bytes    atomic.Int64                     // on them, both ways
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, pbx: registrar.New(registrar.Options{Users: map[string]string{"200": password, "201": password, "101": password}})}
	exchange := httptest.NewServer(h.pbx)
	at, err := url.Parse(exchange.URL)
	check(t, err)
	h.home = homestub.New(homestub.Options{
		Token: token, User: homestub.User{ID: userID, Name: "door", IsAdmin: true}, SIPCore: sipCore(), PBX: at,
	})
	h.exchange = strings.Replace(exchange.URL, "http", "ws", 1)
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if instead := h.instead.Load(); instead != nil {
			(*instead)(w, r)
			return
		}
		h.home.ServeHTTP(w, r)
	}))
	web.Listener = countingListener{web.Listener, h}
	web.Start()
	h.url = web.URL
	h.dir, err = os.MkdirTemp("", "door") // t.TempDir is too long for a socket
	check(t, err)
	t.Cleanup(func() {
		h.home.Close()
		web.Close()
		h.pbx.Close()
		exchange.Close()
		check(t, os.RemoveAll(h.dir))
	})
	check(t, os.WriteFile(h.path("token"), []byte(token), 0o600))
	return h
}

// away takes Home Assistant away: connections are closed without an answer.
func (h *house) away() {
	h.answers(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

// answers puts something else in Home Assistant's place; nil brings it back.
func (h *house) answers(with http.HandlerFunc) {
	if with == nil {
		h.instead.Store(nil)
		return
	}
	h.instead.Store(&with)
}

// countingListener counts the connections to Home Assistant and what goes over them.
type countingListener struct {
	net.Listener
	h *house
}

func (l countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.h.dials.Add(1)
		c = countingConn{c, l.h}
	}
	return c, err
}

type countingConn struct {
	net.Conn
	h *house
}

func (c countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.h.bytes.Add(int64(n))
	return n, err
}

func (c countingConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.h.bytes.Add(int64(n))
	return n, err
}

func (h *house) path(name string) string { return filepath.Join(h.dir, name) }

// agent is a running agent.
type agent struct {
	t      *testing.T
	client *control.Client
	cancel context.CancelFunc
	ended  chan error
	log    *logBuffer
}

// local is the door's local file.
func (h *house) local(more string) settings.Local {
	h.t.Helper()
	text := fmt.Sprintf(`
home_assistant: {url: %q, token_file: %q}
gpio: simulated
buttons: [{name: Front door, pin: GPIO17, call: [101], ring: 20s}]
lock: {pin: GPIO27, pulse: 500ms, codes: ["42"]}
light: {pin: GPIO22}
camera: {source: test, width: 160, height: 128, framerate: 15, bitrate: 200k}
audio: {device: test}
%s`, h.url, h.path("token"), more)
	if !strings.Contains(more, "monitor:") {
		text += "\nmonitor: {listen: none}\n"
	}
	if !strings.Contains(more, "page:") {
		text += "\npage: {listen: none}\n"
	}
	l, err := settings.ParseLocal("test.yaml", []byte(text))
	check(h.t, err)
	return l
}

// quick lets no test wait long.
func quick() *rhythm {
	return &rhythm{poll: 50 * time.Millisecond, retryFirst: 20 * time.Millisecond, retryMost: 100 * time.Millisecond, busy: 20 * time.Millisecond,
		refusedFirst: 20 * time.Millisecond, refusedMost: 100 * time.Millisecond}
}

// start starts an agent; the end of the test stops it.
func (h *house) start(more string, change ...func(*settings.Local)) *agent {
	h.t.Helper()
	return h.startIn(quick(), more, change...)
}

// startIn is start with a rhythm.
func (h *house) startIn(r *rhythm, more string, change ...func(*settings.Local)) *agent {
	h.t.Helper()
	a := &agent{t: h.t, client: control.NewClient(h.path("control.sock")), ended: make(chan error, 1), log: &logBuffer{}}
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	o := Options{
		Local: h.local(more), Socket: h.path("control.sock"), StateDir: h.path("state"), Version: "1.2.3", Now: time.Now, Getenv: func(string) string { return "" },
		Service: h.service,
		Log:     slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		test:    forTest{rhythm: r, loopback: true},
	}
	for _, f := range change {
		f(&o.Local)
	}
	go func() { a.ended <- Run(ctx, o) }()
	h.t.Cleanup(func() {
		a.stop()
		for _, secret := range []string{token, password, credential} {
			if strings.Contains(a.log.String(), secret) {
				h.t.Errorf("the log has a secret: %s…", secret[:8])
			}
		}
		if h.t.Failed() {
			h.t.Logf("the agent's log:\n%s", a.log.String())
		}
	})
	return a
}

// stop ends the agent and expects no error.
func (a *agent) stop() {
	a.t.Helper()
	a.cancel()
	if a.ended == nil {
		return
	}
	select {
	case err := <-a.ended:
		if err != nil {
			a.t.Errorf("the agent ended with %v", err)
		}
	case <-time.After(patience):
		a.t.Fatalf("the agent did not stop\n%s", a.log.String())
	}
	a.ended = nil
}

// talks presses the bell, and somebody answers.
func (a *agent) talks(at *tablet) {
	a.t.Helper()
	a.press()
	at.pickUp()
	a.visit("talking")
}

// until waits for a status.
func (a *agent) until(what string, ok func(control.Status) bool) control.Status {
	a.t.Helper()
	limit := time.Now().Add(patience)
	for {
		s, err := a.client.Status(context.Background())
		if err == nil && ok(s) {
			return s
		}
		if time.Now().After(limit) {
			a.t.Fatalf("it did not come to: %s (%v)\n%s", what, err, s.Text())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (a *agent) registered() control.Status {
	a.t.Helper()
	return a.until("registered", func(s control.Status) bool {
		return s.Registration.State == "registered" && s.Settings.Applied != nil
	})
}

func (a *agent) press() {
	a.t.Helper()
	_, err := a.client.Press(context.Background(), "")
	check(a.t, err)
}

func (a *agent) visit(state string) control.Status {
	a.t.Helper()
	return a.until("the visit "+state, func(s control.Status) bool { return s.Visit.State == state })
}

// fault finds a standing fault, nil when it does not stand.
func fault(s control.Status, code string) *control.Fault {
	for i := range s.Faults {
		if s.Faults[i].Code == code {
			return &s.Faults[i]
		}
	}
	return nil
}

type logBuffer struct{ logbuffer.Buffer }

// after says whether the log has the texts in this order.
func (l *logBuffer) after(texts ...string) error {
	rest := l.String()
	for _, text := range texts {
		_, tail, found := strings.Cut(rest, text)
		if !found {
			return fmt.Errorf("%q is missing or too early", text)
		}
		rest = tail
	}
	return nil
}
