//go:build kernel

package sound

import (
	"context"
	"sync"
	"testing"
	"time"

	"doorstation/internal/audio"
	"doorstation/test/sound/engine"
)

// runCard runs a sound card until the test ends, or until stop is called.
func runCard(t *testing.T, name string, process func(capture, playback []int16)) (stop func()) {
	t.Helper()
	card := audio.NewCard(name, audio.CardOptions{OnPart: func(err error) {
		if err != nil {
			t.Errorf("half of the card: %v", err)
		}
	}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- card.Run(ctx, process) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func TestKernelWhatTheDoorPlaysIsPlayedBitForBit(t *testing.T) {
	var wave saw
	runCard(t, ":0,0", func(_, playback []int16) { wave.fill(playback) })
	h := opened(t, doorSpeaks)
	t.Logf("the loudspeaker: %+v", h)
	var l listener
	l.hear(program(t, "arecord", "hw:Loopback,1,0", h).record(h, 10*h.rate))
	if l.breaks != 0 || l.samples < 9*h.rate {
		t.Errorf("%d breaks in %d samples; %s", l.breaks, l.samples, l.first)
	}
}

func TestKernelWhatIsSaidAtTheDoorIsHeardBitForBit(t *testing.T) {
	var mu sync.Mutex
	var l listener
	runCard(t, ":0,0", func(capture, _ []int16) {
		mu.Lock()
		defer mu.Unlock()
		l.hear(capture)
	})
	h := opened(t, doorHears)
	t.Logf("the microphone: %+v", h)
	f, wave, samples := program(t, "aplay", "hw:Loopback,1,0", h), saw{next: 1}, make([]int16, 480)
	for range 1000 {
		wave.fill(samples)
		if err := f.play(h, samples); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if l.breaks != 0 || l.samples < 9*h.rate {
		t.Errorf("%d breaks in %d samples; %s", l.breaks, l.samples, l.first)
	}
}

// TestKernelTwoDoorsTalk: one card plays and hears, and so does another at the other side, for half a minute.
func TestKernelTwoDoorsTalk(t *testing.T) {
	var mu sync.Mutex
	var heard [2]listener
	var waves [2]saw
	side := func(i int) func(capture, playback []int16) {
		return func(capture, playback []int16) {
			mu.Lock()
			defer mu.Unlock()
			heard[i].hear(capture)
			waves[i].fill(playback)
		}
	}
	runCard(t, ":0,0", side(0))
	runCard(t, ":0,1", side(1))
	const long = 30 * audio.SampleRate
	for end := time.Now().Add(3 * engine.Patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		mu.Lock()
		enough := heard[0].samples >= long && heard[1].samples >= long
		mu.Unlock()
		if enough {
			break
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for i, l := range heard {
		if l.samples < long || l.breaks != 0 {
			t.Errorf("door %d: %d breaks in %d samples; %s", i, l.breaks, l.samples, l.first)
		}
	}
}
