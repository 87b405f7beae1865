package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// TestTheWatchdogEndsTheGuard: systemd's watchdog sends SIGABRT to agent and guard alike. A guard that died of it would leave the lock as it is;
// it takes it for the agent's end.
func TestTheWatchdogEndsTheGuard(t *testing.T) {
	abort := make(chan os.Signal, 1)
	signal.Notify(abort, syscall.SIGABRT)
	defer signal.Stop(abort)
	in, agent := io.Pipe() // the agent hangs: it neither says anything nor ends
	got := make(chan string)
	go func() {
		all, err := io.ReadAll(untilSignal(in, abort))
		if err != nil {
			t.Error(err)
		}
		got <- string(all)
	}()
	_, err := io.WriteString(agent, "on 3s\n")
	check(t, err)
	check(t, syscall.Kill(os.Getpid(), syscall.SIGABRT))
	if all := <-got; all != "on 3s\n" {
		t.Errorf("the guard was told %q", all)
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

// TestUrgentCommands: what closes the lock does not wait for the whole command line, and means the same.
func TestUrgentCommands(t *testing.T) {
	for _, c := range []struct {
		args   string
		urgent bool
	}{
		{"safe", true}, {"safe --config /no/such", true}, {"safe --config=/no/such", true}, {"safe --help", false}, {"safe now", false}, {"safe --what", false},
		{"lock-guard --device /no/such --line 0 --active low --limit 1m0s", true}, {"lock-guard --device /no/such --line 0 --active up --limit 1m", false},
		{"lock-guard --device /no/such --line 0 --active low", false}, {"lock-guard --device /no/such --active low --limit 1m", false}, {"lock-guard", false},
		{"lock open", false}, {"", false},
	} {
		if got := urgent(strings.Fields(c.args)) != nil; got != c.urgent {
			t.Errorf("%q: urgent %v", c.args, got)
		}
	}
	if status, _, stderr := run(context.Background(), "safe", "--config", "/no/such"); status != exitUsage || !strings.Contains(stderr, "/no/such") {
		t.Errorf("a file that is not there: %d, %q", status, stderr)
	}
	if status, stdout, _ := run(context.Background(), "safe", "--help"); status != exitOK || !strings.Contains(stdout, "default: "+defaultConfig) {
		t.Errorf("help: %d, %q", status, stdout)
	}
	if status, _, stderr := run(context.Background(), "lock-guard"); status != exitUsage || !strings.Contains(stderr, "--device") {
		t.Errorf("a guard of nothing: %d, %q", status, stderr)
	}
}
