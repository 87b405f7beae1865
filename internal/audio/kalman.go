package audio

// filterSteps is the length of the room that the filter learns, in steps.
const filterSteps = 13

// filterTurns is in how many steps each partition gets its turn of what is dear.
const filterTurns = 3

// What the filter expects of a porch.
const (
	// pathKept is how much of what it knows of the echo's path still holds after 10 ms: people move, the door opens.
	pathKept = 0.9997
	// pathUnknown is the variance with which a line of the path's first step begins, and pathDecay by how much less each further step
	// has: a loudspeaker beside its microphone, and a room that fades.
	pathUnknown, pathDecay = 1.0, 0.7
	// besideKept smooths what is heard besides the echo.
	besideKept = 0.7
)

// adaptiveFilter learns how the loudspeaker's sound comes back, and takes it out. It is a Kalman filter in the frequency domain, in
// partitions of one step: for each of them and each line of the spectrum it keeps how the echo is, and how sure it is of that. It learns
// fast while it is unsure, slowly once it knows, and hardly while the visitor speaks, without having to decide that he does (G. Enzner and
// P. Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones", Signal Processing 86, 2006;
// F. Kuech and others, "State-space architecture of the partitioned-block-based acoustic echo controller", ICASSP 2014).
type adaptiveFilter struct {
	fft    *transform
	path   [filterSteps][]complex64 // how the echo is
	unsure [filterSteps][]float32   // variance of that
	beside []float32                // power of what is heard besides the echo
	turn   int
	pair   []float32
	echo   []complex64
	rest   []complex64
	gain   []float32
	doubt  []float32
}

func newAdaptiveFilter() *adaptiveFilter {
	f := &adaptiveFilter{
		fft: newTransform(2 * stepSamples), pair: make([]float32, 2*stepSamples),
		beside: make([]float32, stepLines), echo: make([]complex64, stepLines),
		rest: make([]complex64, stepLines), gain: make([]float32, stepLines), doubt: make([]float32, stepLines),
	}
	for p := range f.path {
		f.path[p], f.unsure[p] = make([]complex64, stepLines), make([]float32, stepLines)
	}
	f.forget()
	return f
}

// forget begins anew.
func (f *adaptiveFilter) forget() {
	begin := float32(pathUnknown)
	for p := range f.path {
		clear(f.path[p])
		for k := range f.unsure[p] {
			f.unsure[p][k] = begin
		}
		begin *= pathDecay
	}
	clear(f.beside)
}

// step handles 10 ms: far are the spectra of the loudspeaker's sound, newest first, of two steps each, heard what the microphone
// heard; left takes what is left of that without the echo. Afterwards echo is the spectrum of the second half of what was taken away,
// rest that of left, and (if it may learn) doubt the power of echo that may still be in it.
func (f *adaptiveFilter) step(far *[filterSteps][]complex64, heard, left []float32, learn bool) {
	clear(f.echo)
	for p := range f.path {
		x, w := far[p], f.path[p]
		for k := range f.echo {
			f.echo[k] += x[k] * w[k]
		}
	}
	f.fft.inverse(f.echo, f.pair)
	for i := range left {
		left[i] = heard[i] - f.pair[stepSamples+i]
	}
	clear(f.pair[:stepSamples])
	f.fft.forward(f.pair, f.echo)
	copy(f.pair[stepSamples:], left)
	f.fft.forward(f.pair, f.rest)
	if learn {
		f.learn(far)
	}
}

// learn corrects path by what it left of the echo.
func (f *adaptiveFilter) learn(far *[filterSteps][]complex64) {
	const half = float32(stepSamples) / (2 * stepSamples) // what the zeros in rest leave of the power
	clear(f.doubt)
	for p := range f.path {
		x, v := far[p], f.unsure[p]
		for k := range f.doubt {
			f.doubt[k] += half * power(x[k]) * v[k]
		}
	}
	for k := range f.gain {
		f.beside[k] = besideKept*f.beside[k] + (1-besideKept)*power(f.rest[k])
		f.gain[k] = 1 / (f.doubt[k] + f.beside[k] + 1e-9)
	}
	f.turn++
	for p := range f.path {
		x, w, v := far[p], f.path[p], f.unsure[p]
		for k := range w {
			push := f.gain[k] * v[k]
			w[k] = (w[k] + complex(push, 0)*conj(x[k])*f.rest[k]) * pathKept
			v[k] = v[k]*(1-half*push*power(x[k]))*(pathKept*pathKept) + (1-pathKept*pathKept)*power(w[k])
		}
		// A path of one step has no second half: what the circle of the transform puts there is not the room. It is taken out in turns.
		if (p+f.turn)%filterTurns == 0 {
			f.fft.inverse(w, f.pair)
			clear(f.pair[stepSamples:])
			f.fft.forward(f.pair, w)
		}
	}
}
