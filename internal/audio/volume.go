package audio

import (
	"errors"
	"math"
)

// ErrNoCall means that there is no call whose sound could be changed.
var ErrNoCall = errors.New("no call is up")

// loudest is the volume that leaves sound as it is.
const loudest = 100

// gainOfVolume is the gain of a volume from 0 to 100: a cubic curve, on which equal steps sound equal as on the sliders of PulseAudio; half
// is 18 dB less.
func gainOfVolume(volume int) float32 {
	v := float64(max(0, min(loudest, volume))) / loudest
	return float32(math.Pow(v, 3))
}

// CallSound is what may be changed of the sound of the call that is up. It ends with the call.
type CallSound struct {
	// MicrophoneMuted keeps the visitor from the household, LoudspeakerMuted the household from the visitor.
	MicrophoneMuted, LoudspeakerMuted bool
	// Volume is the household's at the door, 0 to 100, in place of the one that is set for all calls.
	Volume int
}

// ChangeCall changes the sound of the call that is up, which is every stream that is open: change is given what holds now, and must not call
// the engine. It returns what holds from then on. Without a call it is ErrNoCall: what is set for a call ends with it.
func (e *Engine) ChangeCall(change func(*CallSound)) (CallSound, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.streams) == 0 {
		return CallSound{}, ErrNoCall
	}
	change(&e.call)
	e.call.Volume = max(0, min(loudest, e.call.Volume))
	return e.call, nil
}

// output mixes what the loudspeaker is to play and keeps it from being clipped.
type output struct {
	limit limiter
	gain  fader // of the far ends
	sum   [FrameSamples]float32
}

// mix gives what the loudspeaker plays of the far ends and of a tone.
func (o *output) mix(far []int16, farGain float32, tone []int16, toneGain float32, playback []int16) {
	from, step := o.gain.next(farGain, len(o.sum))
	for i := range o.sum {
		o.sum[i] = (float32(far[i])*(from+step*float32(i)) + float32(tone[i])*toneGain) / fullScale
	}
	o.limit.apply(o.sum[:])
	for i, v := range o.sum {
		playback[i] = saturate(float64(v) * fullScale)
	}
}

// fader lets a gain glide through a frame: a jump in the middle of a wave clicks.
type fader struct {
	gain  float32
	known bool
}

// next gives the gain of a frame's first sample, and by how much it changes with each.
func (f *fader) next(gain float32, samples int) (from, step float32) {
	if !f.known {
		f.gain, f.known = gain, true
	}
	from, f.gain = f.gain, gain
	return from, (gain - from) / float32(samples)
}

// apply handles a frame in place.
func (f *fader) apply(frame []int16, gain float32) {
	from, step := f.next(gain, len(frame))
	if from == 1 && step == 0 {
		return
	}
	for i, v := range frame {
		frame[i] = int16(float32(v) * (from + step*float32(i)))
	}
}
