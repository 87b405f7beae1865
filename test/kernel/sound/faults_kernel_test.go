//go:build kernel

package sound

import (
	"errors"
	"strings"
	"testing"

	"doorstation/internal/audio"
	"doorstation/test/kernel/device"
	"doorstation/test/sound/engine"
)

func TestKernelACardIsFoundByItsNames(t *testing.T) {
	for _, name := range []string{"default", "Loopback", "loopback pcm", ":0,0", "hw:0,0", "plughw:0,1"} {
		t.Run(name, func(t *testing.T) {
			d := engine.New(t, name)
			d.Play(audio.ToneRinging)
			engine.Eventually(t, "the tone is played", func() bool { return d.Status().Speaker.LevelDBFS > -40 })
			if n, err := d.Said(); n != 0 {
				t.Errorf("fault %v", err)
			}
			d.StopTone()
			engine.Eventually(t, "the device rests", func() bool { return d.Status().State == audio.StateIdle })
			if _, open, err := doorSpeaks.hardware(); open || err != nil {
				t.Errorf("open: %v, %v", open, err)
			}
		})
	}
	t.Run("Porch", func(t *testing.T) {
		d := engine.New(t, "Porch")
		if err := d.Fails(); !errors.Is(err, audio.ErrNoDevice) || !strings.Contains(err.Error(), "Loopback") {
			t.Errorf("the fault is %v", err)
		}
	})
}

func TestKernelTwoDoorsHearEachOther(t *testing.T) {
	here, there := engine.New(t, ":0,0"), engine.New(t, ":0,1")
	here.Play(audio.ToneRinging)
	there.Play(audio.ToneRinging)
	engine.Eventually(t, "both hear the tone", func() bool { return here.Hears(425) && there.Hears(425) })
}

func TestKernelAnotherProgramHasTheCard(t *testing.T) {
	h := hardware{format: "S16_LE", channels: 2, rate: audio.SampleRate, sample: 2}
	player, recorder := program(t, "aplay", "hw:Loopback,0,0", h), program(t, "arecord", "hw:Loopback,0,0", h)
	if err := player.play(h, make([]int16, 48000)); err != nil {
		t.Fatal(err)
	}
	opened(t, doorSpeaks)
	opened(t, doorHears)
	d := engine.New(t, ":0,0")
	d.Play(audio.ToneRinging)
	if err := d.Fails(); !errors.Is(err, audio.ErrDeviceBusy) {
		t.Errorf("the fault is %v", err)
	}
	player.end()
	recorder.end()
	d.Mended()
}

func TestKernelTheCardIsUnpluggedInACallAndIsBack(t *testing.T) {
	here, there := engine.New(t, ":0,0"), engine.New(t, ":0,1")
	here.Play(audio.ToneRinging)
	there.Play(audio.ToneRinging)
	engine.Eventually(t, "both hear the tone", func() bool { return here.Hears(425) && there.Hears(425) })
	plugIn := device.SoundCard.Unplug(t)
	_ = there.Fails() // as here
	// ALSA's mixer doesn't say that the card is gone; it only stands still.
	if err := here.Fails(); !errors.Is(err, audio.ErrUnplugged) && !errors.Is(err, audio.ErrStalled) && !errors.Is(err, audio.ErrNoDevice) {
		t.Errorf("the fault is %v", err)
	}
	if got := here.Status(); got.State != audio.StateFailed || got.Tone != audio.ToneRinging {
		t.Errorf("the call goes on in silence: %+v", got)
	}
	plugIn()
	here.Mended()
	there.Mended()
	engine.Eventually(t, "both hear the tone again", func() bool { return here.Hears(425) && there.Hears(425) })
}
