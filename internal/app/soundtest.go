package app

import (
	"context"
	"time"

	"doorstation/internal/audio"
	"doorstation/internal/page"
	"doorstation/internal/station"
)

const (
	// soundTest is how long the microphone is open for a test, and soundTestLook how often it is looked whether somebody has come meanwhile.
	soundTest     = 5 * time.Second
	soundTestLook = 50 * time.Millisecond
)

// TestSound plays a tone at the door and opens the microphone for a moment, so that its level shows in the status. While a test goes on
// another one does nothing.
func (a *App) TestSound() error {
	if !a.idle() {
		return page.ErrBusy
	}
	select {
	case a.soundTests <- struct{}{}:
	default:
	}
	return nil
}

// testSounds makes the tests that are asked for, until ctx ends.
func (a *App) testSounds(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.soundTests:
			a.trySound(ctx)
		}
	}
}

// trySound makes one test. Whoever comes meanwhile ends it.
func (a *App) trySound(ctx context.Context) {
	stream, err := a.audio.Open(audio.Codec{Name: "PCMU", ClockRate: 8000, Channels: 1}, func([]byte, time.Duration) {}, audio.StreamOptions{Muted: true})
	if err != nil {
		a.opt.Log.Warn("the sound is not tested", "error", err)
		return
	}
	defer stream.Close()
	a.opt.Log.Info("the sound is tested: the microphone is open", "for", soundTest)
	a.audio.Play(audio.ToneEnded)
	if s := a.station.Snapshot().State; s == station.StateCalling || s == station.StateRinging {
		a.audio.Play(audio.ToneRinging) // a visitor came at that very moment, and is to hear it
		return
	}
	over := time.NewTimer(soundTest)
	defer over.Stop()
	look := time.NewTicker(soundTestLook)
	defer look.Stop()
	for a.idle() {
		select {
		case <-ctx.Done():
			return
		case <-over.C:
			return
		case <-look.C:
		}
	}
}
