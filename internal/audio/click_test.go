package audio

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// steepest is the largest step from one sample to the next.
func steepest(pcm []int16) int {
	most := 0
	for i := range len(pcm) - 1 {
		most = max(most, abs(int(pcm[i+1])-int(pcm[i])))
	}
	return most
}

// TestAToneThatIsStoppedDoesNotClick: in the middle of a wave, whose highest sample is 5800 and whose steepest step 500.
func TestAToneThatIsStoppedDoesNotClick(t *testing.T) {
	e := NewEngine(NewSilentDevice(), EngineOptions{})
	defer e.shut()
	m := &mixer{engine: e}
	var heard []int16
	frames := func(n int) {
		for range n {
			playback := make([]int16, FrameSamples)
			m.process(make([]int16, FrameSamples), playback)
			heard = append(heard, playback...)
		}
	}
	e.Play(ToneNobody)
	frames(4)
	e.StopTone()
	frames(3)
	if got := levelOf(heard[len(heard)-FrameSamples:]); got > SilenceDBFS {
		t.Errorf("a stopped tone goes on at %.0f dBFS", got)
	}
	e.Play(ToneNobody)
	frames(4)
	e.Play(ToneBusy)
	frames(4)
	if got := steepest(heard); got > 900 {
		t.Errorf("a tone that is stopped jumps by %d", got)
	}
}

// TestTheEndOfAToneIsHeard: what is handed to a device is not heard yet; one that is stopped at once drops it.
func TestTheEndOfAToneIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &countingDevice{}
		e := NewEngine(d, EngineOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx) }()
		e.Play(ToneEnded)
		time.Sleep(5 * time.Second)
		if got := e.Status(); got.State != StateIdle {
			t.Errorf("after the tone: %+v", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if d.after < 8 {
			t.Errorf("the device ran for %d frames after the tone's last", d.after)
		}
	})
}

// countingDevice counts the silent frames after the last that was not.
type countingDevice struct {
	silentDevice
	after int
}

func (d *countingDevice) Run(ctx context.Context, process func(capture, playback []int16)) error {
	return d.silentDevice.Run(ctx, func(capture, playback []int16) {
		process(capture, playback)
		if d.after++; energy(playback) > 0 {
			d.after = 0
		}
	})
}

// TestAVolumeDoesNotClick: from frame to frame it glides.
func TestAVolumeDoesNotClick(t *testing.T) {
	var o output
	var heard []int16
	for i, gain := range []float32{1, 1, 1, 1, 0.1, 0.1, 0, 1, 1} {
		playback := make([]int16, FrameSamples)
		o.mix(sine(440, -18, FrameSamples, i*FrameSamples), gain, make([]int16, FrameSamples), 1, playback)
		heard = append(heard, playback...)
	}
	if got := steepest(heard); got > 400 {
		t.Errorf("it jumps by %d", got)
	}
}

// TestAMuteDoesNotClick: neither at the door nor in the household.
func TestAMuteDoesNotClick(t *testing.T) {
	e := NewEngine(NewSilentDevice(), EngineOptions{})
	defer e.shut()
	var sent recorder
	s := open(t, e, Codec{Name: "G722", ClockRate: 8000, Channels: 1}, sent.send)
	defer s.Close()
	m := &mixer{engine: e}
	playback := make([]int16, FrameSamples)
	for i := range 12 {
		if i == 4 || i == 9 {
			if _, err := e.ChangeCall(func(c *CallSound) { c.MicrophoneMuted = i == 4 }); err != nil {
				t.Fatal(err)
			}
		}
		m.process(sine(440, -18, FrameSamples, i*FrameSamples), playback)
	}
	var heard []int16
	for _, payload := range sent.take() {
		pcm, err := s.ear.decode(payload)
		if err != nil {
			t.Fatal(err)
		}
		heard = append(heard, pcm...)
	}
	if got := steepest(heard[FrameSamples:]); got > 500 {
		t.Errorf("it jumps by %d", got)
	}
}
