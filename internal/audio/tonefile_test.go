package audio

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// wave writes a WAV file of a tone of 440 Hz at -12 dBFS.
func wave(f waveForm, seconds float64, extra ...byte) []byte {
	var samples []byte
	for i := range int(seconds * float64(f.rate)) {
		v := 0.25 * math.Sqrt2 * math.Sin(2*math.Pi*440*float64(i)/float64(f.rate))
		for range f.channels {
			switch {
			case f.format == waveFloat && f.bits == 64:
				samples = binary.LittleEndian.AppendUint64(samples, math.Float64bits(v))
			case f.format == waveFloat:
				samples = binary.LittleEndian.AppendUint32(samples, math.Float32bits(float32(v)))
			case f.bits == 8:
				samples = append(samples, byte(128+127*v))
			default:
				b := binary.LittleEndian.AppendUint32(nil, uint32(int32(v*math.MaxInt32)))
				samples = append(samples, b[4-f.bits/8:]...)
			}
		}
	}
	u16, u32 := binary.LittleEndian.AppendUint16, binary.LittleEndian.AppendUint32
	form := u16(u16(nil, uint16(f.format)), uint16(f.channels))
	form = u32(u32(form, uint32(f.rate)), uint32(f.rate*f.channels*f.bits/8))
	form = u16(u16(form, uint16(f.channels*f.bits/8)), uint16(f.bits))
	file := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt "), u32(nil, uint32(len(form)))...)
	file = append(append(file, form...), extra...)
	file = append(append(file, "data"...), u32(nil, uint32(len(samples)))...)
	return append(file, samples...)
}

func TestAToneMayBeAnyUsualFile(t *testing.T) {
	for _, f := range []waveForm{
		{wavePCM, 1, 8000, 8}, {wavePCM, 1, 16000, 16}, {wavePCM, 2, 44100, 16}, {wavePCM, 2, 48000, 24}, {wavePCM, 1, 22050, 32},
		{waveFloat, 1, 48000, 32}, {waveFloat, 2, 32000, 64},
	} {
		path := filepath.Join(t.TempDir(), "gong.wav")
		// A piece of odd length that nobody knows stands before the samples.
		if err := os.WriteFile(path, wave(f, 1, []byte("LIST\x03\x00\x00\x00abc\x00")...), 0o600); err != nil {
			t.Fatal(err)
		}
		pcm, err := ReadTone(path)
		if err != nil {
			t.Errorf("%+v: %v", f, err)
			continue
		}
		var m meter
		m.write(pcm[:meterWindow*2])
		if got := m.read(); !near(got.FrequencyHz, 440, 2) || !near(got.LevelDBFS, -12, 0.3) || !near(float64(len(pcm)), SampleRate, 10) {
			t.Errorf("%+v: %d samples of %+v", f, len(pcm), got)
		}
	}
}

func TestWhatIsNoToneIsSaid(t *testing.T) {
	good := waveForm{wavePCM, 1, 8000, 16}
	for _, c := range []struct {
		name string
		file []byte
		want error
	}{
		{"empty", nil, ErrNotWave},
		{"text", []byte("this is not a sound at all, it is text"), ErrNotWave},
		{"no samples", wave(good, 0), ErrNotWave},
		{"samples before the form", append([]byte("RIFF\x00\x00\x00\x00WAVEdata\x02\x00\x00\x00ab"), wave(good, 1)[12:]...), ErrNotWave},
		{"cut in the form", wave(good, 1)[:20], ErrNotWave},
		{"ADPCM", wave(waveForm{2, 1, 8000, 16}, 0.1), ErrWaveForm},
		{"six channels", wave(waveForm{wavePCM, 6, 8000, 16}, 0.1), ErrWaveForm},
		{"no channel", wave(waveForm{wavePCM, 0, 8000, 16}, 0.1), ErrWaveForm},
		{"96 kHz", wave(waveForm{wavePCM, 1, 96000, 16}, 0.1), ErrWaveForm},
		{"a minute and more", wave(waveForm{wavePCM, 1, 8000, 8}, 61), ErrWaveLong},
	} {
		if _, err := parseWave(c.file); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestAFileThatWasNeverFinished says more than there is, up to what is no int on a processor of 32 bit.
func TestAFileThatWasNeverFinished(t *testing.T) {
	for _, size := range []uint32{1 << 20, math.MaxInt32, 1 << 31, math.MaxUint32} {
		file := wave(waveForm{wavePCM, 2, 44100, 16}, 2)
		binary.LittleEndian.PutUint32(file[40:], size)
		if pcm, err := parseWave(file); err != nil || len(pcm) != 2*SampleRate {
			t.Errorf("%#x: %d samples, %v", size, len(pcm), err)
		}
	}
}

func FuzzParseWave(f *testing.F) {
	f.Add(wave(waveForm{wavePCM, 2, 44100, 24}, 0.01))
	f.Add(wave(waveForm{waveFloat, 1, 8000, 32}, 0.01))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = parseWave(data[:min(len(data), 4096)])
	})
}

// TestAFileIsPlayedInPlaceOfATone: whole, and again and again where the tone goes on until it is stopped.
func TestAFileIsPlayedInPlaceOfATone(t *testing.T) {
	file := []int16{1, 2, 3, 4, 5}
	p := newPlayer(ToneRinging, file)
	out := make([]int16, 12)
	if more := p.fill(out); !more || !slices.Equal(out, []int16{1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2}) {
		t.Errorf("ringing: %v, %v", out, more)
	}
	p = newPlayer(ToneBusy, file)
	if more := p.fill(out); more || !slices.Equal(out, []int16{1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0}) {
		t.Errorf("busy: %v, %v", out, more)
	}
}
