package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"

	"doorstation/internal/control"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// door is a station that says what it is told to say.
type door struct {
	mu     sync.Mutex
	status control.Status
	dead   error
}

func (d *door) Status() control.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.status
}

func (d *door) Alive() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

func (d *door) set(change func(*door)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// addressLog takes from the log where the monitor listens.
type addressLog struct {
	slog.Handler
	address chan string
}

func (addressLog) Enabled(context.Context, slog.Level) bool { return true }

func (a addressLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "health and metrics are served" {
		r.Attrs(func(v slog.Attr) bool { a.address <- v.Value.String(); return true })
	}
	return nil
}

// served runs a monitor and gives its address, and how its requests go.
func served(t *testing.T, d *door) (get func(path string) (int, string), address string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done, up, log := make(chan error), make(chan error, 1), addressLog{slog.DiscardHandler, make(chan string, 1)}
	go func() {
		done <- Serve(ctx, Options{Address: "127.0.0.1:0", Station: d, Log: slog.New(log), OnFault: func(err error) { up <- err }})
	}()
	if err := <-up; err != nil {
		t.Fatal(err)
	}
	address = <-log.address
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	t.Cleanup(func() {
		stop()
		if stopErr := <-done; stopErr != nil {
			t.Error(stopErr)
		}
	})
	return func(path string) (int, string) {
		resp, getErr := client.Get("http://" + address + path)
		if getErr != nil {
			t.Fatal(getErr)
		}
		body, getErr := io.ReadAll(resp.Body)
		if getErr = errors.Join(getErr, resp.Body.Close()); getErr != nil {
			t.Fatal(getErr)
		}
		return resp.StatusCode, string(body)
	}, address
}

func TestHealthAndReadiness(t *testing.T) {
	d := &door{status: control.Status{Registration: control.Registration{State: "registering"}}}
	get, _ := served(t, d)
	for _, c := range []struct {
		name           string
		change         func(*door)
		health, ready  int
		says, saysNone string
	}{
		{"starting", func(*door) {}, 200, 503, "registration: registering", ""},
		{"registered", func(d *door) { d.status.Registration.State = "registered" }, 200, 200, `"status":"ok"`, "problems"},
		{"a warning", func(d *door) {
			d.status.Faults = []control.Fault{{Code: "no_picture", Severity: "warning", Title: "No picture."}}
		}, 200, 200, `"status":"ok"`, "no_picture"},
		{"an error", func(d *door) {
			d.status.Faults = append(d.status.Faults, control.Fault{Code: "button_unreadable", Severity: "error", Title: "The button can't be read."})
		}, 200, 503, "button_unreadable: The button can't be read.", "no_picture"},
		{"a loop that hangs", func(d *door) { d.dead = errors.New("station: it does not answer") }, 503, 503, "button_unreadable", ""},
	} {
		d.set(c.change)
		status, _ := get("/healthz")
		if status != c.health {
			t.Errorf("%s: /healthz is %d", c.name, status)
		}
		status, body := get("/readyz")
		if status != c.ready || !strings.Contains(body, c.says) || c.saysNone != "" && strings.Contains(body, c.saysNone) {
			t.Errorf("%s: /readyz is %d, %s", c.name, status, body)
		}
		if !json.Valid([]byte(body)) {
			t.Errorf("%s: no JSON: %s", c.name, body)
		}
	}
	if _, body := get("/healthz"); !strings.Contains(body, "station: it does not answer") {
		t.Errorf("/healthz does not say which: %s", body)
	}
}

func TestFiguresForPrometheus(t *testing.T) {
	fetched := time.Unix(1790000000, 500e6)
	d := &door{status: control.Status{
		Version: "1.2.3", Registration: control.Registration{State: "registered", Extension: "110"},
		Settings: control.Settings{Fetched: &fetched}, Visit: control.Visit{State: "ringing"},
		Calls: control.Calls{Visits: 7, Answered: 5, IgnoredPresses: 2}, GPIO: control.GPIO{Lock: "on", LockOpenings: 4},
		Camera: control.Camera{State: "running", Frames: 1234, Bitrate: 600000},
		Faults: []control.Fault{{Code: "no_picture", Severity: "warning"}},
	}}
	get, _ := served(t, d)
	status, body := get("/metrics")
	if status != 200 {
		t.Fatal(status, body)
	}
	for _, want := range []string{
		`doorstation_info{version="1.2.3"} 1`, "doorstation_alive 1", "doorstation_ready 1", "doorstation_registered 1",
		`doorstation_visit_state{state="ringing"} 1`, `doorstation_visit_state{state="idle"} 0`,
		"doorstation_visits_total 7", "doorstation_visits_answered_total 5", "doorstation_presses_ignored_total 2",
		"doorstation_lock_energised 1", "doorstation_lock_openings_total 4", "doorstation_camera_frames_total 1234",
		"doorstation_camera_target_bytes_per_second 75000", `doorstation_fault{code="no_picture",severity="warning"} 1`,
		"doorstation_settings_fetched_timestamp_seconds 1.7900000005e+09", "process_resident_memory_bytes", "go_goroutines",
	} {
		if !strings.Contains(body, "\n"+want) && !strings.HasPrefix(body, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(body, "registration_expires") {
		t.Error("tells a time that is not known")
	}
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, prefix) {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// TestEveryFigureIsAsDescribed: a label too few or too many would show at the first scrape only.
func TestEveryFigureIsAsDescribed(t *testing.T) {
	now := time.Now()
	d := &door{status: control.Status{
		Registration: control.Registration{Expires: &now}, Settings: control.Settings{Fetched: &now},
		Faults: []control.Fault{{Code: "a", Severity: "error"}},
	}}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector{d})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != len(metrics())+1 {
		t.Errorf("%d figures of %d", len(families), len(metrics())+1)
	}
}

func TestOnlyLooking(t *testing.T) {
	_, address := served(t, &door{})
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		resp, err := http.Post("http://"+address+path, "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		if err = resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if path != "/metrics" && resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST %s gives %d", path, resp.StatusCode)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestAnAddressThatIsTakenIsTold: the bell goes on meanwhile.
func TestAnAddressThatIsTakenIsTold(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done, told := make(chan error), make(chan error, 1)
	go func() {
		done <- Serve(ctx, Options{Address: l.Addr().String(), Station: &door{}, Log: slog.New(slog.DiscardHandler), OnFault: func(err error) { told <- err }})
	}()
	if err = <-told; err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("it says %v", err)
	}
	stop()
	if err = errors.Join(<-done, l.Close()); err != nil {
		t.Error(err)
	}
}
