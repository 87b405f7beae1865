package audio

import (
	"fmt"
	"strings"
)

// Cards are the sound devices there are, for people to read: of the sound server if one runs, else of ALSA.
type Cards struct {
	// System is "PulseAudio" or "ALSA".
	System string
	// Microphones and Loudspeakers are what can hear and what can be heard.
	Microphones, Loudspeakers []CardInfo
}

// CardInfo is one half of a sound device.
type CardInfo struct {
	// ID is what the sound system calls it, Name what people do. Either, or a part of it, is a name for [NewCard].
	ID, Name string
	// Default marks what "default" stands for, where the system tells.
	Default bool
}

// FindCard tells what sound devices there are, and whether that of a name is among them: nil, [ErrNoDevice], or
// [ErrNoMicrophone] or [ErrNoLoudspeaker] for one that does one half only. Nothing is opened.
func FindCard(name string) (Cards, error) {
	list, err := miniaudio{}.list()
	if err != nil {
		return list, err
	}
	found, err := list.choose(name)
	if err == nil {
		err = found.half
	}
	return list, err
}

// choice is what is opened: nil is the system's default, or nothing where the other half is all there is.
type choice struct {
	microphone, loudspeaker *CardInfo
	half                    error // what is missing, if anything
}

// choose finds a device by its name: first the one called exactly so, then one whose identifier or name contains it.
func (l Cards) choose(name string) (choice, error) {
	var c choice
	if name != "default" {
		c.microphone, c.loudspeaker = find(l.Microphones, name), find(l.Loudspeakers, name)
	}
	hears := c.microphone != nil || name == "default" && len(l.Microphones) > 0
	speaks := c.loudspeaker != nil || name == "default" && len(l.Loudspeakers) > 0
	switch {
	case !hears && !speaks:
		return c, fmt.Errorf("%w: %s; %s", ErrNoDevice, name, l)
	case !hears:
		c.half = ErrNoMicrophone
	case !speaks:
		c.half = ErrNoLoudspeaker
	}
	return c, nil
}

// find looks for a name among one half of the devices.
func find(among []CardInfo, name string) *CardInfo {
	// ALSA's plug, hw and dsnoop of one device are one device here, which is listed as ":card,device".
	if _, device, ok := strings.Cut(name, "hw:"); ok && device != "" {
		name = ":" + device
	}
	for i, d := range among {
		if strings.EqualFold(d.ID, name) || strings.EqualFold(d.Name, name) {
			return &among[i]
		}
	}
	for i, d := range among {
		if contains(d.ID, name) || contains(d.Name, name) {
			return &among[i]
		}
	}
	return nil
}

func contains(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

// String lists the devices in one line.
func (l Cards) String() string {
	return fmt.Sprintf("%s has microphones: %s; loudspeakers: %s", l.System, names(l.Microphones), names(l.Loudspeakers))
}

// names lists one half of the devices.
func names(of []CardInfo) string {
	if len(of) == 0 {
		return "none"
	}
	var list []string
	for _, d := range of {
		text := d.ID
		if d.Name != "" && d.Name != d.ID {
			text = fmt.Sprintf("%s (%s)", d.Name, d.ID)
		}
		if d.Default {
			text += " [default]"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}
