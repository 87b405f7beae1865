package audio

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestStretchingLeavesTheSoundAsItIs(t *testing.T) {
	for _, hz := range []float64{70, 110, 200, 440, 1000, 3000} {
		pcm := sine(hz, -20, 10*FrameSamples, 0)
		smooth := roughness([2]int16{pcm[0], pcm[1]}, pcm[2:])
		for name, got := range map[string][]int16{
			"shorter": append(append([]int16(nil), pcm[:lagLongest]...), shorten(append([]int16(nil), pcm[lagLongest:]...), alikeEnough)...),
			"longer":  append(append([]int16(nil), pcm[:lagLongest]...), lengthen(pcm[:lagLongest], pcm[lagLongest:], alikeEnough)...),
		} {
			changed := len(got) - len(pcm)
			if name == "shorter" {
				changed = -changed
			}
			if changed < lagShortest || changed > lagLongest {
				t.Errorf("%v Hz, %s: by %d samples", hz, name, changed)
			}
			if rough := roughness([2]int16{got[0], got[1]}, got[2:]); rough > smooth+20 {
				t.Errorf("%v Hz, %s: it clicks, %d where the tone has %d", hz, name, rough, smooth)
			}
			var ear meter
			ear.write(got[len(got)-meterWindow:])
			if m := ear.read(); !near(m.FrequencyHz, hz, 12) || !near(m.LevelDBFS, -20, 1) {
				t.Errorf("%v Hz, %s: %+v", hz, name, m)
			}
		}
	}
}

func TestWhatHasNoPeriodIsLeftAlone(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]int16, 3*FrameSamples)
	for i := range noise {
		noise[i] = int16(random.NormFloat64() * 3000)
	}
	if got := shorten(append([]int16(nil), noise...), alikeEnough); len(got) != len(noise) {
		t.Errorf("%d samples were taken out of noise", len(noise)-len(got))
	}
	if got := lengthen(noise[:lagLongest], noise[lagLongest:], alikeEnough); len(got) != len(noise)-lagLongest {
		t.Error("noise was made longer")
	}
	if got := shorten(append([]int16(nil), noise...), -1); len(got) >= len(noise) {
		t.Error("although it had to be, noise was not made shorter")
	}
	if got := shorten(make([]int16, 3*FrameSamples), alikeEnough); len(got) != 3*FrameSamples-lagLongest {
		t.Errorf("of silence %d samples are left", len(got))
	}
	for _, n := range []int{0, 1, fadeSamples, lagLongest} {
		if got := shorten(noise[:n], -1); len(got) != n {
			t.Errorf("%d samples became %d", n, len(got))
		}
	}
}

// TestTheDelayFollowsTheNetwork: calm, then 60 ms of jitter, then calm again. It is longer within a second, and shorter again within a
// quarter of a minute, with all that was said.
func TestTheDelayFollowsTheNetwork(t *testing.T) {
	codec := codecs()[0]
	s := streamOf(t, codec, drifting{})
	random := rand.New(rand.NewPCG(3, 3))
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var arrivals []flight
	for i := range 2000 {
		f := flight{seq: uint16(i), ts: uint32(i) * FrameSamples, at: began.Add(time.Duration(i) * FrameDuration)}
		f.payload = []byte{byte(f.ts >> 24), byte(f.ts >> 16), byte(f.ts >> 8), byte(f.ts)}
		if i >= 400 && i < 900 {
			f.at = f.at.Add(time.Duration(random.IntN(60)) * time.Millisecond)
		}
		arrivals = append(arrivals, f)
	}
	slices.SortStableFunc(arrivals, func(a, b flight) int { return a.at.Compare(b.at) })
	frame := make([]int16, FrameSamples)
	delayAt := map[int]time.Duration{}
	for i := range 1990 {
		now := began.Add(time.Duration(i) * FrameDuration)
		for len(arrivals) > 0 && !arrivals[0].at.After(now) {
			f := arrivals[0]
			s.Receive(codec, f.seq, f.ts, f.payload, f.at)
			arrivals = arrivals[1:]
		}
		s.pull(frame, now)
		delayAt[i], _ = s.buffer.delay()
	}
	ms := time.Millisecond
	if d := delayAt[390]; d > 45*ms {
		t.Errorf("in calm %v", d)
	}
	if d := delayAt[500]; d < 60*ms || d > 110*ms {
		t.Errorf("two seconds into the jitter %v", d)
	}
	if d := delayAt[1900]; d > 45*ms {
		t.Errorf("twenty seconds after the jitter %v", d)
	}
	if st := s.Stats(); st.Dropped != 0 || st.Late > 5 || st.Concealed > 10 || st.Shortened == 0 {
		t.Errorf("%+v", st)
	}
}
