package gpio

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorstation/internal/gpio/guard"
)

// shellGuard is a guard in the words of a shell, with whatever ails it.
func shellGuard(t *testing.T, script string) (relay, chan struct{}, error) {
	t.Helper()
	ended := make(chan struct{})
	s := guards{commands: shell(script)}
	r, err := s.start(guard.Config{Device: "/dev/gpiochip0", Line: 27}, func() { close(ended) })
	return r, ended, err
}

// shell are commands of that kind, the preferred one first.
func shell(scripts ...string) (commands GuardCommands) {
	for _, s := range scripts {
		commands = append(commands, []string{"/bin/sh", "-c", s, "sh"})
	}
	return commands
}

const obedient = `echo ok; while read -r command; do echo ok; done`

func TestTheAgentAndItsGuard(t *testing.T) {
	r, ended, err := shellGuard(t, obedient)
	if err != nil {
		t.Fatal(err)
	}
	if err = errors.Join(r.on(time.Second), r.off(), r.failed(), r.close()); err != nil {
		t.Error(err)
	}
	<-ended
}

// TestAGuardThatFails is ended and told, so that the line can be taken anew, which switches it off.
func TestAGuardThatFails(t *testing.T) {
	for name, script := range map[string]string{
		"it dies":            `echo ok; read -r command; exit 1`,
		"it does not answer": `echo ok; exec sleep 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			r, ended, err := shellGuard(t, script)
			if err != nil {
				t.Fatal(err)
			}
			if err = r.on(time.Second); !errors.Is(err, ErrGuard) {
				t.Errorf("on: %v", err)
			}
			<-ended
			if err = r.failed(); !errors.Is(err, ErrGuard) {
				t.Errorf("failed: %v", err)
			}
			if err = r.close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

// TestTheGuardsEndIsSeenWhenItIsTold: the driver looks as soon as it is told, and no more before its next refresh. A lock that was open then would
// stay so for that long.
func TestTheGuardsEndIsSeenWhenItIsTold(t *testing.T) {
	s := guards{commands: shell(`echo ok; read -r command; exit 1`)}
	started, seen := make(chan struct{}), make(chan error)
	r, err := s.start(guard.Config{}, func() {
		<-started
		seen <- s.last.failed()
	})
	if err != nil {
		t.Fatal(err)
	}
	close(started)
	if _, err = s.last.in.WriteString("off\n"); err != nil {
		t.Fatal(err)
	}
	if err = <-seen; !errors.Is(err, ErrGuard) {
		t.Errorf("failed: %v", err)
	}
	if err = r.close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// TestAGuardThatCannotBegin gives its own words.
func TestAGuardThatCannotBegin(t *testing.T) {
	_, ended, err := shellGuard(t, `echo "error the line is in use by another program"; exit 1`)
	if err == nil || !strings.Contains(err.Error(), "in use by another program") {
		t.Errorf("%v", err)
	}
	<-ended
	if _, err = (&guards{commands: GuardCommands{{"/nonexistent"}}}).start(guard.Config{}, func() {}); !errors.Is(err, ErrGuard) {
		t.Errorf("no program: %v", err)
	}
}

// TestAGuardThatIsNone makes room for the next, which the log tells once: a file that is not there, is no program, or is the part of another
// version, which says nothing.
func TestAGuardThatIsNone(t *testing.T) {
	plainFile := filepath.Join(t.TempDir(), "guard")
	if err := os.WriteFile(plainFile, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(t.TempDir(), "guard")
	if err := os.WriteFile(damaged, []byte("\x7fELF and no more"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, command := range map[string][]string{
		"it is not there":          {"/nonexistent"},
		"it may not be run":        {plainFile},
		"it is damaged":            {damaged},
		"it is of another version": {"/bin/sh", "-c", "exit 1"},
		"it is killed":             {"/bin/sh", "-c", "kill -9 $$"},
		"it is something else":     {"/bin/sh", "-c", "echo hello; exec sleep 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			s := guards{commands: append(GuardCommands{command}, shell(obedient)...), log: slog.New(slog.NewTextHandler(&log, nil))}
			for range 2 {
				ended := make(chan struct{}, 2)
				r, err := s.start(guard.Config{}, func() { ended <- struct{}{} })
				if err != nil {
					t.Fatal(err)
				}
				if err = errors.Join(r.on(time.Second), r.off(), r.failed(), r.close()); err != nil {
					t.Error(err)
				}
				<-ended
			}
			if text := log.String(); strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, command[0]) {
				t.Errorf("the log: %s", text)
			}
		})
	}
}

// TestAGuardThatIsLate leaves it to the next attempt to try another one: nobody waits twice as long for a line. The start after that prefers the first
// again.
func TestAGuardThatIsLate(t *testing.T) {
	s := guards{commands: shell(`exec sleep 1000`, obedient), log: slog.New(slog.DiscardHandler)}
	if _, err := s.start(guard.Config{}, func() {}); !errors.Is(err, ErrGuard) {
		t.Errorf("late: %v", err)
	}
	r, err := s.start(guard.Config{}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if err = r.close(); err != nil {
		t.Error(err)
	}
	s.commands[1] = []string{"/nonexistent"}
	if _, err = s.start(guard.Config{}, func() {}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the first again: %v", err)
	}
}

// TestWhatAGuardSaysOfItsLineIsFinal: another program would find the line no better, and is not started.
func TestWhatAGuardSaysOfItsLineIsFinal(t *testing.T) {
	s := guards{commands: shell(`echo "error the line is in use by another program"; exit 1`, obedient), log: slog.New(slog.DiscardHandler)}
	if _, err := s.start(guard.Config{}, func() {}); err == nil || !strings.Contains(err.Error(), "in use by another program") {
		t.Errorf("%v", err)
	}
}

// TestNoOtherChildHoldsTheGuard: the guard's end of the agent is the end of its input, which a camera's command that lives on must not have
// inherited.
func TestNoOtherChildHoldsTheGuard(t *testing.T) {
	r, ended, err := shellGuard(t, obedient)
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command("/bin/sh", "-c", "read -r forever")
	stdin, err := other.StdinPipe()
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err = r.(*guardedRelay).in.Close(); err != nil { // as the kernel does when the agent dies
		t.Error(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the guard goes on")
	}
	if err = errors.Join(stdin.Close(), r.(*guardedRelay).out.Close()); err != nil {
		t.Error(err)
	}
	_ = other.Wait() // it reads no line, which is a failure to a shell
}

// TestAGuardThatHangsInTheKernel outlives being killed. Nobody waits for it for ever, no second one is started behind it, and when it has
// ended at last the line is taken anew.
func TestAGuardThatHangsInTheKernel(t *testing.T) {
	s := guards{commands: shell(`echo ok; exec sleep 1000`)}
	ended := make(chan struct{})
	r, err := s.start(guard.Config{}, func() { close(ended) })
	if err != nil {
		t.Fatal(err)
	}
	kill := s.last.kill
	s.last.kill = func() error { return nil } // what waits in a driver takes no notice
	if err = r.on(time.Second); !errors.Is(err, ErrGuardHangs) {
		t.Errorf("on: %v", err)
	}
	if err = r.failed(); !errors.Is(err, ErrGuardHangs) {
		t.Errorf("failed: %v", err)
	}
	if err = r.close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err = s.start(guard.Config{}, func() {}); !errors.Is(err, ErrGuardHangs) {
		t.Errorf("another one: %v", err)
	}
	if err = kill(); err != nil {
		t.Error(err)
	}
	<-ended
	s.commands = shell(obedient)
	r, err = s.start(guard.Config{}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if err = r.close(); err != nil {
		t.Error(err)
	}
}

// TestALineThatIsTakenIsTriedOnceASecond: each guard that could not take it has ended, and its end is told like that of any other.
func TestALineThatIsTakenIsTriedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := door()
		b := &bench{}
		b.prepare(&c)
		b.Board = Open(c)
		b.sim = b.Simulated()
		tries := 0
		b.lock.take = func(chip chip) (relay, error) {
			if tries++; tries > 100 {
				return plain(chip, *c.Lock) // without an end of it no time would pass
			}
			b.lock.wake()
			return nil, errGone
		}
		b.start(t)
		time.Sleep(10*time.Second + 500*ms)
		b.lock.mu.Lock()
		defer b.lock.mu.Unlock()
		if tries != 11 {
			t.Errorf("tried %d times in ten seconds", tries)
		}
	})
}
