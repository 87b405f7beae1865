package audio

import "time"

// waveClock is the RTP clock of both G.711 and G.722, which have one byte for each of its ticks.
const waveClock = 8000

// waveEncoder and waveDecoder are codecs of the wave itself, sample by sample, at a rate of their own.
type (
	waveEncoder interface{ encode(pcm []int16) []byte }
	waveDecoder interface{ decode(payload []byte) []int16 }
)

// waveCoder makes a coder of such a codec, with resampling and concealment.
type waveCoder struct {
	rate     int
	encoder  waveEncoder
	decoder  waveDecoder
	down     *downsampler
	up       *upsampler
	repeater *repeater
}

func newWaveCoder(rate int, e waveEncoder, d waveDecoder) *waveCoder {
	return &waveCoder{
		rate: rate, encoder: e, decoder: d,
		down: newDownsampler(rate), up: newUpsampler(rate), repeater: newRepeater(rate),
	}
}

func newG711Coder(l law) *waveCoder { return newWaveCoder(g711Rate, l, l) }

func newG722Coder() *waveCoder { return newWaveCoder(g722Rate, newG722Encoder(), newG722Decoder()) }

// encode implements coder.
func (c *waveCoder) encode(pcm []int16) ([]byte, error) {
	return c.encoder.encode(c.down.process(pcm)), nil
}

// expect implements coder: nothing can be done.
func (c *waveCoder) expect(float64) error { return nil }

// decode implements coder.
func (c *waveCoder) decode(payload []byte) ([]int16, error) {
	pcm := c.decoder.decode(payload)
	c.repeater.resume(pcm)
	return c.up.process(pcm), nil
}

// conceal implements coder.
func (c *waveCoder) conceal(samples int) ([]int16, error) {
	return c.up.process(c.repeater.conceal(samples * c.rate / SampleRate)), nil
}

// recover implements coder: a payload knows nothing of the one before.
func (c *waveCoder) recover(_ []byte, samples int) ([]int16, error) { return c.conceal(samples) }

// redundant implements coder.
func (c *waveCoder) redundant([]byte) bool { return false }

// duration implements coder.
func (c *waveCoder) duration(payload []byte) time.Duration {
	return time.Duration(len(payload)) * time.Second / waveClock
}
