package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"syscall"
	"time"
)

// Sentinel errors of tones that are files.
var (
	// ErrNotWave means that a file is not a WAV file, or a damaged one.
	ErrNotWave = errors.New("not a WAV file")
	// ErrWaveForm means that a WAV file is not plain PCM of 8 to 48 kHz, one or two channels, 8, 16, 24 or 32 bit or floating point.
	ErrWaveForm = errors.New("this form of WAV file can't be played; wanted is PCM, 8 to 48 kHz, one or two channels, 8 to 32 bit")
	// ErrWaveLong means that a WAV file is longer than a minute.
	ErrWaveLong = errors.New("the WAV file is longer than 60 s")
)

const (
	// toneLongest is the longest tone, toneLargest the largest file: a minute of 48 kHz, two channels, 32 bit, and room for what else is in it.
	toneLongest = time.Minute
	toneLargest = 60*SampleRate*2*4 + 1<<20
	// What is in a WAV file (RFC 2361, and Microsoft's "Multiple channel audio data and WAVE files").
	wavePCM, waveFloat, waveExtensible = 1, 3, 0xfffe
	waveFormLeast, waveFormExtended    = 16, 40
)

// ReadTone reads a tone from a WAV file, in the room's own form. The errors are those above, and what the operating system says.
func ReadTone(path string) ([]int16, error) {
	// A pipe is not waited for.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, toneLargest+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(data) > toneLargest {
		return nil, fmt.Errorf("%s: %w", path, ErrWaveLong)
	}
	pcm, err := parseWave(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return pcm, nil
}

// waveForm is how the samples of a WAV file are written.
type waveForm struct {
	format, channels, rate, bits int
}

// parseWave reads the content of a WAV file: a form, and samples, among other pieces that are passed over.
func parseWave(data []byte) ([]int16, error) {
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WAVE" {
		return nil, ErrNotWave
	}
	var form waveForm
	for rest := data[12:]; len(rest) >= 8; {
		// A file that was never finished says 0 or 2^32-1, and one that was cut short more than there is: on a processor of 32 bit that is no int.
		name, size := string(rest[:4]), int(min(binary.LittleEndian.Uint32(rest[4:]), uint32(len(rest))))
		piece := rest[8:min(len(rest), 8+size)]
		switch name {
		case "fmt ":
			var err error
			if form, err = parseForm(piece); err != nil {
				return nil, err
			}
		case "data":
			if form.rate == 0 {
				return nil, ErrNotWave
			}
			return form.decode(piece)
		}
		rest = rest[min(len(rest), 8+size+size%2):]
	}
	return nil, ErrNotWave
}

func parseForm(b []byte) (waveForm, error) {
	if len(b) < waveFormLeast {
		return waveForm{}, ErrNotWave
	}
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }
	f := waveForm{format: u16(0), channels: u16(2), rate: int(binary.LittleEndian.Uint32(b[4:])), bits: u16(14)}
	if f.format == waveExtensible && len(b) >= waveFormExtended {
		f.format = u16(24) // the identifier of the form begins with the number it has otherwise
	}
	sizes := map[int]bool{8: true, 16: true, 24: true, 32: true}
	if f.format == waveFloat {
		sizes = map[int]bool{32: true, 64: true}
	}
	if f.format != wavePCM && f.format != waveFloat || f.channels < 1 || f.channels > 2 || f.rate < 8000 || f.rate > SampleRate || !sizes[f.bits] {
		return waveForm{}, fmt.Errorf("%w (format %d, %d Hz, %d channels, %d bit)", ErrWaveForm, f.format, f.rate, f.channels, f.bits)
	}
	return f, nil
}

// decode gives the samples at the room's rate, both channels as one.
func (f waveForm) decode(b []byte) ([]int16, error) {
	size := f.bits / 8
	frames := len(b) / (size * f.channels)
	if frames == 0 {
		return nil, fmt.Errorf("%w: there is no sound in it", ErrNotWave)
	}
	if time.Duration(frames)*time.Second/time.Duration(f.rate) > toneLongest {
		return nil, ErrWaveLong
	}
	mono := make([]float32, frames)
	for i := range mono {
		for c := range f.channels {
			mono[i] += f.sample(b[(i*f.channels+c)*size:]) / float32(f.channels)
		}
	}
	return toRoomRate(mono, f.rate), nil
}

// sample reads one sample, full scale being 1. What is no number is silence.
func (f waveForm) sample(b []byte) float32 {
	switch {
	case f.format == waveFloat && f.bits == 64:
		return number(math.Float64frombits(binary.LittleEndian.Uint64(b)))
	case f.format == waveFloat:
		return number(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
	case f.bits == 8:
		return (float32(b[0]) - 128) / 128
	case f.bits == 16:
		return float32(int16(binary.LittleEndian.Uint16(b))) / fullScale
	case f.bits == 24:
		return float32(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31)
	default:
		return float32(int32(binary.LittleEndian.Uint32(b))) / (1 << 31)
	}
}

func number(v float64) float32 {
	if math.IsNaN(v) {
		return 0
	}
	return float32(max(-1, min(1, v)))
}

// toRoomRate brings sound from any rate up to the room's by a windowed sinc of 16 samples to either side.
func toRoomRate(in []float32, rate int) []int16 {
	const side = 16
	out := make([]int16, int64(len(in))*SampleRate/int64(rate)) // a minute of it is more than 32 bit before the division
	step := float64(rate) / SampleRate
	for i := range out {
		at := float64(i) * step
		middle := int(at)
		sum := 0.0
		for k := max(0, middle-side+1); k <= min(len(in)-1, middle+side); k++ {
			x := at - float64(k)
			weight := 1.0
			if x != 0 {
				weight = math.Sin(math.Pi*x) / (math.Pi * x) * (0.5 + 0.5*math.Cos(math.Pi*x/side))
			}
			sum += float64(in[k]) * weight
		}
		out[i] = saturate(sum * fullScale)
	}
	return out
}
