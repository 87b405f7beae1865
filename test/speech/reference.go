// Package speech tells how well speech is understood that went through a network and a codec: a reference to send, and a measure of what
// arrived. It needs nothing but Go.
package speech

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// spoken is seven seconds of Sense and Sensibility, chapter 1, read for LibriVox and in the public domain, as shipped with Debian's
// pocketsphinx-testdata: 16 kHz mono, 16 bit.
//
//go:embed testdata/speech.wav
var spoken []byte

// ErrFormat means that a file is no WAV of the one kind that is read: 16 bit, mono.
var ErrFormat = errors.New("not a WAV file of 16 bit mono")

// Reference is the reference speech at a rate in Hz.
func Reference(rate int) ([]int16, error) {
	pcm, from, err := parseWAV(spoken)
	if err != nil {
		return nil, err
	}
	return Rounded(Resample(floats(pcm), from, rate)), nil
}

// Rounded is sound in 16 bit.
func Rounded(x []float64) []int16 {
	out := make([]int16, len(x))
	for i, v := range x {
		out[i] = int16(math.Round(min(math.MaxInt16, max(math.MinInt16, v))))
	}
	return out
}

// parseWAV reads the samples of a WAV file, and their rate.
func parseWAV(b []byte) (pcm []int16, rate int, err error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, 0, ErrFormat
	}
	for b = b[12:]; len(b) >= 8; {
		name, size := string(b[:4]), int(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		if size > len(b) {
			break
		}
		chunk := b[:size]
		b = b[min(len(b), size+size%2):]
		switch name {
		case "fmt ":
			if size < 16 || binary.LittleEndian.Uint16(chunk) != 1 || binary.LittleEndian.Uint16(chunk[2:]) != 1 ||
				binary.LittleEndian.Uint16(chunk[14:]) != 16 {
				return nil, 0, ErrFormat
			}
			rate = int(binary.LittleEndian.Uint32(chunk[4:]))
		case "data":
			if rate <= 0 {
				return nil, 0, ErrFormat
			}
			pcm = make([]int16, size/2)
			for i := range pcm {
				pcm[i] = int16(binary.LittleEndian.Uint16(chunk[2*i:]))
			}
			return pcm, rate, nil
		}
	}
	return nil, 0, fmt.Errorf("%w: no samples", ErrFormat)
}
