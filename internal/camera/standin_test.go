package camera

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// The environment of a stand-in: the program it is, and how it behaves.
const (
	standInRole = "CAMERA_STANDIN"
	standInMode = "CAMERA_STANDIN_MODE"
)

// Modes of a stand-in.
const (
	modeSteady  = ""        // pictures for ever
	modeStall   = "stall"   // five pictures, then nothing
	modeDie     = "die"     // five pictures, then an error
	modeSilent  = "silent"  // nothing at all
	modeGarbage = "garbage" // no H.264
	modeHeir    = "heir"    // leaves a child in the group that holds the output, and says its number
	modeNone    = "none"    // no camera (rpicam-hello), no libav (rpicam-vid --help)
)

// installStandIns puts programs of these names, and nothing else, on PATH.
func installStandIns(t *testing.T, mode string, names ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range names {
		script := fmt.Sprintf("#!/bin/sh\nGORACE=atexit_sleep_ms=0 %s=%s exec %q \"$@\"\n", standInRole, name, self)
		if err = os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	t.Setenv(standInMode, mode)
}

// standIn is the program.
func standIn(role string, args []string) error {
	mode := os.Getenv(standInMode)
	switch role {
	case "rpicam-hello", "libcamera-hello":
		return standInHello(mode, args)
	case "rpicam-vid", "libcamera-vid":
		if slices.Equal(args, []string{"--help"}) {
			fmt.Println("Valid options are, for an argument of the form --foo")
			if mode != modeNone {
				fmt.Println("  --low-latency [=arg(=1)] (=0) Enables the libav/libx264 low latency presets for video encoding.")
			}
			return nil
		}
		p, err := standInParams(args)
		if err != nil {
			return err
		}
		return standInStream(mode, p)
	default:
		return standInStream(mode, Params{Width: 320, Height: 240, Framerate: 25, Bitrate: 200_000})
	}
}

const standInList = `Available cameras
-----------------
0 : imx708 [4608x2592 10-bit RGGB] (/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a)
    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
                             2304x1296 [56.03 fps - (0, 0)/4608x2592 crop]
                             4608x2592 [14.35 fps - (0, 0)/4608x2592 crop]

1 : ov5647 [2592x1944 10-bit GBRG] (/base/axi/pcie@120000/rp1/i2c@80000/ov5647@36)
    Modes: 'SGBRG10_CSI2P' : 640x480 [58.92 fps - (16, 0)/2560x1920 crop]
`

func standInHello(mode string, args []string) error {
	switch {
	case !slices.Equal(args, []string{"--list-cameras"}):
		return fmt.Errorf("unexpected arguments %q", args)
	case mode == modeNone:
		fmt.Println("No cameras available!")
	default:
		fmt.Print(standInList)
	}
	return nil
}

// standInParams takes rpicam-vid's arguments, each of which must be known, right and there once.
func standInParams(args []string) (Params, error) {
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
			return Params{}, fmt.Errorf("option '%s' cannot be specified more than once", name)
		}
		want, ok := values[name]
		switch {
		case slices.Contains(flags, name):
			given[name] = ""
			continue
		case !ok:
			return Params{}, fmt.Errorf("unrecognised option '%s'", name)
		case i+1 == len(args):
			return Params{}, fmt.Errorf("the required argument for option '%s' is missing", name)
		}
		i++
		if given[name] = args[i]; want != "*" && want != args[i] {
			return Params{}, fmt.Errorf("the argument ('%s') for option '%s' is invalid", args[i], name)
		}
	}
	for _, needed := range []string{"--timeout", "--nopreview", "--inline", "--flush", "--profile", "--codec", "--output"} {
		if _, ok := given[needed]; !ok {
			return Params{}, fmt.Errorf("%s is missing", needed)
		}
	}
	if _, libav := given["--libav-format"]; libav != slices.Contains(args, "--low-latency") {
		return Params{}, errors.New("--libav-format and --low-latency go together")
	}
	number := func(name string) int {
		n, err := strconv.Atoi(given[name])
		if err != nil {
			return -1
		}
		return n
	}
	p := Params{
		Width: number("--width"), Height: number("--height"), Framerate: number("--framerate"), Bitrate: number("--bitrate"),
	}
	if number("--intra") != p.Framerate {
		return p, errors.New("--intra is not one second")
	}
	return p, checkTestParams(p)
}

// standInStream writes pictures at their pace.
func standInStream(mode string, p Params) error {
	fmt.Fprintln(os.Stderr, "opened rtsp://visitor:s3cret@camera.local/stream")
	switch mode {
	case modeSilent:
		select {}
	case modeGarbage:
		for {
			if _, err := os.Stdout.Write(make([]byte, 4096)); err != nil {
				return err
			}
		}
	case modeHeir:
		heir := exec.Command("/bin/sleep", "600")
		heir.Stdout = os.Stdout
		if err := heir.Start(); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "heir", heir.Process.Pid)
		mode = modeDie
	}
	enc, err := newEncoder(p)
	if err != nil {
		return err
	}
	painter := newPainter(p.Width, p.Height)
	for n := 0; ; n++ {
		if n == 5 && mode == modeDie {
			return errors.New("no buffers available to queue codec input")
		}
		if n == 5 && mode == modeStall {
			select {}
		}
		if n%p.Framerate == 0 {
			if err = enc.forceIDR(); err != nil {
				return err
			}
		}
		data, encodeErr := enc.encode(painter.paint(time.Now(), n))
		if encodeErr != nil {
			return encodeErr
		}
		if _, err = os.Stdout.Write(data); err != nil {
			return err
		}
		time.Sleep(time.Second / time.Duration(p.Framerate))
	}
}
