package speech

import (
	"math"
	"math/cmplx"
)

// What short-time objective intelligibility is made of (Taal, Hendriks, Heusdens, Jensen: An Algorithm for Intelligibility Prediction of
// Time-Frequency Weighted Noisy Speech, IEEE TASLP 2011).
const (
	stoiRate     = 10000
	frameLength  = 256
	frameHop     = frameLength / 2
	fftLength    = 512
	bands        = 15    // thirds of an octave,
	lowestBand   = 150.0 // the first around 150 Hz
	segment      = 30    // frames that are compared at once: 384 ms
	lowestSDR    = -15.0 // dB; a worse band counts as this
	dynamicRange = 40.0  // dB below the loudest frame from which on a frame is silence
)

// spectrum is the amplitude of each band in one frame.
type spectrum [bands]float64

// STOI tells how intelligible speech is that came through something, compared with what went in: 0 not at all, 1 as clearly as what
// went in. Both are at rate, and aligned in time.
func STOI(reference, heard []int16, rate int) float64 {
	x, y := Resample(floats(reference), rate, stoiRate), Resample(floats(heard), rate, stoiRate)
	n := min(len(x), len(y))
	x, y = withoutSilence(x[:n], y[:n])
	a, b := analyse(x, frameHop), analyse(y, frameHop)
	sum, count := 0.0, 0
	for m := 0; m+segment <= len(a); m++ {
		sum += alike(a[m:m+segment], func(i int) *spectrum { return &b[m+i] })
		count++
	}
	if count == 0 {
		return 0
	}
	return sum / float64(count)
}

// alike is the mean correlation of the bands of two segments, the second lowered to the first and clipped.
func alike(a []spectrum, b func(i int) *spectrum) float64 {
	clip := 1 + math.Pow(10, -lowestSDR/20)
	sum := 0.0
	var x, y [segment]float64
	for band := range bands {
		var xx, yy float64
		for i := range segment {
			x[i], y[i] = a[i][band], b(i)[band]
			xx += x[i] * x[i]
			yy += y[i] * y[i]
		}
		gain := math.Sqrt(xx / (yy + epsilon))
		for i := range segment {
			y[i] = min(y[i]*gain, x[i]*clip)
		}
		sum += pearson(x[:], y[:])
	}
	return sum / bands
}

const epsilon = 1e-12

// pearson is the correlation coefficient.
func pearson(x, y []float64) float64 {
	var mx, my float64
	for i := range x {
		mx += x[i]
		my += y[i]
	}
	mx /= float64(len(x))
	my /= float64(len(y))
	var xy, xx, yy float64
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		xy += dx * dy
		xx += dx * dx
		yy += dy * dy
	}
	return xy / (math.Sqrt(xx*yy) + epsilon)
}

// hann is the window of a frame.
func hann(i int) float64 { return 0.5 - 0.5*math.Cos(2*math.Pi*float64(i+1)/(frameLength+1)) }

// withoutSilence leaves out the frames that are silent in x, in both.
func withoutSilence(x, y []float64) (loudX, loudY []float64) {
	var levels []float64
	loudest := math.Inf(-1)
	for at := 0; at+frameLength <= len(x); at += frameHop {
		levels = append(levels, frameLevel(x[at:]))
		loudest = max(loudest, levels[len(levels)-1])
	}
	for i, level := range levels {
		if level <= loudest-dynamicRange {
			continue
		}
		at := len(loudX) - frameHop
		if at < 0 {
			at = 0
		}
		loudX = append(loudX, make([]float64, at+frameLength-len(loudX))...)
		loudY = append(loudY, make([]float64, at+frameLength-len(loudY))...)
		for j := range frameLength {
			loudX[at+j] += x[i*frameHop+j] * hann(j)
			loudY[at+j] += y[i*frameHop+j] * hann(j)
		}
	}
	return loudX, loudY
}

// frameLevel is the level of the frame at the beginning, in dB.
func frameLevel(x []float64) float64 {
	sum := 0.0
	for j := range frameLength {
		v := x[j] * hann(j)
		sum += v * v
	}
	return 10 * math.Log10(sum+epsilon)
}

// analyse gives the spectrum of a frame at every hop.
func analyse(x []float64, hop int) []spectrum {
	edges := bandEdges()
	var out []spectrum
	buffer := make([]complex128, fftLength)
	for at := 0; at+frameLength <= len(x); at += hop {
		clear(buffer)
		for j := range frameLength {
			buffer[j] = complex(x[at+j]*hann(j), 0)
		}
		fft(buffer)
		var s spectrum
		for band := range bands {
			sum := 0.0
			for k := edges[band][0]; k < edges[band][1]; k++ {
				v := cmplx.Abs(buffer[k])
				sum += v * v
			}
			s[band] = math.Sqrt(sum)
		}
		out = append(out, s)
	}
	return out
}

// bandEdges gives the first line of each band and the one after its last.
func bandEdges() (edges [bands][2]int) {
	line := func(hz float64) int { return int(math.Round(hz * fftLength / stoiRate)) }
	for band := range bands {
		centre := lowestBand * math.Pow(2, float64(band)/3)
		edges[band] = [2]int{line(centre * math.Pow(2, -1.0/6)), line(centre * math.Pow(2, 1.0/6))}
	}
	return edges
}

// fft is the discrete Fourier transform in place; the length is a power of two.
func fft(x []complex128) {
	n := len(x)
	for i, j := 1, 0; i < n; i++ {
		bit := n >> 1
		for ; j&bit != 0; bit >>= 1 {
			j ^= bit
		}
		j ^= bit
		if i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for length := 2; length <= n; length *= 2 {
		step := cmplx.Rect(1, -2*math.Pi/float64(length))
		for at := 0; at < n; at += length {
			w := complex(1, 0)
			for k := range length / 2 {
				a, b := x[at+k], x[at+k+length/2]*w
				x[at+k], x[at+k+length/2] = a+b, a-b
				w *= step
			}
		}
	}
}
