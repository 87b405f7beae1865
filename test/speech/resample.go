package speech

import "math"

// Resample brings sound from one rate to another by a windowed sinc, which leaves out what the lower rate can't carry. Nothing is
// delayed.
func Resample(x []float64, from, to int) []float64 {
	if from == to {
		return x
	}
	const lobes = 16
	cut := 0.95 * min(1, float64(to)/float64(from)) // of half of the rate it comes from
	reach := lobes / cut
	out := make([]float64, len(x)*to/from)
	for i := range out {
		centre := float64(i) * float64(from) / float64(to)
		sum := 0.0
		for j := max(0, int(math.Ceil(centre-reach))); j < len(x) && float64(j) <= centre+reach; j++ {
			d := float64(j) - centre
			window := 0.5 + 0.5*math.Cos(math.Pi*d/reach)
			sum += x[j] * window * cut * sinc(cut*d)
		}
		out[i] = sum
	}
	return out
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
