package camera

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"doorstation/test/rpicam"
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
		// A binary for another processor runs by the emulator that runs this one (packaging/emulate.sh).
		script := fmt.Sprintf("#!/bin/sh\nGORACE=atexit_sleep_ms=0 %s=%s exec %s %q \"$@\"\n", standInRole, name, os.Getenv("DOORSTATION_TEST_EMULATOR"), self)
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
			fmt.Print(rpicam.Help)
			if mode != modeNone {
				fmt.Print(rpicam.LibavHelp)
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

func standInHello(mode string, args []string) error {
	switch {
	case !slices.Equal(args, []string{"--list-cameras"}):
		return fmt.Errorf("unexpected arguments %q", args)
	case mode == modeNone:
		fmt.Print(rpicam.NoCameras)
	default:
		fmt.Print(rpicam.Cameras)
	}
	return nil
}

// standInParams takes rpicam-vid's arguments.
func standInParams(args []string) (Params, error) {
	asked, err := rpicam.Arguments(args)
	if err != nil {
		return Params{}, err
	}
	p := Params{Width: asked.Width, Height: asked.Height, Framerate: asked.Framerate, Bitrate: asked.Bitrate}
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
