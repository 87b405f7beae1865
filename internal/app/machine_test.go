package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"doorstation/internal/health"
	"doorstation/internal/settings"
)

// TestAWeakSupplyIsAFault from the minute it is seen until it has been well for five.
func TestAWeakSupplyIsAFault(t *testing.T) {
	root := t.TempDir()
	firmware := filepath.Join(root, "sys/devices/platform/soc/soc:firmware/get_throttled")
	if err := os.MkdirAll(filepath.Dir(firmware), 0o755); err != nil {
		t.Fatal(err)
	}
	say := func(bits string) {
		t.Helper()
		if err := os.WriteFile(firmware, []byte(bits+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	say("0")
	synctest.Test(t, func(t *testing.T) {
		a := build(Options{
			Local: settings.Local{GPIO: "simulated", Audio: settings.Audio{Device: "test"}, Camera: settings.Camera{Source: "test"}},
			Log:   slog.New(slog.DiscardHandler), Now: time.Now, test: forTest{machineRoot: root},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.watchMachine(ctx) }()
		stands := func(want bool, when string) {
			t.Helper()
			synctest.Wait()
			if a.health.Has(health.CodeUnderVoltage) != want {
				t.Errorf("%s: it stands: %v", when, !want)
			}
		}
		stands(false, "at the start")
		say("50005")
		time.Sleep(machineEvery)
		stands(true, "when it is seen")
		say("0")
		time.Sleep(2 * machineEvery)
		stands(true, "two minutes after")
		time.Sleep(3 * machineEvery)
		stands(false, "five minutes after")
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
