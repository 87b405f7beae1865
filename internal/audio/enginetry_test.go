package audio

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// clockedRoom is a trialRoom with a clock.
type clockedRoom struct{ trialRoom }

func (r *clockedRoom) Run(ctx context.Context, process func(capture, playback []int16)) error {
	ticker := time.NewTicker(FrameDuration)
	defer ticker.Stop()
	return r.trialRoom.Run(ctx, func(capture, playback []int16) {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			process(capture, playback)
		}
	})
}

func TestTheEngineTriesItsDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := NewEngine(&clockedRoom{trialRoom{late: 4800, damp: 0.1, noise: 0.001}}, EngineOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		r, err := e.Try(t.Context(), TrialOptions{Volume: 100})
		if err != nil || !r.Heard || (r.Delay-100*time.Millisecond).Abs() > 6*time.Millisecond {
			t.Errorf("idle: %+v, %v", r, err)
		}
		tried := make(chan error, 1)
		go func() {
			_, tryErr := e.Try(t.Context(), TrialOptions{Volume: 100})
			tried <- tryErr
		}()
		time.Sleep(2 * time.Second)
		began := time.Now()
		e.Play(ToneRinging)
		if err = <-tried; !errors.Is(err, ErrInUse) || time.Since(began) > 100*time.Millisecond {
			t.Errorf("a bell meanwhile: %v after %v", err, time.Since(began))
		}
		synctest.Wait()
		if s := e.Status(); s.State != StateRunning || s.Tone != ToneRinging {
			t.Errorf("then: %+v", s)
		}
		if _, err = e.Try(t.Context(), TrialOptions{}); !errors.Is(err, ErrInUse) {
			t.Errorf("while it rings: %v", err)
		}
		cancel()
		if err = <-ended; err != nil {
			t.Error(err)
		}
		if _, err = e.Try(t.Context(), TrialOptions{}); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}
