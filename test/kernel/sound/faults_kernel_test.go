//go:build kernel

package sound

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"doorstation/internal/audio"
	"doorstation/test/kernel/device"
)

// door is a running engine on a sound card.
type door struct {
	*audio.Engine
	mu     sync.Mutex
	faults []error
}

// newDoor runs an engine until the test ends.
func newDoor(t *testing.T, card string) *door {
	t.Helper()
	d := &door{}
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

// fault is the engine's newest word: nil when it said that a fault is over, or never spoke of one.
func (d *door) fault() (words int, newest error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.faults) == 0 {
		return 0, nil
	}
	return len(d.faults), d.faults[len(d.faults)-1]
}

// mended waits until a fault is over.
func (d *door) mended(t *testing.T) {
	t.Helper()
	eventually(t, "the fault is over", func() bool { n, err := d.fault(); return n > 0 && err == nil })
	if got := d.Status().State; got != audio.StateRunning {
		t.Errorf("the device is %s", got)
	}
}

// hears reports whether a tone comes from the microphone.
func (d *door) hears(hz float64) bool {
	near := d.Status().Near
	return math.Abs(near.FrequencyHz-hz) < 10 && near.LevelDBFS > -30
}

func TestKernelACardIsFoundByItsNames(t *testing.T) {
	for _, name := range []string{"default", "Loopback", "loopback pcm", ":0,0", "hw:0,0", "plughw:0,1"} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t, name)
			d.Play(audio.ToneRinging)
			eventually(t, "the tone is played", func() bool { return d.Status().Speaker.LevelDBFS > -40 })
			if n, err := d.fault(); n != 0 {
				t.Errorf("fault %v", err)
			}
			d.StopTone()
			eventually(t, "the device rests", func() bool { return d.Status().State == audio.StateIdle })
			if _, open, err := doorSpeaks.hardware(); open || err != nil {
				t.Errorf("open: %v, %v", open, err)
			}
		})
	}
	t.Run("Porch", func(t *testing.T) {
		d := newDoor(t, "Porch")
		eventually(t, "a fault", func() bool { _, err := d.fault(); return err != nil })
		if _, err := d.fault(); !errors.Is(err, audio.ErrNoDevice) || !strings.Contains(err.Error(), "Loopback") {
			t.Errorf("the fault is %v", err)
		}
	})
}

func TestKernelTwoDoorsHearEachOther(t *testing.T) {
	here, there := newDoor(t, ":0,0"), newDoor(t, ":0,1")
	here.Play(audio.ToneRinging)
	there.Play(audio.ToneRinging)
	eventually(t, "both hear the tone", func() bool { return here.hears(425) && there.hears(425) })
}

func TestKernelAnotherProgramHasTheCard(t *testing.T) {
	h := hardware{format: "S16_LE", channels: 2, rate: audio.SampleRate, sample: 2}
	player, recorder := program(t, "aplay", "hw:Loopback,0,0", h), program(t, "arecord", "hw:Loopback,0,0", h)
	if err := player.play(h, make([]int16, 48000)); err != nil {
		t.Fatal(err)
	}
	opened(t, doorSpeaks)
	opened(t, doorHears)
	d := newDoor(t, ":0,0")
	d.Play(audio.ToneRinging)
	eventually(t, "a fault", func() bool { _, err := d.fault(); return err != nil })
	if _, err := d.fault(); !errors.Is(err, audio.ErrDeviceBusy) {
		t.Errorf("the fault is %v", err)
	}
	player.end()
	recorder.end()
	d.mended(t)
}

func TestKernelTheCardIsUnpluggedInACallAndIsBack(t *testing.T) {
	here, there := newDoor(t, ":0,0"), newDoor(t, ":0,1")
	here.Play(audio.ToneRinging)
	there.Play(audio.ToneRinging)
	eventually(t, "both hear the tone", func() bool { return here.hears(425) && there.hears(425) })
	plugIn := device.SoundCard.Unplug(t)
	for _, d := range []*door{here, there} {
		eventually(t, "a fault", func() bool { _, err := d.fault(); return err != nil })
	}
	// ALSA's mixer doesn't say that the card is gone; it only stands still.
	if _, err := here.fault(); !errors.Is(err, audio.ErrUnplugged) && !errors.Is(err, audio.ErrStalled) && !errors.Is(err, audio.ErrNoDevice) {
		t.Errorf("the fault is %v", err)
	}
	if got := here.Status(); got.State != audio.StateFailed || got.Tone != audio.ToneRinging {
		t.Errorf("the call goes on in silence: %+v", got)
	}
	plugIn()
	here.mended(t)
	there.mended(t)
	eventually(t, "both hear the tone again", func() bool { return here.hears(425) && there.hears(425) })
}
