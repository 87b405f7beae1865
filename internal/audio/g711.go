package audio

import (
	"time"

	"github.com/zaf/g711"
)

// law is one of the two companding laws of ITU-T G.711.
type law struct {
	encode func(int16) uint8
	decode func(uint8) int16
}

func ulaw() law { return law{encode: g711.EncodeUlawFrame, decode: g711.DecodeUlawFrame} }
func alaw() law { return law{encode: g711.EncodeAlawFrame, decode: g711.DecodeAlawFrame} }

// What concealment works on, in samples at 8 kHz.
const (
	// pitchShortest and pitchLongest bound the pitch of what is repeated: 66 to 400 Hz.
	pitchShortest, pitchLongest = 20, 120
	// pitchWindow is what two stretches are compared over.
	pitchWindow = 160
	// pastLength is how much decoded sound is kept.
	pastLength = pitchWindow + pitchLongest
	// fadeStart and fadeEnd bound the time over which made-up sound dies away: 10 to 60 ms.
	fadeStart, fadeEnd = 80, 480
	// blendLength is over how much the made-up sound passes into the real one: 4 ms.
	blendLength = 32
)

// g711Coder is G.711 with resampling, and concealment in the way of G.711 Appendix I: the last pitch period is repeated
// and fades.
type g711Coder struct {
	law       law
	down      *downsampler
	up        *upsampler
	past      [pastLength]int16
	pitch     int // period being repeated, 0: nothing is missing
	concealed int // samples made up since the last real one
}

func newG711Coder(l law) *g711Coder {
	return &g711Coder{law: l, down: newDownsampler(g711Rate), up: newUpsampler(g711Rate)}
}

// encode implements coder.
func (c *g711Coder) encode(pcm []int16) ([]byte, error) {
	narrow := c.down.process(pcm)
	payload := make([]byte, len(narrow))
	for i, v := range narrow {
		payload[i] = c.law.encode(v)
	}
	return payload, nil
}

// expect implements coder: nothing can be done.
func (c *g711Coder) expect(float64) error { return nil }

// decode implements coder.
func (c *g711Coder) decode(payload []byte) ([]int16, error) {
	narrow := make([]int16, len(payload))
	for i, b := range payload {
		narrow[i] = c.law.decode(b)
	}
	if c.pitch != 0 {
		length := min(blendLength, len(narrow))
		for i, made := range c.repeat(length) {
			narrow[i] = int16((int(made)*(length-i) + int(narrow[i])*i) / length)
		}
		c.pitch, c.concealed = 0, 0
	}
	c.remember(narrow)
	return c.up.process(narrow), nil
}

// conceal implements coder.
func (c *g711Coder) conceal(samples int) ([]int16, error) {
	if c.pitch == 0 {
		c.pitch = c.findPitch()
	}
	return c.up.process(c.repeat(samples * g711Rate / SampleRate)), nil
}

// recover implements coder: a G.711 payload knows nothing of the one before.
func (c *g711Coder) recover(_ []byte, samples int) ([]int16, error) { return c.conceal(samples) }

// redundant implements coder.
func (c *g711Coder) redundant([]byte) bool { return false }

// duration implements coder: one byte is one sample.
func (c *g711Coder) duration(payload []byte) time.Duration {
	return time.Duration(len(payload)) * time.Second / g711Rate
}

// remember keeps the newest sound.
func (c *g711Coder) remember(narrow []int16) {
	if len(narrow) >= pastLength {
		copy(c.past[:], narrow[len(narrow)-pastLength:])
		return
	}
	copy(c.past[:], c.past[len(narrow):])
	copy(c.past[pastLength-len(narrow):], narrow)
}

// repeat goes on with the last pitch period, softer and softer.
func (c *g711Coder) repeat(samples int) []int16 {
	out := make([]int16, samples)
	for i := range out {
		gain := fadeEnd - fadeStart
		if c.concealed > fadeStart {
			gain = max(0, fadeEnd-c.concealed)
		}
		v := c.past[pastLength-c.pitch+c.concealed%c.pitch]
		out[i] = int16(int(v) * gain / (fadeEnd - fadeStart))
		c.concealed++
	}
	return out
}

// findPitch gives the period at which the newest sound resembles itself most.
func (c *g711Coder) findPitch() int {
	best, bestScore := pitchLongest, 0.0
	newest := c.past[pastLength-pitchWindow:]
	for lag := pitchShortest; lag <= pitchLongest; lag++ {
		var product, energy float64
		for i, v := range newest {
			w := float64(c.past[pastLength-pitchWindow-lag+i])
			product += float64(v) * w
			energy += w * w
		}
		if energy == 0 || product <= 0 {
			continue
		}
		if score := product * product / energy; score > bestScore {
			best, bestScore = lag, score
		}
	}
	return best
}
