package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"doorstation/internal/audio"
	"doorstation/internal/check"
	"doorstation/internal/control"
	"doorstation/internal/hardware"
	"doorstation/internal/health"
)

// soundData are the figures of the sound.
type soundData struct {
	NoiseDBFS float64 `json:"noise_dbfs"`
	PeakDBFS  float64 `json:"peak_dbfs"`
	Clipped   float64 `json:"clipped"`
	Heard     bool    `json:"heard"`
	ToneDBFS  float64 `json:"tone_dbfs"`
	EchoDelay float64 `json:"echo_delay_ms"`
}

// sound plays and records on the sound device, or lets the agent that has it do so.
func (s *Scene) sound(ctx context.Context, say func(check.Finding)) {
	a := s.Local.Audio
	if a.Device == "none" {
		say(check.Finding{Found: "the local file says that there is no sound device (audio.device: none)"})
		return
	}
	if why := s.mayNotAsk(ctx); why != nil {
		say(notAsked(why))
		return
	}
	if !s.Hardware.Silent {
		s.tell("A tone is played at the door now.")
	}
	t, err := s.trySound(ctx)
	if errors.Is(err, control.ErrSoundInUse) {
		f := check.Finding{Outcome: check.Note, Found: "a call is up: the sound device is not tried now"}
		if level := s.nearLevel(ctx); level != nil {
			f.Found += fmt.Sprintf("; the microphone is at %.0f dBFS", *level)
		}
		say(f)
		return
	}
	if err != nil {
		f := check.Finding{Code: health.CodeAudioUnavailable, Found: err.Error()}
		var cards audio.Cards
		listErr := hardware.Quietly(func() (err error) {
			cards, err = hardware.SoundDevices()
			return err
		})
		if listErr == nil && cards.System != "" && !strings.Contains(f.Found, cards.String()) {
			f.Found += "\n" + cards.String()
		}
		say(f)
		return
	}
	f := check.Finding{Found: t.String(), Data: soundData{
		NoiseDBFS: t.NoiseDBFS, PeakDBFS: t.PeakDBFS, Clipped: t.Clipped, Heard: t.Heard, ToneDBFS: t.ToneDBFS,
		EchoDelay: float64(t.Delay.Microseconds()) / 1000,
	}}
	if !t.Microphone || !t.Loudspeaker {
		f.Code = health.CodeAudioIncomplete
	}
	problems := t.Problems(s.Hardware.Silent)
	if a.Device == "test" {
		problems = nil // nothing real is behind it
	}
	for _, p := range problems {
		f.Code = problemCode(p)
	}
	for _, c := range t.Mixer {
		f.Found += "\n" + c.String() + ": " + c.Command
	}
	say(f)
}

// problemCode is the fault that a problem of the sound is.
func problemCode(p hardware.SoundProblem) health.Code {
	switch p {
	case hardware.MicrophoneDead:
		return health.CodeMicrophoneSilent
	case hardware.MicrophoneLoud:
		return health.CodeMicrophoneOverdriven
	default:
		return health.CodeLoudspeakerUnheard
	}
}

// trySound tries the device here or in the agent.
func (s *Scene) trySound(ctx context.Context) (t hardware.SoundTrial, err error) {
	if s.Agent == nil {
		err = hardware.Quietly(func() (err error) {
			t, err = hardware.TrySound(ctx, s.Local.Audio, hardware.TryOptions{Silent: s.Hardware.Silent})
			return err
		})
		return t, err
	}
	got, err := s.Control.TrySound(ctx, control.SoundTrialRequest{Silent: s.Hardware.Silent})
	if err != nil {
		return hardware.SoundTrial{}, err
	}
	return hardware.SoundTrial{
		Trial: audio.Trial{
			Dead: got.Dead, NoiseDBFS: got.NoiseDBFS, PeakDBFS: got.PeakDBFS, Clipped: got.Clipped, Heard: got.Heard, ToneDBFS: got.ToneDBFS,
			Delay: time.Duration(got.EchoDelay * float64(time.Millisecond)),
		},
		Microphone: got.Microphone, Loudspeaker: got.Loudspeaker, Mixer: hardware.Mixer(ctx, s.Local.Audio),
	}, nil
}

// nearLevel is how loud the agent's microphone is, nil when it is silent or not known.
func (s *Scene) nearLevel(ctx context.Context) *float64 {
	now, err := s.Control.Status(ctx)
	if err != nil {
		return nil
	}
	return now.Sound.NearLevel
}
