package audio

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hraban/opus"
)

// How the door's voice is coded.
const (
	// opusBitrate is enough for full-band speech (RFC 7587 section 3.1.1) with the low bit-rate copies of forward error correction.
	opusBitrate = 32000
	// opusComplexity costs a Pi a few per cent of a core; the steps above it are hardly heard.
	opusComplexity = 5
	// opusFirstLoss is what is expected, in per cent, before the far end has reported, and as soon as anything gets lost: at this bit
	// rate libopus makes no copies for less. opusNoLoss is what is no loss, opusMostLoss where more protection only makes worse
	// what is protected.
	opusFirstLoss, opusNoLoss, opusMostLoss = 10, 1, 30
	// opusForget is what is left of an expectation with each report that is better.
	opusForget = 0.8
	// opusQuiet is the mean square below which discontinuous transmission is allowed: -50 dBFS. Without that bound libopus would take
	// a steady tone, as of a kettle or an alarm, for background noise and leave it out.
	opusQuiet = 1e-5
	// opusHeader is the longest packet that holds no sound: its sender pauses (the documentation of opus_encode).
	opusHeader = 2
	// opusFirstCELT is the first configuration without SILK (RFC 6716 table 2).
	opusFirstCELT = 16
	// opusLongest is the longest packet: 120 ms (RFC 6716 section 3.2.5).
	opusLongest = 5760
)

// opusCoder is libopus. hraban/opus takes the capacity, not the length, of a target for its size: every slice handed to
// it is cut with its capacity.
type opusCoder struct {
	encoder *opus.Encoder
	decoder *opus.Decoder
	loss    float64 // expected, in per cent
	dtx     bool    // discontinuous transmission is allowed
	pausing bool    // the last packet held no sound
	pcm     [opusLongest]int16
	packet  [maxPayload]byte
}

// newOpusCoder makes a mono encoder and a mono decoder; the decoder mixes stereo packets down by itself.
func newOpusCoder() (*opusCoder, error) {
	encoder, err := opus.NewEncoder(SampleRate, 1, opus.AppVoIP)
	if err != nil {
		return nil, fmt.Errorf("opus encoder: %w", err)
	}
	decoder, err := opus.NewDecoder(SampleRate, 1)
	if err != nil {
		return nil, fmt.Errorf("opus decoder: %w", err)
	}
	err = errors.Join(
		encoder.SetBitrate(opusBitrate), encoder.SetComplexity(opusComplexity), encoder.SetInBandFEC(true),
		encoder.SetPacketLossPerc(opusFirstLoss), encoder.SetDTX(false),
	)
	if err != nil {
		return nil, fmt.Errorf("opus encoder: %w", err)
	}
	return &opusCoder{encoder: encoder, decoder: decoder, loss: opusFirstLoss}, nil
}

// encode implements coder. In silence only the first packet without sound is given, which tells the decoder that the pause is meant;
// then libopus makes one with sound each 400 ms, which keeps the far end sure that the door is there.
func (c *opusCoder) encode(pcm []int16) ([]byte, error) {
	if quiet := energy(pcm) < opusQuiet*float64(len(pcm)); quiet != c.dtx {
		if err := c.encoder.SetDTX(quiet); err != nil {
			return nil, fmt.Errorf("opus encoder: %w", err)
		}
		c.dtx = quiet
	}
	n, err := c.encoder.Encode(pcm, c.packet[:])
	if err != nil {
		return nil, fmt.Errorf("opus encode: %w", err)
	}
	paused := c.pausing
	if c.pausing = n <= opusHeader; paused && c.pausing {
		return nil, nil
	}
	return append([]byte(nil), c.packet[:n]...), nil
}

// expect implements coder: more at once, less slowly.
func (c *opusCoder) expect(loss float64) error {
	c.loss = min(opusMostLoss, max(100*loss, c.loss*opusForget))
	percent := 0
	if c.loss >= opusNoLoss {
		percent = int(math.Round(max(opusFirstLoss, c.loss)))
	}
	if err := c.encoder.SetPacketLossPerc(percent); err != nil {
		return fmt.Errorf("opus encoder: %w", err)
	}
	return nil
}

// decode implements coder.
func (c *opusCoder) decode(payload []byte) ([]int16, error) {
	n, err := c.decoder.Decode(payload, c.pcm[:])
	if err != nil {
		return nil, fmt.Errorf("opus decode: %w", err)
	}
	return c.pcm[:n], nil
}

// conceal implements coder.
func (c *opusCoder) conceal(samples int) ([]int16, error) {
	target := c.pcm[:samples:samples]
	if err := c.decoder.DecodePLC(target); err != nil {
		return nil, fmt.Errorf("opus conceal: %w", err)
	}
	return target, nil
}

// recover implements coder.
func (c *opusCoder) recover(next []byte, samples int) ([]int16, error) {
	target := c.pcm[:samples:samples]
	if err := c.decoder.DecodeFEC(next, target); err != nil {
		return nil, fmt.Errorf("opus recover: %w", err)
	}
	return target, nil
}

// redundant implements coder: the header bits of a SILK frame, which stand uncoded at its begin, tell whether it has a low bit-rate
// copy of the one before (RFC 6716 section 4.2.3). Only packets of one or two frames of the same size are looked at.
func (c *opusCoder) redundant(payload []byte) bool {
	if len(payload) < 2 || payload[0]>>3 >= opusFirstCELT || payload[0]&3 > 1 {
		return false
	}
	pieces := max(1, int(c.duration(payload)/FrameDuration)) // of 20 ms in a frame, each with a bit of voice activity
	if payload[0]&3 == 1 {
		pieces = max(1, pieces/2)
	}
	flags := payload[1] >> (7 - pieces)
	if payload[0]&4 != 0 { // stereo: the side channel's bits follow
		return flags&1 != 0 || payload[1]>>(6-2*pieces)&1 != 0
	}
	return flags&1 != 0
}

// duration implements coder by the table of contents byte, RFC 6716 section 3.1, and the frame count of section 3.2.
func (c *opusCoder) duration(payload []byte) time.Duration {
	if len(payload) == 0 {
		return 0
	}
	var frame time.Duration
	switch config := payload[0] >> 3; {
	case config < 12: // SILK
		frame = [4]time.Duration{10, 20, 40, 60}[config%4] * time.Millisecond
	case config < 16: // hybrid
		frame = [2]time.Duration{10, 20}[config%2] * time.Millisecond
	default: // CELT
		frame = 2500 * time.Microsecond << (config % 4)
	}
	count := time.Duration(1)
	switch payload[0] & 3 {
	case 0:
	case 3:
		if len(payload) < 2 {
			return 0
		}
		count = time.Duration(payload[1] & 0x3F)
	default:
		count = 2
	}
	if total := frame * count; total <= opusLongest*time.Second/SampleRate {
		return total
	}
	return 0
}
