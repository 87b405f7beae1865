package audio

import (
	"math"
	"slices"
)

const (
	// duplexGood and duplexPoor are how much of the echo in dB the filter must take away to be trusted, and below which it is not any more.
	duplexGood, duplexPoor = 15, 12
	// duplexEach is how many steps with echo make one value, duplexFirst how many values decide on trust, duplexWindow how many on
	// distrust: 3 s of echo.
	duplexEach, duplexFirst, duplexWindow = 4, 6, 75
	// lostValues is how many values below lostBelow show that the echo's path has become another: 0.7 s of echo.
	lostValues, lostBelow = 18, 6
	// worseValues is how many values below worseBelow show at once that it has: no visitor makes the filter add to what is heard.
	worseValues, worseBelow = 4, -2
	// farSpeaks is the mean square from which on the far end is taken to speak: -50 dBFS.
	farSpeaks = 1e-5
	// aboveNoise is how much louder than the noise the microphone's sound must be for an echo to be worth a look, in power.
	aboveNoise = 4
	// clearOfNoise is the same for an echo that a filter can prove itself by.
	clearOfNoise = 40
	// echoAlike is how alike what is left and the far end must be for the filter to be distrusted, as a coefficient of correlation.
	echoAlike = 0.7
)

// duplex judges what the filter does, and is the voice switch behind it.
//
// Trusted, it closes while what is heard is the rest of an echo. Not trusted, it closes while the far end speaks, unless the visitor is
// clearly louder than the echo has been.
type duplex struct {
	trusted  bool
	heard    float64 // smoothed powers of what the microphone hears,
	rest     float64 // of what the filter leaves of it,
	noise    float64 // and of what is there without anybody
	calm     calm
	steps    int // with echo, up to the next value
	values   [duplexWindow]float64
	count    int // of values since the filter began
	quiet    int // steps in which the far end spoke and no echo was heard
	envelope float64
	leak     float64 // what is left of the echo against the far end's envelope: rarely more
	louder   int     // steps in which the visitor was louder
	hold     int
	loss     float64  // the filter's, in dB
	alike    likeness // of what is left, and of the far end
}

func newDuplex() duplex { return duplex{leak: 1} }

// forget begins anew: the filter does.
func (d *duplex) forget() {
	d.trusted, d.count, d.steps, d.quiet, d.leak = false, 0, 0, 0, 1
}

// state is what to call it.
func (d *duplex) state() EchoState {
	switch {
	case d.trusted:
		return EchoFullDuplex
	case d.count >= duplexWindow:
		return EchoHalfDuplex
	default:
		return EchoLearning
	}
}

// hear takes the powers of a step: of the loudspeaker's sound when it comes back, of what the microphone heard, and of what the filter left. tonal says that
// the loudspeaker plays a tone: that it is taken out does not show that a voice will be.
func (d *duplex) hear(far, heard, rest float64, tonal bool) {
	d.envelope = max(far, d.envelope*echoFades)
	if d.calm.steps == 0 {
		d.heard, d.rest = heard, rest
	}
	d.heard += 0.15 * (heard - d.heard)
	d.rest += 0.15 * (rest - d.rest)
	d.noise = d.calm.take(d.heard)
	d.alike.take(math.Sqrt(d.envelope), math.Sqrt(rest))
	if d.envelope < farSpeaks || tonal {
		return
	}
	// A microphone that delivers zeros has no noise either: nothing is above it.
	if d.heard <= aboveNoise*d.noise {
		if d.quiet++; d.quiet > 100 { // a second of speech, and no echo of it
			d.trusted = true
		}
		return
	}
	d.quiet = 0
	if d.steps++; d.steps%duplexEach == 0 {
		loss := 10 * math.Log10((d.heard-d.noise)/max(d.rest-d.noise, d.heard*1e-4))
		if d.heard < clearOfNoise*d.noise { // what is near the noise shows that the filter does badly, not that it does well
			loss = min(loss, duplexGood-1)
		}
		d.judge(loss)
	}
}

// judge takes a value of what the filter takes away, in dB.
func (d *duplex) judge(loss float64) {
	d.values[d.count%duplexWindow] = loss
	d.count++
	n := min(d.count, duplexWindow)
	if n >= worseValues && d.lately(worseValues) < worseBelow {
		d.trusted, d.leak = false, 1
	}
	if n >= duplexFirst && d.lately(duplexFirst) >= duplexGood {
		d.trusted = true
	}
	// The visitor's voice makes the filter look worse than it is: what it does in his pauses counts, and whether what is left swells and
	// fades with the far end.
	sorted := slices.Clone(d.values[:n])
	slices.Sort(sorted)
	d.loss = sorted[n*3/4]
	if n == duplexWindow && d.loss < duplexPoor && d.alike.value() > echoAlike {
		d.trusted, d.leak = false, 1
	}
}

// switchOff reports whether the microphone is to be closed for this step: rest is what is left, expected what of that may be echo.
func (d *duplex) switchOff(rest, expected float64) bool {
	if d.trusted {
		switch {
		case rest > gateSurely*expected:
			d.louder = gateSteps
		case rest > gateOpens*expected:
			d.louder++
		default:
			d.louder = 0
		}
		return d.person(d.louder >= gateSteps, gateHold) == 0 && expected > gateSilence
	}
	if d.envelope < farSpeaks {
		d.person(false, 0)
		return false
	}
	ratio := rest / d.envelope
	switch {
	case ratio > breakIn*d.leak:
		d.louder++
	default:
		d.louder = 0
	}
	if d.louder <= breakInSteps { // rarely more: five steps in six
		if ratio > d.leak {
			d.leak *= 1.08
		} else {
			d.leak *= 0.985
		}
	}
	return d.person(d.louder > breakInSteps, breakInHold) == 0
}

// lately is what the filter took away of the last values, in dB.
func (d *duplex) lately(values int) float64 {
	recent := make([]float64, 0, duplexWindow)
	for i := range min(values, d.count, duplexWindow) {
		recent = append(recent, d.values[(d.count-1-i)%duplexWindow])
	}
	if len(recent) == 0 {
		return 0
	}
	slices.Sort(recent)
	return recent[len(recent)/2]
}

// lost reports whether the filter has been left behind by the room, or by the device.
func (d *duplex) lost() bool {
	return d.trusted && d.count >= lostValues && d.lately(lostValues) < lostBelow && d.alike.value() > echoAlike
}

// person notes whether somebody speaks at the door, and tells for how many steps he is still to be heard.
func (d *duplex) person(speaks bool, hold int) int {
	switch {
	case speaks:
		d.hold = hold
	case d.hold > 0:
		d.hold--
	}
	return d.hold
}

// likeness is the correlation of two loudnesses over the last two seconds.
type likeness struct{ a, b, aa, bb, ab float64 }

func (l *likeness) take(a, b float64) {
	const new = 0.005
	l.a += new * (a - l.a)
	l.b += new * (b - l.b)
	l.aa += new * (a*a - l.aa)
	l.bb += new * (b*b - l.bb)
	l.ab += new * (a*b - l.ab)
}

func (l *likeness) value() float64 {
	return (l.ab - l.a*l.b) / (math.Sqrt(max(0, l.aa-l.a*l.a)*max(0, l.bb-l.b*l.b)) + 1e-12)
}

// calm is the least of a power in the last one to two times calmSteps: what is there between the words.
type calm struct {
	now, before float64
	steps       int
}

const calmSteps = 150

func (c *calm) take(power float64) float64 {
	switch {
	case c.steps == 0:
		c.now, c.before = power, power
	case c.steps%calmSteps == 0:
		c.now, c.before = power, c.now
	}
	c.steps++
	c.now = min(c.now, power)
	return min(c.now, c.before)
}
