package audio

import (
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"
)

// MicrophoneOptions say what is done to what the microphone hears.
type MicrophoneOptions struct {
	// Echo takes the loudspeaker's sound out.
	Echo bool
	// Noise lowers steady noise.
	Noise bool
	// AutoGain brings visitors to one level; without it they are amplified by GainDB.
	AutoGain bool
	GainDB   float64
	// Delay is how late the loudspeaker's sound came back the last time; zero: not known.
	Delay time.Duration
	// OnDelay is told of a delay that was measured and is another than the one told before by more than 5 ms, from the device's goroutine:
	// it must not block. It may be nil.
	OnDelay func(time.Duration)
	// Log takes what of it does not work; nil discards it.
	Log *slog.Logger
}

// Microphone is all that is done to what the microphone hears before the household does: rumble, echo and noise are taken out, the visitor
// is brought to a good level. It is late by 20 ms, half of that for noise, and has the bandwidth of 16 kHz.
type Microphone struct {
	opt      MicrophoneOptions
	nearDown *downsampler
	up       *upsampler
	rumble   *highPass
	denoise  *denoiser      // nil: noise stays
	echo     *echoCanceller // nil: echo stays
	gain     gainControl

	step, clean []float32
	pcm, done   []int16
	told        time.Duration // the delay that is known outside

	mu     sync.Mutex
	report EchoReport
}

// NewMicrophone makes one. Where the library that lowers noise does not work, the log says so, and noise stays.
func NewMicrophone(o MicrophoneOptions) *Microphone {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	m := &Microphone{
		opt: o, told: o.Delay, nearDown: newDownsampler(echoRate), up: newUpsampler(echoRate), rumble: newHighPass(rumbleBelow, echoRate),
		gain: newGainControl(o.AutoGain, o.GainDB),
		step: make([]float32, stepSamples), clean: make([]float32, stepSamples), pcm: make([]int16, stepSamples),
		report: EchoReport{State: EchoOff, GainDB: o.GainDB},
	}
	if o.Noise {
		var err error
		if m.denoise, err = newDenoiser(); err != nil {
			o.Log.Warn("noise is not lowered", "error", err)
		}
	}
	if o.Echo {
		m.echo = newEchoCanceller(o.Delay, m.denoise != nil)
		m.report.State, m.report.Delay = EchoLearning, o.Delay
	}
	return m
}

// begin is called when a device starts: its delay may be another than before.
func (m *Microphone) begin() {
	if m.echo != nil {
		m.echo.restarted()
	}
}

// process handles one frame of FrameSamples: near is what the microphone heard, far what is handed to the loudspeaker now, out takes what
// the household is to hear. It is called from one goroutine at a time.
func (m *Microphone) process(near, far, out []int16) {
	heard := m.nearDown.process(near)
	if m.echo != nil {
		m.echo.plays(far)
	}
	m.done = m.done[:0]
	for at := 0; at+stepSamples <= len(heard); at += stepSamples {
		m.handle(heard[at : at+stepSamples])
	}
	copy(out, m.up.process(m.done))
	m.tell()
}

// handle is process for 10 ms.
func (m *Microphone) handle(heard []int16) {
	clipped := slices.Max(heard) == math.MaxInt16 || slices.Min(heard) == math.MinInt16
	for i, v := range heard {
		m.step[i] = float32(v) / fullScale
	}
	m.rumble.step(m.step)
	if m.echo != nil {
		m.echo.filterOut(m.step, clipped)
	}
	if m.denoise != nil {
		m.denoise.step(m.step, m.pcm)
	}
	visitor := true
	if m.echo != nil {
		visitor = m.echo.lower(m.step)
	}
	m.gain.step(m.step, visitor)
	for _, v := range m.step {
		m.done = append(m.done, saturate(float64(v)*fullScale))
	}
}

// tell brings the report up to date.
func (m *Microphone) tell() {
	m.mu.Lock()
	m.report.GainDB = m.gain.db
	if e := m.echo; e != nil {
		m.report.State, m.report.Delay, m.report.LossDB = e.duplex.state(), e.delay, e.duplex.loss
	}
	now := m.report.Delay
	m.mu.Unlock()
	if m.opt.OnDelay != nil && (now-m.told).Abs() > searchNews {
		m.told = now
		m.opt.OnDelay(now)
	}
}

// searchNews is by how much a delay must differ from the one that was told last.
const searchNews = 5 * time.Millisecond

// Report tells what is known of the echo. It may be called from any goroutine.
func (m *Microphone) Report() EchoReport {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.report
}

// Close gives back what is the microphone's. It must not be used afterwards.
func (m *Microphone) Close() {
	if m.denoise != nil {
		m.denoise.close()
	}
}
