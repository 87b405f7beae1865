package audio

import (
	"errors"
	"fmt"
	"time"

	"github.com/hraban/opus"
)

// How the door's voice is coded. In-band FEC costs a few kbit/s at the loss it is told to expect and lets the far end
// rebuild a single lost packet from the next one.
const (
	opusBitrate      = 32000
	opusComplexity   = 5
	opusExpectedLoss = 10 // per cent
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
		encoder.SetPacketLossPerc(opusExpectedLoss), encoder.SetDTX(false),
	)
	if err != nil {
		return nil, fmt.Errorf("opus encoder: %w", err)
	}
	return &opusCoder{encoder: encoder, decoder: decoder}, nil
}

// encode implements coder.
func (c *opusCoder) encode(pcm []int16) ([]byte, error) {
	n, err := c.encoder.Encode(pcm, c.packet[:])
	if err != nil {
		return nil, fmt.Errorf("opus encode: %w", err)
	}
	return append([]byte(nil), c.packet[:n]...), nil
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
