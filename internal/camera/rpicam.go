package camera

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Errors of the Raspberry Pi's camera.
var (
	// ErrNoCamera means that no camera is connected, or none that the system knows.
	ErrNoCamera = errors.New("no camera was found")
	// ErrNoEncoder means that the installed program cannot encode H.264 on this machine.
	ErrNoEncoder = errors.New("the camera's program cannot encode H.264 here")
)

const (
	// probeLimit bounds the question which cameras there are.
	probeLimit = 10 * time.Second
	// leastPiBitrate is below what the chip's encoder was seen to stop at.
	leastPiBitrate = 100_000
	// chipEncoder is the name of the encoder of the chips before the Raspberry Pi 5's, as the kernel gives it.
	chipEncoder = "bcm2835-codec-encode"
)

// PiOptions are what a [PiCamera] may be given.
type PiOptions struct {
	// Rotation is 0 or 180, in degrees; Mirror turns left and right round.
	Rotation int
	Mirror   bool
	// OnFormat is as for [NewExecSource].
	OnFormat func(error)
}

// PiCamera is the Raspberry Pi's own camera, by the rpicam-apps (libcamera-apps is their older name).
type PiCamera struct {
	child
	opt PiOptions
	sys string // where the kernel shows its devices
}

var _ Source = (*PiCamera)(nil)

// NewPiCamera returns the Raspberry Pi's camera.
func NewPiCamera(opt PiOptions) *PiCamera {
	c := &PiCamera{opt: opt, sys: "/sys"}
	c.child.name, c.child.onFormat = "rpicam", opt.OnFormat
	c.child.argv = c.arguments
	c.child.env = []string{"LIBCAMERA_LOG_LEVELS=*:WARN"} // its last words are to be those of a failure
	return c
}

// arguments are those of a run, the program's path in front.
func (c *PiCamera) arguments(p Params) ([]string, error) {
	if err := checkParams(p); err != nil {
		return nil, err
	}
	program, err := piProgram("vid")
	if err != nil {
		return nil, err
	}
	return append([]string{program}, piArguments(p, c.opt, c.ChipEncoder())...), nil
}

// piProgram finds one of the programs by its new or its older name.
func piProgram(which string) (string, error) {
	for _, name := range []string{"rpicam-" + which, "libcamera-" + which} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: rpicam-%s: install the package rpicam-apps-lite (on a Raspberry Pi 5, which has no "+
		"encoder in its chip, rpicam-apps)", ErrNotInstalled, which)
}

// FindPiProgram returns [ErrNotInstalled], and which package to install, when the Raspberry Pi's camera program is missing.
func FindPiProgram() error {
	_, err := piProgram("vid")
	return err
}

// piArguments are those of rpicam-vid. No level is asked for: the chip's encoder takes only those from 4.0 on.
func piArguments(p Params, opt PiOptions, chip bool) []string {
	args := []string{
		"--timeout", "0", "--nopreview", "--verbose", "0",
		"--codec", "h264", "--profile", "baseline", "--inline", "--flush",
		"--intra", strconv.Itoa(p.Framerate), // one second
		"--bitrate", strconv.Itoa(max(leastPiBitrate, p.Bitrate)),
		"--width", strconv.Itoa(p.Width), "--height", strconv.Itoa(p.Height), "--framerate", strconv.Itoa(p.Framerate),
	}
	if opt.Rotation != 0 {
		args = append(args, "--rotation", strconv.Itoa(opt.Rotation))
	}
	if opt.Mirror {
		args = append(args, "--hflip")
	}
	if !chip { // libav: without these B-frames and a delay, and no guess at the format of standard output
		args = append(args, "--low-latency", "--libav-format", "h264")
	}
	return append(args, "--output", "-")
}

// ChipEncoder reports whether the machine's chip encodes H.264: those of the Raspberry Pi Zero to 4 do.
func (c *PiCamera) ChipEncoder() bool {
	names, err := filepath.Glob(filepath.Join(c.sys, "class/video4linux/*/name"))
	if err != nil {
		return false
	}
	return slices.ContainsFunc(names, func(path string) bool {
		name, readErr := os.ReadFile(path)
		return readErr == nil && strings.TrimSpace(string(name)) == chipEncoder
	})
}

// Probe asks which cameras there are and whether H.264 can be encoded, without using a camera. The errors are
// [ErrNotInstalled], [ErrNoCamera] and [ErrNoEncoder]; that the question itself fails says nothing about a camera and is none.
func (c *PiCamera) Probe(ctx context.Context) ([]PiModel, error) {
	if err := FindPiProgram(); err != nil {
		return nil, err
	}
	hello, err := piProgram("hello")
	if err != nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	output, err := c.ask(ctx, hello, "--list-cameras")
	if err != nil {
		return nil, nil
	}
	models, known := parseCameras(output)
	if known && len(models) == 0 {
		return nil, fmt.Errorf("%w: rpicam-hello --list-cameras shows none", ErrNoCamera)
	}
	if c.ChipEncoder() {
		return models, nil
	}
	vid, err := piProgram("vid")
	if err != nil {
		return nil, err
	}
	if output, err = c.ask(ctx, vid, "--help"); err == nil && output != "" && !strings.Contains(output, "--low-latency") {
		return models, fmt.Errorf("%w: this machine's chip has no encoder, and %s comes without libav or is too old: "+
			"install the package rpicam-apps in place of rpicam-apps-lite", ErrNoEncoder, filepath.Base(vid))
	}
	return models, nil
}

// maxAnswer bounds what a program answers, in bytes.
const maxAnswer = 64 << 10

// ask runs a program to its end and returns what it writes, on either output.
func (c *PiCamera) ask(ctx context.Context, program string, args ...string) (string, error) {
	proc, err := startProcess(ctx, command{argv: append([]string{program}, args...), env: c.env, merged: true})
	if err != nil {
		return "", err
	}
	answer, readErr := readAnswer(proc.stdout)
	if err = errors.Join(readErr, proc.end(readErr == nil), ctx.Err()); err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Base(program), err)
	}
	return answer, nil
}
