package audio

import (
	"context"
	"errors"
	"math"
	"time"
)

// TrialPhase is what a trial does just now.
type TrialPhase string

// The phases.
const (
	// TrialListens: nothing is played, the microphone is listened to.
	TrialListens TrialPhase = "listening"
	// TrialTone: a tone of 1 kHz is played.
	TrialTone TrialPhase = "tone"
	// TrialSweep: a sweep is played, by which the delay of the echo shows.
	TrialSweep TrialPhase = "sweep"
)

// TrialOptions are what a trial may be given.
type TrialOptions struct {
	// Volume is that of what is played, 0 to 100; 100 is -18 dBFS.
	Volume int
	// Silent plays nothing: the microphone alone is tried.
	Silent bool
	// OnPhase is told of each phase from the device's goroutine. It may be nil.
	OnPhase func(TrialPhase)
}

// Trial is what came of playing and recording on a sound device. Levels are dBFS, at least [SilenceDBFS].
type Trial struct {
	// Dead: the microphone gave nothing but zeros.
	Dead bool
	// NoiseDBFS is the level while nothing was played, PeakDBFS the loudest sample of all.
	NoiseDBFS, PeakDBFS float64
	// Clipped is the share of samples at the end of the scale, 0 to 1.
	Clipped float64
	// Heard: the microphone heard what was played. ToneDBFS is how loud the tone was in what it recorded.
	Heard    bool
	ToneDBFS float64
	// Delay is how late the loudspeaker's sound came back; zero when that did not show.
	Delay time.Duration
}

// The trial's course, in frames, and what is played.
const (
	trialSettle = 25 // a card that is just switched on cracks
	trialListen = 50
	trialTone   = 50
	trialPause  = 25
	trialSweep  = 100
	trialTail   = 10
	trialEnd    = trialSettle + trialListen + trialTone + trialPause + trialSweep + trialTail

	trialHz    = 1000.0
	trialLevel = -18.0
	// trialLate is the part of the tone that is not looked at: it may come so late.
	trialLate = 22

	sweepFrom, sweepTo = 250.0, 3400.0
	sweepLength        = SampleRate / 2
)

// trialHeard is by how many dB the tone must stand out of what is there without it; below trialFaint it is none.
const (
	trialHeard = 10
	trialFaint = -85
)

// errTrialOver ends a trial's run.
var errTrialOver = errors.New("the trial is over")

// Try plays a tone and a sweep on a device, records meanwhile, and says what it heard: five seconds. The error is the device's or ctx's.
func Try(ctx context.Context, d Device, o TrialOptions) (Trial, error) {
	run, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t := newTrial(o)
	err := d.Run(run, func(capture, playback []int16) {
		if t.frame >= trialEnd {
			clear(playback)
			return
		}
		if t.step(capture, playback); t.frame == trialEnd {
			cancel(errTrialOver)
		}
	})
	if errors.Is(context.Cause(run), errTrialOver) {
		err = nil // how the device was given back is no part of the trial
	} else if err == nil {
		err = errors.Join(ctx.Err(), ErrEnded)
	}
	return t.result(), err
}

// trial is one trial that is on.
type trial struct {
	opt   TrialOptions
	gain  float64
	frame int
	at    int // samples of this phase

	loud          float64 // the loudest sample
	clipped, seen int
	noise         float64 // sum of squares,
	noiseSamples  int
	before, tone  goertzel // of the tone's frequency, while listening and while it is played

	nearDown, farDown *downsampler
	search            *delaySearch
	delay             time.Duration
}

func newTrial(o TrialOptions) *trial {
	return &trial{
		opt: o, gain: float64(gainOfVolume(o.Volume)) * math.Sqrt2 * math.Pow(10, trialLevel/20) * math.MaxInt16,
		nearDown: newDownsampler(echoRate), farDown: newDownsampler(echoRate), search: newDelaySearch(),
	}
}

// step takes one frame and gives the next.
func (t *trial) step(capture, playback []int16) {
	clear(playback)
	at, phase := t.frame, TrialPhase("")
	t.frame++
	begin := func(length int) bool {
		if at == 0 {
			t.at = 0
		}
		if at < length {
			return true
		}
		at -= length
		return false
	}
	listening, tone := false, false
	switch {
	case begin(trialSettle):
		return
	case begin(trialListen):
		phase, listening = TrialListens, true
	case begin(trialTone):
		phase, tone = TrialTone, true
		t.play(playback, func(i int) float64 { return 2 * math.Pi * trialHz * float64(i) / SampleRate }, trialTone*FrameSamples)
	case begin(trialPause):
	case begin(trialSweep):
		phase = TrialSweep
		t.play(playback, sweepPhase, trialSweep*FrameSamples)
	}
	if at == 0 && phase != "" && t.opt.OnPhase != nil {
		t.opt.OnPhase(phase)
	}
	t.look(capture)
	if listening {
		t.noise += energy(capture)
		t.noiseSamples += len(capture)
		t.before.write(capture)
	}
	if tone && at >= trialLate {
		t.tone.write(capture)
	}
	t.find(capture, playback, tone)
}

// play writes the next frame of a sound whose phase is a function of the sample's number; its beginning and end swell.
func (t *trial) play(to []int16, phase func(i int) float64, length int) {
	if t.opt.Silent {
		return
	}
	const edge = SampleRate / 50
	for i := range to {
		swell := math.Min(1, float64(min(t.at, length-1-t.at))/edge)
		to[i] = saturate(t.gain * swell * math.Sin(phase(t.at)))
		t.at++
	}
}

// sweepPhase is the phase of one that rises evenly, again and again.
func sweepPhase(i int) float64 {
	s := float64(i%sweepLength) / SampleRate
	const seconds = float64(sweepLength) / SampleRate
	return 2 * math.Pi * (sweepFrom*s + (sweepTo-sweepFrom)/(2*seconds)*s*s)
}

// look measures what every frame is measured for.
func (t *trial) look(pcm []int16) {
	for _, v := range pcm {
		level := math.Abs(float64(v))
		t.loud = math.Max(t.loud, level)
		if level >= math.MaxInt16 {
			t.clipped++
		}
	}
	t.seen += len(pcm)
}

// find looks for the loudspeaker's sound in the microphone's.
func (t *trial) find(capture, playback []int16, tone bool) {
	near, far := floats(t.nearDown.process(capture)), floats(t.farDown.process(playback))
	for at := 0; at+stepSamples <= len(near) && at+stepSamples <= len(far); at += stepSamples {
		if delay, found := t.search.step(far[at:at+stepSamples], near[at:at+stepSamples], tone); found {
			t.delay = delay
		}
	}
}

// floats gives samples as the canceller has them, full scale being 1.
func floats(pcm []int16) []float32 {
	out := make([]float32, len(pcm))
	for i, v := range pcm {
		out[i] = float32(v) / fullScale
	}
	return out
}

// result is what has been found.
func (t *trial) result() Trial {
	r := Trial{
		Dead: t.seen > 0 && t.loud == 0, NoiseDBFS: SilenceDBFS, PeakDBFS: SilenceDBFS, ToneDBFS: t.tone.level(), Delay: t.delay,
	}
	if t.seen == 0 {
		return r
	}
	r.Clipped = float64(t.clipped) / float64(t.seen)
	r.PeakDBFS = dbfs(t.loud * t.loud / (1 << 30))
	if t.noiseSamples > 0 {
		r.NoiseDBFS = dbfs(t.noise / float64(t.noiseSamples))
	}
	r.Heard = r.ToneDBFS > trialFaint && r.ToneDBFS > t.before.level()+trialHeard || t.delay > 0
	return r
}

// goertzel measures the level of one frequency in a sound, in pieces as long as the frames (G. Goertzel, 1958).
type goertzel struct {
	power  float64
	pieces int
}

func (g *goertzel) write(pcm []int16) {
	turn := 2 * math.Cos(2*math.Pi*trialHz/SampleRate)
	a, b := 0.0, 0.0
	for _, v := range pcm {
		a, b = float64(v)/fullScale+turn*a-b, a
	}
	n := float64(len(pcm))
	g.power += 2 * (a*a + b*b - turn*a*b) / (n * n)
	g.pieces++
}

// level is the mean level of the frequency in dBFS.
func (g *goertzel) level() float64 {
	if g.pieces == 0 {
		return SilenceDBFS
	}
	return dbfs(g.power / float64(g.pieces))
}
