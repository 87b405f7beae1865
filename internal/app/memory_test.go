package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

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

// TestWrongCodesAreRemembered over a restart: the first at once, those that follow quickly by the next write, and the last ones at the end.
func TestWrongCodesAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "state")
		log := slog.New(slog.DiscardHandler)
		m := newGuessMemory(dir, log)
		if all := m.recall(); len(all) > 0 {
			t.Errorf("before anything was written: %v", all)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- m.run(ctx) }()
		wrong := func(n int) []station.Guess {
			now := time.Now().UTC().Round(0)
			return []station.Guess{{Who: "101", Wrong: n, Last: now, Until: now.Add(time.Minute)}}
		}
		kept := func(want []station.Guess) {
			t.Helper()
			if got := newGuessMemory(dir, log).recall(); !slices.Equal(got, want) {
				t.Errorf("kept is %v, want %v", got, want)
			}
		}
		first, second, third := wrong(1), wrong(2), wrong(3)
		m.keep(first)
		synctest.Wait()
		kept(first)
		m.keep(second)
		m.keep(third)
		synctest.Wait()
		kept(first)
		time.Sleep(guessesPause)
		synctest.Wait()
		kept(third)
		m.keep(nil)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		kept(nil)
		if err := os.WriteFile(m.path, []byte("[{"), 0o600); err != nil {
			t.Fatal(err)
		}
		kept(nil)
	})
}

// TestStandingAlarmsAreRemembered over a restart, and forgotten with their file once they are cleared; a damaged file is no reason not to start.
func TestStandingAlarmsAreRemembered(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	a := newAlarms(nil, dir, slog.New(slog.DiscardHandler))
	since := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, want := range [][]station.StandingAlarm{
		nil, {{Alarm: station.AlarmForced, Since: since}},
		{{Alarm: station.AlarmForced, Since: since}, {Alarm: station.AlarmTamper, Since: since.Add(time.Hour)}}, nil, nil,
	} {
		a.Keep(want)
		if got := newAlarms(nil, dir, a.log).recall(); !slices.Equal(got, want) {
			t.Errorf("kept is %v, want %v", got, want)
		}
	}
	if _, err := os.Stat(a.path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of no alarms: %v", err)
	}
	if err := os.WriteFile(a.path, []byte(`[{"alarm":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := a.recall(); len(got) > 0 {
		t.Errorf("of a damaged file: %v", got)
	}
}
