//go:build kernel

package sound

import (
	"testing"
	"time"

	look "doorstation/internal/hardware"
	"doorstation/internal/settings"
)

// TestKernelATrialHearsItsTone: what doorstation check and setup do with a sound device, in a porch whose echo is late and damped.
func TestKernelATrialHearsItsTone(t *testing.T) {
	const late, damp = 480, 8 // 10 ms beside those of two cards, 18 dB
	var past [late]int16
	at := 0
	stop := runCard(t, ":0,1", func(capture, playback []int16) {
		for i, v := range capture {
			playback[i] = past[at] / damp
			past[at] = v
			at = (at + 1) % late
		}
	})
	device := settings.Audio{Device: ":0,0", ToneVolume: 100}
	r, err := look.TrySound(t.Context(), device, look.TryOptions{})
	t.Logf("%s; %+v", r, r.Mixer)
	if err != nil || !r.Heard || !r.Microphone || !r.Loudspeaker || len(r.Problems(false)) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	// -18 dBFS are played, 18 dB are lost.
	if r.ToneDBFS < -38 || r.ToneDBFS > -34 {
		t.Errorf("the tone is heard at %.1f dBFS", r.ToneDBFS)
	}
	if r.Delay < 10*time.Millisecond || r.Delay > 390*time.Millisecond {
		t.Errorf("it comes back after %s", r.Delay)
	}
	stop()
	// Nothing comes back any more: the microphone is dead.
	r, err = look.TrySound(t.Context(), device, look.TryOptions{})
	if err != nil || r.Heard {
		t.Errorf("without an echo: %+v, %v", r, err)
	}
	if p := r.Problems(false); len(p) != 1 || p[0] != look.MicrophoneDead {
		t.Errorf("without an echo: %v", p)
	}
}
