package setup

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

var errNoSuchSound = errors.New("there is no such sound device")

// askSound finds microphone and loudspeaker and tries them.
func (s *state) askSound(ctx context.Context) error {
	given := s.Given.Sound
	s.Given.Sound = ""
	if given == none || given == test {
		s.local.Audio.Device = given
		return nil
	}
	var devices []SoundDevice
	err := s.Person.Wait(ctx, "Looking for sound devices…", "", func(ctx context.Context, _ func(string)) (err error) {
		devices, err = s.Hardware.SoundDevices(ctx)
		return err
	})
	if ctx.Err() != nil || errors.Is(err, ErrStopped) {
		return ErrStopped
	}
	if err != nil {
		s.tell(Warning, "The sound devices can't be listed: "+sentence(err))
	}
	switch {
	case given == auto || s.Unattended && given == "":
		s.automaticSound(devices, given == auto)
		return nil
	case given != "":
		return s.namedSound(devices, given)
	}
	for {
		device, pickErr := s.pickSound(ctx, devices)
		if pickErr != nil {
			return pickErr
		}
		s.local.Audio.Device = device
		if device == none || s.busy {
			return nil
		}
		if fits, tryErr := s.trySound(ctx); tryErr != nil || fits {
			return tryErr
		}
	}
}

// namedSound takes the device that was named on the command line: wholly or in part, as the local file would.
func (s *state) namedSound(devices []SoundDevice, name string) error {
	var names []string
	for _, d := range devices {
		if d.Device == name || strings.Contains(strings.ToLower(d.Name), strings.ToLower(name)) {
			s.local.Audio.Device = name
			return nil
		}
		names = append(names, Clean(d.Name))
	}
	return fmt.Errorf("%w: %q; there is: %s", errNoSuchSound, Clean(name), list(names))
}

// automaticSound keeps the device of the local file, else takes the first with both directions.
func (s *state) automaticSound(devices []SoundDevice, wanted bool) {
	if s.exists && !wanted {
		return
	}
	for _, d := range devices {
		if d.Microphone && d.Loudspeaker {
			s.local.Audio.Device = d.Device
			return
		}
	}
	s.tell(Warning, "No sound device with microphone and loudspeaker was found: calls carry no sound.")
	s.local.Audio.Device = none
}

// pickSound lets one of the devices be chosen.
func (s *state) pickSound(ctx context.Context, devices []SoundDevice) (string, error) {
	var options, names []string
	def := -1
	add := func(text, device string) {
		if s.exists && device == s.local.Audio.Device {
			def = len(options)
		}
		options, names = append(options, text), append(names, device)
	}
	for _, d := range devices {
		text := Clean(d.Name)
		switch {
		case d.Microphone && d.Loudspeaker:
			if def < 0 && !s.exists {
				def = len(options)
			}
		case d.Microphone:
			text += "  (no loudspeaker)"
		case d.Loudspeaker:
			text += "  (no microphone)"
		}
		add(text, d.Device)
	}
	if len(devices) == 0 {
		s.tell(Plain, "No sound device was found. A USB sound card needs its plug; a card on the header, its line in /boot/firmware/config.txt.")
	}
	add("No sound", none)
	if s.exists && def < 0 {
		def = len(options)
		add("As it is now: "+Clean(s.local.Audio.Device), s.local.Audio.Device)
	}
	if def < 0 {
		def = len(options) - 1
	}
	i, err := s.Person.Choose(ctx, Choice{Question: "With what does the visitor talk?", Options: options, Default: def, Flag: "--sound auto"})
	if err != nil {
		return "", err
	}
	return names[i], nil
}

// tooQuiet is a voice that nobody would understand, in dBFS.
const tooQuiet = -50

// trySound plays a tone and listens.
func (s *state) trySound(ctx context.Context) (bool, error) {
	var trial SoundTrial
	s.tell(Plain, "You will hear a tone. After it, say something where the visitor will stand.")
	err := s.Person.Wait(ctx, "Trying…", "Enter: enough", func(ctx context.Context, show func(string)) (err error) {
		trial, err = s.Hardware.TrySound(ctx, s.local.Audio, show, func(dbfs float64) { show("Speak now  " + levelBar(dbfs)) })
		return err
	})
	switch {
	case errors.Is(err, ErrSkipped):
	case ctx.Err() != nil || errors.Is(err, ErrStopped):
		return false, ErrStopped
	case err != nil:
		first, _, _ := strings.Cut(err.Error(), "\n")
		s.tell(Bad, "The sound device can't be used: "+sentence(errors.New(first)))
		return s.confirm(ctx, "Take it all the same?", false)
	default:
		s.tell(Plain, sentence(errors.New(trial.Found)))
		for _, advice := range trial.Advice {
			s.tell(Warning, CleanLines(advice))
		}
		if len(trial.Advice) == 0 && trial.Voice < tooQuiet {
			s.tell(Warning, fmt.Sprintf("Nothing was said, or the microphone hears next to nothing (%.0f dB). alsamixer, key F4, turns it up.", trial.Voice))
		}
	}
	return s.confirm(ctx, "Was the tone heard, and did the bar move with your voice?", len(trial.Advice) == 0)
}

// levelBar is a level from -60 to 0 dBFS as a bar of 30 characters.
func levelBar(dbfs float64) string {
	const width, bottom = 30, -60.0
	n := int((dbfs - bottom) / -bottom * width)
	n = max(0, min(width, n))
	return "[" + strings.Repeat("#", n) + strings.Repeat(".", width-n) + "]"
}
