package audio

import (
	"math"
	"math/rand/v2"
	"time"
)

// Tone is a signal to the visitor.
type Tone string

// Tones. Ringing goes on until it is stopped, the others end by themselves.
const (
	// ToneRinging: somewhere it rings.
	ToneRinging Tone = "ringing"
	// ToneBusy: they are talking with somebody else, or do not want to.
	ToneBusy Tone = "busy"
	// ToneNobody: nobody answered.
	ToneNobody Tone = "nobody"
	// ToneFault: the bell does not work.
	ToneFault Tone = "fault"
	// ToneOpened: the door is open.
	ToneOpened Tone = "opened"
	// ToneEnded: the talk is over.
	ToneEnded Tone = "ended"
)

// toneLevel is the root mean square of all tones: loud enough at a door, with room for a voice beside it.
const toneLevel = -18

// breath in place of a frequency is soft noise, breathLevel its root mean square in dBFS. After each ring it is hardly heard, and has every
// frequency: the echo is measured by it before anybody has said a word. A tone alone would teach one frequency.
const breath, breathLevel = -1, -38

// toneEdge is the time in which a tone swells and fades, so that it does not click.
const toneEdge = 5 * time.Millisecond

// beat is a stretch of one frequency; 0 Hz is a pause, breath is noise.
type beat struct {
	hz float64
	d  time.Duration
}

// beats is how a tone sounds, and whether that is repeated. 425 Hz with one second in five is the ringing tone, with
// equal halves the busy tone that most of Europe knows (ITU-T E.180).
func (t Tone) beats() (sequence []beat, forever bool) {
	switch t {
	case ToneRinging:
		return []beat{{425, time.Second}, {breath, 600 * time.Millisecond}, {0, 3400 * time.Millisecond}}, true
	case ToneBusy:
		half := []beat{{425, 480 * time.Millisecond}, {0, 480 * time.Millisecond}}
		return append(append(half, half...), half...), false
	case ToneNobody:
		return []beat{{659, 250 * time.Millisecond}, {523, 250 * time.Millisecond}, {392, 500 * time.Millisecond}}, false
	case ToneFault:
		short := []beat{{950, 150 * time.Millisecond}, {0, 100 * time.Millisecond}}
		return append(append(short, short...), short...), false
	case ToneOpened:
		return []beat{{880, 150 * time.Millisecond}, {1319, 300 * time.Millisecond}}, false
	case ToneEnded:
		return []beat{{659, 150 * time.Millisecond}, {440, 300 * time.Millisecond}}, false
	default:
		return nil, false
	}
}

// player is a tone being played.
type player struct {
	tone     Tone
	sequence []beat
	forever  bool
	beat     int
	at       int        // samples into the beat, or into the file
	random   *rand.Rand // the breath
	file     []int16    // played in place of the sequence
}

// newPlayer starts a tone, in the form of a file if there is one; it is nil for one that is not known.
func newPlayer(t Tone, file []int16) *player {
	sequence, forever := t.beats()
	if len(sequence) == 0 {
		return nil
	}
	return &player{tone: t, sequence: sequence, forever: forever, file: file, random: rand.New(rand.NewPCG(4, 25))}
}

// fill writes the next sound of the tone and reports whether there is more.
func (p *player) fill(pcm []int16) (more bool) {
	if len(p.file) > 0 {
		return p.fillFrom(pcm)
	}
	amplitude := math.Sqrt2 * math.Pow(10, toneLevel/20.0) * math.MaxInt16
	quiet := math.Pow(10, breathLevel/20.0) * math.MaxInt16
	edge := samplesOf(toneEdge)
	for i := range pcm {
		if p.beat == len(p.sequence) {
			clear(pcm[i:])
			return false
		}
		b := p.sequence[p.beat]
		length := samplesOf(b.d)
		swell := math.Min(1, float64(min(p.at, length-1-p.at))/float64(edge))
		v := amplitude * math.Sin(2*math.Pi*b.hz*float64(p.at)/SampleRate)
		if b.hz == breath {
			v = quiet * p.random.NormFloat64()
		}
		pcm[i] = saturate(swell * v)
		if p.at++; p.at == length {
			p.at = 0
			p.beat++
			if p.forever {
				p.beat %= len(p.sequence)
			}
		}
	}
	return p.beat < len(p.sequence)
}

// begun reports whether any of the tone was played.
func (p *player) begun() bool { return p.beat > 0 || p.at > 0 }

// fade writes the last sound of a tone that was stopped.
func (p *player) fade(pcm []int16) {
	p.fill(pcm)
	edge := samplesOf(toneEdge)
	for i := range edge {
		pcm[i] = int16(int(pcm[i]) * (edge - i) / edge)
	}
	clear(pcm[edge:])
}

// fillFrom is fill for a file.
func (p *player) fillFrom(pcm []int16) (more bool) {
	for len(pcm) > 0 {
		n := copy(pcm, p.file[p.at:])
		pcm = pcm[n:]
		if p.at += n; p.at < len(p.file) {
			continue
		}
		if !p.forever {
			clear(pcm)
			return false
		}
		p.at = 0
	}
	return true
}

// samplesOf is the number of samples in a time.
func samplesOf(d time.Duration) int { return int(d * SampleRate / time.Second) }
