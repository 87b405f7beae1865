package lab

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"time"
)

// Addr is the lab's address that is not loopback. Neither Asterisk nor Chromium offers 127.0.0.1 for media.
const Addr = "10.77.0.1"

// PBXName is a name that the certificate of Asterisk is good for. It is for [DNS.Host] to say where that is.
const PBXName = "pbx.lab"

// outEnv names the directory for the files of a run; [Enter] sets it.
const outEnv = "DOORSTATION_LAB_OUT"

// T is what the lab needs of a test. Every *testing.T is one; [Run] makes one for a program that is no test.
type T interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Failed() bool
	Cleanup(f func())
	Context() context.Context
}

var unsafeInPath = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// Out makes the directory for the files of this test, as an absolute path. It is emptied by [Main] when the run starts.
func Out(t T) string {
	t.Helper()
	dir := filepath.Join(OutDir(), unsafeInPath.ReplaceAllString(t.Name(), "_"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("lab: %v", err)
	}
	return dir
}

// OutDir is the directory for the files of this run.
func OutDir() string {
	dir := os.Getenv(outEnv)
	if dir == "" {
		dir = "out"
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return dir
}

// Cache is the directory outside the clone where prepare.sh keeps the lab's parts.
func Cache() string {
	if dir := os.Getenv("DOORSTATION_CACHE"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "doorstation-lab")
}

// source is the path of a file beside this one. The lab runs where it was compiled.
func source(name string) string {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return name
	}
	return filepath.Join(filepath.Dir(here), name)
}

// Eventually waits until check holds, looking every 20 ms, and fails the test after limit with what was waited for.
// It is for things that announce themselves nowhere, such as a file or a status.
func Eventually(t T, limit time.Duration, what string, check func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !check() {
		if time.Now().After(deadline) {
			t.Fatalf("lab: after %v still not: %s", limit, what)
		}
		if err := t.Context().Err(); err != nil {
			t.Fatalf("lab: %v while waiting for: %s", err, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
