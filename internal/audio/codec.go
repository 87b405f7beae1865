package audio

import (
	"fmt"
	"time"
)

// coder turns frames into payloads and payloads into frames, for one direction each, with the memory that codecs have.
// All sound is 48 kHz mono. It is used from one goroutine at a time.
type coder interface {
	// encode codes one frame of FrameSamples. The payload is the caller's; empty: nothing is to be sent for this frame.
	encode(pcm []int16) ([]byte, error)
	// expect is told of a report on what the far end did not get lately of what was sent, 0 to 1.
	expect(loss float64) error
	// decode gives the sound of a payload.
	decode(payload []byte) ([]int16, error)
	// conceal makes up sound for what is missing; samples is a multiple of concealUnit.
	conceal(samples int) ([]int16, error)
	// recover is conceal with the help of the payload that follows the missing one.
	recover(next []byte, samples int) ([]int16, error)
	// redundant tells whether a payload helps recover: whether it holds a copy of the one before it.
	redundant(payload []byte) bool
	// duration is how much sound a payload claims to hold, 0 when it is malformed. Nothing is decoded.
	duration(payload []byte) time.Duration
}

// concealUnit is the granularity of concealment in samples: 2.5 ms, the shortest frame of Opus.
const concealUnit = 120

// maxPayload is more than one Opus packet can be (RFC 6716 section 3.4: 120 ms at the highest rate take 48 frames).
const maxPayload = 4000

// newCoder makes the coder of a negotiated codec.
func newCoder(c Codec) (coder, error) {
	switch {
	case c.is("opus") && c.ClockRate == SampleRate:
		return newOpusCoder()
	case c.is("G722") && c.ClockRate == waveClock:
		return newG722Coder(), nil
	case c.is("PCMU") && c.ClockRate == waveClock:
		return newG711Coder(ulaw()), nil
	case c.is("PCMA") && c.ClockRate == waveClock:
		return newG711Coder(alaw()), nil
	default:
		return nil, fmt.Errorf("%w: %s", ErrUnknownCodec, c)
	}
}
