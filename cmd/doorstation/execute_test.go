package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"doorstation/internal/control"
	"doorstation/internal/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run executes a command line.
func run(ctx context.Context, args ...string) (status int, stdout, stderr string) {
	return runWith(ctx, "", args...)
}

// runWith executes a command line with a standard input.
func runWith(ctx context.Context, stdin string, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = execute(ctx, args, strings.NewReader(stdin), &out, &errs, func(string) string { return "" })
	return status, out.String(), errs.String()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write makes a file of the test.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	check(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func config(t *testing.T) string {
	t.Helper()
	return write(t, "config.yaml", "home_assistant: {url: http://127.0.0.1:9, token_file: "+write(t, "token", "x")+"}\n"+
		"gpio: simulated\nbuttons: [{name: Front door, pin: GPIO17, call: [101]}]\nlock: {pin: GPIO27, codes: [\"1\"]}\ncamera: {source: test}\naudio: {device: test}\nmonitor: {listen: none}\npage: {listen: none}\n")
}

func TestCommandLine(t *testing.T) {
	good := config(t)
	noToken := write(t, "config.yaml", "home_assistant: {url: http://127.0.0.1:9, token_file: /does/not/exist}\nbuttons: [{name: a, pin: GPIO17, call: [101]}]\n")
	wrong := write(t, "config.yaml", "home_assistant:\n  url: http://h:8123\n  tokenfile: /x\nbuttons: [{name: a, pin: GPIO17, call: [101]}]\n")
	nobody := filepath.Join(t.TempDir(), "none.sock")
	for _, c := range []struct {
		name           string
		args           []string
		status         int
		stdout, stderr []string // what must be in there; nil: nothing at all
	}{
		{"help", []string{"--help"}, 0, []string{"Usage: doorstation", "run", "press", "status", "check", "version"}, nil},
		{"help of a command", []string{"run", "--help"}, 0, []string{"--config", "--socket"}, nil},
		{"no command", nil, exitUsage, nil, []string{"doorstation: ", "run"}},
		{"an unknown command", []string{"dance"}, exitUsage, nil, []string{"doorstation: ", "dance"}},
		{"an unknown flag", []string{"run", "--loud"}, exitUsage, nil, []string{"--loud"}},
		{"version", []string{"version"}, 0, []string{"dev\n"}, nil},
		{"check", []string{"check", "--only", "settings", "--skip", "integration", "--config", good, "--state-dir", "/nonexistent", "--socket", nobody}, 0, []string{good, "1 button", "http://127.0.0.1:9", "no settings of SIP Core are kept yet"}, nil},
		{"check without a token", []string{"check", "--only", "token", "--config", noToken}, 4, []string{"token_missing", "/does/not/exist", "docs/faults/token_missing.md"}, nil},
		{"check of a wrong file", []string{"check", "--config", wrong, "--socket", nobody}, exitUsage, []string{wrong + ":3", "tokenfile"}, nil},
		{"check of a link that there is not", []string{"check", "--only", "dance", "--config", good}, exitUsage, nil, []string{"dance", "camera", "token"}},
		{"run with a wrong file", []string{"run", "--config", wrong}, exitUsage, nil, []string{wrong, "3", "tokenfile"}},
		{"run without a file", []string{"run", "--config", "/does/not/exist.yaml"}, exitUsage, nil, []string{"/does/not/exist.yaml"}},
		{"press without an agent", []string{"press", "--socket", nobody}, 1, nil, []string{"doorstation is not running"}},
		{"man", []string{"man"}, 0, []string{".TH DOORSTATION 1 ", "check", "control", "EXIT STATUS"}, nil},
		{"completion for bash", []string{"completion", "-c", "bash"}, 0, []string{"complete", "-C"}, nil},
		{"lock without an agent", []string{"lock", "open", "--socket", nobody}, 1, nil, []string{"doorstation is not running"}},
		{"lock without an order", []string{"lock", "--socket", nobody}, exitUsage, nil, []string{"order"}},
		{"another order for the lock", []string{"lock", "dance", "--socket", nobody}, exitUsage, nil, []string{"open", "hold", "release", "block", "dance"}},
		{"alarm without an agent", []string{"alarm", "clear", "--socket", nobody}, 1, nil, []string{"doorstation is not running"}},
		{"code without a file for it", []string{"code", "list", "--config", good}, exitUsage, nil, []string{good, "lock.codes_file", "--file"}},
		{"safe without GPIO", []string{"safe", "--config", good}, 0, []string{"simulated"}, nil},
		{"safe without a file", []string{"safe", "--config", "/does/not/exist.yaml"}, exitUsage, nil, []string{"/does/not/exist.yaml"}},
		{"a guard of no line", []string{"lock-guard", "--device", "/dev/null", "--line", "0", "--active", "high", "--limit", "1s"}, 1, []string{"error /dev/null"}, nil}, // the agent tries each second, and tells once
		{"restart without an agent", []string{"restart", "--socket", nobody}, 1, nil, []string{"doorstation is not running"}},
		{"status without an agent", []string{"status", "--socket", nobody}, 1, nil, []string{"doorstation is not running"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, stdout, stderr := run(context.Background(), c.args...)
			if status != c.status {
				t.Errorf("exit status %d, want %d", status, c.status)
			}
			contains(t, "stdout", stdout, c.stdout)
			contains(t, "stderr", stderr, c.stderr)
		})
	}
}

// TestCheckComparesWithWhatWasKept: the warnings of the settings themselves, without asking anybody and without a secret.
func TestCheckComparesWithWhatWasKept(t *testing.T) {
	file := write(t, "config.yaml", "home_assistant: {url: http://127.0.0.1:9, token_file: "+write(t, "token", "x")+"}\n"+
		"buttons: [{name: Front door, pin: GPIO17, call: [110, 200]}]\nlock: {pin: GPIO27, codes: [\"4711*\", \"*\"]}\n")
	dir := t.TempDir()
	_, err := settings.NewStore(dir).Save(settings.Kept{
		HomeAssistant: "http://127.0.0.1:9", Who: settings.Identity{ID: "a"}, Fetched: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		Raw: []byte(`{"users": [{"ha_username": "a", "extension": "200", "password": "s3cret"}], "sip_video": "yes",
			"popup_config": {"buttons": [{"label": "Gate", "type": "dtmf", "data": "0815"}]}}`),
	})
	check(t, err)
	status, stdout, stderr := run(context.Background(), "check", "--only", "settings", "--skip", "integration", "--config", file, "--state-dir", dir)
	if status != 3 || stderr != "" {
		t.Errorf("%d %s", status, stderr)
	}
	contains(t, "stdout", stdout, []string{
		"is right", "2026-11-01", "calls_itself", "unknown_target", `"Front door" calls 110`, "dtmf_opens_nothing", `"Gate"`,
		"code_not_sent", "2 of the 2", "talk_opens_door", "incoming.talk", "sip_video: expected true or false",
	})
	for _, secret := range []string{"s3cret", "4711", "0815"} {
		if strings.Contains(stdout, secret) {
			t.Errorf("it shows %s:\n%s", secret, stdout)
		}
	}
}

func contains(t *testing.T, where, text string, want []string) {
	t.Helper()
	if want == nil && text != "" {
		t.Errorf("%s is not empty: %s", where, text)
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s has no %q:\n%s", where, w, text)
		}
	}
}

func TestRunPressStatusAndStop(t *testing.T) {
	dir, err := os.MkdirTemp("", "door") // t.TempDir is too long for a socket
	check(t, err)
	defer func() { check(t, os.RemoveAll(dir)) }()
	socket := filepath.Join(dir, "s")
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	type end struct {
		status      int
		out, stderr string
	}
	ended := make(chan end, 1)
	go func() {
		status, out, stderr := run(ctx, "run", "--config", config(t), "--socket", socket, "--state-dir", filepath.Join(dir, "state"))
		ended <- end{status, out, stderr}
	}()
	limit := time.Now().Add(time.Minute)
	for {
		if _, err = control.NewClient(socket).Status(ctx); err == nil {
			break
		}
		if time.Now().After(limit) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}

	lockOrders(ctx, t, socket)
	status, out, stderr := run(ctx, "press", "--socket", socket)
	if status != 0 || out != "pressed Front door (press 1)\n" || stderr != "" {
		t.Errorf("press: %d, %q, %q", status, out, stderr)
	}
	if status, _, stderr = run(ctx, "press", "--socket", socket, "Back door"); status != 1 || !strings.Contains(stderr, "Back door") {
		t.Errorf("press of another button: %d, %q", status, stderr)
	}
	if status, out, _ = run(ctx, "status", "--socket", socket); status != 0 || !strings.Contains(out, "offline") || strings.HasSuffix(out, "\n\n") {
		t.Errorf("status: %d, %q", status, out)
	}
	var s control.Status
	status, out, _ = run(ctx, "status", "--json", "--socket", socket)
	if err = json.Unmarshal([]byte(out), &s); err != nil || status != 0 || s.Version != "dev" || s.GPIO.Chip != "simulated" {
		t.Errorf("status --json: %d, %v, %s", status, err, out)
	}
	if status, _, stderr = run(ctx, "run", "--config", config(t), "--socket", socket); status != 1 || !strings.Contains(stderr, "another doorstation is running") {
		t.Errorf("a second agent: %d, %q", status, stderr)
	}
	stop()
	select {
	case e := <-ended:
		if e.status != 0 || e.out != "" {
			t.Errorf("the end: %+v", e)
		}
	case <-time.After(time.Minute):
		t.Fatal("it did not stop")
	}
}

func TestTheLoggerIsTheOneAskedFor(t *testing.T) {
	for _, c := range []struct {
		log       settings.Log
		debug     bool
		beginning string
	}{
		{settings.Log{Level: "info", Format: "text"}, false, "time="},
		{settings.Log{Level: "debug", Format: "json"}, true, "{"},
	} {
		var b bytes.Buffer
		log, err := newLogger(&b, c.log, false)
		check(t, err)
		if got := log.Enabled(context.Background(), slog.LevelDebug); got != c.debug {
			t.Errorf("%+v: debug is %v", c.log, got)
		}
		log.Info("x")
		if !strings.HasPrefix(b.String(), c.beginning) {
			t.Errorf("%+v: %s", c.log, b.String())
		}
	}
	if _, err := newLogger(&bytes.Buffer{}, settings.Log{Level: "loud"}, false); err == nil {
		t.Error("an unknown level was taken")
	}
}

// brokenWriter is a terminal that is gone.
type brokenWriter struct{}

// Write implements io.Writer.
func (brokenWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	if status := execute(context.Background(), []string{"version"}, strings.NewReader(""), brokenWriter{}, &bytes.Buffer{}, os.Getenv); status != 1 {
		t.Errorf("exit status %d", status)
	}
	if status := execute(context.Background(), []string{"dance"}, strings.NewReader(""), &bytes.Buffer{}, brokenWriter{}, os.Getenv); status != exitUsage {
		t.Errorf("exit status %d: it still says what was wrong", status)
	}
}

// TestACrashIsNoUsageError: systemd does not start an agent again that ended with exitUsage. A Go program that panics, or that the
// watchdog ends with SIGABRT, ends with 2.
func TestACrashIsNoUsageError(t *testing.T) {
	unit, err := os.ReadFile("../../systemd/doorstation.service")
	check(t, err)
	if !strings.Contains(string(unit), fmt.Sprintf("\nRestartPreventExitStatus=%d\n", exitUsage)) || exitUsage == 2 || exitUsage == exitFailed {
		t.Errorf("the unit and the program do not agree on the status that is not restarted (%d)", exitUsage)
	}
}
