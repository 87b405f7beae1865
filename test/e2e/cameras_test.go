package e2e

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"doorstation/internal/camera"
	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
	"doorstation/test/rpicam"
)

// cameraRole in the environment makes this test binary one of the Raspberry Pi's camera programs; cameraDir is where it finds out
// how it is to behave.
const (
	cameraRole = "DOORSTATION_E2E_CAMERA"
	cameraDir  = "DOORSTATION_E2E_CAMERA_DIR"
)

// piCamera is a Raspberry Pi's camera: programs of its names on the agent's PATH, which check their arguments and write the test
// card's picture.
type piCamera struct {
	t   *testing.T
	dir string
}

func newPiCamera(t *testing.T) *piCamera {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &piCamera{t: t, dir: t.TempDir()}
	for _, name := range []string{"rpicam-vid", "rpicam-hello"} {
		script := fmt.Sprintf("#!/bin/sh\n%s=%s %s=%q exec %q \"$@\"\n", cameraRole, name, cameraDir, c.dir, self)
		if err = os.WriteFile(filepath.Join(c.dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// env is the agent's environment with this camera.
func (c *piCamera) env() []string { return []string{"PATH=" + c.dir + ":" + os.Getenv("PATH")} }

// breaks makes the camera fail whenever it is started, until it is mended.
func (c *piCamera) breaks(yes bool) {
	c.t.Helper()
	file := filepath.Join(c.dir, "broken")
	err := os.Remove(file)
	if yes {
		err = os.WriteFile(file, nil, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.t.Fatal(err)
	}
}

// dies ends the program that delivers pictures, as a fault of the camera would.
func (c *piCamera) dies() {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, "pid"))
	if err != nil {
		c.t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text))
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// runAsCamera is the program.
func runAsCamera(role string, args []string) error {
	dir, only := os.Getenv(cameraDir), strings.Join(args, " ")
	switch {
	case role == "rpicam-hello" && only == "--list-cameras":
		fmt.Print(rpicam.Cameras)
		return nil
	case role == "rpicam-vid" && only == "--help":
		fmt.Print(rpicam.Help, rpicam.LibavHelp)
		return nil
	case role != "rpicam-vid":
		return fmt.Errorf("unexpected arguments %q", args)
	}
	asked, err := rpicam.Arguments(args)
	if err != nil {
		return err
	}
	if _, err = os.Stat(filepath.Join(dir, "broken")); err == nil {
		return errors.New("failed to start camera")
	}
	if err = os.WriteFile(filepath.Join(dir, "pid"), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return err
	}
	return streamCard(camera.Params{Width: asked.Width, Height: asked.Height, Framerate: asked.Framerate, Bitrate: asked.Bitrate})
}

// streamCard writes the test card to standard output, with a key frame each second, until nobody reads it.
func streamCard(p camera.Params) error {
	card := camera.NewTestSource(nil)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	var keys sync.WaitGroup
	defer keys.Wait()
	keys.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				card.ForceIDR()
			case <-ctx.Done():
				return
			}
		}
	})
	err := card.Run(ctx, p, func(au camera.AccessUnit) {
		if _, writeErr := os.Stdout.Write(au.Data); writeErr != nil {
			cancel(writeErr)
		}
	})
	return errors.Join(err, context.Cause(ctx))
}

const piCameraSection = "{source: rpicam, width: 640, height: 480, framerate: 15, bitrate: 600k}"

func TestThePicturesOfThePiCameraAreSeen(t *testing.T) {
	c := newPiCamera(t)
	h, kitchen := evening(t, house.Options{Camera: piCameraSection, Env: c.env()}, lab.PopupOptions{})
	answered(t, h, kitchen)
	assertPicture(t, kitchen)
	assertHears(t, kitchen)
	assertNoCameraFault(t, h.Door)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
}

func TestTheCameraDiesInACall(t *testing.T) {
	c := newPiCamera(t)
	h, kitchen := evening(t, house.Options{Camera: piCameraSection, Env: c.env()}, lab.PopupOptions{ReadsClock: true})
	answered(t, h, kitchen)
	assertPicture(t, kitchen)

	c.dies()
	gone := time.Now()
	first := waitPictureFrom(t, kitchen, gone)
	t.Logf("the picture stood still for %v", first.Displayed.Sub(lastBefore(kitchen.Clocks(), first)).Round(time.Millisecond))

	c.breaks(true)
	c.dies()
	h.Door.WaitFault("camera_stalled")
	assertHears(t, kitchen)
	c.breaks(false)
	mended := time.Now()
	first = waitPictureFrom(t, kitchen, mended)
	t.Logf("mended, the picture was back after %v", first.Displayed.Sub(mended).Round(time.Millisecond))
	h.Door.Wait(patience, "no camera fault", func(s control.Status) bool { return cameraFault(s) == nil })
	assertPicture(t, kitchen)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
}

func TestWithoutItsCameraTheDoorStillTalks(t *testing.T) {
	h, kitchen := evening(t, house.Options{Camera: piCameraSection}, lab.PopupOptions{})
	fault := h.Door.WaitFault("camera_unavailable")
	if !strings.Contains(fault.Detail+fault.Remedy, "rpicam") {
		t.Errorf("the fault does not say what to install: %+v", fault)
	}
	answered(t, h, kitchen)
	assertHears(t, kitchen)
	assertDoorHears(t, h.Door, kitchenHz)
	if v := kitchen.Video(); v.Shown > 0 && v.Packets > 0 {
		t.Errorf("a picture without a camera: %+v", v)
	}
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
}

// ffmpegSection is a command that films a moving pattern and gives one key frame, at the start.
func ffmpegSection() string {
	command := strings.Fields("ffmpeg -hide_banner -loglevel error -re -f lavfi -i testsrc2=size=640x480:rate=5 -c:v libx264 " +
		"-profile:v baseline -preset ultrafast -tune zerolatency -pix_fmt yuv420p -b:v 600k -g 100000 -bf 0 -f h264 -")
	for i, word := range command {
		command[i] = strconv.Quote(word)
	}
	return fmt.Sprintf("{source: exec, width: 640, height: 480, framerate: 5, command: [%s]}", strings.Join(command, ", "))
}

func TestThePicturesOfACommandAreSeen(t *testing.T) {
	h, kitchen := evening(t, house.Options{Camera: ffmpegSection()}, lab.PopupOptions{})
	answered(t, h, kitchen)
	assertMoves(t, kitchen)
	assertNoCameraFault(t, h.Door)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")

	// The camera goes on for a while for a second press. It can't be asked for a key frame, and none will come: the popup is shown
	// what came since the one there was.
	answered(t, h, kitchen)
	assertMoves(t, kitchen)
	calls := kitchen.Calls()
	second := calls[len(calls)-1]
	t.Logf("the second popup had its picture %v after its answer", second.FirstFrame.Sub(second.Accepted).Round(time.Millisecond))
	if s, err := h.Door.Status(); err != nil || s.Camera.KeyFrames != 1 {
		t.Errorf("the camera gave %d key frames (%v); the test is worth nothing with more than one", s.Camera.KeyFrames, err)
	}
	kitchen.Hangup()
	h.Door.WaitOutcome(2, "talked")
}

// assertMoves checks that the popup shows a picture that changes.
func assertMoves(t *testing.T, p *lab.Popup) {
	t.Helper()
	p.WaitPicture(patience)
	before := p.WaitFrames(patience, 5)
	one := p.Frame()
	p.WaitFrames(patience, before.Shown+15)
	if another := p.Frame(); same(one, another) {
		t.Error("the picture stands still")
	}
}

// same compares pictures on a coarse grid.
func same(a, b image.Image) bool {
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y += 8 {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x += 8 {
			if a.At(x, y) != b.At(x, y) {
				return false
			}
		}
	}
	return true
}

// waitPictureFrom waits for a picture that was drawn after a moment.
func waitPictureFrom(t *testing.T, p *lab.Popup, moment time.Time) (found lab.Shown) {
	t.Helper()
	lab.Eventually(t, patience, "the picture moves again", func() bool {
		for _, s := range p.Clocks() {
			if s.Drawn.After(moment) {
				found = s
				return true
			}
		}
		return false
	})
	return found
}

// lastBefore is when the last frame before one was shown.
func lastBefore(shown []lab.Shown, one lab.Shown) (at time.Time) {
	for _, s := range shown {
		if s.Displayed.Before(one.Displayed) {
			at = s.Displayed
		}
	}
	return at
}

func assertNoCameraFault(t *testing.T, d *house.Door) {
	t.Helper()
	s, err := d.Status()
	if err != nil {
		t.Fatal(err)
	}
	if f := cameraFault(s); f != nil {
		t.Errorf("a fault stands although the camera works: %+v", *f)
	}
}

func cameraFault(s control.Status) *control.Fault {
	for _, code := range []string{"camera_stalled", "camera_unavailable", "camera_format"} {
		if f := house.FaultOf(s, code); f != nil {
			return f
		}
	}
	return nil
}
