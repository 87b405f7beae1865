package audio

import (
	"math"
	"math/cmplx"
	"time"
)

const (
	// SilenceDBFS is the level of silence, and the lowest that is told.
	SilenceDBFS = -100
	// meterWindow is the number of samples looked at: 85 ms. A power of two.
	meterWindow = 4096
	// meterFloor is the level below which no frequency is told.
	meterFloor = -60
	// soundDBFS is the level from which on there is sound.
	soundDBFS = -50
)

// Meter is what was last heard somewhere.
type Meter struct {
	// LevelDBFS is the root mean square in dB; 0 is a square wave of full scale, a full sine -3.
	LevelDBFS float64
	// FrequencyHz is the strongest frequency, 0 when it is too quiet to tell.
	FrequencyHz float64
}

// meter keeps the newest sound, and looks at it only when asked.
type meter struct {
	ring [meterWindow]int16
	at   int
}

// write takes sound.
func (m *meter) write(pcm []int16) {
	for _, v := range pcm {
		m.ring[m.at] = v
		m.at = (m.at + 1) % meterWindow
	}
}

// reset forgets all sound.
func (m *meter) reset() { *m = meter{} }

// read measures.
func (m *meter) read() Meter {
	pcm := append(append(make([]int16, 0, meterWindow), m.ring[m.at:]...), m.ring[:m.at]...)
	r := Meter{LevelDBFS: dbfs(energy(pcm) / meterWindow)}
	if r.LevelDBFS > meterFloor {
		r.FrequencyHz = dominant(pcm)
	}
	return r
}

// energy is the sum of squares, full scale being 1.
func energy(pcm []int16) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return sum / (1 << 30)
}

// dbfs is the level of a mean square.
func dbfs(meanSquare float64) float64 {
	return math.Max(SilenceDBFS, 10*math.Log10(meanSquare))
}

// dominant finds the highest peak of the spectrum, between the lines of the transform by a parabola through their levels.
func dominant(pcm []int16) float64 {
	x := make([]complex128, len(pcm))
	for i, v := range pcm {
		hann := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(pcm)))
		x[i] = complex(float64(v)*hann, 0)
	}
	fft(x)
	level := func(i int) float64 { return math.Log(cmplx.Abs(x[i]) + 1e-9) }
	best := 2
	for i := 2; i < len(x)/2-1; i++ {
		if cmplx.Abs(x[i]) > cmplx.Abs(x[best]) {
			best = i
		}
	}
	left, middle, right := level(best-1), level(best), level(best+1)
	shift := 0.0
	if curve := left - 2*middle + right; curve != 0 {
		shift = math.Max(-0.5, math.Min(0.5, (left-right)/(2*curve)))
	}
	return (float64(best) + shift) * SampleRate / float64(len(x))
}

// fft transforms in place; the length is a power of two.
func fft(x []complex128) {
	n := len(x)
	if n < 2 {
		return
	}
	even, odd := make([]complex128, n/2), make([]complex128, n/2)
	for i := range n / 2 {
		even[i], odd[i] = x[2*i], x[2*i+1]
	}
	fft(even)
	fft(odd)
	for i := range n / 2 {
		turned := cmplx.Rect(1, -2*math.Pi*float64(i)/float64(n)) * odd[i]
		x[i], x[i+n/2] = even[i]+turned, even[i]-turned
	}
}

// loudness averages the level of a whole stream.
type loudness struct {
	energy  float64
	samples int
	first   time.Time // the first frame with sound in it
}

// write takes a frame heard or sent at a time.
func (l *loudness) write(pcm []int16, now time.Time) {
	e := energy(pcm)
	l.energy += e
	l.samples += len(pcm)
	if l.first.IsZero() && dbfs(e/float64(len(pcm))) > soundDBFS {
		l.first = now
	}
}

// level is the mean in dBFS.
func (l *loudness) level() float64 {
	if l.samples == 0 {
		return SilenceDBFS
	}
	return dbfs(l.energy / float64(l.samples))
}
