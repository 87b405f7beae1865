package audio

import "time"

// What the fitter goes by.
const (
	// fitRest is how many frames lie between two stretches that shorten, fitRestUp between two that lengthen: too short a delay is
	// heard, too long a one is only felt.
	fitRest, fitRestUp = 3, 1
	// fitUrgent is a distance from the target at which nothing rests.
	fitUrgent = 60 * time.Millisecond
	// fitYield is by how much less alike two periods may be with each frame that wanted a stretch and found none, as in music and noise.
	fitYield = 0.01
)

// fitter makes sound longer or shorter until the delay is right, now and then a period.
type fitter struct {
	past                  [lagLongest]int16 // what was heard last
	rest                  int               // frames to wait
	wanting               int               // frames in which a stretch was wanted in vain
	shortened, lengthened uint64
}

// due counts a frame and tells whether its sound should be stretched.
func (f *fitter) due(excess time.Duration) bool {
	f.rest--
	if excess == 0 {
		f.wanting = 0
		return false
	}
	f.wanting++
	return f.rest <= 0 || excess > fitUrgent || excess < -fitUrgent
}

// fit takes a period out of the sound that is next, or puts one in.
func (f *fitter) fit(pcm []int16, excess time.Duration) []int16 {
	before := len(pcm)
	alike := alikeEnough - fitYield*float64(f.wanting-1)
	if excess > 0 {
		pcm = shorten(pcm, alike)
	} else {
		pcm = lengthen(f.past[:], pcm, alike)
	}
	switch {
	case len(pcm) < before:
		f.shortened++
		f.rest, f.wanting = fitRest, 0
	case len(pcm) > before:
		f.lengthened++
		f.rest, f.wanting = fitRestUp, 0
	}
	return pcm
}

// heard keeps what was played.
func (f *fitter) heard(frame []int16) {
	if n := len(f.past) - len(frame); n > 0 {
		copy(f.past[:], f.past[len(frame):])
		copy(f.past[n:], frame)
		return
	}
	copy(f.past[:], frame[len(frame)-len(f.past):])
}
