package audio

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

// TestASpectrumIsWhatTheSumSays, and the way back gives the signal.
func TestASpectrumIsWhatTheSumSays(t *testing.T) {
	for _, size := range []int{2, 8, 10, 20, 40, 100, 320, 512} {
		tr := newTransform(size)
		r := rand.New(rand.NewPCG(uint64(size), 1))
		x := make([]float32, size)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		lines := make([]complex64, tr.lines())
		tr.forward(x, lines)
		for k := range lines {
			want := complex(0, 0)
			for i, v := range x {
				want += cmplx.Rect(float64(v), -2*math.Pi*float64(k)*float64(i)/float64(size))
			}
			if cmplx.Abs(complex128(lines[k])-want) > 1e-3 {
				t.Fatalf("of %d: line %d is %v, want %v", size, k, lines[k], want)
			}
		}
		back := make([]float32, size)
		tr.inverse(lines, back)
		for i := range back {
			if math.Abs(float64(back[i]-x[i])) > 1e-4 {
				t.Fatalf("of %d: sample %d is %v, want %v", size, i, back[i], x[i])
			}
		}
	}
}
