package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"doorstation/internal/station"
)

// TestWhyTheLockIsBlockedIsRemembered over a restart, as it was; a file that says what nobody wrote blocks.
func TestWhyTheLockIsBlockedIsRemembered(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	m := newLockMemory(dir, slog.New(slog.DiscardHandler))
	if why := m.recall(); why != "" {
		t.Errorf("before anything was written: %q", why)
	}
	for _, why := range []string{station.BlockedByOrder, station.BlockedByBoth, station.BlockedByTamper, ""} {
		m.keep(why)
		if got := newLockMemory(dir, m.log).recall(); got != why {
			t.Errorf("%q is remembered as %q", why, got)
		}
	}
	for _, damaged := range []string{"", "norm"} {
		if err := os.WriteFile(m.path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := m.recall(); got != station.BlockedByOrder {
			t.Errorf("a file that says %q: %q", damaged, got)
		}
	}
}
