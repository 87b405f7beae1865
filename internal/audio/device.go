package audio

import (
	"context"
	"math"
	"time"
)

// silentDevice is the sound of a door without a sound card.
type silentDevice struct{}

// NewSilentDevice returns the device "none": it hears silence, and what is played is gone. Calls go on with it, their
// far end hears nothing.
func NewSilentDevice() Device { return silentDevice{} }

// Name implements [Device].
func (silentDevice) Name() string { return "none" }

// Run implements [Device].
func (silentDevice) Run(ctx context.Context, process func(capture, playback []int16)) error {
	capture, playback := make([]int16, FrameSamples), make([]int16, FrameSamples)
	return everyFrame(ctx, func(time.Time) {
		clear(capture)
		process(capture, playback)
	})
}

// testDevice is the sound of a test: a tone in place of the microphone. In place of the loudspeaker stands the engine's
// own meter, see [Status].
type testDevice struct {
	frequency, level float64
	bursts           func(heard time.Time) // nil: a tone that lasts
}

// TestDeviceOption changes a test device.
type TestDeviceOption func(*testDevice)

// WithLevel sets the root mean square level of the tone in dBFS; without it, it is -15.
func WithLevel(dbfs float64) TestDeviceOption { return func(d *testDevice) { d.level = dbfs } }

// WithBursts lets the device hear a burst of [BurstHz] with each second of the wall clock and silence in between, and calls heard,
// from the device's goroutine, with the moment at which each burst of the far end would begin at a loudspeaker: the time that
// sound takes both ways can be told from that. A sample is dated as a card without any buffer of its own would have it: it is
// handed over with its frame of 20 ms, and played from the moment at which its frame is there.
func WithBursts(heard func(time.Time)) TestDeviceOption {
	return func(d *testDevice) { d.bursts = heard }
}

// NewTestDevice returns the device "test": it hears a sine tone of a frequency in Hz, 0 is silence. What the far end says
// is measured instead of played: [Engine.Status] has level and dominant frequency.
func NewTestDevice(toneHz float64, opts ...TestDeviceOption) Device {
	d := &testDevice{frequency: toneHz, level: -15}
	for _, opt := range opts {
		opt(d)
	}
	return d
}

// Name implements [Device].
func (d *testDevice) Name() string { return "test" }

// Run implements [Device].
func (d *testDevice) Run(ctx context.Context, process func(capture, playback []int16)) error {
	capture, playback := make([]int16, FrameSamples), make([]int16, FrameSamples)
	amplitude := 0.0
	if d.frequency > 0 {
		amplitude = math.Sqrt2 * math.Pow(10, d.level/20) * math.MaxInt16
	}
	if d.bursts != nil {
		return d.runBursts(ctx, process)
	}
	turn := 2 * math.Pi * d.frequency / SampleRate
	phase := 0.0
	return everyFrame(ctx, func(time.Time) {
		for i := range capture {
			capture[i] = saturate(amplitude * math.Sin(phase))
			phase = math.Mod(phase+turn, 2*math.Pi)
		}
		process(capture, playback)
	})
}

// runBursts is Run of a device with bursts.
func (d *testDevice) runBursts(ctx context.Context, process func(capture, playback []int16)) error {
	capture, playback := make([]int16, FrameSamples), make([]int16, FrameSamples)
	amplitude := math.Sqrt2 * math.Pow(10, d.level/20) * math.MaxInt16
	ears := &onsets{heard: d.bursts}
	return everyFrame(ctx, func(due time.Time) {
		began := due.Add(-FrameDuration)
		for i := range capture {
			at := began.Add(time.Duration(i) * time.Second / SampleRate)
			phase := 2 * math.Pi * BurstHz * at.Sub(at.Truncate(BurstEvery)).Seconds()
			capture[i] = saturate(amplitude * burstAt(at) * math.Sin(phase))
		}
		process(capture, playback)
		ears.take(playback, time.Now())
	})
}

// catchUp is how much lateness of a device without a clock of its own is made good; more is forgotten.
const catchUp = 200 * time.Millisecond

// everyFrame calls f once per 20 ms on average, with the moment at which that was due, until ctx ends.
func everyFrame(ctx context.Context, f func(due time.Time)) error {
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		f(due)
		due = due.Add(FrameDuration)
		if late := time.Since(due); late > catchUp {
			due = due.Add(late)
		}
		timer.Reset(time.Until(due))
	}
}
