package audio

const (
	// gateFloor is how far the voice switch lowers what is left of the echo while nobody speaks at the door: -26 dB.
	gateFloor = 0.05
	// gateOpens is how loud what is left must be against what is to be expected of the echo, in power, for gateSteps, to be a person;
	// gateSurely needs no second step.
	gateOpens, gateSteps, gateSurely = 3, 2, 12
	// gateSilence is the mean square below which no echo is worth a switch: -75 dBFS.
	gateSilence = 3e-8
	// gateHold is how many steps it stays open after a person was heard: syllables have gaps.
	gateHold = 16
	// gateCloses is by how much it closes in a step, so that no word is cut.
	gateCloses = 0.5

	// breakIn is how much louder than the echo a person must be to be heard all the same, in power, for how many steps; and for how many
	// he is heard then.
	breakIn, breakInSteps, breakInHold = 4, 5, 25
)

// gate is what a voice switch lowers by: it opens at once and closes within a few steps.
type gate struct{ gain float32 }

func newGate() gate { return gate{gain: 1} }

// next is the gain of the next step.
func (g *gate) next(closed bool) float32 {
	if closed {
		g.gain = max(gateFloor, g.gain*gateCloses)
	} else {
		g.gain = 1
	}
	return g.gain
}
