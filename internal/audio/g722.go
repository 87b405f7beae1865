package audio

import "math"

// ITU-T G.722 at 64 kbit/s: sound at 16 kHz is split into two bands of 8 kHz each, the lower coded with six bits a sample, the upper
// with two, both by adaptive differential pulse code modulation. All arithmetic is that of clause 6 of the Recommendation, so that
// encoder and decoder, whoever's they are, stay in step.

// g722Rate is what G.722 speaks at, in Hz. Its RTP clock is 8000 all the same (RFC 3551 section 4.5.2).
const g722Rate = 16000

// g722Taps is the length of the filters that split and join the bands.
const g722Taps = 24

// g722Encoder codes two samples into each byte.
type g722Encoder struct {
	low, high band
	split     [g722Taps]int
}

func newG722Encoder() *g722Encoder { return &g722Encoder{low: newLowBand(), high: newHighBand()} }

// encode codes an even number of samples.
func (e *g722Encoder) encode(pcm []int16) []byte {
	out := make([]byte, 0, len(pcm)/2)
	for i := 0; i+1 < len(pcm); i += 2 {
		copy(e.split[:], e.split[2:])
		e.split[g722Taps-2], e.split[g722Taps-1] = int(pcm[i]), int(pcm[i+1])
		even, odd := mirror(&e.split)
		low, high := (odd+even)>>14, (odd-even)>>14
		six := e.low.quantize6(low)
		two := e.high.quantize2(high)
		e.low.adapt4(six)
		e.high.adapt2(two)
		out = append(out, byte(two<<6|six))
	}
	return out
}

// g722Decoder makes two samples of each byte.
type g722Decoder struct {
	low, high band
	join      [g722Taps]int
}

func newG722Decoder() *g722Decoder { return &g722Decoder{low: newLowBand(), high: newHighBand()} }

// decode gives the sound of a payload.
func (d *g722Decoder) decode(payload []byte) []int16 {
	out := make([]int16, 0, 2*len(payload))
	for _, b := range payload {
		six, two := int(b&0x3F), int(b>>6)
		low := limit(d.low.estimate+d.low.level6(six), 14)
		d.low.adapt4(six)
		high := limit(d.high.estimate+d.high.level2(two), 14)
		d.high.adapt2(two)
		copy(d.join[:], d.join[2:])
		d.join[g722Taps-2], d.join[g722Taps-1] = low+high, low-high
		even, odd := mirror(&d.join)
		out = append(out, int16(saturate16(odd>>11)), int16(saturate16(even>>11)))
	}
	return out
}

// mirror is the quadrature mirror filter (table 11), over every second sample each.
func mirror(x *[g722Taps]int) (even, odd int) {
	half := [g722Taps / 2]int{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}
	for i, h := range half {
		even += x[2*i] * h
		odd += x[2*i+1] * half[len(half)-1-i]
	}
	return even, odd
}

// limit keeps a value in so many bits and the sign.
func limit(v, bits int) int { return min(1<<bits-1, max(-1<<bits, v)) }

// saturate16 keeps a value in 16 bits, as the basic operators of the Recommendation do.
func saturate16(v int) int { return limit(v, 15) }

// band is the adaptive predictor and quantizer of one half of the spectrum.
type band struct {
	scale    int    // of the quantizer, DET
	log      int    // its logarithm, NB
	estimate int    // of the next sample, S
	zeros    int    // the part of estimate that the zeros of the predictor make, SZ
	poles    [2]int // A
	weights  [6]int // of the zeros, B
	quantum  [6]int // the last quantized differences, D
	rebuilt  [2]int // the last rebuilt samples, R
	partial  [2]int // the last ones without the part of the poles, P
}

func newLowBand() band  { return band{scale: 32} }
func newHighBand() band { return band{scale: 8} }

// magnitude is what is compared with the levels of decision.
func magnitude(v int) int {
	if v < 0 {
		return -(v + 1)
	}
	return v
}

// quantize6 codes a sample of the lower band (QUANTL).
func (b *band) quantize6(sample int) int {
	decisions := [29]int{
		35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765,
		1980, 2195, 2557, 2919,
	}
	difference := saturate16(sample - b.estimate)
	m := 0
	for m < len(decisions) && magnitude(difference) >= decisions[m]*b.scale>>12 {
		m++
	}
	switch {
	case difference >= 0:
		return 61 - m
	case m < 2:
		return 63 - m
	default:
		return 33 - m
	}
}

// level6 is the difference that six bits stand for (INVQBL).
func (b *band) level6(code int) int {
	levels := [30]int{
		136, 432, 728, 1040, 1360, 1688, 2032, 2400, 2776, 3168, 3576, 4008, 4464, 4944, 5456, 6000, 6576, 7192, 7856, 8576, 9360, 10232,
		11192, 12280, 13512, 14984, 16704, 19008, 21904, 24808,
	}
	level := 0
	switch {
	case code < 4: // never sent
		level = -levels[0]
	case code >= 62:
		level = -levels[63-code]
	case code >= 32:
		level = levels[61-code]
	default:
		level = -levels[33-code]
	}
	return b.scale * level >> 15
}

// adapt4 goes on by what the four upper bits of six stand for (INVQAL, LOGSCL, SCALEL and the predictor): the lower two may be stolen on
// the way, so both sides leave them out.
func (b *band) adapt4(code int) {
	levels := [8]int{0, 1200, 2584, 4240, 6288, 8968, 12896, 20456}
	steps := [8]int{-60, -30, 58, 172, 334, 538, 1198, 3042}
	m, sign := 15-code>>2, 1
	if four := code >> 2; four == 0 {
		m = 0
	} else if four < 8 {
		m, sign = 8-four, -1
	}
	difference := b.scale * (sign * levels[m]) >> 15
	b.rescale(steps[m], 18432, 8)
	b.predict(difference)
}

// quantize2 codes a sample of the upper band (QUANTH).
func (b *band) quantize2(sample int) int {
	difference := saturate16(sample - b.estimate)
	code := 3
	if magnitude(difference) >= 564*b.scale>>12 {
		code = 2
	}
	if difference < 0 {
		code -= 2
	}
	return code
}

// level2 is the difference that two bits stand for (INVQAH).
func (b *band) level2(code int) int {
	return b.scale * [4]int{-7408, -1616, 7408, 1616}[code] >> 15
}

// adapt2 goes on by what two bits stand for (LOGSCH, SCALEH and the predictor).
func (b *band) adapt2(code int) {
	difference := b.level2(code)
	b.rescale([2]int{798, -214}[code&1], 22528, 10)
	b.predict(difference)
}

// rescale adapts the quantizer: its logarithm leaks and takes a step.
func (b *band) rescale(step, most, shift int) {
	powers := [32]int{
		2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025, 3091, 3158, 3228,
		3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
	}
	b.log = min(most, max(0, b.log*127>>7+step))
	power := powers[b.log>>6&31]
	if by := shift - b.log>>11; by < 0 {
		b.scale = power << -by << 2
	} else {
		b.scale = power >> by << 2
	}
}

// predict takes in a quantized difference and estimates the next sample (clause 6.2.1.4).
func (b *band) predict(difference int) {
	rebuilt := saturate16(b.estimate + difference)
	partial := saturate16(b.zeros + difference)

	// Poles (UPPOL2, UPPOL1).
	same := func(x, y int) bool { return (x < 0) == (y < 0) }
	slope := saturate16(4 * b.poles[0])
	if same(partial, b.partial[0]) {
		slope = -slope
	}
	second := min(slope, math.MaxInt16)>>7 - 128 + b.poles[1]*32512>>15
	if same(partial, b.partial[1]) {
		second += 256
	}
	second = min(12288, max(-12288, second))
	first := b.poles[0]*32640>>15 - 192
	if same(partial, b.partial[0]) {
		first += 384
	}
	bound := saturate16(15360 - second)
	b.poles = [2]int{min(bound, max(-bound, first)), second}

	// Zeros (UPZERO).
	gain := 128
	if difference == 0 {
		gain = 0
	}
	for i, d := range b.quantum {
		step := gain
		if !same(d, difference) {
			step = -gain
		}
		b.weights[i] = saturate16(step + b.weights[i]*32640>>15)
	}

	// Delays, and both parts of the estimate (FILTEP, FILTEZ).
	copy(b.quantum[1:], b.quantum[:5])
	b.quantum[0] = difference
	b.rebuilt = [2]int{rebuilt, b.rebuilt[0]}
	b.partial = [2]int{partial, b.partial[0]}
	b.zeros = 0
	for i, d := range b.quantum {
		b.zeros += b.weights[i] * saturate16(2*d) >> 15
	}
	b.zeros = saturate16(b.zeros)
	pole := b.poles[0]*saturate16(2*b.rebuilt[0])>>15 + b.poles[1]*saturate16(2*b.rebuilt[1])>>15
	b.estimate = saturate16(saturate16(pole) + b.zeros)
}
