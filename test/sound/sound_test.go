package sound

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"doorstation/internal/audio"
)

// loudspeaker is PulseAudio's sink without a sound card; its monitor is the microphone.
const loudspeaker = "module-null-sink sink_name=door rate=48000 channels=2 sink_properties=device.description=Porch"

// door is a running engine on a sound card.
type door struct {
	*audio.Engine
	mu     sync.Mutex
	faults []error
	part   error
}

// newDoor runs an engine until the test ends.
func newDoor(t *testing.T, device string) *door {
	t.Helper()
	d := &door{}
	card := audio.NewCard(device, audio.CardOptions{OnPart: func(err error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.part = err
	}})
	d.Engine = audio.NewEngine(card, audio.EngineOptions{OnFault: func(err error) {
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

// said is how often the engine spoke of a fault or of its end, and its newest word.
func (d *door) said() (times int, newest error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.faults) == 0 {
		return 0, nil
	}
	return len(d.faults), d.faults[len(d.faults)-1]
}

// hearsItself reports whether the ringing tone comes back through the microphone.
func (d *door) hearsItself() bool {
	return math.Abs(d.Status().Near.FrequencyHz-425) < 10 && d.Status().Near.LevelDBFS > -30
}

func TestTheDoorHearsWhatItPlays(t *testing.T) {
	h := newHouse(t)
	h.start(t, loudspeaker)
	for _, name := range []string{"default", "porch", "door"} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t, name)
			d.Play(audio.ToneRinging)
			eventually(t, "the tone is heard", d.hearsItself)
			if n, err := d.said(); n != 0 {
				t.Errorf("fault %v", err)
			}
			d.StopTone()
			eventually(t, "the device rests", func() bool { return d.Status().State == audio.StateIdle })
		})
	}
}

func TestTheSoundServerEndsInACallAndIsBack(t *testing.T) {
	h := newHouse(t)
	h.start(t, loudspeaker)
	d := newDoor(t, "default")
	d.Play(audio.ToneRinging)
	eventually(t, "the tone is heard", d.hearsItself)
	h.kill(t)
	eventually(t, "a fault", func() bool { _, err := d.said(); return err != nil })
	if _, err := d.said(); !errors.Is(err, audio.ErrUnplugged) && !errors.Is(err, audio.ErrStalled) && !errors.Is(err, audio.ErrNoDevice) {
		t.Errorf("the fault is %v", err)
	}
	if got := d.Status(); got.State != audio.StateFailed || got.Tone != audio.ToneRinging {
		t.Errorf("the call goes on in silence: %+v", got)
	}
	h.start(t, loudspeaker)
	eventually(t, "the fault is over", func() bool { n, err := d.said(); return n > 0 && err == nil })
	eventually(t, "the tone is heard again", d.hearsItself)
}

func TestADeviceThatIsNotThereIsNamedWithThoseThatAre(t *testing.T) {
	h := newHouse(t)
	h.start(t, loudspeaker)
	d := newDoor(t, "Garden") // nobody rings: it is looked for all the same
	eventually(t, "a fault", func() bool { _, err := d.said(); return err != nil })
	_, err := d.said()
	if !errors.Is(err, audio.ErrNoDevice) || !strings.Contains(err.Error(), "Garden") || !strings.Contains(err.Error(), "Porch (door)") {
		t.Errorf("the fault is %v", err)
	}
}

func TestAMachineWithAMicrophoneAloneIsHeard(t *testing.T) {
	h := newHouse(t)
	h.start(t, "module-null-source source_name=quiet rate=48000")
	var missing error
	card := audio.NewCard("default", audio.CardOptions{OnPart: func(err error) { missing = err }})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	frames := 0
	err := card.Run(ctx, func(_, _ []int16) {
		if frames++; frames == 50 {
			cancel()
		}
	})
	if err != nil || frames < 50 || !errors.Is(missing, audio.ErrNoLoudspeaker) {
		t.Errorf("%d frames, %v; missing: %v", frames, err, missing)
	}
}

// TestALSAsEmptyDeviceIsNoSound: where a machine's default is the device that takes everything, the door says so.
func TestALSAsEmptyDeviceIsNoSound(t *testing.T) {
	h := newHouse(t) // without a sound server
	config := filepath.Join(h.dir, "asound.conf")
	if err := os.WriteFile(config, []byte("pcm.porch { type null hint { show on description \"Porch\" } }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ALSA_CONFIG_PATH", config)
	d := newDoor(t, "porch")
	d.Play(audio.ToneRinging)
	eventually(t, "a fault", func() bool { _, err := d.said(); return err != nil })
	if _, err := d.said(); !errors.Is(err, audio.ErrNoClock) && !errors.Is(err, audio.ErrStalled) {
		t.Errorf("the fault is %v", err)
	}
}

func TestAMachineWithoutSoundSaysSo(t *testing.T) {
	newHouse(t)
	d := newDoor(t, "default")
	d.Play(audio.ToneRinging)
	eventually(t, "a fault", func() bool { _, err := d.said(); return err != nil })
	if _, err := d.said(); !errors.Is(err, audio.ErrNoDevice) {
		t.Errorf("the fault is %v", err)
	}
}
