package audio

import "math"

const (
	// gateFloor is how far the gate lowers what is left of the echo while nobody speaks at the door.
	gateFloor = 0.05
	// gateRatio is how loud what the filter leaves must be against what it takes away, in energy, to be a person: -5 dB.
	gateRatio = 0.3
	// gateSilence is the mean square below which no echo is worth a gate: -70 dBFS.
	gateSilence = 1e-7
	// gateHold is how many frames the gate stays open after a person was heard: syllables have gaps.
	gateHold = 8
)

// gate is the voice switch behind the adaptive filter: it closes while what the microphone hears is echo almost alone, and is open in
// silence, when the visitor speaks, and when both do.
type gate struct {
	gain float64 // of the frame before
	hold int
}

func newGate() gate { return gate{gain: 1} }

// decide looks at a frame as the microphone heard it and as the filter left it.
func (g *gate) decide(heard, left []int16) (gain float64) {
	taken := 0.0
	for i := range heard {
		d := float64(heard[i]) - float64(left[i])
		taken += d * d
	}
	taken /= 1 << 30
	switch rest := energy(left); {
	case rest > gateRatio*taken:
		g.hold = gateHold
	case g.hold > 0:
		g.hold--
	}
	if g.hold > 0 || taken < gateSilence*float64(len(heard)) {
		return 1
	}
	return gateFloor
}

// apply lowers a frame, sliding from the gain before to the one decided on. It opens at once and closes within a few frames.
func (g *gate) apply(frame []int16, want float64) {
	to := want
	if want < g.gain {
		to = max(want, g.gain/2)
	}
	from := g.gain
	for i := range frame {
		at := float64(i+1) / float64(len(frame))
		frame[i] = int16(math.Round(float64(frame[i]) * (from + (to-from)*at)))
	}
	g.gain = to
}
