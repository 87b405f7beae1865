package audio

import "math"

// Sound is made longer or shorter by whole periods of what it repeats: one period is cross-faded into the next or the one before, so
// that the pitch stays and nothing clicks (the time-domain way of WSOLA).
const (
	// lagShortest and lagLongest bound what is taken out or put in at once: 2.5 to 15 ms, a pitch of 66 to 400 Hz or some periods of
	// a higher one.
	lagShortest, lagLongest = SampleRate / 400, SampleRate * 15 / 1000
	// fadeSamples is over how much one period passes into the other, and what is compared to find it: 10 ms.
	fadeSamples = SampleRate / 100
	// coarse is the step of the first search; it looks at sound as if at 8 kHz.
	coarse = 6
	// alikeEnough is the correlation from which on a join can't be heard.
	alikeEnough = 0.9
	// quietEnough is the mean square below which a join is not heard whatever it joins: -55 dBFS.
	quietEnough = 3.2e-6
)

// shorten takes out one period near the beginning of a piece of sound, in place, and gives what is left of it; as it was when there is
// too little of it or it resembles itself less than asked for (1: as much as can be).
func shorten(pcm []int16, alike float64) []int16 {
	if len(pcm) < lagLongest+fadeSamples {
		return pcm
	}
	lag, found := bestLag(pcm, 0, 1)
	if found < alike {
		return pcm
	}
	for i := range fadeSamples {
		pcm[i] = fade(pcm[i], pcm[i+lag], i)
	}
	return append(pcm[:fadeSamples], pcm[fadeSamples+lag:]...)
}

// lengthen puts one period in at the beginning of a piece of sound, given what was played before it (at least lagLongest of it), and
// gives the longer one; as it was when there is too little of it or it resembles itself less than asked for.
func lengthen(past, pcm []int16, alike float64) []int16 {
	if len(pcm) < fadeSamples || len(past) < lagLongest {
		return pcm
	}
	past = past[len(past)-lagLongest:]
	all := append(append(make([]int16, 0, 2*lagLongest+len(pcm)), past...), pcm...)
	lag, found := bestLag(all, lagLongest, -1)
	if found < alike {
		return pcm
	}
	longer := make([]int16, 0, len(pcm)+lag)
	for i := range fadeSamples {
		longer = append(longer, fade(all[lagLongest+i], all[lagLongest+i-lag], i))
	}
	return append(longer, all[lagLongest+fadeSamples-lag:]...)
}

// fade passes from one sample to another: i of fadeSamples.
func fade(from, to int16, i int) int16 {
	return int16((int(from)*(fadeSamples-i) + int(to)*i) / fadeSamples)
}

// bestLag finds the distance, in a direction, at which the fadeSamples from at on resemble themselves most, and how much (1: exactly).
// In silence any will do: the longest.
func bestLag(pcm []int16, at, direction int) (lag int, alike float64) {
	here := pcm[at : at+fadeSamples]
	there := pcm[at+direction*lagLongest:][:fadeSamples]
	if max(energy(here), energy(there))/fadeSamples < quietEnough {
		return lagLongest, 1
	}
	alike = -1
	for l := lagShortest; l <= lagLongest; l += coarse {
		if c := correlation(here, pcm[at+direction*l:], coarse); c > alike {
			lag, alike = l, c
		}
	}
	middle := lag
	alike = -1
	for l := max(lagShortest, middle-coarse+1); l < min(lagLongest+1, middle+coarse); l++ {
		if c := correlation(here, pcm[at+direction*l:], 1); c > alike {
			lag, alike = l, c
		}
	}
	return lag, alike
}

// correlation tells how much two pieces of sound are alike, 1 at most; only each step-th sample is looked at.
func correlation(a, b []int16, step int) float64 {
	var ab, aa, bb float64
	for i := 0; i < fadeSamples; i += step {
		x, y := float64(a[i]), float64(b[i])
		ab += x * y
		aa += x * x
		bb += y * y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}
