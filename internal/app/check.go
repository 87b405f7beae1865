package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"doorstation/internal/audio"
	"doorstation/internal/camera"
	"doorstation/internal/codes"
	"doorstation/internal/hardware"
	"doorstation/internal/health"
	"doorstation/internal/settings"
)

// Checked is what a look at one part of the door gave.
type Checked struct {
	// Found is what there is, in lines of text.
	Found string
	// Code is the fault that was met, Detail what was seen of it.
	Code   health.Code
	Detail string
}

// broken is a fault that was met.
func broken(code health.Code, err error) Checked { return Checked{Code: code, Detail: err.Error()} }

// NoticeCode says which standing warning a notice is.
func NoticeCode(kind settings.NoticeKind) health.Code {
	for _, row := range noticeCodes() {
		if row.kind == kind {
			return row.code
		}
	}
	return ""
}

// CheckTones says which files are played in place of the door's own tones.
func CheckTones(a settings.Audio) Checked {
	_, bad := readTones(a.Tones)
	if len(bad) > 0 {
		return Checked{Code: health.CodeToneFile, Detail: strings.Join(bad, "; ")}
	}
	return Checked{Found: fmt.Sprintf("%d of the door's tones are files", len(a.Tones))}
}

// CheckCodes says how many persons have a code, and what is wrong with the file of them; both empty where the local file names none. Root, who
// may read everything, judges with the eyes of the service's user.
func CheckCodes(l *settings.Lock) Checked {
	if l == nil || l.CodesFile == "" {
		return Checked{Found: "the local file names no file of them"}
	}
	book, err := codes.Load(l.CodesFile, true)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return Checked{Found: "not known: this user may not read " + l.CodesFile}
	case err != nil:
		return broken(health.CodeCodesUnusable, err)
	}
	if uid, gids, known := codes.ServiceUser(); known && os.Geteuid() == 0 {
		if err = codes.ReadableBy(l.CodesFile, uid, gids); err != nil {
			return broken(health.CodeCodesUnusable, err)
		}
	}
	return Checked{Found: fmt.Sprintf("%d person(s) in %s", len(book.Names()), l.CodesFile)}
}

// CheckSound says which sound devices this machine has for the user who asks, and what is wrong with the one that the local file
// names; both empty for a door without a sound card.
func CheckSound(a settings.Audio) Checked {
	if noCard(a.Device) {
		return Checked{Found: "audio.device is " + a.Device + ": no sound card is used"}
	}
	var c Checked
	cards, err := audio.FindCard(a.Device)
	switch {
	case err == nil:
	case errors.Is(err, audio.ErrNoMicrophone), errors.Is(err, audio.ErrNoLoudspeaker):
		c = broken(health.CodeAudioIncomplete, err)
	default:
		c = broken(health.CodeAudioUnavailable, err)
	}
	if cards.System != "" {
		c.Found = a.Device + ": " + cards.String()
	}
	return c
}

// CheckCamera says, in lines of text, which USB cameras this machine has for the user who asks and which one would be used, and what is
// wrong with that; both are empty where the local file names another kind of camera. It opens no camera for long, and takes no picture.
func CheckCamera(c settings.Camera) Checked {
	if err := cameraProgram(c); err != nil {
		return broken(health.CodeCameraUnavailable, err)
	}
	if c.Source != "v4l2" {
		return Checked{Found: "camera.source is " + c.Source}
	}
	var lines []string
	list, err := camera.VideoDevices()
	if err != nil {
		return broken(health.CodeCameraUnavailable, err)
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
	used, err := hardware.VideoCamera(c).Probe(hardware.Params(c))
	var checked Checked
	if err != nil {
		checked = broken(health.CodeCameraUnavailable, err)
	} else {
		lines = append(lines, fmt.Sprintf("would use %s: %s, sent as %dx%d %d/s; encoder: %s",
			used.Device, used.Capture, used.Width, used.Height, used.Framerate, used.Encoder))
	}
	checked.Found = strings.Join(lines, "\n")
	return checked
}

// CheckEcho says what is kept of the echo of the sound device that the local file names, nothing for one without an echo.
func CheckEcho(a settings.Audio, stateDir string) Checked {
	if noCard(a.Device) || !a.EchoCancellation {
		return Checked{Found: "no sound card, or audio.echo_cancellation is off"}
	}
	memory, err := loadEchoMemory(stateDir)
	switch d := memory.delay(a.Device); {
	case errors.Is(err, fs.ErrPermission):
		return Checked{Found: "not known: this user may not read what the agent kept"}
	case d == 0:
		return Checked{Found: "not measured yet: the first call's first seconds do"}
	default:
		return Checked{Found: fmt.Sprintf("comes back after %.0f ms", float64(d.Microseconds())/1000)}
	}
}
