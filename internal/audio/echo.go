package audio

// EchoCanceller takes the loudspeaker's sound out of what the microphone hears.
type EchoCanceller interface {
	// Process handles one frame of FrameSamples: near is what the microphone heard, far what is handed to the loudspeaker
	// now, out takes what is left of near. It is called from one goroutine at a time.
	Process(near, far, out []int16)
	// Close gives back what is the canceller's. It must not be used afterwards.
	Close()
}

const (
	// halfDuplexLevel is the level in dBFS from which on the far end is taken to speak.
	halfDuplexLevel = -45
	// halfDuplexHold is how many frames its echo may last after its last word.
	halfDuplexHold = 12
)

// halfDuplex closes the microphone while the far end speaks.
type halfDuplex struct {
	gate gate
	hold int
}

// NewHalfDuplex returns what takes the place of an echo canceller where there is none: one speaks at a time, and the far end goes
// first. It is sure, and costs nothing.
func NewHalfDuplex() EchoCanceller { return &halfDuplex{gate: newGate()} }

// Process implements [EchoCanceller].
func (h *halfDuplex) Process(near, far, out []int16) {
	switch {
	case dbfs(energy(far)/float64(len(far))) > halfDuplexLevel:
		h.hold = halfDuplexHold
	case h.hold > 0:
		h.hold--
	}
	gain := 1.0
	if h.hold > 0 {
		gain = gateFloor
	}
	copy(out, near)
	h.gate.apply(out, gain)
}

// Close implements [EchoCanceller].
func (*halfDuplex) Close() {}
