package control

import (
	"context"
	"errors"
	"testing"
)

// equipped is an agent with a camera and a sound device.
type equipped struct {
	agent
	picture Picture
	sound   SoundTrial
	fail    error
}

func (e *equipped) Picture(context.Context) (Picture, error) { return e.picture, e.fail }

func (e *equipped) TrySound(_ context.Context, r SoundTrialRequest) (SoundTrial, error) {
	t := e.sound
	t.Heard = !r.Silent
	return t, e.fail
}

func TestAPictureAndATone(t *testing.T) {
	e := &equipped{
		picture: Picture{Type: "image/jpeg", Data: []byte("\xff\xd8\xff"), Width: 1280, Height: 720},
		sound:   SoundTrial{Microphone: true, Loudspeaker: true, NoiseDBFS: -60.5, EchoDelay: 87.5},
	}
	path := socketPath(t)
	serve(t, path, e)
	c := NewClient(path)
	p, err := c.Picture(t.Context())
	if err != nil || p.Type != "image/jpeg" || string(p.Data) != "\xff\xd8\xff" || p.Width != 1280 || p.Height != 720 {
		t.Errorf("%+v, %v", p, err)
	}
	s, err := c.TrySound(t.Context(), SoundTrialRequest{})
	if err != nil || !s.Heard || s.NoiseDBFS != -60.5 || s.EchoDelay != 87.5 {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = c.TrySound(t.Context(), SoundTrialRequest{Silent: true}); err != nil || s.Heard {
		t.Errorf("silent: %+v, %v", s, err)
	}
	e.fail = ErrSoundInUse
	if _, err = c.TrySound(t.Context(), SoundTrialRequest{}); !errors.Is(err, ErrSoundInUse) {
		t.Errorf("during a call: %v", err)
	}
	e.fail = errors.New("no camera")
	if _, err = c.Picture(t.Context()); !errors.Is(err, ErrRefused) || err.Error() != "no camera" {
		t.Errorf("no camera: %v", err)
	}
}

// TestAnAgentWithoutHardware has neither.
func TestAnAgentWithoutHardware(t *testing.T) {
	path := socketPath(t)
	serve(t, path, &agent{})
	if _, err := NewClient(path).Picture(t.Context()); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}
