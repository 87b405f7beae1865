// Package engine has the door's sound engine for tests: it runs until the test ends, and what it says of its card is remembered.
package engine

import (
	"context"
	"math"
	"sync"
	"testing"
	"time"

	"doorstation/internal/audio"
)

// Patience is far more than anything here takes; running out of it means that something hangs.
const Patience = 30 * time.Second

// Eventually waits for something to become true.
func Eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("%s: not within %s", what, Patience)
}

// Door is a running engine on a sound card.
type Door struct {
	*audio.Engine
	t      *testing.T
	mu     sync.Mutex
	faults []error
}

// New runs an engine on a card until the test ends.
func New(t *testing.T, card string) *Door {
	t.Helper()
	d := &Door{t: t}
	d.Engine = audio.NewEngine(audio.NewCard(card, audio.CardOptions{}), audio.EngineOptions{OnFault: func(err error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		t.Logf("the engine says: %v", err)
		d.faults = append(d.faults, err)
	}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return d
}

// Said is how often the engine spoke of a fault or of its end, and its newest word: nil when a fault is over, or it never spoke of one.
func (d *Door) Said() (times int, newest error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.faults) == 0 {
		return 0, nil
	}
	return len(d.faults), d.faults[len(d.faults)-1]
}

// Fails waits for a fault and gives it.
func (d *Door) Fails() error {
	d.t.Helper()
	var fault error
	Eventually(d.t, "a fault", func() bool { _, fault = d.Said(); return fault != nil })
	return fault
}

// Mended waits until a fault is over.
func (d *Door) Mended() {
	d.t.Helper()
	Eventually(d.t, "the fault is over", func() bool { n, err := d.Said(); return n > 0 && err == nil })
	if got := d.Status().State; got != audio.StateRunning {
		d.t.Errorf("the device is %s", got)
	}
}

// Hears reports whether a tone comes from the microphone.
func (d *Door) Hears(hz float64) bool {
	near := d.Status().Near
	return math.Abs(near.FrequencyHz-hz) < 10 && near.LevelDBFS > -30
}
