package audio

/*
#cgo pkg-config: speexdsp
#include <speex/speex_echo.h>
#include <speex/speex_preprocess.h>

static void ctl(SpeexPreprocessState *st, int request, int value) {
	speex_preprocess_ctl(st, request, &value);
}
static void echo_rate(SpeexEchoState *st, int rate) {
	speex_echo_ctl(st, SPEEX_ECHO_SET_SAMPLING_RATE, &rate);
}
static void use_echo(SpeexPreprocessState *st, SpeexEchoState *echo) {
	speex_preprocess_ctl(st, SPEEX_PREPROCESS_SET_ECHO_STATE, echo);
}
*/
import "C"

import (
	"errors"
	"unsafe"
)

const (
	// echoRate is the rate of echo cancellation in Hz: voices need no more, and it costs a third.
	echoRate = 16000
	// echoFrame is a frame at that rate.
	echoFrame = FrameSamples * echoRate / SampleRate
	// echoTail is how long after it was handed over a sound may still come back: what waits in the bridge and in the device
	// (80 to 100 ms), and the loudest of the porch's own echo. A longer filter learns more slowly.
	echoTail = 160 * echoRate / 1000
	// What is left of the echo is pushed down further by so many dB, less while somebody speaks at the door; and steady noise
	// by so many.
	echoSuppress, echoSuppressActive = -45, -15
	noiseSuppress                    = -15
)

// errNoSpeex means that the library could not make its states.
var errNoSpeex = errors.New("speexdsp: out of memory")

// speexCanceller is speexdsp's adaptive filter and pre-processor, at 16 kHz. The library is linked dynamically.
type speexCanceller struct {
	echo               *C.SpeexEchoState
	post               *C.SpeexPreprocessState
	nearDown, farDown  *downsampler
	up                 *upsampler
	gate               gate
	nearIn, farIn, rec [echoFrame]int16
}

// NewEchoCanceller makes an echo canceller for the room's sound, which comes out with the bandwidth of 16 kHz.
func NewEchoCanceller() (EchoCanceller, error) {
	c := &speexCanceller{
		echo:     C.speex_echo_state_init(echoFrame, echoTail),
		post:     C.speex_preprocess_state_init(echoFrame, echoRate),
		nearDown: newDownsampler(echoRate), farDown: newDownsampler(echoRate), up: newUpsampler(echoRate),
		gate: newGate(),
	}
	if c.echo == nil || c.post == nil {
		c.Close()
		return nil, errNoSpeex
	}
	C.echo_rate(c.echo, echoRate)
	C.use_echo(c.post, c.echo)
	for request, value := range map[C.int]C.int{
		C.SPEEX_PREPROCESS_SET_DENOISE:              1,
		C.SPEEX_PREPROCESS_SET_NOISE_SUPPRESS:       noiseSuppress,
		C.SPEEX_PREPROCESS_SET_ECHO_SUPPRESS:        echoSuppress,
		C.SPEEX_PREPROCESS_SET_ECHO_SUPPRESS_ACTIVE: echoSuppressActive,
	} {
		C.ctl(c.post, request, value)
	}
	return c, nil
}

// Process implements [EchoCanceller].
func (c *speexCanceller) Process(near, far, out []int16) {
	copy(c.nearIn[:], c.nearDown.process(near))
	copy(c.farIn[:], c.farDown.process(far))
	C.speex_echo_cancellation(c.echo, pcm(&c.nearIn), pcm(&c.farIn), pcm(&c.rec))
	gain := c.gate.decide(c.nearIn[:], c.rec[:])
	C.speex_preprocess_run(c.post, pcm(&c.rec))
	c.gate.apply(c.rec[:], gain)
	copy(out, c.up.process(c.rec[:]))
}

func pcm(frame *[echoFrame]int16) *C.spx_int16_t { return (*C.spx_int16_t)(unsafe.Pointer(frame)) }

// Close implements [EchoCanceller].
func (c *speexCanceller) Close() {
	if c.post != nil {
		C.speex_preprocess_state_destroy(c.post)
	}
	if c.echo != nil {
		C.speex_echo_state_destroy(c.echo)
	}
	c.post, c.echo = nil, nil
}
