package hardware

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"doorstation/internal/gpio"
	"doorstation/internal/settings"
)

// Line is a line of the machine's GPIO.
type Line struct {
	gpio.LineInfo
	// Pin is how the local file names it.
	Pin settings.Pin
	// Reserved is what else the line is for on this machine, such as its I2C bus; empty for one that a button or a relay may have.
	Reserved string
}

// Free reports whether a button or a relay may be connected to it.
func (l Line) Free() bool { return !l.Used && l.Reserved == "" }

// String is how a person recognises it.
func (l Line) String() string {
	text := gpio.Pin(l.Pin).String()
	if l.Name != "" && l.Name != text {
		text += " (" + l.Name + ")"
	}
	return text
}

// Lines lists the lines of all GPIO chips of this machine, those of a Raspberry Pi's header first, with their levels as far as they are
// free. Nothing is changed by that. The error is [gpio.ErrNoChip], or says beside the lines which chip could not be asked.
func Lines(ctx context.Context) ([]Line, error) {
	infos, err := gpio.ListLines()
	lines := make([]Line, 0, len(infos))
	for _, info := range infos {
		if ctx.Err() != nil {
			return lines, ctx.Err()
		}
		l := Line{LineInfo: info, Pin: settings.Pin(info.Pin()), Reserved: reserved(info, "/dev")}
		if l.Free() && l.Header() {
			// A line whose level cannot be read has none to show.
			if high, levelErr := gpio.ReadLevel(info); levelErr == nil {
				l.Level = &high
			}
		}
		lines = append(lines, l)
	}
	return lines, err
}

// reserved says what else a line of the header is for: to take it would end that.
func reserved(l gpio.LineInfo, dev string) string {
	if !l.Header() {
		return ""
	}
	there := func(pattern string) bool {
		found, err := filepath.Glob(filepath.Join(dev, pattern))
		return err == nil && len(found) > 0
	}
	switch n := l.Offset; {
	case n <= 1:
		return "the EEPROM of add-on boards"
	case n <= 3 && there("i2c-1"):
		return "the I2C bus (/dev/i2c-1)"
	case n >= 7 && n <= 11 && there("spidev0.*"):
		return "the SPI bus (/dev/spidev0.0)"
	case (n == 14 || n == 15) && there("serial0"):
		return "the serial port (/dev/serial0)"
	case n >= 18 && n <= 21 && n != 0 && i2sSound(dev):
		return "a sound board (I2S)"
	default:
		return ""
	}
}

// i2sSound reports whether a sound board on the header is set up.
func i2sSound(dev string) bool {
	if dev != "/dev" {
		return false
	}
	dirs, err := filepath.Glob("/proc/device-tree/soc*/i2s@*/status")
	if err != nil {
		return false
	}
	for _, d := range dirs {
		text, readErr := os.ReadFile(d)
		if readErr == nil && len(text) > 1 && string(text[:2]) == "ok" {
			return true
		}
		if errors.Is(readErr, fs.ErrNotExist) {
			continue
		}
	}
	return false
}

// Moved is what a line did.
type Moved struct {
	Line Line
	// High is the level that it moved to: a button that closes to ground moves to low.
	High bool
	At   time.Time
	// For is how long it stayed there, Held that it stays still, Bounces how many edges there were beyond one there and one back.
	For     time.Duration
	Held    bool
	Bounces int
	// Lost: there were more edges than the kernel keeps: a cable without its pull, or interference.
	Lost bool
}

// Active is the level of a pressed button in the words of the local file.
func (m Moved) Active() string {
	if m.High {
		return "high"
	}
	return "low"
}

// String says what happened.
func (m Moved) String() string {
	text := fmt.Sprintf("%s went %s", m.Line, m.Active())
	if m.Held {
		text += " and stays so"
	} else {
		text += fmt.Sprintf(" for %d ms", m.For.Milliseconds())
	}
	if m.Bounces > 0 {
		text += fmt.Sprintf(", with %d bounces", m.Bounces)
	}
	return text
}

// ErrNoLines means that there is no line to watch.
var ErrNoLines = errors.New("there is no free line to watch")

// WatchLines takes lines as inputs with a resistor ("up", "down" or "none") and tells each movement, until ctx ends; the channel is closed
// then. Of the lines those are left out that are not free, and outputs: what drives a relay now must not let go of it.
func WatchLines(ctx context.Context, lines []Line, pull string) (<-chan Moved, error) {
	return WatchEach(ctx, lines, func(Line) string { return pull })
}

// WatchEach is [WatchLines] with a resistor for each line.
func WatchEach(ctx context.Context, lines []Line, pull func(Line) string) (<-chan Moved, error) {
	var kept []Line
	var watched []gpio.Watched
	for _, l := range lines {
		if !l.Free() || l.Output {
			continue
		}
		kept = append(kept, l)
		watched = append(watched, gpio.Watched{Device: l.Device, Offset: l.Offset, Pull: PullOf(pull(l))})
	}
	if len(kept) == 0 {
		return nil, ErrNoLines
	}
	moves, err := gpio.WatchLines(ctx, watched)
	if err != nil {
		return nil, err
	}
	told := make(chan Moved)
	go func() {
		defer close(told)
		for m := range moves {
			select {
			case told <- Moved{Line: kept[m.Index], High: m.High, At: m.At, For: m.For, Held: m.Held, Bounces: m.Bounces, Lost: m.Lost}:
			case <-ctx.Done():
			}
		}
	}()
	return told, nil
}

// FindLine finds the line of a pin of the local file among those that [Lines] listed; [gpio.ErrNoPin].
func FindLine(lines []Line, p settings.Pin) (Line, error) {
	infos := make([]gpio.LineInfo, len(lines))
	for i, l := range lines {
		infos[i] = l.LineInfo
	}
	found, err := gpio.FindLine(infos, gpio.Pin(p))
	if err != nil {
		return Line{}, err
	}
	for _, l := range lines {
		if l.Device == found.Device && l.Offset == found.Offset {
			return l, nil
		}
	}
	return Line{}, gpio.ErrNoPin
}
