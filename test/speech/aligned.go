package speech

import "time"

// How what was heard is laid over what was said.
const (
	// searchHop is the resolution of the search, in samples of stoiRate: 3.2 ms.
	searchHop = frameHop / 4
	// searchSpan is how far around the delay of the segment before it is looked for.
	searchSpan = 60 * time.Millisecond
	// segmentStep is how many frames lie between the begins of two segments.
	segmentStep = 3
)

// Result is what a comparison found.
type Result struct {
	// Intelligibility is that of STOI, 0 to 1, of the segments with speech.
	Intelligibility float64
	// Delay is the mean time by which what was heard comes later.
	Delay time.Duration
}

// Compare is STOI for what was heard through something whose delay is not known and changes: each 384 ms of speech are laid where what was
// heard resembles them most, near to where those before were (the way ViSQOL aligns its patches). Both are at rate; what was heard may
// come up to longest later.
func Compare(reference, heard []int16, rate int, longest time.Duration) Result {
	x, y := Resample(floats(reference), rate, stoiRate), Resample(floats(heard), rate, stoiRate)
	y = append(y, make([]float64, int(longest.Seconds()*stoiRate)+segment*frameLength)...)
	a, b := analyse(x, frameHop), analyse(y, searchHop)
	most := int(longest.Seconds() * stoiRate / searchHop)
	span := int(searchSpan.Seconds() * stoiRate / searchHop)
	spoken := speechIn(x)
	sum, count, delay := 0.0, 0, 0
	at := -1 // of the segment before; not sure
	for m := 0; m+segment <= len(a); m += segmentStep {
		if !spoken(m) {
			continue
		}
		from, to := 0, most
		if at >= 0 {
			from, to = max(0, at-span), min(most, at+span)
		}
		best, found := -1.0, from
		for d := from; d <= to; d++ {
			score := alike(a[m:m+segment], func(i int) *spectrum {
				return &b[min(len(b)-1, (m+i)*frameHop/searchHop+d)]
			})
			if score > best {
				best, found = score, d
			}
		}
		if at = found; best < sure {
			at = -1
		}
		sum += best
		delay += found
		count++
	}
	if count == 0 {
		return Result{}
	}
	return Result{
		Intelligibility: sum / float64(count),
		Delay:           time.Duration(delay) * searchHop * time.Second / stoiRate / time.Duration(count),
	}
}

// sure is a likeness from which on the place of a segment is believed.
const sure = 0.8

// speechIn tells of which segments most frames are speech.
func speechIn(x []float64) func(m int) bool {
	var levels []float64
	loudest := 0.0
	for at := 0; at+frameLength <= len(x); at += frameHop {
		levels = append(levels, frameLevel(x[at:]))
		loudest = max(loudest, levels[len(levels)-1])
	}
	return func(m int) bool {
		loud := 0
		for _, level := range levels[m : m+segment] {
			if level > loudest-dynamicRange {
				loud++
			}
		}
		return loud > segment/2
	}
}
