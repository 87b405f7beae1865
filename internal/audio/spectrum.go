package audio

import (
	"math"
	"math/cmplx"
)

// transform is a Fourier transform of real signals of one length, with all it needs prepared: nothing is allocated while it works. The
// length is even and has no factors but 2 and 5. It is used by one goroutine at a time.
type transform struct {
	size   int         // samples
	stages []int       // radices of the complex transform of half the size
	turns  []complex64 // e^(-2πi·k/half)
	split  []complex64 // e^(-2πi·k/size), to take the halves apart
	a, b   []complex64
}

// newTransform prepares a transform of size samples to size/2+1 lines.
func newTransform(size int) *transform {
	half := size / 2
	t := &transform{size: size, a: make([]complex64, half), b: make([]complex64, half)}
	for rest := half; rest > 1; {
		radix := 5
		if rest%2 == 0 {
			radix = 2
		}
		if rest%4 == 0 {
			radix = 4
		}
		t.stages = append(t.stages, radix)
		rest /= radix
	}
	for k := range half {
		t.turns = append(t.turns, complex64(cmplx.Rect(1, -2*math.Pi*float64(k)/float64(half))))
	}
	for k := range half + 1 {
		t.split = append(t.split, complex64(cmplx.Rect(1, -2*math.Pi*float64(k)/float64(size))))
	}
	return t
}

// lines is how many lines a spectrum has.
func (t *transform) lines() int { return t.size/2 + 1 }

// forward gives the spectrum of a signal.
func (t *transform) forward(x []float32, out []complex64) {
	half := t.size / 2
	for i := range half {
		t.a[i] = complex(x[2*i], x[2*i+1])
	}
	z := t.run()
	for k := 0; k <= half/2; k++ {
		m := half - k
		p, q := z[k], conj(z[m%half])
		even, odd := (p+q)*0.5, (p-q)*complex(0, -0.5)
		out[k] = even + t.split[k]*odd
		out[m] = conj(even) + t.split[m]*conj(odd)
	}
}

// inverse gives the signal of a spectrum.
func (t *transform) inverse(spectrum []complex64, x []float32) {
	half := t.size / 2
	for k := range half {
		p, q := spectrum[k], conj(spectrum[half-k])
		even, odd := (p+q)*0.5, (p-q)*0.5*conj(t.split[k])
		t.a[k] = conj(even + odd*1i)
	}
	z := t.run()
	scale := 1 / float32(half)
	for i := range half {
		x[2*i], x[2*i+1] = real(z[i])*scale, -imag(z[i])*scale
	}
}

// run transforms a and tells where the result is, by Stockham's way: each stage sorts as it goes.
func (t *transform) run() []complex64 {
	from, to := t.a, t.b
	n, stride := len(from), 1
	for _, radix := range t.stages {
		m := n / radix
		for p := range m {
			w1 := t.turns[p*stride]
			for q := range stride {
				in, out := from[q+stride*p:], to[q+stride*radix*p:]
				switch radix {
				case 2:
					x, y := in[0], in[stride*m]
					out[0], out[stride] = x+y, (x-y)*w1
				case 4:
					butterfly4(in, out, stride*m, stride, w1)
				default:
					butterfly5(in, out, stride*m, stride, w1)
				}
			}
		}
		n, stride = m, stride*radix
		from, to = to, from
	}
	return from
}

func butterfly4(in, out []complex64, step, stride int, w1 complex64) {
	x0, x1, x2, x3 := in[0], in[step], in[2*step], in[3*step]
	s02, d02, s13, d13 := x0+x2, x0-x2, x1+x3, x1-x3
	r13 := complex(imag(d13), -real(d13)) // times -i
	w2 := w1 * w1
	out[0] = s02 + s13
	out[stride] = (d02 + r13) * w1
	out[2*stride] = (s02 - s13) * w2
	out[3*stride] = (d02 - r13) * w2 * w1
}

func butterfly5(in, out []complex64, step, stride int, w1 complex64) {
	const (
		c1, c2 = 0.30901699437494745, -0.8090169943749475 // cos(2π/5), cos(4π/5)
		s1, s2 = 0.9510565162951535, 0.5877852522924731   // sin(2π/5), sin(4π/5)
	)
	x0 := in[0]
	s14, d14 := in[step]+in[4*step], in[step]-in[4*step]
	s23, d23 := in[2*step]+in[3*step], in[2*step]-in[3*step]
	p, q := x0+s14*c1+s23*c2, x0+s14*c2+s23*c1
	u, v := d14*s1+d23*s2, d14*s2-d23*s1
	u, v = complex(imag(u), -real(u)), complex(imag(v), -real(v)) // times -i
	w2 := w1 * w1
	w4 := w2 * w2
	out[0] = x0 + s14 + s23
	out[stride] = (p + u) * w1
	out[2*stride] = (q + v) * w2
	out[3*stride] = (q - v) * w2 * w1
	out[4*stride] = (p - u) * w4
}

func conj(c complex64) complex64 { return complex(real(c), -imag(c)) }

// power is the square of a line's magnitude.
func power(c complex64) float32 { return real(c)*real(c) + imag(c)*imag(c) }
