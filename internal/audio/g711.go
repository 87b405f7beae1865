package audio

import "github.com/zaf/g711"

// g711Rate is what G.711 speaks at, in Hz.
const g711Rate = 8000

// law is one of the two companding laws of ITU-T G.711.
type law struct {
	encodeOne func(int16) uint8
	decodeOne func(uint8) int16
}

func ulaw() law { return law{encodeOne: g711.EncodeUlawFrame, decodeOne: g711.DecodeUlawFrame} }
func alaw() law { return law{encodeOne: g711.EncodeAlawFrame, decodeOne: g711.DecodeAlawFrame} }

// encode implements waveEncoder.
func (l law) encode(pcm []int16) []byte {
	payload := make([]byte, len(pcm))
	for i, v := range pcm {
		payload[i] = l.encodeOne(v)
	}
	return payload
}

// decode implements waveDecoder.
func (l law) decode(payload []byte) []int16 {
	pcm := make([]int16, len(payload))
	for i, b := range payload {
		pcm[i] = l.decodeOne(b)
	}
	return pcm
}
