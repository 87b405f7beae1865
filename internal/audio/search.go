package audio

import (
	"math"
	"time"
)

// The search for the loudspeaker's sound in what the microphone hears, at half the rate of the canceller.
const (
	searchRate = echoRate / 2
	// searchSize is how much of the loudspeaker's sound is looked at, searchBlock how much of the microphone's: what can be found is
	// late by the difference, 390 ms, at most.
	searchSize  = 5120
	searchBlock = 2000
	searchMost  = searchSize - searchBlock
	// searchKept is how much an earlier block counts against the next.
	searchKept = 0.8
	// searchSure is how far a delay must stand out of all others, in standard deviations.
	searchSure = 9
	// searchLevel is the least level in dBFS that the loudspeaker's sound must have.
	searchLevel = -50
)

// delaySearch finds how late the loudspeaker's sound comes back. It correlates both by their spectra, each line weighed by how much of it
// is common to both (smoothed coherence transform; C. Knapp and G. Carter, "The generalized correlation method for estimation of time
// delay", 1976): neither noise nor the colour of a voice mislead it.
type delaySearch struct {
	fft         *transform
	far, near   []float32
	filled      int // samples of near so far,
	tones       int // and how many of them with a tone
	farDecimate halver
	nearHalve   halver
	common      []complex64 // of both spectra, summed over the blocks
	farPower    []float32
	nearPower   []float32
	lines, work []complex64
	lags        []float32
	last        int // what the block before gave, -1: nothing
	wait        int // blocks to leave out
}

func newDelaySearch() *delaySearch {
	s := &delaySearch{fft: newTransform(searchSize), far: make([]float32, searchSize), near: make([]float32, searchSize), lags: make([]float32, searchSize), last: -1}
	n := s.fft.lines()
	s.common, s.lines, s.work = make([]complex64, n), make([]complex64, n), make([]complex64, n)
	s.farPower, s.nearPower = make([]float32, n), make([]float32, n)
	return s
}

// forget drops what was summed up: the device is another, or was restarted.
func (s *delaySearch) forget() {
	clear(s.common)
	clear(s.farPower)
	clear(s.nearPower)
	s.last, s.wait = -1, 0
}

// step takes 10 ms of both; tone says that it is one of a loudspeaker that plays a tone. found is true when the delay has been seen twice in a row.
func (s *delaySearch) step(far, near []float32, tone bool) (delay time.Duration, found bool) {
	n := len(far) / 2
	if tone {
		s.tones += n
	}
	copy(s.far, s.far[n:])
	copy(s.near[searchSize-searchBlock:], s.near[searchSize-searchBlock+n:])
	s.farDecimate.process(far, s.far[searchSize-n:])
	s.nearHalve.process(near, s.near[searchSize-n:])
	if s.filled += n; s.filled < searchBlock {
		return 0, false
	}
	tones := s.tones
	s.filled, s.tones = 0, 0
	if tones > searchBlock/2 { // one frequency comes back alike again and again
		return 0, false
	}
	if s.wait > 0 {
		s.wait--
		return 0, false
	}
	return s.look()
}

// look adds a block and looks whether the delay shows.
func (s *delaySearch) look() (time.Duration, bool) {
	if dbfs(float64(mean(s.far[searchSize-searchBlock:]))) < searchLevel {
		return 0, false
	}
	s.fft.forward(s.far, s.lines)
	s.fft.forward(s.near, s.work)
	for k := range s.common {
		s.common[k] = s.common[k]*searchKept + s.work[k]*conj(s.lines[k])
		s.farPower[k] = s.farPower[k]*searchKept + power(s.lines[k])
		s.nearPower[k] = s.nearPower[k]*searchKept + power(s.work[k])
	}
	const from, to = 150 * searchSize / searchRate, 3600 * searchSize / searchRate
	clear(s.work)
	for k := from; k < to; k++ {
		if p := s.farPower[k] * s.nearPower[k]; p > 0 {
			s.work[k] = s.common[k] * complex(float32(1/math.Sqrt(float64(p))), 0)
		}
	}
	s.fft.inverse(s.work, s.lags)
	lag, sure := firstSound(s.lags[:searchMost])
	again := s.last >= 0 && max(lag-s.last, s.last-lag) < searchRate/100
	s.last = -1
	if sure < searchSure {
		return 0, false
	}
	s.last = lag
	return time.Duration(lag) * time.Second / searchRate, again || sure > 2*searchSure
}

// firstSound is the first lag of those that belong to the highest, and by how many standard deviations that stands out.
func firstSound(lags []float32) (lag int, sure float64) {
	best, sum := 0, 0.0
	for i, v := range lags {
		sum += float64(v) * float64(v)
		if math.Abs(float64(v)) > math.Abs(float64(lags[best])) {
			best = i
		}
	}
	top := math.Abs(float64(lags[best]))
	for i := max(0, best-searchRate/100); i < best; i++ {
		if math.Abs(float64(lags[i])) > 0.5*top {
			return i, top / math.Sqrt(sum/float64(len(lags))+1e-20)
		}
	}
	return best, top / math.Sqrt(sum/float64(len(lags))+1e-20)
}

// halver gives half the rate: a short half-band low-pass is enough to find a delay by.
type halver struct{ past [6]float32 }

func (h *halver) process(in, out []float32) {
	for i := 0; i+1 < len(in); i += 2 {
		p := &h.past
		out[i/2] = 0.5*p[3] + 0.28125*(p[2]+p[4]) - 0.03125*(p[0]+in[i])
		p[0], p[1], p[2], p[3], p[4], p[5] = p[2], p[3], p[4], p[5], in[i], in[i+1]
	}
}

// mean is the mean square.
func mean(x []float32) float32 {
	sum := float32(0)
	for _, v := range x {
		sum += v * v
	}
	return sum / float32(len(x))
}
