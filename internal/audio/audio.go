// Package audio runs the door's one duplex sound device and connects it with the far end of calls: Opus, G.722 and G.711
// both ways, a jitter buffer with loss concealment, and the tones a visitor hears.
//
// Inside the room all sound is 48 kHz mono 16 bit in frames of 20 ms.
package audio

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The one sound format of the room.
const (
	// SampleRate is in samples per second.
	SampleRate = 48000
	// FrameDuration is how much sound is handled at once.
	FrameDuration = 20 * time.Millisecond
	// FrameSamples is the number of samples in one frame.
	FrameSamples = 960
)

// Sentinel errors of the room.
var (
	// ErrUnknownCodec means that a codec is none of opus, G722, PCMU and PCMA at their usual clock rates.
	ErrUnknownCodec = errors.New("audio codec is not known")
	// ErrClosed means that the stream or the engine has been closed.
	ErrClosed = errors.New("audio is closed")
)

// Codec is what was negotiated for a stream, in the words of SDP.
type Codec struct {
	// Name is "opus", "G722", "PCMU" or "PCMA"; case does not matter.
	Name string
	// ClockRate is the RTP clock in Hz: 48000 for Opus (RFC 7587), 8000 for G.711 and, though it
	// samples at 16000, G.722 (RFC 3551).
	ClockRate int
	// Channels as in the rtpmap; sound is sent in mono whatever it says, which RFC 7587 section 4.1 allows.
	Channels int
}

// String gives the codec as an rtpmap would.
func (c Codec) String() string { return fmt.Sprintf("%s/%d", c.Name, c.ClockRate) }

// key is the same for codecs that are coded alike.
func (c Codec) key() string { return strings.ToLower(c.String()) }

// is reports whether the codec has this name.
func (c Codec) is(name string) bool { return strings.EqualFold(c.Name, name) }

// Device is one duplex sound device: microphone and loudspeaker on one clock.
type Device interface {
	// Run calls process once per 20 ms, from one goroutine, with capture filled by the device and playback to be filled
	// by process (both FrameSamples long, valid during the call only), until ctx ends (it then returns nil or ctx.Err())
	// or the device breaks (any other error). It may be run again afterwards.
	Run(ctx context.Context, process func(capture, playback []int16)) error
	// Name is what a person calls the device: "test", "none" or the name of a sound card.
	Name() string
}
