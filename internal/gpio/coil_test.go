package gpio

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorstation/internal/gpio/guard"
)

// longUp is how long a machine has been on whose coil is cold, whatever it did before it started.
const longUp = 24 * time.Hour

// doorOfCoil is the bench's door on a machine that has been on for so long, with the file of its coil.
func doorOfCoil(t *testing.T, file string, up time.Duration) *bench {
	t.Helper()
	c := door()
	c.CoilFile = file
	b := &bench{}
	b.prepare(&c)
	b.Board = Open(c)
	b.sim = b.Simulated()
	started := time.Now()
	b.lock.coil.up = func() time.Duration { return up + time.Since(started) }
	return b.start(t)
}

// opens holds the lock to what it grants to a pulse of 3 s; 0: it has to rest.
func (b *bench) opens(t *testing.T, when string, want time.Duration) {
	t.Helper()
	granted, err := b.PulseLock(3 * time.Second)
	switch {
	case want == 0:
		if !errors.Is(err, ErrLimit) {
			t.Errorf("%s: open for %s, %v; it has to rest", when, granted, err)
		}
		b.lockIs(t, false)
		return
	case err != nil || granted != want:
		t.Errorf("%s: open for %s, %v; want %s", when, granted, err, want)
	}
	b.lockIs(t, true)
	time.Sleep(granted)
	b.lockIs(t, false)
}

// TestACoilIsAsWarmAfterARestart as before: an agent that was stopped, or that died with the lock open, is followed by one that knows.
func TestACoilIsAsWarmAfterARestart(t *testing.T) {
	for name, died := range map[string]bool{"stopped": false, "died with the lock open": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "coil")
				b := doorOfCoil(t, file, longUp)
				if _, err := b.PulseLock(time.Hour); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute - ms)
				left, err := os.ReadFile(file) // what one leaves that dies now
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(ms)
				if err = b.stop(); err != nil {
					t.Fatal(err)
				}
				if died {
					if err = os.WriteFile(file, left, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				again := doorOfCoil(t, file, longUp+time.Minute)
				again.opens(t, "at once", 0)
				time.Sleep(9 * time.Second)
				again.opens(t, "after nine seconds", 3*time.Second)
				if err = again.stop(); err != nil {
					t.Fatal(err)
				}
				// A third one knows what the second one did.
				third := doorOfCoil(t, file, longUp+72*time.Second)
				third.opens(t, "after another restart", 0)
				time.Sleep(3 * time.Minute)
				third.opens(t, "cold", 3*time.Second)
			})
		})
	}
}

// TestAnAgentThatDiesAgainAndAgain with a lock that rests does not keep it from cooling: what the dead one left is counted once.
func TestAnAgentThatDiesAgainAndAgain(t *testing.T) {
	for name, left := range map[string]string{"a lock that was open": `{"warm_ns":0,"at_ns":86340000000000,"on":true}`, "a damaged file": "}"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "coil")
				if err := os.WriteFile(file, []byte(left), 0o600); err != nil {
					t.Fatal(err)
				}
				up := longUp
				for range 3 {
					doorOfCoil(t, file, up).opens(t, "warm", 0) // and it dies
					up += time.Second
				}
				doorOfCoil(t, file, longUp+9*time.Second).opens(t, "after nine seconds", 3*time.Second)
			})
		})
	}
}

// TestACoilOfWhichNothingIsKnown counts as warm, as of the machine's start or as of now, and opens all the same soon.
func TestACoilOfWhichNothingIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		text   string // empty: there is no file
		up     time.Duration
		first  time.Duration
		warned bool
	}{
		"a machine that has just started":             {"", time.Second, 0, false},
		"one that started half a minute ago":          {"", 30 * time.Second, 3 * time.Second, false},
		"one that started six seconds ago":            {"", 6 * time.Second, 2 * time.Second, false},
		"one that has been on for days":               {"", longUp, 3 * time.Second, false},
		"no sense":                                    {"warm", longUp, 0, true},
		"half a file":                                 {`{"warm_ns":1`, longUp, 0, true},
		"of another program":                          {`{"cold":true}`, longUp, 0, true},
		"less than nothing":                           {`{"warm_ns":-60000000000,"at_ns":1,"on":false}`, longUp, 0, true},
		"of a time to come":                           {`{"warm_ns":0,"at_ns":86400000000001,"on":false}`, longUp, 0, true},
		"more than any coil stands, a day ago":        {`{"warm_ns":9000000000000000000,"at_ns":1,"on":false}`, longUp, 3 * time.Second, false},
		"energised since a time that nobody believes": {`{"warm_ns":9000000000000000000,"at_ns":1,"on":true}`, longUp, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "coil")
				if c.text != "" {
					if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				b := doorOfCoil(t, file, c.up)
				b.opens(t, "at first", c.first)
				time.Sleep(9 * time.Second)
				b.opens(t, "after nine seconds", 3*time.Second)
				if warned := strings.Contains(b.log.String(), "level=WARN"); warned != c.warned {
					t.Errorf("warned: %v\n%s", warned, b.log.String())
				}
			})
		})
	}
}

// TestAFileOfTheCoilThatCannotBeWritten keeps nobody out: the count goes on as long as the agent does.
func TestAFileOfTheCoilThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := doorOfCoil(t, filepath.Join(t.TempDir(), "no such directory", "coil"), longUp)
		b.opens(t, "first", 3*time.Second)
		b.opens(t, "second", 3*time.Second)
		if n := strings.Count(b.log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings:\n%s", n, b.log.String())
		}
	})
}

// TestALockThatRestsWritesNothing: one file at the begin of an opening, one at its end.
func TestALockThatRestsWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "coil")
		b := doorOfCoil(t, file, longUp)
		time.Sleep(time.Hour)
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("before the first opening: %v", err)
		}
		b.opens(t, "once", 3*time.Second)
		before, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if err = b.stop(); err != nil {
			t.Fatal(err)
		}
		if after, statErr := os.Stat(file); statErr != nil || !os.SameFile(before, after) {
			t.Errorf("it was written again, %v", statErr)
		}
	})
}

// TestALockForAnyDutyHasNoCount: it opens as it did before.
func TestALockForAnyDutyHasNoCount(t *testing.T) {
	m := newCoilMemory(filepath.Join(t.TempDir(), "coil"), slog.New(slog.DiscardHandler))
	m.up = func() time.Duration { return 0 }
	b := guard.NewBurn(10 * time.Minute)
	now := time.Now()
	m.recall(&b, now)
	if until, err := b.Begin(now, time.Minute); err != nil || until.Sub(now) != time.Minute {
		t.Errorf("%s, %v", until.Sub(now), err)
	}
}
