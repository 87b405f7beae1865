package audio

import "math"

// perPhase is the length of the low-pass at the lower rate: 24 taps give 60 dB between 85 and 115 per cent of half that rate
// (3.4 and 4.6 kHz for 8 kHz), for a delay of half as many samples (1.5 ms).
const perPhase = 24

// lowPass designs the one low-pass of both directions: a windowed sinc (Kaiser, beta for 60 dB) with unity gain at 0 Hz, whose slope
// has its middle at half the lower rate.
func lowPass(ratio int) []float64 {
	const beta = 5.65
	taps := make([]float64, perPhase*ratio)
	sum := 0.0
	for i := range taps {
		x := float64(i) - float64(len(taps)-1)/2
		r := 2 * x / float64(len(taps)-1)
		taps[i] = math.Sin(math.Pi/float64(ratio)*x) / (math.Pi * x) * bessel0(beta*math.Sqrt(1-r*r))
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

// downsampler goes from 48 kHz to a lower rate.
type downsampler struct {
	ratio   int
	taps    []float64
	history []float64 // the samples before the next block, one less than there are taps
}

// newDownsampler makes one for a rate in Hz that 48 kHz is a multiple of.
func newDownsampler(rate int) *downsampler {
	ratio := SampleRate / rate
	return &downsampler{ratio: ratio, taps: lowPass(ratio), history: make([]float64, perPhase*ratio-1)}
}

// process takes a block whose length is a multiple of the ratio and gives that part of it.
func (d *downsampler) process(in []int16) []int16 {
	block := d.history
	for _, v := range in {
		block = append(block, float64(v))
	}
	out := make([]int16, 0, len(in)/d.ratio)
	for at := 0; at+len(d.taps) <= len(block); at += d.ratio {
		sum := 0.0
		for i, tap := range d.taps {
			sum += tap * block[at+i]
		}
		out = append(out, saturate(sum))
	}
	d.history = append(d.history[:0], block[len(block)-(len(d.taps)-1):]...)
	return out
}

// upsampler goes from a lower rate to 48 kHz: each phase of the low-pass by itself, so that no zero is ever multiplied.
type upsampler struct {
	ratio   int
	taps    []float64
	history []float64 // the samples before the next block
}

// newUpsampler makes one for a rate in Hz that 48 kHz is a multiple of.
func newUpsampler(rate int) *upsampler {
	ratio := SampleRate / rate
	return &upsampler{ratio: ratio, taps: lowPass(ratio), history: make([]float64, perPhase-1)}
}

// process gives as many samples for each one as the ratio says.
func (u *upsampler) process(in []int16) []int16 {
	block := u.history
	for _, v := range in {
		block = append(block, float64(v))
	}
	out := make([]int16, 0, len(in)*u.ratio)
	for at := range in {
		for phase := range u.ratio {
			sum := 0.0
			for i := range perPhase {
				sum += u.taps[phase+i*u.ratio] * block[at+perPhase-1-i]
			}
			out = append(out, saturate(sum*float64(u.ratio)))
		}
	}
	u.history = append(u.history[:0], block[len(block)-(perPhase-1):]...)
	return out
}

// saturate rounds to 16 bit.
func saturate(v float64) int16 {
	return int16(math.Round(min(math.MaxInt16, max(math.MinInt16, v))))
}
