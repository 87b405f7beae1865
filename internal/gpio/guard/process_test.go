package guard

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// TestTheWatchdogEndsTheGuard: systemd's watchdog sends SIGABRT to agent and guard alike. A guard that died of it would leave the lock as it is;
// it takes it for the agent's end.
func TestTheWatchdogEndsTheGuard(t *testing.T) {
	abort := make(chan os.Signal, 1)
	signal.Notify(abort, syscall.SIGABRT)
	defer signal.Stop(abort)
	in, agent := io.Pipe() // the agent hangs: it neither says anything more nor ends
	guarded := bufio.NewReader(untilSignal(in, abort))
	said := make(chan error, 1)
	go func() {
		_, err := io.WriteString(agent, "on 3s\n")
		said <- err
	}()
	if line, err := guarded.ReadString('\n'); err != nil || line != "on 3s\n" {
		t.Errorf("the guard was told %q, %v", line, err)
	}
	check(t, <-said)
	check(t, syscall.Kill(os.Getpid(), syscall.SIGABRT))
	if rest, err := io.ReadAll(guarded); err != nil || len(rest) > 0 {
		t.Errorf("the guard was told %q besides, %v", rest, err)
	}
	check(t, agent.Close())
}

// TestTheGuardHearsTheAgentsEnd: without any signal the input is the agent's, to its end.
func TestTheGuardHearsTheAgentsEnd(t *testing.T) {
	all, err := io.ReadAll(untilSignal(strings.NewReader("on 3s\noff\n"), nil))
	if err != nil || string(all) != "on 3s\noff\n" {
		t.Errorf("%q, %v", all, err)
	}
}

// TestTheFlagsOfAGuard are read as they were written, and none may be missing.
func TestTheFlagsOfAGuard(t *testing.T) {
	for _, c := range []Config{
		{Device: "/dev/gpiochip0", Line: 27, Limit: time.Minute},
		{Device: "/dev/gpiochip4", Line: 0, ActiveLow: true, Limit: 1500 * time.Millisecond, Warm: 12500 * time.Millisecond},
	} {
		args := c.Args()
		if got, err := Parse(args); err != nil || got != c {
			t.Errorf("%q: %+v, %v", args, got, err)
		}
		for i := 0; i < len(args); i += 2 {
			if got, err := Parse(slices.Delete(slices.Clone(args), i, i+2)); err == nil || got != (Config{}) {
				t.Errorf("without %s: %+v, %v", args[i], got, err)
			}
		}
	}
	good := Config{Device: "/dev/gpiochip0", Line: 27, Limit: time.Minute}.Args()
	for _, more := range []string{"--active=up", "--line=-1", "--line=x", "--limit=0s", "--limit=1", "--warm=-1s", "--what", "now"} {
		if got, err := Parse(append(slices.Clone(good), more)); err == nil {
			t.Errorf("%s: %+v", more, got)
		}
	}
}

// TestAProcessWithoutALine says so, and leaves no word for the journal: whoever started it knows.
func TestAProcessWithoutALine(t *testing.T) {
	var out strings.Builder
	err := Process(Config{Device: "/dev/null", Limit: time.Second}, strings.NewReader(""), &out)
	if !errors.Is(err, ErrNotTaken) || !strings.HasPrefix(out.String(), "error /dev/null") {
		t.Errorf("%v, said %q", err, out.String())
	}
}
