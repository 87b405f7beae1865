package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"

	"doorstation/internal/audio"
	"doorstation/internal/camera"
	"doorstation/internal/control"
	"doorstation/internal/hardware"
	"doorstation/internal/health"
)

var _ control.Hardware = (*App)(nil)

// jpegQuality is that of a picture for people.
const jpegQuality = 85

// Picture takes a picture of what the camera shows now, as a reader beside those of calls.
func (a *App) Picture(ctx context.Context) (control.Picture, error) {
	shot, err := a.camera.Snapshot(ctx)
	if err != nil {
		return control.Picture{}, fmt.Errorf("no picture: %w", errors.Join(err, a.cameraTrouble()))
	}
	stream := camera.StreamOf(shot.Key)
	p := control.Picture{Type: "video/h264", Data: shot.Key.Data, Width: stream.Width, Height: stream.Height}
	img := hardware.Decode(ctx, shot)
	if img == nil {
		return p, nil
	}
	var out bytes.Buffer
	if err = jpeg.Encode(&out, img, &jpeg.Options{Quality: jpegQuality}); err != nil {
		return control.Picture{}, fmt.Errorf("no picture: %w", err)
	}
	p.Type, p.Data = "image/jpeg", out.Bytes()
	return p, nil
}

// errCamera stands for a camera's fault.
var errCamera = errors.New("the camera's fault")

// cameraTrouble is the camera's fault that stands, in words.
func (a *App) cameraTrouble() error {
	for _, f := range a.health.Standing() {
		switch f.Code {
		case health.CodeCameraBusy, health.CodeCameraStalled, health.CodeCameraUnavailable:
			return fmt.Errorf("%w: %s %s", errCamera, f.Title, f.Detail)
		default:
		}
	}
	return nil
}

// TrySound plays a tone at the door and records meanwhile.
func (a *App) TrySound(ctx context.Context, r control.SoundTrialRequest) (control.SoundTrial, error) {
	t, err := a.audio.Try(ctx, audio.TrialOptions{Volume: hardware.TrialVolume(a.opt.Local.Audio), Silent: r.Silent})
	switch {
	case errors.Is(err, audio.ErrInUse):
		return control.SoundTrial{}, control.ErrSoundInUse
	case err != nil:
		return control.SoundTrial{}, fmt.Errorf("the sound device could not be tried: %w", err)
	}
	return control.SoundTrial{
		Microphone: !a.health.Has(health.CodeAudioIncomplete) || !t.Dead, Loudspeaker: !a.health.Has(health.CodeAudioIncomplete) || t.Heard,
		Dead: t.Dead, NoiseDBFS: t.NoiseDBFS, PeakDBFS: t.PeakDBFS, Clipped: t.Clipped, Heard: t.Heard, ToneDBFS: t.ToneDBFS,
		EchoDelay: float64(t.Delay.Microseconds()) / 1000,
	}, nil
}
