//go:build kernel

package kernel

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newMachine is a machine with the kernel from the cache.
func newMachine(t *testing.T) Machine {
	t.Helper()
	built, err := Built()
	if err != nil {
		t.Fatal(err)
	}
	init := filepath.Join(t.TempDir(), "init")
	build := exec.Command("go", "build", "-o", init, "./run")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, buildErr := build.CombinedOutput(); buildErr != nil {
		t.Fatalf("%v: %s", buildErr, out)
	}
	return Machine{Kernel: built, Init: init, Limit: time.Minute}
}

// shell runs a script in a guest.
func shell(t *testing.T, m Machine, script string) (status int, output string, err error) {
	t.Helper()
	var out bytes.Buffer
	status, err = m.Run(t.Context(), Job{Args: []string{"/bin/sh", "-c", script}, Dir: "/", Env: os.Environ()}, &out)
	return status, out.String(), err
}

func TestAGuestGivesBackWhatAProgramSaysAndItsStatus(t *testing.T) {
	m := newMachine(t)
	status, out, err := shell(t, m, `printf 'one\ntwo\n'; echo three >&2; seq 20000; exit 7`)
	if err != nil || status != 7 {
		t.Fatalf("status %d, %v", status, err)
	}
	if !strings.HasPrefix(out, "one\ntwo\nthree\n1\n2\n") || !strings.HasSuffix(out, "\n20000\n") || strings.Count(out, "\n") != 20003 {
		t.Errorf("%d lines: %.60q", strings.Count(out, "\n"), out)
	}
	if status, _, err = shell(t, m, `kill -9 $$`); status != 128+9 || err != nil {
		t.Errorf("a program that was killed: status %d, %v", status, err)
	}
}

func TestAGuestChangesNothingOfTheMachine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("as it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, err := shell(t, newMachine(t), "cat "+file+"; echo x > "+file+"; rm "+file)
	if err != nil || status == 0 || !strings.HasPrefix(out, "as it was") {
		t.Errorf("status %d, %v: %s", status, err, out)
	}
	if text, readErr := os.ReadFile(file); readErr != nil || string(text) != "as it was" {
		t.Errorf("the file: %q, %v", text, readErr)
	}
}

func TestAPanicIsShown(t *testing.T) {
	status, _, err := shell(t, newMachine(t), "kill -QUIT 1; sleep 60")
	if !errors.Is(err, ErrPanic) || !strings.Contains(err.Error(), "Attempted to kill init") {
		t.Errorf("status %d, %v", status, err)
	}
}

func TestAGuestThatHangsIsEnded(t *testing.T) {
	m := newMachine(t)
	m.Limit = 5 * time.Second
	if status, _, err := shell(t, m, "sleep 1000"); !errors.Is(err, ErrLimit) {
		t.Errorf("status %d, %v", status, err)
	}
}

func TestAMachineOnWhichNothingRunsSaysSo(t *testing.T) {
	m := newMachine(t)
	m.Kernel = "/bin/false"
	if status, _, err := shell(t, m, "true"); !errors.Is(err, ErrCannotRun) {
		t.Errorf("status %d, %v", status, err)
	}
}
