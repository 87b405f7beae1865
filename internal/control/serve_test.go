package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// agent is a station with one or two buttons.
type agent struct {
	mu      sync.Mutex
	presses []string
	fail    error
	status  Status
}

func (a *agent) Press(button string) (PressReply, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if button == "" {
		button = "Front door"
	}
	if a.fail != nil {
		return PressReply{}, a.fail
	}
	if button != "Front door" && button != "Garden" {
		return PressReply{}, fmt.Errorf("%w: %q", ErrNoSuchButton, button)
	}
	a.presses = append(a.presses, button)
	return PressReply{ID: uint64(len(a.presses)), Button: button}, nil
}

func (a *agent) Status() Status { return a.status }

func (a *agent) ChangeSound(c SoundChange) (CallSound, error) {
	if a.status.Sound.Call == nil {
		return CallSound{}, ErrNoCall
	}
	now := *a.status.Sound.Call
	if c.MuteMicrophone != nil {
		now.MicrophoneMuted = *c.MuteMicrophone
	}
	if c.Volume != nil {
		now.Volume = *c.Volume
	}
	return now, nil
}

func (a *agent) Lock(_ context.Context, order string) error {
	if order != "open" {
		return errors.New("the lock is jammed")
	}
	return nil
}

func (a *agent) ClearAlarms(context.Context) error { return nil }

func (a *agent) Restart() (RestartReply, error) {
	return RestartReply{Waiting: a.status.Visit.State == "talking"}, nil
}

// socketPath is short enough for a socket, unlike t.TempDir for a long test name.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ds")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err = os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "run", "control.sock")
}

// serve runs a server until stop is called or the test ends.
func serve(t *testing.T, path string, s Station) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, path, s, slog.New(slog.DiscardHandler)) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = stop() })
	// The socket gets its name when it listens already: once it is there, it answers.
	for {
		if _, err := NewClient(path).Status(t.Context()); err == nil {
			return stop
		}
		select {
		case err := <-ended:
			t.Fatalf("serve: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
}

func TestPressAndStatus(t *testing.T) {
	path := socketPath(t)
	a := &agent{status: talkingStatus()}
	a.status.Sound.NearLevel = ptr(math.Inf(-1)) // how a decibel says silence
	stop := serve(t, path, a)
	c := NewClient(path)
	for i, button := range []string{"Garden", ""} {
		got, err := c.Press(t.Context(), button)
		if want := (PressReply{uint64(i + 1), []string{"Garden", "Front door"}[i]}); err != nil || got != want {
			t.Errorf("press %q: %+v, %v", button, got, err)
		}
	}
	if _, err := c.Press(t.Context(), "Attic"); !errors.Is(err, ErrNoSuchButton) || !strings.Contains(err.Error(), `"Attic"`) {
		t.Errorf("press of no button: %v", err)
	}
	a.mu.Lock()
	a.fail = errors.New("too many presses wait to be handled")
	a.mu.Unlock()
	if _, err := c.Press(t.Context(), ""); !errors.Is(err, ErrRefused) || err.Error() != "too many presses wait to be handled" {
		t.Errorf("press that fails: %v", err)
	}
	s, err := c.Status(t.Context())
	if err != nil || s.Visit.AnsweredBy != "102" || !s.Started.Equal(at(8, 0, 5)) || s.Faults == nil || s.Sound.NearLevel != nil ||
		*s.Sound.FarLevel != -18.24 {
		t.Errorf("status %+v, %v", s, err)
	}
	if err = stop(); err != nil {
		t.Errorf("at the end: %v", err)
	}
	if _, err = os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
	if _, err = c.Status(t.Context()); !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), path) {
		t.Errorf("after the end: %v", err)
	}
}

func TestSocketMode(t *testing.T) {
	path := socketPath(t)
	serve(t, path, &agent{})
	for name, want := range map[string]os.FileMode{path: os.ModeSocket | 0o660, filepath.Dir(path): os.ModeDir | 0o750} {
		info, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		// The directory's mode is subject to the umask, which may take away but not give.
		if info.Mode()|0o022 != want|0o022 || info.Mode()&0o007 != 0 {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the socket: %v, %v", entries, err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := socketPath(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err = dead.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err = NewClient(path).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a dead socket: %v", err)
	}
	stop := serve(t, path, &agent{})
	if err = stop(); err != nil {
		t.Error(err)
	}
}

func TestSecondAgentIsRefused(t *testing.T) {
	path := socketPath(t)
	stop := serve(t, path, &agent{})
	err := Serve(t.Context(), path, &agent{}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("second agent: %v", err)
	}
	if _, err = NewClient(path).Press(t.Context(), ""); err != nil {
		t.Errorf("the first one does not answer any more: %v", err)
	}
	if err = stop(); err != nil {
		t.Error(err)
	}
}

func TestOfManyAgentsOneStarts(t *testing.T) {
	path := socketPath(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const n = 8
	ended := make(chan error, n)
	for range n {
		go func() { ended <- Serve(ctx, path, &agent{}, slog.New(slog.DiscardHandler)) }()
	}
	for range n - 1 {
		if err := <-ended; !errors.Is(err, ErrInUse) {
			t.Errorf("an agent ended with %v", err)
		}
	}
	if _, err := NewClient(path).Status(ctx); err != nil {
		t.Errorf("the one that is left: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotASocketIsLeftAlone(t *testing.T) {
	path := socketPath(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Serve(t.Context(), path, &agent{}, slog.New(slog.DiscardHandler)); !errors.Is(err, ErrNotSocket) {
		t.Errorf("serve: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file: %q, %v", b, err)
	}
}

func TestPathTooLong(t *testing.T) {
	path := filepath.Join(filepath.Dir(socketPath(t)), strings.Repeat("x", 120))
	err := Serve(t.Context(), path, &agent{}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, ErrPathTooLong) {
		t.Errorf("serve: %v", err)
	}
	if entries, readErr := os.ReadDir(filepath.Dir(path)); readErr != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, readErr)
	}
}

func TestAnotherAgentsSocketIsNotRemoved(t *testing.T) {
	path := socketPath(t)
	stop := serve(t, path, &agent{})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	stop2 := serve(t, path, &agent{})
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := NewClient(path).Status(t.Context()); err != nil {
		t.Errorf("the newer agent: %v", err)
	}
	if err := stop2(); err != nil {
		t.Error(err)
	}
}

// TestRawRequests is what curl, a typo and somebody hostile send.
func TestRawRequests(t *testing.T) {
	path := socketPath(t)
	a := &agent{}
	serve(t, path, a)
	for _, ca := range []struct {
		name, request string
		want          string // in the answer
	}{
		{"press", "POST /v1/press HTTP/1.1\r\nHost: x\r\nContent-Length: 19\r\n\r\n" + `{"button":"Garden"}`, "200 OK"},
		{"press without a body", "POST /v1/press HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", `"button": "Front door"`},
		{"press in chunks", "POST /v1/press HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "200 OK"},
		{"a number for a name", "POST /v1/press HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n" + `{"button":5}`, "400 Bad Request"},
		{"no JSON", "POST /v1/press HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nring", `"code": "bad_request"`},
		{"an order for the lock", "POST /v1/lock HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n" + `{"order":"open" }`, "200 OK"},
		{"no order for the lock", "POST /v1/lock HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", `"code": "bad_request"`},
		{"an order by GET", "GET /v1/lock HTTP/1.1\r\nHost: x\r\n\r\n", "405 Method Not Allowed"},
		{"two objects", "POST /v1/press HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{}{}", "400 Bad Request"},
		{"a press by GET", "GET /v1/press HTTP/1.1\r\nHost: x\r\n\r\n", "405 Method Not Allowed"},
		{"another place", "GET /etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found"},
		{"a long body", "POST /v1/press HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n" + strings.Repeat(" ", 5000), "413 Request Entity Too Large"},
		{"a body that ends early", "POST /v1/press HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{", "400 Bad Request"},
		{"long headers", "GET /v1/status HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 20000) + "\r\n\r\n", "431 Request Header Fields Too Large"},
		{"noise", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400 Bad Request"},
	} {
		t.Run(ca.name, func(t *testing.T) {
			c, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if _, err = io.WriteString(c, ca.request); err != nil && !strings.Contains(ca.want, "43") {
				t.Fatal(err)
			}
			if err = c.(*net.UnixConn).CloseWrite(); err != nil && !strings.Contains(ca.want, "43") {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(c) // the server may reset what it would not read
			if !strings.Contains(string(answer), ca.want) {
				t.Errorf("answer %q, want %q in it", answer, ca.want)
			}
		})
	}
	if _, err := NewClient(path).Status(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestManyConnections: more connections than the agent has room for wait their turn, and none is lost.
func TestManyConnections(t *testing.T) {
	path := socketPath(t)
	a := &agent{}
	serve(t, path, a)
	var all sync.WaitGroup
	for range 3 * maxConns {
		all.Go(func() {
			if _, err := NewClient(path).Press(t.Context(), ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.presses) != 3*maxConns {
		t.Errorf("%d presses", len(a.presses))
	}
}

// TestStopWithIdleConnections: somebody who holds a connection and says nothing does not hold the agent.
func TestStopWithIdleConnections(t *testing.T) {
	path := socketPath(t)
	stop := serve(t, path, &agent{})
	for range maxConns + 4 {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestClientAgainstNonsense(t *testing.T) {
	path := socketPath(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	body := "[]"
	status := http.StatusOK
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	if _, err = NewClient(path).Status(t.Context()); err == nil {
		t.Error("a list was taken for a status")
	}
	status, body = http.StatusTeapot, "no"
	if _, err = NewClient(path).Press(t.Context(), ""); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "418") {
		t.Errorf("a teapot: %v", err)
	}
	if err = srv.Close(); err != nil {
		t.Error(err)
	}
	if err = <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

func TestDefaultSocket(t *testing.T) {
	for _, ca := range []struct {
		name         string
		runtime, xdg string
		root, system bool
		want         string
	}{
		{"under systemd", "/run/doorstation", "/run/user/1000", false, true, "/run/doorstation/control.sock"},
		{"under systemd with several directories", "/run/a:/run/b", "", true, false, "/run/a/control.sock"},
		{"root", "", "/run/user/0", true, false, "/run/doorstation/control.sock"},
		{"a user beside the service", "", "/run/user/1000", false, true, "/run/doorstation/control.sock"},
		{"a user alone", "", "/run/user/1000", false, false, "/run/user/1000/doorstation/control.sock"},
		{"a user without a session", "", "", false, false, "/run/doorstation/control.sock"},
	} {
		getenv := func(key string) string {
			return map[string]string{"RUNTIME_DIRECTORY": ca.runtime, "XDG_RUNTIME_DIR": ca.xdg}[key]
		}
		if got := defaultSocket(getenv, ca.root, func(string) bool { return ca.system }); got != ca.want {
			t.Errorf("%s: %s, want %s", ca.name, got, ca.want)
		}
	}
}

func TestTheSoundOfTheCallThatIsUp(t *testing.T) {
	a, path := &agent{}, socketPath(t)
	client := NewClient(path)
	serve(t, path, a)
	muted, volume := true, 60
	if _, err := client.ChangeSound(t.Context(), SoundChange{Volume: &volume}); !errors.Is(err, ErrNoCall) {
		t.Errorf("without a call: %v", err)
	}
	a, path = &agent{status: Status{Sound: Sound{Call: &CallSound{Volume: 100}}}}, socketPath(t)
	client = NewClient(path)
	serve(t, path, a)
	got, err := client.ChangeSound(t.Context(), SoundChange{MuteMicrophone: &muted, Volume: &volume})
	if err != nil || got != (CallSound{MicrophoneMuted: true, Volume: 60}) {
		t.Errorf("%+v, %v", got, err)
	}
	volume = 101
	if _, err = client.ChangeSound(t.Context(), SoundChange{Volume: &volume}); !errors.Is(err, ErrRefused) {
		t.Errorf("a volume of 101: %v", err)
	}
}

func TestLockAndAlarmsOverTheSocket(t *testing.T) {
	path := socketPath(t)
	serve(t, path, &agent{})
	c := NewClient(path)
	if err := c.Lock(t.Context(), "open"); err != nil {
		t.Error(err)
	}
	if err := c.Lock(t.Context(), "dance"); !errors.Is(err, ErrRefused) || err.Error() != "order is open, hold, release or block" {
		t.Errorf("%v", err)
	}
	if err := c.ClearAlarms(t.Context()); err != nil {
		t.Error(err)
	}
}
