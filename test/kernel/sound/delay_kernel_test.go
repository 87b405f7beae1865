//go:build kernel

package sound

import (
	"sync"
	"testing"
	"time"

	"doorstation/test/sound/engine"
)

// TestKernelHowLateSoundIs: the time from a card's playback to the other's capture, all buffers together.
func TestKernelHowLateSoundIs(t *testing.T) {
	var mu sync.Mutex
	var said time.Time
	var frames int
	late := make(chan time.Duration, 1)
	runCard(t, ":0,0", func(_, playback []int16) {
		clear(playback)
		mu.Lock()
		defer mu.Unlock()
		if frames++; frames == 50 {
			playback[0] = 10000
			said = time.Now()
		}
	})
	runCard(t, ":0,1", func(capture, playback []int16) {
		clear(playback)
		for _, v := range capture {
			if v > 5000 {
				mu.Lock()
				late <- time.Since(said)
				mu.Unlock()
			}
		}
	})
	select {
	case took := <-late:
		h := opened(t, doorSpeaks)
		t.Logf("%s from one card's loudspeaker to the other's microphone; periods of %d of %d samples", took.Round(time.Millisecond), h.period, h.buffer)
		if took > 500*time.Millisecond {
			t.Errorf("sound is %s late", took)
		}
	case <-time.After(engine.Patience):
		t.Error("it never came")
	}
}
