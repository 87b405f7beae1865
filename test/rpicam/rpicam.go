// Package rpicam is what stand-ins for the Raspberry Pi's camera programs have in common: the arguments that rpicam-vid takes, and
// what rpicam-hello and rpicam-vid --help print. It knows nothing of the agent, so that the agent's own tests can use it, too.
package rpicam

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Picture is what rpicam-vid was asked for; Bitrate is in bit/s.
type Picture struct {
	Width, Height, Framerate, Bitrate int
}

// Cameras is what rpicam-hello --list-cameras prints with two cameras, NoCameras what it prints with none.
const (
	Cameras = `Available cameras
-----------------
0 : imx708 [4608x2592 10-bit RGGB] (/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a)
    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
                             2304x1296 [56.03 fps - (0, 0)/4608x2592 crop]
                             4608x2592 [14.35 fps - (0, 0)/4608x2592 crop]

1 : ov5647 [2592x1944 10-bit GBRG] (/base/axi/pcie@120000/rp1/i2c@80000/ov5647@36)
    Modes: 'SGBRG10_CSI2P' : 640x480 [58.92 fps - (16, 0)/2560x1920 crop]
`
	NoCameras = "No cameras available!\n"
)

// Help is what rpicam-vid --help prints; LibavHelp is the line more of one that comes with libav.
const (
	Help      = "Valid options are, for an argument of the form --foo\n"
	LibavHelp = "  --low-latency [=arg(=1)] (=0) Enables the libav/libx264 low latency presets for video encoding.\n"
)

// ErrArguments is what [Arguments] fails with.
var ErrArguments = errors.New("rpicam-vid does not take these arguments")

// Arguments reads rpicam-vid's arguments as the door is to give them: each known, right and there once, a key frame each second.
// Which sizes and rates a camera has is not its matter.
func Arguments(args []string) (Picture, error) {
	given, err := options(args)
	if err != nil {
		return Picture{}, err
	}
	for _, needed := range []string{"--timeout", "--nopreview", "--inline", "--flush", "--profile", "--codec", "--output"} {
		if _, ok := given[needed]; !ok {
			return Picture{}, fmt.Errorf("%w: %s is missing", ErrArguments, needed)
		}
	}
	_, libav := given["--libav-format"]
	if _, low := given["--low-latency"]; libav != low {
		return Picture{}, fmt.Errorf("%w: --libav-format and --low-latency go together", ErrArguments)
	}
	var p Picture
	for name, to := range map[string]*int{"--width": &p.Width, "--height": &p.Height, "--framerate": &p.Framerate, "--bitrate": &p.Bitrate} {
		if *to, err = strconv.Atoi(given[name]); err != nil {
			return Picture{}, fmt.Errorf("%w: %s: %w", ErrArguments, name, err)
		}
	}
	if given["--intra"] != given["--framerate"] {
		return Picture{}, fmt.Errorf("%w: --intra is not one second", ErrArguments)
	}
	return p, nil
}

// options reads what is given, "" for flags.
func options(args []string) (map[string]string, error) {
	values := map[string]string{
		"--timeout": "0", "--verbose": "0", "--codec": "h264", "--profile": "baseline", "--output": "-",
		"--intra": "*", "--bitrate": "*", "--width": "*", "--height": "*", "--framerate": "*",
		"--rotation": "180", "--libav-format": "h264",
	}
	flags := []string{"--nopreview", "--inline", "--flush", "--hflip", "--low-latency"}
	given := map[string]string{}
	for i := 0; i < len(args); i++ {
		name := args[i]
		if _, again := given[name]; again {
			return nil, fmt.Errorf("%w: option '%s' cannot be specified more than once", ErrArguments, name)
		}
		want, ok := values[name]
		switch {
		case slices.Contains(flags, name):
			given[name] = ""
			continue
		case !ok:
			return nil, fmt.Errorf("%w: unrecognised option '%s'", ErrArguments, name)
		case i+1 == len(args):
			return nil, fmt.Errorf("%w: the required argument for option '%s' is missing", ErrArguments, name)
		}
		i++
		if given[name] = args[i]; want != "*" && want != args[i] {
			return nil, fmt.Errorf("%w: the argument ('%s') for option '%s' is invalid", ErrArguments, args[i], name)
		}
	}
	return given, nil
}
