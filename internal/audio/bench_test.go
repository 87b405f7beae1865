package audio

import (
	"testing"
	"time"
)

// BenchmarkFrame is the cost of 20 ms of a call: decoding, measuring, encoding.
func BenchmarkFrame(b *testing.B) {
	for _, codec := range codecs() {
		b.Run(codec.Name, func(b *testing.B) {
			e := NewEngine(NewSilentDevice(), EngineOptions{})
			var s *Stream
			var seq uint16
			var ts uint32
			now := time.Unix(0, 0)
			s, err := e.Open(codec, func(payload []byte, d time.Duration) {
				s.Receive(codec, seq, ts, payload, now)
				seq++
				ts += uint32(int(d.Milliseconds()) * codec.ClockRate / 1000)
			}, StreamOptions{})
			if err != nil {
				b.Fatal(err)
			}
			m := &mixer{engine: e}
			capture, playback := sine(440, -20, FrameSamples, 0), make([]int16, FrameSamples)
			e.now = func() time.Time { return now }
			for b.Loop() {
				now = now.Add(FrameDuration)
				m.process(capture, playback)
			}
		})
	}
}
