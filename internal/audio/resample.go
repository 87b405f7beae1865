package audio

import "math"

// G.711 speaks at 8 kHz, the room at 48 kHz.
const (
	g711Rate = 8000
	ratio    = SampleRate / g711Rate
	// filterTaps is the length of the low-pass at 48 kHz: 24 taps per phase give 60 dB between 3.4 and 4.6 kHz, for a
	// delay of 1.5 ms.
	filterTaps = 24 * ratio
	// filterCut is in the middle of that slope, in Hz.
	filterCut = 4000
)

// lowPass designs the one low-pass of both directions: a windowed sinc (Kaiser, beta for 60 dB) with unity gain at 0 Hz.
func lowPass() []float64 {
	const beta = 5.65
	taps := make([]float64, filterTaps)
	sum := 0.0
	for i := range taps {
		x := float64(i) - float64(filterTaps-1)/2
		r := 2 * x / float64(filterTaps-1)
		taps[i] = math.Sin(2*math.Pi*filterCut/SampleRate*x) / (math.Pi * x) * bessel0(beta*math.Sqrt(1-r*r))
		sum += taps[i]
	}
	for i := range taps {
		taps[i] /= sum
	}
	return taps
}

// bessel0 is the modified Bessel function of order zero, by its series.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-9*sum; k++ {
		term *= (x / (2 * k)) * (x / (2 * k))
		sum += term
	}
	return sum
}

// downsampler goes from 48 to 8 kHz.
type downsampler struct {
	taps    []float64
	history []float64 // the last filterTaps-1 samples before the next block
}

func newDownsampler() *downsampler {
	return &downsampler{taps: lowPass(), history: make([]float64, filterTaps-1)}
}

// process takes a block whose length is a multiple of six and gives a sixth of it.
func (d *downsampler) process(in []int16) []int16 {
	block := d.history
	for _, v := range in {
		block = append(block, float64(v))
	}
	out := make([]int16, 0, len(in)/ratio)
	for at := 0; at+filterTaps <= len(block); at += ratio {
		sum := 0.0
		for i, tap := range d.taps {
			sum += tap * block[at+i]
		}
		out = append(out, saturate(sum))
	}
	d.history = append(d.history[:0], block[len(block)-(filterTaps-1):]...)
	return out
}

// upsampler goes from 8 to 48 kHz: six phases of the low-pass, so that no zero is ever multiplied.
type upsampler struct {
	taps    []float64
	history []float64 // the last filterTaps/ratio-1 samples before the next block
}

func newUpsampler() *upsampler {
	return &upsampler{taps: lowPass(), history: make([]float64, filterTaps/ratio-1)}
}

// process gives six samples for each one.
func (u *upsampler) process(in []int16) []int16 {
	const perPhase = filterTaps / ratio
	block := u.history
	for _, v := range in {
		block = append(block, float64(v))
	}
	out := make([]int16, 0, len(in)*ratio)
	for at := range in {
		for phase := range ratio {
			sum := 0.0
			for i := range perPhase {
				sum += u.taps[phase+i*ratio] * block[at+perPhase-1-i]
			}
			out = append(out, saturate(sum*ratio))
		}
	}
	u.history = append(u.history[:0], block[len(block)-(perPhase-1):]...)
	return out
}

// saturate rounds to 16 bit.
func saturate(v float64) int16 {
	return int16(math.Round(min(math.MaxInt16, max(math.MinInt16, v))))
}
