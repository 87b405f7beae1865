package sound

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorstation/internal/audio"
	"doorstation/test/sound/engine"
)

// loudspeaker is PulseAudio's sink without a sound card; its monitor is the microphone.
const loudspeaker = "module-null-sink sink_name=door rate=48000 channels=2 sink_properties=device.description=Porch"

// hearsItself reports whether the ringing tone comes back through the microphone.
func hearsItself(d *engine.Door) func() bool { return func() bool { return d.Hears(425) } }

func TestTheDoorHearsWhatItPlays(t *testing.T) {
	h := newHouse(t)
	h.start(t, loudspeaker)
	for _, name := range []string{"default", "porch", "door"} {
		t.Run(name, func(t *testing.T) {
			d := engine.New(t, name)
			d.Play(audio.ToneRinging)
			engine.Eventually(t, "the tone is heard", hearsItself(d))
			if n, err := d.Said(); n != 0 {
				t.Errorf("fault %v", err)
			}
			d.StopTone()
			engine.Eventually(t, "the device rests", func() bool { return d.Status().State == audio.StateIdle })
		})
	}
}

func TestTheSoundServerEndsInACallAndIsBack(t *testing.T) {
	h := newHouse(t)
	h.start(t, loudspeaker)
	d := engine.New(t, "default")
	d.Play(audio.ToneRinging)
	engine.Eventually(t, "the tone is heard", hearsItself(d))
	h.kill(t)
	if err := d.Fails(); !errors.Is(err, audio.ErrUnplugged) && !errors.Is(err, audio.ErrStalled) && !errors.Is(err, audio.ErrNoDevice) {
		t.Errorf("the fault is %v", err)
	}
	if got := d.Status(); got.State != audio.StateFailed || got.Tone != audio.ToneRinging {
		t.Errorf("the call goes on in silence: %+v", got)
	}
	h.start(t, loudspeaker)
	d.Mended()
	engine.Eventually(t, "the tone is heard again", hearsItself(d))
}

func TestADeviceThatIsNotThereIsNamedWithThoseThatAre(t *testing.T) {
	h := newHouse(t)
	h.start(t, loudspeaker)
	d := engine.New(t, "Garden") // nobody rings: it is looked for all the same
	err := d.Fails()
	if !errors.Is(err, audio.ErrNoDevice) || !strings.Contains(err.Error(), "Garden") || !strings.Contains(err.Error(), "Porch (door)") {
		t.Errorf("the fault is %v", err)
	}
}

func TestAMachineWithAMicrophoneAloneIsHeard(t *testing.T) {
	h := newHouse(t)
	h.start(t, "module-null-source source_name=quiet rate=48000")
	var missing error
	card := audio.NewCard("default", audio.CardOptions{OnPart: func(err error) { missing = err }})
	ctx, cancel := context.WithTimeout(t.Context(), engine.Patience)
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
	d := engine.New(t, "porch")
	d.Play(audio.ToneRinging)
	if err := d.Fails(); !errors.Is(err, audio.ErrNoClock) && !errors.Is(err, audio.ErrStalled) {
		t.Errorf("the fault is %v", err)
	}
}

func TestAMachineWithoutSoundSaysSo(t *testing.T) {
	newHouse(t)
	d := engine.New(t, "default")
	d.Play(audio.ToneRinging)
	if err := d.Fails(); !errors.Is(err, audio.ErrNoDevice) {
		t.Errorf("the fault is %v", err)
	}
}
