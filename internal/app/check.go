package app

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"doorstation/internal/audio"
	"doorstation/internal/camera"
	"doorstation/internal/codes"
	"doorstation/internal/health"
	"doorstation/internal/settings"
)

// Check says what a person should know about a local file that is right, in sentences of one or more lines, and what it was
// compared with. It asks nobody: SIP Core's settings are those kept in stateDir, as far as this user may read them.
func Check(l settings.Local, stateDir string) (warnings []string, comparedWith string) {
	notices := settings.LocalNotices(l)
	kept, err := settings.NewStore(stateDir).Peek(l.HomeAssistant.URL)
	switch {
	case err == nil:
		comparedWith = "SIP Core's settings as they were on " + kept.Fetched.Local().Format("2006-01-02 15:04")
		c, readErr := settings.Read(l, kept.Raw, kept.Who)
		for _, p := range c.Problems {
			warnings = append(warnings, "SIP Core's settings: "+p.String())
		}
		if readErr != nil {
			warnings = append(warnings, "SIP Core's settings: "+readErr.Error())
		} else {
			notices = c.Notices
		}
	case errors.Is(err, fs.ErrPermission):
		comparedWith = "nothing else: this user may not read what the agent kept of SIP Core's settings"
	default:
		comparedWith = "nothing else: no settings of SIP Core are kept yet"
	}
	all := health.Catalogue()
	if err = cameraProgram(l.Camera); err != nil {
		warnings = append(warnings, advice(all, health.CodeCameraUnavailable, err.Error()))
	}
	if _, broken := readTones(l.Audio.Tones); len(broken) > 0 {
		warnings = append(warnings, advice(all, health.CodeToneFile, strings.Join(broken, "; ")))
	}
	for _, n := range notices {
		for _, row := range noticeCodes() {
			if row.kind == n.Kind {
				warnings = append(warnings, advice(all, row.code, n.Detail))
			}
		}
	}
	return warnings, comparedWith
}

// CheckCodes says how many persons have a code, and what is wrong with the file of them; both empty where the local file names none.
func CheckCodes(l *settings.Lock) (text, warning string) {
	if l == nil || l.CodesFile == "" {
		return "", ""
	}
	book, err := codes.Load(l.CodesFile, true)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "not known: this user may not read " + l.CodesFile, ""
	case err != nil:
		return "", advice(health.Catalogue(), health.CodeCodesUnusable, err.Error())
	}
	return fmt.Sprintf("%d person(s) in %s", len(book.Names()), l.CodesFile), ""
}

// CheckSound says which sound devices this machine has for the user who asks, and what is wrong with the one that the local file
// names; both empty for a door without a sound card.
func CheckSound(a settings.Audio) (devices, warning string) {
	if noCard(a.Device) {
		return "", ""
	}
	cards, err := audio.FindCard(a.Device)
	switch {
	case err == nil:
	case errors.Is(err, audio.ErrNoMicrophone), errors.Is(err, audio.ErrNoLoudspeaker):
		warning = advice(health.Catalogue(), health.CodeAudioIncomplete, err.Error())
	default:
		warning = advice(health.Catalogue(), health.CodeAudioUnavailable, err.Error())
	}
	if cards.System == "" {
		return "", warning
	}
	return cards.String(), warning
}

// CheckCamera says, in lines of text, which USB cameras this machine has for the user who asks and which one would be used, and what is
// wrong with that; both are empty where the local file names another kind of camera. It opens no camera for long, and takes no picture.
func CheckCamera(c settings.Camera) (cameras, warning string) {
	if c.Source != "v4l2" {
		return "", ""
	}
	var lines []string
	list, err := camera.VideoDevices()
	if err != nil {
		return "", advice(health.Catalogue(), health.CodeCameraUnavailable, err.Error())
	}
	for _, d := range list {
		line := "camera " + d.String()
		if d.Err != nil {
			line += ": " + d.Err.Error()
		}
		lines = append(lines, line)
		for _, more := range slices.Concat(d.Links, d.Formats()) {
			lines = append(lines, "  "+more)
		}
	}
	used, err := camera.NewV4L2Camera(videoOptions(c)).Probe(cameraParams(c))
	if err != nil {
		warning = advice(health.Catalogue(), health.CodeCameraUnavailable, err.Error())
	} else {
		lines = append(lines, fmt.Sprintf("would use %s: %s, sent as %dx%d %d/s; encoder: %s",
			used.Device, used.Capture, used.Width, used.Height, used.Framerate, used.Encoder))
	}
	return strings.Join(lines, "\n"), warning
}

// CheckEcho says what is kept of the echo of the sound device that the local file names, nothing for one without an echo.
func CheckEcho(a settings.Audio, stateDir string) string {
	if noCard(a.Device) || !a.EchoCancellation {
		return ""
	}
	memory, err := loadEchoMemory(stateDir)
	switch d := memory.delay(a.Device); {
	case errors.Is(err, fs.ErrPermission):
		return "not known: this user may not read what the agent kept"
	case d == 0:
		return "not measured yet: the first call's first seconds do"
	default:
		return fmt.Sprintf("comes back after %.0f ms", float64(d.Microseconds())/1000)
	}
}

// advice is a fault of the catalogue as text.
func advice(all []health.Fault, code health.Code, detail string) string {
	for _, f := range all {
		if f.Code != code {
			continue
		}
		lines := []string{fmt.Sprintf("%s: %s", f.Code, f.Title)}
		if detail != "" {
			lines = append(lines, "  "+detail)
		}
		return strings.Join(append(lines, "  "+f.Remedy), "\n")
	}
	return string(code)
}
