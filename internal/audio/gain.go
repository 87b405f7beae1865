package audio

import "math"

const (
	// gainTarget is the level in dBFS that a visitor's voice is brought to.
	gainTarget = -20
	// gainLeast and gainMost bound the automatic gain in dB; gainNoise is the level in dBFS that steady noise is not raised above.
	gainLeast, gainMost, gainNoise = -12, 18, -50
	// gainUp and gainDown are how fast it changes, in dB for 10 ms of speech.
	gainUp, gainDown = 0.06, 0.2
	// gainAfter is how many steps of speech it listens to before it does anything.
	gainAfter = 20
	// speechAboveNoise is how much louder than the noise a voice is at least, in power.
	speechAboveNoise = 8
)

// gainControl brings voices to one level. It changes while somebody speaks at the door, and at no other time: noise is not pumped up
// between the words.
type gainControl struct {
	auto  bool
	db    float64
	level float64 // mean square of the voice
	noise float64 // and of what is there without one
	heard int     // steps of speech so far
	limit limiter
}

func newGainControl(auto bool, db float64) gainControl {
	return gainControl{auto: auto, db: db, noise: 1e-4}
}

// step handles 10 ms in place; visitor says that nobody but a person at the door is heard in it.
func (g *gainControl) step(x []float32, visitor bool) {
	if g.auto {
		g.follow(float64(mean(x)), visitor)
	}
	gain := float32(math.Pow(10, g.db/20))
	for i := range x {
		x[i] *= gain
	}
	g.limit.apply(x)
}

// follow takes the power of a step.
func (g *gainControl) follow(power float64, visitor bool) {
	if power < g.noise {
		g.noise += 0.1 * (power - g.noise)
	} else {
		g.noise *= 1.003
	}
	if !visitor || power < speechAboveNoise*g.noise || power < farSpeaks/10 {
		return
	}
	if g.heard == 0 {
		g.level = power
	}
	g.heard++
	slow := 0.005
	if power > g.level {
		slow = 0.03
	}
	g.level += slow * (power - g.level)
	if g.heard < gainAfter {
		return
	}
	// Noise above its bound is no reason to lower a voice.
	want := min(gainTarget-dbfs(g.level), max(0, gainNoise-dbfs(g.noise)))
	want = max(gainLeast, min(gainMost, want))
	g.db += max(-gainDown, min(gainUp, want-g.db))
}

// limitLevel is the most that leaves a limiter: -1 dBFS.
const limitLevel = 0.89

// limiter keeps what is too loud from being clipped: it lowers at once and lets go slowly.
type limiter struct{ lowered float32 } // 1 less the gain

// apply handles a frame in place; full scale is 1.
func (l *limiter) apply(x []float32) {
	peak := float32(0)
	for _, v := range x {
		peak = max(peak, v, -v)
	}
	from := 1 - l.lowered
	to := min(1, from*1.02) // 20 ms: 9 dB a second
	if peak*to > limitLevel {
		to = limitLevel / peak
	}
	l.lowered = 1 - to
	if from == 1 && to == 1 {
		return
	}
	ramp := len(x) / 16
	for i := range x {
		gain := to
		if i < ramp {
			gain = from + (to-from)*float32(i)/float32(ramp)
		}
		x[i] = max(-limitLevel, min(limitLevel, x[i]*gain))
	}
}
