package audio

// What concealment works on, in milliseconds.
const (
	// pitchShortest and pitchLongest bound the pitch of what is repeated, in tenths of a millisecond: 66 to 400 Hz.
	pitchShortest, pitchLongest = 25, 150
	// pitchWindow is what two stretches are compared over.
	pitchWindow = 20
	// fadeStart and fadeEnd bound the time over which made-up sound dies away.
	fadeStart, fadeEnd = 10, 60
	// blendTime is over how much the made-up sound passes into the real one, at least; it grows with what was missing, up to blendMost.
	blendTime, blendMost = 4, 10
)

// repeater makes up sound that is missing in the way of ITU-T G.711 Appendix I: the last pitch period is repeated, its end passing
// softly into its begin, and fades.
type repeater struct {
	rate   int // in samples per second
	past   []int16
	period []int16 // what is being repeated; empty: nothing is missing
	made   int     // samples made up since the last real one
}

func newRepeater(rate int) *repeater {
	r := &repeater{rate: rate}
	r.past = make([]int16, r.samples(pitchWindow)+rate*pitchLongest/10000)
	return r
}

// samples converts from milliseconds.
func (r *repeater) samples(ms int) int { return r.rate * ms / 1000 }

// resume takes real sound, in place: after made-up sound its begin is blended with that.
func (r *repeater) resume(pcm []int16) {
	if len(r.period) > 0 {
		length := min(len(pcm), r.samples(blendMost), max(r.samples(blendTime), r.made/4))
		for i, made := range r.conceal(length) {
			pcm[i] = int16((int(made)*(length-i) + int(pcm[i])*i) / length)
		}
		r.period, r.made = nil, 0
	}
	if len(pcm) >= len(r.past) {
		copy(r.past, pcm[len(pcm)-len(r.past):])
		return
	}
	copy(r.past, r.past[len(pcm):])
	copy(r.past[len(r.past)-len(pcm):], pcm)
}

// conceal goes on with the last pitch period, softer and softer.
func (r *repeater) conceal(samples int) []int16 {
	if len(r.period) == 0 {
		r.period = r.lastPeriod()
	}
	out := make([]int16, samples)
	start, end := r.samples(fadeStart), r.samples(fadeEnd)
	for i := range out {
		gain := end - start
		if r.made > start {
			gain = max(0, end-r.made)
		}
		out[i] = int16(int(r.period[r.made%len(r.period)]) * gain / (end - start))
		r.made++
	}
	return out
}

// lastPeriod is the newest period, whose last quarter passes into what came before the period: so its end fits its begin.
func (r *repeater) lastPeriod() []int16 {
	pitch := r.pitch()
	begin := len(r.past) - pitch
	period := append([]int16(nil), r.past[begin:]...)
	quarter := min(pitch/4, begin)
	for i := range quarter {
		at := pitch - quarter + i
		before := r.past[begin-quarter+i]
		period[at] = int16((int(period[at])*(quarter-i) + int(before)*i) / quarter)
	}
	return period
}

// pitch gives the distance at which the newest sound resembles itself most.
func (r *repeater) pitch() int {
	shortest, longest := r.rate*pitchShortest/10000, r.rate*pitchLongest/10000
	window := r.samples(pitchWindow)
	best, bestScore := longest, 0.0
	newest := r.past[len(r.past)-window:]
	for lag := shortest; lag <= longest; lag++ {
		var product, power float64
		before := r.past[len(r.past)-window-lag:]
		for i, v := range newest {
			w := float64(before[i])
			product += float64(v) * w
			power += w * w
		}
		if power == 0 || product <= 0 {
			continue
		}
		if score := product * product / power; score > bestScore {
			best, bestScore = lag, score
		}
	}
	return best
}
