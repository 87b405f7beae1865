package hardware

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"doorstation/internal/audio"
	"doorstation/internal/settings"
)

// SoundDevices lists the sound devices of this machine. Each name, or "default", may be audio.device in the local file. The error is
// [audio.ErrNoDevice] where there is no sound system.
func SoundDevices() (audio.Cards, error) {
	cards, err := audio.FindCard("default")
	if errors.Is(err, audio.ErrNoMicrophone) || errors.Is(err, audio.ErrNoLoudspeaker) || cards.System != "" {
		err = nil
	}
	return cards, err
}

// TryOptions are what [TrySound] may be given.
type TryOptions struct {
	// Silent plays nothing: the microphone alone is tried.
	Silent bool
	// OnPhase is told what is done just now. It may be nil.
	OnPhase func(audio.TrialPhase)
}

// SoundTrial is what came of playing and recording.
type SoundTrial struct {
	audio.Trial
	// Microphone and Loudspeaker: the device has one.
	Microphone, Loudspeaker bool
	// Mixer are controls of the sound card that are muted or turned down, as far as they could be asked for.
	Mixer []MixerControl
}

// TrySound plays a tone and a sweep on the sound device of the local file, records meanwhile and says what the microphone heard: some
// six seconds, not quieter than the door's own tones. Errors are those of a sound card ([audio.ErrNoDevice], [audio.ErrDeviceBusy], …); for a door
// without a sound device it is [ErrNoSound].
func TrySound(ctx context.Context, a settings.Audio, o TryOptions) (SoundTrial, error) {
	if a.Device == "none" {
		return SoundTrial{}, ErrNoSound
	}
	t := SoundTrial{Microphone: true, Loudspeaker: true}
	var device audio.Device
	if a.Device == "test" {
		device = audio.NewTestDevice(testHz)
	} else {
		device = audio.NewCard(a.Device, audio.CardOptions{OnPart: func(missing error) {
			t.Microphone, t.Loudspeaker = !errors.Is(missing, audio.ErrNoMicrophone), !errors.Is(missing, audio.ErrNoLoudspeaker)
		}})
	}
	var err error
	t.Trial, err = audio.Try(ctx, device, audio.TrialOptions{Volume: TrialVolume(a), Silent: o.Silent, OnPhase: o.OnPhase})
	if err != nil {
		return t, err
	}
	t.Mixer = Mixer(ctx, a)
	return t, nil
}

const (
	// testHz is what the test device hears.
	testHz = 440
	// leastTrialVolume is what a trial is played at even where the tones are off.
	leastTrialVolume = 30
)

// TrialVolume is how loud a trial is: as the door's own tones, and never so quiet that it could not be heard.
func TrialVolume(a settings.Audio) int { return max(leastTrialVolume, a.ToneVolume) }

// ErrNoSound means that the local file names no sound device.
var ErrNoSound = errors.New("the local file says that there is no sound device (audio.device: none)")

// SoundProblem is what is wrong with the sound, by what came of a trial.
type SoundProblem string

// The problems.
const (
	// MicrophoneDead: nothing but zeros.
	MicrophoneDead SoundProblem = "microphone_silent"
	// MicrophoneLoud: it is overdriven.
	MicrophoneLoud SoundProblem = "microphone_overdriven"
	// LoudspeakerUnheard: the microphone works and has not heard the tone.
	LoudspeakerUnheard SoundProblem = "loudspeaker_unheard"
)

// The limits of what is a problem.
const (
	clippedShare = 0.001
	// quietDBFS is less than the noise of any microphone that is connected and switched on.
	quietDBFS = -90
)

// Problems are what is wrong; nil when all is well.
func (t SoundTrial) Problems(silent bool) []SoundProblem {
	var all []SoundProblem
	if t.Microphone {
		switch {
		case t.Dead, !t.Heard && t.NoiseDBFS < quietDBFS && t.PeakDBFS < quietDBFS+10:
			all = append(all, MicrophoneDead)
		case t.Clipped > clippedShare:
			all = append(all, MicrophoneLoud)
		}
	}
	if t.Microphone && t.Loudspeaker && !silent && !t.Heard && len(all) == 0 {
		all = append(all, LoudspeakerUnheard)
	}
	return all
}

// String says in one or more lines what was found.
func (t SoundTrial) String() string {
	var parts []string
	if t.Microphone {
		parts = append(parts, fmt.Sprintf("microphone: %.0f dBFS while nothing is played, loudest %.0f dBFS", t.NoiseDBFS, t.PeakDBFS))
	}
	switch {
	case !t.Microphone:
		parts = append(parts, "no microphone can be opened")
	case !t.Loudspeaker:
		parts = append(parts, "no loudspeaker can be opened")
	case t.Heard && t.Delay > 0:
		parts = append(parts, fmt.Sprintf("the tone was heard at %.0f dBFS, and comes back after %d ms", t.ToneDBFS, t.Delay.Milliseconds()))
	case t.Heard:
		parts = append(parts, fmt.Sprintf("the tone was heard at %.0f dBFS", t.ToneDBFS))
	default:
		parts = append(parts, "the tone was not heard")
	}
	return strings.Join(parts, "; ")
}
