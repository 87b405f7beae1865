package speech

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const rate = 16000

// said is the reference speech.
func said(t *testing.T) []int16 {
	t.Helper()
	pcm, err := Reference(rate)
	if err != nil {
		t.Fatal(err)
	}
	if seconds := len(pcm) / rate; seconds != 7 {
		t.Fatalf("%d seconds of reference", seconds)
	}
	return pcm
}

// noisy is speech in noise.
func noisy(pcm []int16, deviation float64) []int16 {
	random := rand.New(rand.NewPCG(1, 1))
	x := floats(pcm)
	for i := range x {
		x[i] += random.NormFloat64() * deviation
	}
	return Rounded(x)
}

// TestSTOI has what pystoi 0.4.1 says of the same noise: 0.9621, 0.8479, 0.6796.
func TestSTOI(t *testing.T) {
	pcm := said(t)
	for deviation, want := range map[float64]float64{0: 1, 300: 0.962, 1000: 0.848, 3000: 0.680} {
		if got := STOI(pcm, noisy(pcm, deviation), rate); math.Abs(got-want) > 0.005 {
			t.Errorf("in noise of %v: %.4f, want %.3f", deviation, got, want)
		}
	}
	if got := STOI(pcm, make([]int16, len(pcm)), rate); got > 0.1 {
		t.Errorf("silence is understood: %.3f", got)
	}
	if got := STOI(nil, nil, rate); got != 0 {
		t.Errorf("nothing is understood: %.3f", got)
	}
}

func TestCompareFindsTheDelay(t *testing.T) {
	pcm := said(t)
	for _, late := range []time.Duration{0, 40 * time.Millisecond, 250 * time.Millisecond} {
		heard := append(make([]int16, int(late.Seconds()*rate)), noisy(pcm, 300)...)
		r := Compare(pcm, heard, rate, 400*time.Millisecond)
		if r.Intelligibility < 0.94 || (r.Delay-late).Abs() > 15*time.Millisecond {
			t.Errorf("%v late: %+v", late, r)
		}
	}
	// In the middle 100 ms are put in: all is understood but what lies around them.
	half := len(pcm) / 2
	heard := slices.Concat(pcm[:half], make([]int16, rate/10), pcm[half:])
	if r := Compare(pcm, heard, rate, 400*time.Millisecond); r.Intelligibility < 0.94 || r.Delay < 20*time.Millisecond || r.Delay > 80*time.Millisecond {
		t.Errorf("a delay that changes: %+v", r)
	}
	backwards := slices.Clone(pcm)
	slices.Reverse(backwards)
	if r := Compare(pcm, backwards, rate, 400*time.Millisecond); r.Intelligibility > 0.6 {
		t.Errorf("backwards: %+v", r)
	}
	if r := Compare(nil, nil, rate, time.Second); r != (Result{}) {
		t.Errorf("nothing: %+v", r)
	}
}

func TestWhatIsNoWAV(t *testing.T) {
	for _, bad := range [][]byte{nil, []byte("RIFF"), spoken[:40], append([]byte("RIFX"), spoken[4:]...), spoken[:1000]} {
		if _, _, err := parseWAV(bad); !errors.Is(err, ErrFormat) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}
