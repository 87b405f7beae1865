package audio

import "math"

// rumbleBelow is the frequency in Hz below which there is wind and traffic and nobody's voice.
const rumbleBelow = 80

// highPass is a Butterworth filter of the second order.
type highPass struct{ b0, a1, a2, x1, x2, y1, y2 float32 }

// newHighPass makes one for sound at a rate, both in Hz, by the bilinear transform.
func newHighPass(from, rate float64) *highPass {
	k := math.Tan(math.Pi * from / rate)
	n := 1 / (1 + math.Sqrt2*k + k*k)
	return &highPass{b0: float32(n), a1: float32(2 * (k*k - 1) * n), a2: float32((1 - math.Sqrt2*k + k*k) * n)}
}

// step handles sound in place.
func (h *highPass) step(x []float32) {
	for i, v := range x {
		y := h.b0*(v-2*h.x1+h.x2) - h.a1*h.y1 - h.a2*h.y2
		h.x1, h.x2, h.y1, h.y2 = v, h.x1, y, h.y1
		x[i] = y
	}
}
