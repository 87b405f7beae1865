package audio

import (
	"encoding/binary"
	"testing"
	"time"
)

// FuzzHostileStream lets a stranger send whatever it likes whenever it likes, in all codecs, and then a far end that means well: that one is
// heard soon, whatever was before, and nothing has grown meanwhile.
func FuzzHostileStream(f *testing.F) {
	record := func(seq uint16, ts uint32, ms, codec byte, payload ...byte) []byte {
		b := binary.BigEndian.AppendUint16(nil, seq)
		b = binary.BigEndian.AppendUint32(b, ts)
		return append(append(b, ms, codec|byte(len(payload))<<2), payload...)
	}
	var backwards, standing, jumps []byte
	for i := range uint16(60) {
		backwards = append(backwards, record(i, 1<<31-uint32(i)*160, 20, 2, 1, 2, 3)...)
		standing = append(standing, record(i, 7, 20, 2, 1, 2, 3)...)
		jumps = append(jumps, record(i*30000, uint32(i)<<27, 20, 0, 0x78, 9, 9)...)
	}
	for _, seed := range [][]byte{backwards, standing, jumps, nil} {
		f.Add(seed, uint16(0), uint32(0))
		f.Add(seed, uint16(65530), uint32(1<<32-1000))
	}
	f.Fuzz(func(t *testing.T, data []byte, seq uint16, ts uint32) {
		all := codecs()
		s := streamOf(t, all[0], coderOf(t, all[0]))
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		frame := make([]int16, FrameSamples)
		for count := 0; len(data) >= 8 && count < 400; count++ {
			codec, length := data[7]&3, int(data[7]>>2)
			body := data[8:]
			body = body[:min(length, len(body))]
			s.Receive(all[codec], binary.BigEndian.Uint16(data), binary.BigEndian.Uint32(data[2:]), body, now)
			for ms := data[6]; ms >= 20; ms -= 20 {
				now = now.Add(FrameDuration)
				s.pull(frame, now)
			}
			if n := len(s.buffer.packets); n > jitterPackets || len(s.queue) > 2*opusLongest || len(s.ears) > len(all) {
				t.Fatalf("%d packets, %d samples, %d decoders", n, len(s.queue), len(s.ears))
			}
			data = data[8+len(body):]
		}
		now = now.Add(lateTurn) // a change of codec within it may be meant
		codec := all[3]
		mouth := coderOf(t, codec)
		for i := range 150 {
			now = now.Add(FrameDuration)
			s.Receive(codec, seq+uint16(i), ts+uint32(i)*160, encode(t, mouth, sine(440, -20, FrameSamples, i*FrameSamples)), now)
			s.pull(frame, now)
			if stats := s.Stats(); stats.Delay > jitterDeepest+2*time.Second || stats.Target > delayMost {
				t.Fatalf("%+v", stats)
			}
		}
		if level := dbfs(energy(frame) / FrameSamples); level < -23 || level > -17 {
			t.Fatalf("after three seconds a good far end is heard at %.0f dBFS: %+v", level, s.Stats())
		}
	})
}
