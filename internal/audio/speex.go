package audio

/*
#cgo pkg-config: speexdsp
#include <speex/speex_preprocess.h>

static void ctl(SpeexPreprocessState *st, int request, int value) {
	speex_preprocess_ctl(st, request, &value);
}
*/
import "C"

import (
	"errors"
	"unsafe"
)

// noiseSuppress is how far steady noise is lowered, in dB.
const noiseSuppress = -15

// errNoSpeex means that the library could not make its state.
var errNoSpeex = errors.New("speexdsp: out of memory")

// denoiser is speexdsp's pre-processor, which lowers steady noise. It is late by one step. The library is linked dynamically.
type denoiser struct{ state *C.SpeexPreprocessState }

func newDenoiser() (*denoiser, error) {
	d := &denoiser{state: C.speex_preprocess_state_init(stepSamples, echoRate)}
	if d.state == nil {
		return nil, errNoSpeex
	}
	C.ctl(d.state, C.SPEEX_PREPROCESS_SET_DENOISE, 1)
	C.ctl(d.state, C.SPEEX_PREPROCESS_SET_NOISE_SUPPRESS, noiseSuppress)
	return d, nil
}

// step handles 10 ms in place; pcm is room for as much.
func (d *denoiser) step(x []float32, pcm []int16) {
	for i, v := range x {
		pcm[i] = saturate(float64(v) * fullScale)
	}
	C.speex_preprocess_run(d.state, (*C.spx_int16_t)(unsafe.Pointer(unsafe.SliceData(pcm))))
	for i, v := range pcm {
		x[i] = float32(v) / fullScale
	}
}

// close gives back the state.
func (d *denoiser) close() {
	C.speex_preprocess_state_destroy(d.state)
	d.state = nil
}
