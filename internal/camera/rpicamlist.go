package camera

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// PiModel is a camera as rpicam-hello lists it.
type PiModel struct {
	// Number is its place in the list; rpicam-vid takes 0 unless told otherwise.
	Number int
	// Sensor is the name of its chip, such as imx708.
	Sensor string
	// Modes are what the sensor can deliver.
	Modes []PiMode
}

// PiMode is one of a sensor's readouts.
type PiMode struct {
	Width, Height int
	// Framerate is the highest, in pictures per second.
	Framerate float64
}

// maxCameras and maxModes bound what is kept of the list.
const (
	maxCameras = 8
	maxModes   = 32
)

var (
	piCamera = regexp.MustCompile(`^(\d{1,2}) : (\S+)`)
	piMode   = regexp.MustCompile(`\b(\d{2,5})x(\d{2,5}) \[(\d+(?:\.\d+)?) fps`)
)

// parseCameras reads the list. known is false when the text is no such list at all.
func parseCameras(text string) (models []PiModel, known bool) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch m := piCamera.FindStringSubmatch(line); {
		case strings.HasPrefix(line, "Available cameras"), strings.HasPrefix(line, "No cameras available"):
			known = true
		case m != nil && known && len(models) < maxCameras:
			n, err := strconv.Atoi(m[1])
			if err != nil {
				continue
			}
			models = append(models, PiModel{Number: n, Sensor: m[2]})
		default:
			if len(models) == 0 {
				continue
			}
			last := &models[len(models)-1]
			if mode, ok := parseMode(line); ok && len(last.Modes) < maxModes {
				last.Modes = append(last.Modes, mode)
			}
		}
	}
	return models, known
}

// parseMode reads one mode, such as 2304x1296 [56.03 fps - (0, 0)/4608x2592 crop].
func parseMode(line string) (PiMode, bool) {
	m := piMode.FindStringSubmatch(line)
	if m == nil {
		return PiMode{}, false
	}
	var mode PiMode
	if _, err := fmt.Sscan(m[1]+" "+m[2]+" "+m[3], &mode.Width, &mode.Height, &mode.Framerate); err != nil {
		return PiMode{}, false
	}
	return mode, true
}

// readAnswer reads a program's output to its end, or as much of it as is kept.
func readAnswer(from *os.File) (string, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxAnswer))
	return string(text), ignoreClosed(err)
}
