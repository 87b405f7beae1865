package audio

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// drifting is a tone that no codec touches: a payload says where in the tone it begins.
type drifting struct{ coder }

// tone is the tone from a place on: 250 Hz and an overtone, as a voice might have.
func (drifting) tone(from uint32, samples int) []int16 {
	var period [192]int16
	for i := range period {
		phase := 2 * math.Pi * float64(i) / 192
		period[i] = int16(6000*math.Sin(phase) + 2000*math.Sin(3*phase))
	}
	pcm := make([]int16, samples)
	for i := range pcm {
		pcm[i] = period[(from+uint32(i))%192]
	}
	return pcm
}

func (d drifting) decode(payload []byte) ([]int16, error) {
	return d.tone(binary.BigEndian.Uint32(payload), FrameSamples), nil
}
func (drifting) conceal(samples int) ([]int16, error)           { return make([]int16, samples), nil }
func (drifting) recover(_ []byte, samples int) ([]int16, error) { return make([]int16, samples), nil }
func (drifting) expect(float64) error                           { return nil }
func (drifting) redundant([]byte) bool                          { return false }
func (drifting) duration([]byte) time.Duration                  { return FrameDuration }

// streamOf gives a stream that listens by a coder of the test.
func streamOf(t testing.TB, codec Codec, ear coder) *Stream {
	t.Helper()
	s, err := NewEngine(NewSilentDevice(), EngineOptions{}).Open(codec, func([]byte, time.Duration) {}, StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.ear = ear
	s.buffer.redundant = ear.redundant
	return s
}

// roughness is how much a frame bends between two samples at most, with what came before it.
func roughness(before [2]int16, frame []int16) int {
	most := 0
	a, b := int(before[0]), int(before[1])
	for _, v := range frame {
		most = max(most, abs(int(v)-2*b+a))
		a, b = b, int(v)
	}
	return most
}

func abs(v int) int { return max(v, -v) }

// TestClockDrift plays a quarter of an hour from a sender whose clock is faster or slower than that of the sound card, through a network with a little
// jitter: the delay stays where it was, nothing is lost or made up, and nothing clicks.
func TestClockDrift(t *testing.T) {
	for _, ppm := range []float64{-200, 200} {
		t.Run(fmt.Sprintf("%+.0f ppm", ppm), func(t *testing.T) {
			t.Parallel()
			codec := codecs()[0]
			s := streamOf(t, codec, drifting{})
			random := rand.New(rand.NewPCG(7, 7))
			began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			every := time.Duration(float64(FrameDuration) * (1 - ppm/1e6))
			jitter := func() time.Duration { return time.Duration(random.IntN(4)) * time.Millisecond }
			sent, at := uint32(0), began.Add(jitter())
			payload := make([]byte, 4)
			frame := make([]int16, FrameSamples)
			var before [2]int16
			tone := drifting{}.tone(0, 3*FrameSamples)
			smooth := roughness([2]int16{tone[0], tone[1]}, tone[2:])
			var least, most time.Duration = time.Hour, 0
			const quarter = 45_000 // frames
			for i := range quarter {
				now := began.Add(time.Duration(i) * FrameDuration)
				for !at.After(now) {
					binary.BigEndian.PutUint32(payload, sent*FrameSamples)
					s.Receive(codec, uint16(sent), sent*FrameSamples, payload, at)
					sent++
					at = began.Add(time.Duration(sent)*every + jitter())
				}
				s.pull(frame, now)
				if i < 500 { // ten seconds to learn in
					before = [2]int16{frame[FrameSamples-2], frame[FrameSamples-1]}
					continue
				}
				if delay, _ := s.buffer.delay(); delay < least {
					least = delay
				} else if delay > most {
					most = delay
				}
				if rough := roughness(before, frame); rough > smooth*3/2 {
					t.Fatalf("a click after %v: %d where the tone itself has %d", now.Sub(began), rough, smooth)
				}
				before = [2]int16{frame[FrameSamples-2], frame[FrameSamples-1]}
			}
			stats := s.Stats()
			t.Logf("delay %v to %v; %d shortened, %d lengthened", least, most, stats.Shortened, stats.Lengthened)
			if least < delayLeast-FrameDuration || most > delayLeast+jitterAbove+2*delayBin {
				t.Errorf("the delay was between %v and %v", least, most)
			}
			if stats.Lost+stats.Late+stats.Concealed+stats.Dropped != 0 {
				t.Errorf("%+v", stats)
			}
			// 200 ppm of a quarter of an hour are 180 ms.
			if done := stats.Shortened + stats.Lengthened; done < 10 || done > 100 {
				t.Errorf("%d stretches", done)
			}
		})
	}
}
