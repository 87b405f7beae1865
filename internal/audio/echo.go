package audio

import "time"

// EchoState is how the loudspeaker's echo is dealt with.
type EchoState string

// The ways.
const (
	// EchoOff: it is left in, or there is nothing it could be left in.
	EchoOff EchoState = "off"
	// EchoLearning: the far end has not said enough yet; until then one speaks at a time.
	EchoLearning EchoState = "learning"
	// EchoFullDuplex: it is taken out, both may speak at once.
	EchoFullDuplex EchoState = "full_duplex"
	// EchoHalfDuplex: it can't be taken out; the far end goes first, and the visitor can break in by being clearly louder than the echo.
	EchoHalfDuplex EchoState = "half_duplex"
)

// EchoReport is what is known of the echo.
type EchoReport struct {
	State EchoState
	// Delay is how late the loudspeaker's sound comes back to the microphone; zero: not measured yet.
	Delay time.Duration
	// LossDB is by how much the adaptive filter alone lowers the echo (echo return loss enhancement, ITU-T G.168 section 3.1.3), in the
	// visitor's pauses of the last 3 s with echo; zero: not measured yet.
	LossDB float64
	// GainDB is by how much the visitor is amplified at the moment.
	GainDB float64
}

// The form of sound in which the microphone is worked on.
const (
	// echoRate is in Hz: voices need no more, and it costs a third of the room's rate.
	echoRate = 16000
	// stepSamples is how much is handled at once: 10 ms.
	stepSamples = echoRate / 100
	// stepLines is how many lines the spectrum of two steps has: one each 50 Hz.
	stepLines = stepSamples + 1
	// fullScale is what a sample of 1 is in 16 bit.
	fullScale = 32768
)
