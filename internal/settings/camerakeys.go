package settings

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// cameraKeys remembers where in the file what stands that not every source takes.
type cameraKeys struct {
	source, device, encoder, rotation, mirror, overlay, minBitrate, maxBitrate ast.Node
}

func (r *reader) camera(n ast.Node, c *Camera) {
	var at cameraKeys
	r.mapping(n, "camera", keys{
		"source": func(n ast.Node) {
			at.source = n
			c.Source = r.choice(n, "rpicam", "v4l2", "exec", "test")
		},
		"command": func(n ast.Node) { c.Command = r.command(n) },
		"device": func(n ast.Node) {
			at.device = n
			c.Device = r.text(n, "a path such as /dev/video0, or a part of the camera's name", isDevice)
		},
		"encoder": func(n ast.Node) {
			at.encoder = n
			c.Encoder = r.choice(n, "auto", "chip", "software")
		},
		"rotation": func(n ast.Node) {
			at.rotation = n
			c.Rotation = r.rotation(n)
		},
		"mirror": func(n ast.Node) {
			at.mirror = n
			c.Mirror = r.boolean(n)
		},
		"overlay": func(n ast.Node) { at.overlay = r.overlay(n, &c.Overlay) },
		// Even, because H.264's 4:2:0 pictures have one colour sample for two pixels.
		"width":     func(n ast.Node) { c.Width = r.integer(n, 160, 1920, 2) },
		"height":    func(n ast.Node) { c.Height = r.integer(n, 120, 1080, 2) },
		"framerate": func(n ast.Node) { c.Framerate = r.integer(n, 1, 60, 1) },
		"bitrate":   func(n ast.Node) { c.Bitrate = r.bitrate(n) },
		"min_bitrate": func(n ast.Node) {
			at.minBitrate = n
			c.MinBitrate = r.bitrate(n)
		},
		"max_bitrate": func(n ast.Node) {
			at.maxBitrate = n
			c.MaxBitrate = r.bitrate(n)
		},
	})
	r.bitrateBounds(c, at)
	if c.Source == "exec" && c.Command == nil {
		r.fault(at.source, "command is missing; expected "+aCommand)
	}
	r.fitsSource(*c, at)
}

// fitsSource names what the camera's source does not take.
func (r *reader) fitsSource(c Camera, at cameraKeys) {
	if c.Device != "" && c.Source != "v4l2" {
		r.fault(at.device, "expected device with source: v4l2 only")
	}
	if c.Encoder != "auto" && c.Encoder != "" && c.Source != "v4l2" {
		r.fault(at.encoder, "expected encoder with source: v4l2 only; the others have theirs")
	}
	if c.Source == "exec" {
		for _, n := range []ast.Node{given(at.rotation, c.Rotation != 0), given(at.mirror, c.Mirror)} {
			if n != nil {
				r.fault(n, "expected rotation and mirror with source: rpicam, v4l2 or test only; a command turns the picture by itself")
			}
		}
	}
	if c.Source == "rpicam" && c.Rotation%180 != 0 {
		r.fault(at.rotation, "expected 0 or 180 with source: rpicam, whose program can do no more; 90 and 270 are for v4l2 and test")
	}
	if at.overlay != nil && (c.Source == "exec" || c.Source == "rpicam") {
		r.fault(at.overlay, "expected overlay with source: v4l2 or test only; rpicam and commands encode the picture before it comes here")
	}
}

// given is a node that says something, nil when it says what holds anyway.
func given(n ast.Node, says bool) ast.Node {
	if !says {
		return nil
	}
	return n
}

func (r *reader) rotation(n ast.Node) int {
	degrees, err := strconv.Atoi(r.choice(n, "0", "90", "180", "270"))
	if err != nil { // is noted
		return 0
	}
	return degrees
}

// longestOverlay is in characters.
const longestOverlay = 64

// overlay returns the key that asks for something to be written; nil when none does.
func (r *reader) overlay(n ast.Node, o *Overlay) (asks ast.Node) {
	note := func(n ast.Node, wants bool) {
		if wants && asks == nil {
			asks = n
		}
	}
	r.mapping(n, "overlay", keys{
		"text": func(n ast.Node) {
			what := fmt.Sprintf("a line of text, at most %d characters", longestOverlay)
			o.Text = r.text(n, what, func(s string) bool { return isPrintable(s) && len([]rune(s)) <= longestOverlay })
			note(n, o.Text != "")
		},
		"time": func(n ast.Node) {
			o.Time = r.boolean(n)
			note(n, o.Time)
		},
	})
	return asks
}

// isDevice accepts what a device may be called; nothing is the first one.
func isDevice(s string) bool {
	const longest = 255
	return len(s) <= longest && isPrintable(s) && strings.TrimSpace(s) == s
}

const aCommand = `a program and its arguments as a list, such as ["ffmpeg", "-i", "…", "-f", "h264", "-"]`

// command reads a program and its arguments. What is in them is not repeated: it may hold a camera's password.
func (r *reader) command(n ast.Node) []string {
	const most = 128
	command := []string{}
	ok := r.sequence(n, aCommand+" (there is no shell to take a line apart)", most, func(n ast.Node) {
		text, read := r.scalar(n, "an argument")
		if read && strings.ContainsRune(text, 0) || len(command) == 0 && text == "" {
			r.fault(n, "expected "+aCommand)
		}
		command = append(command, text)
	})
	if ok && len(command) == 0 {
		r.fault(n, "expected "+aCommand)
	}
	return command
}

// usualMinBitrate is the lower bound of the bit rate where the file names none, in bit/s.
const usualMinBitrate = 150_000

// bitrateBounds gives the bounds of the bit rate their defaults and their sense.
func (r *reader) bitrateBounds(c *Camera, at cameraKeys) {
	if at.minBitrate == nil {
		c.MinBitrate = min(usualMinBitrate, c.Bitrate)
	}
	if at.maxBitrate == nil {
		c.MaxBitrate = c.Bitrate
	}
	if at.minBitrate != nil && c.MinBitrate > c.Bitrate && c.Bitrate > 0 {
		r.fault(at.minBitrate, "expected a min_bitrate that is not above bitrate")
	}
	if at.maxBitrate != nil && c.MaxBitrate < c.Bitrate && c.MaxBitrate > 0 {
		r.fault(at.maxBitrate, "expected a max_bitrate that is not below bitrate")
	}
}

var bitrate = regexp.MustCompile(`^([0-9]{1,9}(?:\.[0-9]{1,3})?)([kM]?)$`)

// bitrate reads bit/s, in thousands with k and millions with M.
func (r *reader) bitrate(n ast.Node) int {
	const what = "bits a second from 100k to 20M, such as 1500k, 2M or 800000"
	text, ok := r.scalar(n, what)
	if !ok {
		return 0
	}
	var bits float64
	if m := bitrate.FindStringSubmatch(text); m != nil {
		v, err := strconv.ParseFloat(m[1], 64)
		if err == nil {
			bits = v * map[string]float64{"": 1, "k": 1e3, "M": 1e6}[m[2]]
		}
	}
	if bits < 100e3 || bits > 20e6 {
		r.expected(n, what)
		return 0
	}
	return int(bits)
}
