package audio

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"
)

// sweep is a second at 16 kHz that goes through all frequencies and levels, and ends clipped.
func sweep() []int16 {
	pcm := make([]int16, g722Rate)
	phase, state := 0, uint32(1)
	for i := range pcm {
		phase += i / 4
		state = state*1664525 + 1013904223
		triangle := abs(phase&0xFFFF-0x8000) - 0x4000
		pcm[i] = int16(saturate16(triangle*i/4000 + int(state>>26)))
	}
	return pcm
}

// digest is a short name of samples.
func digest(pcm []int16) string {
	raw := make([]byte, 0, 2*len(pcm))
	for _, v := range pcm {
		raw = binary.LittleEndian.AppendUint16(raw, uint16(v))
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// TestG722IsTheStandard compares, bit by bit, with what another implementation makes of the same sound: ffmpeg 5.1 turns
// sweep (digest below) into the same bytes and those into the same samples
// (ffmpeg -f s16le -ar 16000 -i sweep -c:a g722 -f g722 coded; ffmpeg -f g722 -i coded -f s16le heard).
func TestG722IsTheStandard(t *testing.T) {
	pcm := sweep()
	if got := digest(pcm); got != "d99da44cd637ee5b" {
		t.Fatalf("the sweep is %s", got)
	}
	coded := newG722Encoder().encode(pcm)
	sum := sha256.Sum256(coded)
	if got := hex.EncodeToString(sum[:8]); got != "bcf000f76e68d8b2" {
		t.Errorf("coded as %s", got)
	}
	if got := digest(newG722Decoder().decode(coded)); got != "d6c31dab3d61bb2c" {
		t.Errorf("decoded as %s", got)
	}
}

func TestG722Fidelity(t *testing.T) {
	for _, hz := range []float64{300, 1000, 3000, 5000, 6500} {
		pcm := make([]int16, g722Rate)
		for i := range pcm {
			pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/g722Rate))
		}
		out := newG722Decoder().decode(newG722Encoder().encode(pcm))
		const delay = g722Taps - 2 // of both filters
		var signal, noise float64
		for i := g722Rate / 2; i < g722Rate-delay; i++ {
			d := float64(out[i+delay]) - float64(pcm[i])
			signal += float64(pcm[i]) * float64(pcm[i])
			noise += d * d
		}
		if snr := 10 * math.Log10(signal/noise); snr < 18 {
			t.Errorf("%.0f Hz: %.1f dB above the noise", hz, snr)
		}
	}
}

// FuzzG722: nothing overflows, whatever comes.
func FuzzG722(f *testing.F) {
	f.Add([]byte{0, 0xFF, 0x3F, 0xC0, 1, 2, 3})
	f.Fuzz(func(t *testing.T, payload []byte) {
		if got := newG722Decoder().decode(payload); len(got) != 2*len(payload) {
			t.Errorf("%d samples of %d bytes", len(got), len(payload))
		}
	})
}
