package speech

import "math"

// lobes is how many zero crossings the low-pass has on each side.
const lobes = 16

// Resample brings sound from one rate to another by a windowed sinc, which leaves out what the lower rate can't carry. Nothing is
// delayed.
func Resample(x []float64, from, to int) []float64 {
	if from == to {
		return x
	}
	divisor := gcd(from, to)
	from, to = from/divisor, to/divisor
	cut := 0.95 * min(1, float64(to)/float64(from)) // of half of the rate it comes from
	reach := int(lobes / cut)
	// A sample falls in one of to places between two of x: a low-pass for each.
	phases := make([][]float64, to)
	for p := range phases {
		phases[p] = make([]float64, 2*reach+1)
		for k := range phases[p] {
			d := float64(k-reach) - float64(p)/float64(to)
			window := 0.5 + 0.5*math.Cos(math.Pi*min(1, max(-1, d/float64(reach))))
			phases[p][k] = window * cut * sinc(cut*d)
		}
	}
	out := make([]float64, len(x)*to/from)
	for i := range out {
		centre, phase := i*from/to, i*from%to
		for k, h := range phases[phase] {
			if j := centre + k - reach; j >= 0 && j < len(x) {
				out[i] += x[j] * h
			}
		}
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

func floats(pcm []int16) []float64 {
	out := make([]float64, len(pcm))
	for i, v := range pcm {
		out[i] = float64(v)
	}
	return out
}
