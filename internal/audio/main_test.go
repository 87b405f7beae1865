package audio

import (
	"math"
	"sync"
	"testing"

	"go.uber.org/goleak"

	quality "doorstation/test/speech"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sine gives a tone of a root mean square level in dBFS.
func sine(hz, level float64, samples, from int) []int16 {
	amplitude := math.Sqrt2 * math.Pow(10, level/20) * math.MaxInt16
	pcm := make([]int16, samples)
	for i := range pcm {
		pcm[i] = saturate(amplitude * math.Sin(2*math.Pi*hz*float64(from+i)/SampleRate))
	}
	return pcm
}

// near reports whether a value is within a distance of another.
func near(got, want, distance float64) bool { return math.Abs(got-want) <= distance }

// reference is the reference speech at the rate of the room.
var reference = sync.OnceValues(func() ([]int16, error) { return quality.Reference(SampleRate) })

// spoken is a frame of the reference speech, which goes on for ever.
func spoken(t testing.TB, frame int) []int16 {
	t.Helper()
	pcm, err := reference()
	if err != nil {
		t.Fatal(err)
	}
	frame %= len(pcm) / FrameSamples
	return pcm[frame*FrameSamples:][:FrameSamples]
}
