package audio

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hraban/opus"
)

// codecs are all that can be negotiated.
func codecs() []Codec {
	return []Codec{{"opus", 48000, 2}, {"G722", 8000, 1}, {"PCMU", 8000, 1}, {"PCMA", 8000, 1}}
}

// coderOf makes a coder.
func coderOf(t testing.TB, c Codec) coder {
	t.Helper()
	made, err := newCoder(c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// encode codes a frame.
func encode(t testing.TB, c coder, pcm []int16) []byte {
	t.Helper()
	payload, err := c.encode(pcm)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// decode gives the sound of a payload.
func decode(t testing.TB, c coder, payload []byte) []int16 {
	t.Helper()
	pcm, err := c.decode(payload)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

// TestToneSurvivesTheNetwork sends a tone of four seconds through each codec and a network that loses, reorders, delays
// and repeats packets, and listens to what comes out.
func TestToneSurvivesTheNetwork(t *testing.T) {
	for _, codec := range codecs() {
		for _, loss := range []float64{0, 0.1} {
			t.Run(fmt.Sprintf("%s, %.0f %% lost", codec.Name, loss*100), func(t *testing.T) {
				heard, stats := throughNetwork(t, codec, loss, func(frame int) []int16 {
					return sine(440, -20, FrameSamples, frame*FrameSamples)
				})
				var broken []Meter
				for _, m := range heard {
					if !near(m.FrequencyHz, 440, 10) || !near(m.LevelDBFS, -20, 1+40*loss) {
						broken = append(broken, m)
					}
				}
				// At 10 % three packets in a row are lost now and then: more than anything can bridge.
				if allowed := int(loss * 20); len(broken) > allowed {
					t.Errorf("%d of %d measurements: %+v", len(broken), len(heard), broken)
				}
				if !near(stats.FarLevelDBFS, -20, 1.5) {
					t.Errorf("mean level %.1f", stats.FarLevelDBFS)
				}
				if stats.Late+stats.Malformed+stats.Dropped != 0 {
					t.Errorf("in a buffer of 60 ms with 30 ms of jitter: %+v", stats)
				}
				if missing := stats.Recovered + stats.Concealed; missing != stats.Lost || (loss > 0) != (stats.Lost > 0) {
					t.Errorf("%d frames made up, %d packets lost", missing, stats.Lost)
				}
				if stats.Duplicate == 0 {
					t.Error("no duplicate was noticed")
				}
			})
		}
	}
}

// throughNetwork gives what is heard each 200 ms, from 400 ms on.
func throughNetwork(t *testing.T, codec Codec, loss float64, voice func(frame int) []int16) ([]Meter, Stats) {
	t.Helper()
	const frames = 200
	sender := coderOf(t, codec)
	receiver, err := NewEngine(NewSilentDevice(), EngineOptions{}).Open(codec, func([]byte, time.Duration) {}, StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(4, 2))
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	type flight struct {
		seq     uint16
		ts      uint32
		payload []byte
		at      time.Time
	}
	var inFlight []flight
	var heard []Meter
	var ear meter
	pcm := make([]int16, FrameSamples)
	for frame := range frames {
		now := began.Add(time.Duration(frame) * FrameDuration)
		payload := encode(t, sender, voice(frame))
		f := flight{uint16(65400 + frame), uint32(frame * codec.ClockRate / 50), payload, now}
		for copies := 1 + random.IntN(20)/19; copies > 0; copies-- {
			f.at = now.Add(time.Duration(random.IntN(30)) * time.Millisecond)
			if frame < 5 || frame > frames-10 || random.Float64() >= loss {
				inFlight = append(inFlight, f)
			}
		}
		rest := inFlight[:0]
		for _, f := range inFlight {
			if f.at.After(now) {
				rest = append(rest, f)
				continue
			}
			receiver.Receive(codec, f.seq, f.ts, f.payload, f.at)
		}
		inFlight = rest
		receiver.pull(pcm, now)
		ear.write(pcm)
		if frame >= 20 && frame%10 == 0 {
			heard = append(heard, ear.read())
		}
	}
	return heard, receiver.Stats()
}

func TestEveryFrequencyOfSpeechPasses(t *testing.T) {
	for _, codec := range codecs() {
		for _, hz := range []float64{200, 440, 1000, 2000, 3000, 3400} {
			both := coderOf(t, codec)
			var ear meter
			for frame := range 20 {
				payload := encode(t, both, sine(hz, -20, FrameSamples, frame*FrameSamples))
				if got := both.duration(payload); got != FrameDuration {
					t.Fatalf("%s: a payload of %v", codec, got)
				}
				pcm := decode(t, both, payload)
				if len(pcm) != FrameSamples {
					t.Fatalf("%s: %d samples", codec, len(pcm))
				}
				ear.write(pcm)
			}
			if m := ear.read(); !near(m.FrequencyHz, hz, 10) || !near(m.LevelDBFS, -20, 1.5) {
				t.Errorf("%s at %v Hz: %+v", codec, hz, m)
			}
		}
	}
}

func TestWhatG711CannotCarryIsFilteredOut(t *testing.T) {
	both := newG711Coder(alaw())
	var ear meter
	for frame := range 20 {
		ear.write(decode(t, both, encode(t, both, sine(5200, -20, FrameSamples, frame*FrameSamples))))
	}
	if m := ear.read(); m.LevelDBFS > -65 { // without the filter it would be a tone of 2800 Hz at -20
		t.Errorf("5.2 kHz became %+v", m)
	}
}

func TestConcealedToneStaysAndFades(t *testing.T) {
	for _, codec := range codecs() {
		both := coderOf(t, codec)
		for frame := range 20 {
			decode(t, both, encode(t, both, sine(440, -20, FrameSamples, frame*FrameSamples)))
		}
		var levels []float64
		for range 50 {
			pcm, err := both.conceal(FrameSamples)
			if err != nil || len(pcm) != FrameSamples {
				t.Fatalf("%s: %d samples, %v", codec, len(pcm), err)
			}
			levels = append(levels, dbfs(energy(pcm)/FrameSamples))
		}
		if !near(levels[0], -20, 3) || levels[49] > -55 {
			t.Errorf("%s: levels %.0f", codec, levels)
		}
	}
}

func TestOpusTakesStereoAndAnyLength(t *testing.T) {
	for _, ms := range []float64{2.5, 5, 10, 20, 40, 60} {
		for _, channels := range []int{1, 2} {
			encoder, err := opus.NewEncoder(SampleRate, channels, opus.AppVoIP)
			if err != nil {
				t.Fatal(err)
			}
			both := coderOf(t, codecs()[0])
			var ear meter
			samples := int(ms * 48)
			for at := 0; at < SampleRate/5; at += samples {
				pcm := make([]int16, 0, samples*channels)
				for _, v := range sine(440, -20, samples, at) {
					for range channels {
						pcm = append(pcm, v)
					}
				}
				packet := make([]byte, maxPayload)
				n, encodeErr := encoder.Encode(pcm, packet)
				if encodeErr != nil {
					t.Fatal(encodeErr)
				}
				if got := both.duration(packet[:n]); got != time.Duration(ms*float64(time.Millisecond)) {
					t.Fatalf("%v ms: told as %v", ms, got)
				}
				decoded := decode(t, both, packet[:n])
				if len(decoded) != samples {
					t.Fatalf("%v ms, %d channels: %d samples", ms, channels, len(decoded))
				}
				ear.write(decoded)
			}
			if m := ear.read(); !near(m.FrequencyHz, 440, 10) || !near(m.LevelDBFS, -20, 2) {
				t.Errorf("%v ms, %d channels: %+v", ms, channels, m)
			}
		}
	}
}

func TestUnknownCodec(t *testing.T) {
	for _, c := range []Codec{{}, {"opus", 8000, 1}, {"PCMU", 48000, 1}, {"G722", 16000, 1}, {"telephone-event", 8000, 1}} {
		if _, err := newCoder(c); !errors.Is(err, ErrUnknownCodec) {
			t.Errorf("%v: %v", c, err)
		}
	}
	if _, err := newCoder(Codec{Name: "pcma", ClockRate: 8000}); err != nil {
		t.Errorf("lower case: %v", err)
	}
}

func TestMeter(t *testing.T) {
	var m meter
	if got := m.read(); got.LevelDBFS != SilenceDBFS || got.FrequencyHz != 0 {
		t.Errorf("silence: %+v", got)
	}
	for _, hz := range []float64{200, 205.5, 440, 1003, 2222.2, 3400} {
		for _, level := range []float64{-3.02, -20, -45} {
			m.write(sine(hz, level, meterWindow+100, 17))
			if got := m.read(); !near(got.FrequencyHz, hz, 1) || !near(got.LevelDBFS, level, 0.2) {
				t.Errorf("%v Hz at %v: %+v", hz, level, got)
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	pcm := sine(700, -20, meterWindow, 0)
	for i := range pcm {
		pcm[i] = saturate(float64(pcm[i]) + random.NormFloat64()*math.MaxInt16/20)
	}
	m.write(pcm)
	if got := m.read(); !near(got.FrequencyHz, 700, 10) {
		t.Errorf("700 Hz in noise: %+v", got)
	}
}

// FuzzReceive gives a stream whatever may come from the network.
func FuzzReceive(f *testing.F) {
	f.Add(uint16(1), uint32(960), []byte{0x78, 1, 2, 3})
	f.Add(uint16(2), uint32(960), []byte{0xFF, 0xFF, 0xFF})
	f.Add(uint16(3), uint32(1<<31), []byte{0x03})
	f.Fuzz(func(t *testing.T, seq uint16, ts uint32, payload []byte) {
		for _, codec := range codecs() {
			s, err := NewEngine(NewSilentDevice(), EngineOptions{}).Open(codec, func([]byte, time.Duration) {}, StreamOptions{})
			if err != nil {
				t.Fatal(err)
			}
			now, pcm := time.Unix(0, 0), make([]int16, FrameSamples)
			for i := range 8 {
				s.Receive(codec, seq+uint16(i), ts+uint32(i*i)*480, payload, now)
				now = now.Add(FrameDuration)
				s.pull(pcm, now)
			}
			s.Close()
		}
	})
}
