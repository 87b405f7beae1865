package audio

import (
	"math"
	"math/rand/v2"
)

const (
	// restFloor is the least that the suppressor leaves of a line: -30 dB.
	restFloor = 0.03
	// restOver is by how much what may be left of the echo is overestimated, in power.
	restOver = 3
	// restSudden is how much of an echo a sound that was not there before may leave, in power: the filter has yet to learn it.
	restSudden = 0.025
	// restKept is how much the step before counts when a line is weighed: less of it chirps.
	restKept = 0.85
	// leakBands is how many bands the spectrum is looked at in.
	leakBands = 16
	// leakRises is how much the least leak is forgotten in 10 ms, in power: 3 dB in a second.
	leakRises = 1.007
	leakLeast = 1e-4
	// echoFades is what is left of an echo after 10 ms of a room, in power.
	echoFades = 0.6
)

// suppressor lowers, line by line of the spectrum, what the filter left of the echo. It is late by one step.
type suppressor struct {
	fft          *transform
	window       []float32
	left, echo   []float32 // the last two steps
	pair, over   []float32
	rest, gone   []complex64
	faded        []float32 // power of the echo, with the room's fading
	weighed      []float32 // power of what was let through in the step before
	leak         [leakBands]float64
	restS, goneS [leakBands]float64 // smoothed powers
	gain         []float32
	calm, noise  []float32  // power while nobody speaks, smoothed, and the least of it
	random       *rand.Rand // turns the lines of noise

	restPower, expected float64 // of the last step: what was left, and how much of that was to be expected of the echo
}

func newSuppressor() *suppressor {
	s := &suppressor{fft: newTransform(2 * stepSamples), random: rand.New(rand.NewPCG(1, 2))}
	for i := range 2 * stepSamples {
		s.window = append(s.window, float32(math.Sin(math.Pi*(float64(i)+0.5)/(2*stepSamples))))
	}
	for _, p := range []*[]float32{&s.left, &s.echo, &s.pair} {
		*p = make([]float32, 2*stepSamples)
	}
	s.over = make([]float32, stepSamples)
	for _, p := range []*[]float32{&s.faded, &s.weighed, &s.gain, &s.calm, &s.noise} {
		*p = make([]float32, stepLines)
	}
	s.rest, s.gone = make([]complex64, stepLines), make([]complex64, stepLines)
	for b := range s.leak {
		s.leak[b] = 1
	}
	return s
}

// look takes 10 ms: left is what the filter left, echo what it took away, doubt the power of echo that it expects in left, clipped that the
// microphone had too much of it. Afterwards restPower and expected are what is left, and what of that is to be expected of the echo, as mean squares.
func (s *suppressor) look(left, echo, doubt []float32, clipped bool) {
	s.spectrum(s.left, left, s.rest)
	s.spectrum(s.echo, echo, s.gone)
	s.learn()
	s.restPower, s.expected = 0, 0
	gone := 0.0
	for k := range s.rest {
		gone += float64(s.faded[k]) / meanSquare
		s.faded[k] = max(power(s.gone[k]), echoFades*s.faded[k])
		p := power(s.rest[k])
		echo := restOver * (float32(s.leak[bandOf(k)])*s.faded[k] + doubt[k])
		if clipped { // no filter takes that away
			echo = max(echo, p)
		}
		s.restPower += float64(p) / meanSquare
		s.expected += float64(echo) / meanSquare
		// The weight of a line by the signal against the echo, partly of the step before (Y. Ephraim and D. Malah, 1984).
		ratio := restKept*s.weighed[k]/(echo+1e-12) + (1-restKept)*max(0, p/(echo+1e-12)-1)
		s.gain[k] = max(restFloor, ratio/(1+ratio))
		s.weighed[k] = s.gain[k] * s.gain[k] * p
	}
	s.expected = max(s.expected, restSudden*gone)
}

// meanSquare is the sum of the powers of half the lines for a mean square of 1.
const meanSquare = stepSamples * stepSamples

// quiet takes note of what is there while nobody speaks.
func (s *suppressor) quiet() {
	for k := range s.rest {
		s.calm[k] += 0.1 * (power(s.rest[k]) - s.calm[k])
		s.noise[k] = min(s.noise[k]*1.01+1e-12, s.calm[k])
	}
}

// lower gives the step before the one that was looked at last, lowered by the gain of the voice switch too. What is taken away is filled up
// with noise as quiet as the door's own: a line that goes dead between the words sounds broken.
func (s *suppressor) lower(gate float32, out []float32) {
	for k := range s.rest {
		gain := s.gain[k] * gate
		fill := float32(math.Sqrt(float64((1 - gain*gain) * s.noise[k])))
		angle := 2 * math.Pi * s.random.Float64()
		s.rest[k] = s.rest[k]*complex(gain, 0) + complex(fill*float32(math.Cos(angle)), fill*float32(math.Sin(angle)))
	}
	s.rest[0], s.rest[stepLines-1] = 0, 0
	s.fft.inverse(s.rest, s.pair)
	for i := range out {
		out[i] = s.over[i] + s.pair[i]*s.window[i]
		s.over[i] = s.pair[stepSamples+i] * s.window[stepSamples+i]
	}
}

// spectrum moves a step into what is kept of a signal and gives the spectrum of both.
func (s *suppressor) spectrum(kept, next []float32, out []complex64) {
	copy(kept, kept[stepSamples:])
	copy(kept[stepSamples:], next)
	for i, v := range kept {
		s.pair[i] = v * s.window[i]
	}
	s.fft.forward(s.pair, out)
}

// learn finds how much of the echo gets through the filter in each band: the least of the last seconds, as all else that is heard comes on
// top of it.
func (s *suppressor) learn() {
	var rest, gone [leakBands]float64
	for k := range s.rest {
		b := bandOf(k)
		rest[b] += float64(power(s.rest[k]))
		gone[b] += float64(power(s.gone[k]))
	}
	for b := range s.leak {
		s.restS[b] += 0.2 * (rest[b] - s.restS[b])
		s.goneS[b] += 0.2 * (gone[b] - s.goneS[b])
		if gone[b] < 1e-6 || s.goneS[b] < 1e-6 {
			continue
		}
		if now := s.restS[b] / s.goneS[b]; now < s.leak[b] {
			s.leak[b] += 0.2 * (now - s.leak[b])
		} else {
			s.leak[b] *= leakRises
		}
		s.leak[b] = min(1, max(leakLeast, s.leak[b]))
	}
}

// bandOf tells in which band a line is: each is 500 Hz.
func bandOf(k int) int { return min(leakBands-1, k*leakBands/stepLines) }
