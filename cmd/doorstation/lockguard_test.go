package main

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"doorstation/internal/gpio"
	"doorstation/internal/gpio/guard"
)

// TestUrgentCommands: what closes the lock does not wait for the whole command line, and means the same.
func TestUrgentCommands(t *testing.T) {
	for _, c := range []struct {
		args   string
		urgent bool
	}{
		{"safe", true}, {"safe --config /no/such", true}, {"safe --config=/no/such", true}, {"safe --help", false}, {"safe now", false}, {"safe --what", false},
		{"lock-guard --device /no/such --line 0 --active low --limit 1m0s", false}, {"lock-guard --device /no/such --line 0 --active up --limit 1m", false},
		{"lock-guard --device /no/such --line 0 --active low --limit 1m0s --warm 12.5s", true},
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

// TestTheGuardOfAPackage is a program of its own, and this one where that can't be run. A build of a developer's has this one alone.
func TestTheGuardOfAPackage(t *testing.T) {
	before := guardProgram
	defer func() { guardProgram = before }()
	self := []string{"/proc/self/exe", "lock-guard"}
	for program, want := range map[string]gpio.GuardCommands{
		"": {self}, "/usr/lib/doorstation/lock-guard": {{"/usr/lib/doorstation/lock-guard", guard.Protocol}, self},
	} {
		guardProgram = program
		if got := guardCommands(); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", program, got, want)
		}
	}
}
