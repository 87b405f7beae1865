package audio

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// bubble runs a device with bursts for some seconds, whose loudspeaker plays what was heard a while ago.
func bubble(t *testing.T, run, delay time.Duration) (heard []time.Time) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), run)
		defer cancel()
		late := make([]int16, samplesOf(delay))
		d := NewTestDevice(0, WithBursts(func(at time.Time) { heard = append(heard, at) }))
		err := d.Run(ctx, func(capture, playback []int16) {
			late = append(late, capture...)
			copy(playback, late)
			late = late[FrameSamples:]
		})
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	})
	return heard
}

func TestBurstsAreTimed(t *testing.T) {
	for _, delay := range []time.Duration{0, 3 * time.Millisecond, 55 * time.Millisecond, 300 * time.Millisecond} {
		heard := bubble(t, 5*time.Second, delay)
		if len(heard) < 4 {
			t.Errorf("delayed by %v: %d bursts heard in 5 s", delay, len(heard))
		}
		for _, at := range heard {
			// A frame is handed over when its last sample is there, and begins to be played at that moment.
			want := delay + FrameDuration
			got := at.Sub(at.Truncate(BurstEvery))
			if off := got - want; off < -time.Millisecond || off > time.Millisecond {
				t.Errorf("delayed by %v: a burst is heard %v after its second, want %v", delay, got, want)
			}
		}
	}
}

func TestAToneWithoutABeginningIsNoBurst(t *testing.T) {
	o := &onsets{heard: func(time.Time) { t.Error("a burst was heard") }}
	at := time.Unix(0, 0)
	pcm := make([]int16, FrameSamples)
	for i := range pcm {
		pcm[i] = int16(8000 * (i/24%2*2 - 1))
	}
	for range 200 {
		o.take(pcm, at)
		at = at.Add(FrameDuration)
	}
}
