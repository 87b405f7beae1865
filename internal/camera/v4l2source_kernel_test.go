//go:build kernel

package camera

// The source on real drivers: vivid is a webcam that can be made to fail in the ways that webcams do, v4l2loopback is a camera that shows
// what a program writes: Motion JPEG, as USB cameras do, and H.264.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"doorstation/internal/camera/v4l2"
	"doorstation/test/kernel/device"
)

// kernelHang is far longer than anything here takes.
const kernelHang = 60 * time.Second

// show is a hub on a camera, with somebody who watches.
type show struct {
	hub    *Hub
	source *V4L2Camera

	mu     sync.Mutex
	faults []error
	when   []time.Time
}

func watchCamera(t *testing.T, p Params, opt V4L2Options) *show {
	t.Helper()
	opt.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	s := &show{source: NewV4L2Camera(opt)}
	s.hub = NewHub(s.source, p, HubOptions{Log: opt.Log, OnFault: func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults, s.when = append(s.faults, err), append(s.when, time.Now())
	}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.hub.Run(ctx) }()
	reader := s.hub.Subscribe()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		reader.Close()
	})
	return s
}

// delivers waits until so many more pictures have come.
func (s *show) delivers(t *testing.T, pictures uint64) {
	t.Helper()
	from := s.hub.Status().Frames
	until(t, fmt.Sprintf("%d more pictures", pictures), func() bool { return s.hub.Status().Frames >= from+pictures })
}

// fails waits for a fault after the first n of them, and gives when it came.
func (s *show) fails(t *testing.T, n int, want error) time.Time {
	t.Helper()
	var at time.Time
	until(t, want.Error(), func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i := n; i < len(s.faults); i++ {
			if errors.Is(s.faults[i], want) {
				at = s.when[i]
				return true
			}
		}
		return false
	})
	return at
}

// mends waits until pictures come again after a fault.
func (s *show) mends(t *testing.T) {
	t.Helper()
	until(t, "the camera is mended", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.faults) > 0 && s.faults[len(s.faults)-1] == nil
	})
	s.delivers(t, 5)
}

func (s *show) seen() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.faults)
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(kernelHang); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, kernelHang)
		}
	}
}

// webcamAt15 is what the slowest machine here can do.
func webcamAt15() Params { return Params{Width: 640, Height: 360, Framerate: 15, Bitrate: 500_000} }

func TestKernelAWebcamIsFoundAndListed(t *testing.T) {
	list, err := VideoDevices()
	if err != nil {
		t.Fatal(err)
	}
	path := device.Name(t, device.Vivid)
	found := false
	for _, d := range list {
		t.Log(d, d.Err, d.Formats())
		if d.Path == path {
			found = true
			if formats := strings.Join(d.Formats(), "\n"); d.Name != "vivid" || !strings.Contains(formats, "YUYV 320x180") || !strings.Contains(formats, "YU12 ") {
				t.Errorf("%s: %s", d, formats)
			}
		}
		if strings.Contains(d.Name, "vicodec") {
			t.Errorf("a coder is listed as a camera: %s", d)
		}
	}
	if !found {
		t.Errorf("%s is not listed", path)
	}
	used, err := NewV4L2Camera(V4L2Options{Device: "VIVID"}).Probe(webcamAt15())
	if err != nil || used.Device != path+" (vivid)" || used.Capture != "640x360 I420 15/s" || used.Encoder != "openh264" {
		t.Errorf("%+v, %v", used, err)
	}
	if _, err = NewV4L2Camera(V4L2Options{Device: "/dev/video99"}).Probe(webcamAt15()); !errors.Is(err, ErrNoCamera) || !strings.Contains(err.Error(), path+" (vivid)") {
		t.Errorf("a camera that isn't there: %v", err)
	}
}

// TestKernelAWebcamIsCaptured in each raw format: pictures at the camera's pace, and what was negotiated.
func TestKernelAWebcamIsCaptured(t *testing.T) {
	list, err := VideoDevices()
	if err != nil {
		t.Fatal(err)
	}
	path := device.Name(t, device.Vivid)
	for _, format := range []string{"YU12", "NV12", "NV21", "YUYV", "UYVY"} {
		t.Run(format, func(t *testing.T) {
			p := webcamAt15()
			c := NewV4L2Camera(V4L2Options{Device: path, Picture: PictureOptions{Rotation: 90, Overlay: Overlay{Text: format, Time: true}}})
			c.list = func() ([]VideoDevice, error) {
				only := make([]VideoDevice, 0, 1)
				for _, d := range list {
					if d.Path != path {
						continue
					}
					all := d.formats
					d.formats = nil
					for _, f := range all {
						if f.FourCC == fourCC(format) {
							d.formats = append(d.formats, f)
						}
					}
					only = append(only, d)
				}
				return only, nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), kernelHang)
			defer cancel()
			var units []AccessUnit
			began := time.Now()
			runErr := c.Run(ctx, p, func(au AccessUnit) {
				if units = append(units, au); len(units) == 30 {
					cancel()
				}
			})
			if runErr != nil || len(units) < 30 {
				t.Fatalf("%d pictures: %v", len(units), runErr)
			}
			took := time.Since(began)
			sent := p
			sent.Width, sent.Height = p.Height, p.Width
			checkParameterSets(t, units[0].Data, sent)
			last := units[len(units)-1]
			if d := last.PTS - units[0].PTS; d < time.Second || d > took {
				t.Errorf("30 pictures at 15/s: from PTS %v to %v in %v", units[0].PTS, last.PTS, took)
			}
			t.Logf("%+v, %v", c.Used(), took)
		})
	}
}

func TestKernelUnpluggedAndPluggedInAgain(t *testing.T) {
	s := watchCamera(t, webcamAt15(), V4L2Options{Device: "vivid"})
	s.delivers(t, 10)
	began := time.Now()
	plugIn := device.Webcam.Unplug(t)
	at := s.fails(t, 0, ErrUnplugged)
	t.Logf("unplugged, noticed after %v", at.Sub(began))
	s.fails(t, 1, ErrNoCamera)
	plugIn()
	s.mends(t)
	for _, err := range s.seen() {
		t.Log(err)
	}
}

func TestKernelDisconnected(t *testing.T) {
	path := device.Name(t, device.Vivid)
	s := watchCamera(t, webcamAt15(), V4L2Options{Device: path})
	s.delivers(t, 10)
	device.SetControl(t, path, "disconnect", 1)
	s.fails(t, 0, ErrUnplugged) // vivid is back as soon as everybody has let go of it
	s.mends(t)
}

func TestKernelSilent(t *testing.T) {
	path := device.Name(t, device.Vivid)
	s := watchCamera(t, webcamAt15(), V4L2Options{Device: path})
	s.delivers(t, 10)
	device.SetControl(t, path, "percentage_of_dropped_buffers", 100)
	t.Cleanup(func() { device.SetControl(t, path, "percentage_of_dropped_buffers", 0) })
	began := time.Now()
	at := s.fails(t, 0, ErrStalled)
	device.SetControl(t, path, "percentage_of_dropped_buffers", 0)
	s.mends(t)
	t.Logf("silent, given up after %v, pictures again after %v", at.Sub(began), time.Since(began))
}

func TestKernelErrorsOfTheWire(t *testing.T) {
	path := device.Name(t, device.Vivid)
	s := watchCamera(t, webcamAt15(), V4L2Options{Device: path})
	s.delivers(t, 10)
	device.SetControl(t, path, "inject_fatal_streaming_error", 1)
	s.fails(t, 0, ErrCameraIO)
	s.mends(t)
}

// TestKernelRefusedStart: a camera that refuses to start once does start the next time, for us and for others.
func TestKernelRefusedStart(t *testing.T) {
	path := device.Name(t, device.Vivid)
	for range 3 {
		t.Run("", func(t *testing.T) {
			device.SetControl(t, path, "inject_vidioc_streamon_error", 1)
			s := watchCamera(t, webcamAt15(), V4L2Options{Device: path})
			s.mends(t)
			t.Log(s.seen())
		})
	}
	if mapped, err := mappingsOf(path); err != nil || len(mapped) > 0 {
		t.Errorf("%d buffers are mapped: %v", len(mapped), err)
	}
}

func TestKernelBusy(t *testing.T) {
	path := device.Name(t, device.Vivid)
	other, err := v4l2.OpenCapture(path, v4l2.CaptureConfig{Format: v4l2.NV12, Width: 640, Height: 360, Framerate: 15})
	if err != nil {
		t.Fatal(err)
	}
	s := watchCamera(t, webcamAt15(), V4L2Options{Device: path})
	s.fails(t, 0, ErrCameraBusy)
	t.Log(s.seen())
	if err = other.Close(); err != nil {
		t.Fatal(err)
	}
	s.mends(t)
}

// TestKernelNothingStaysOpen: however its runs end, a camera is let go of.
func TestKernelNothingStaysOpen(t *testing.T) {
	path := device.Name(t, device.Vivid)
	c := NewV4L2Camera(V4L2Options{Device: path})
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), kernelHang)
		if err := c.Run(ctx, webcamAt15(), func(AccessUnit) { cancel() }); err != nil {
			t.Fatal(err)
		}
		cancel()
		if got := held(t, path); got != 0 {
			t.Fatalf("%d handles of %s are open", got, path)
		}
		other, err := v4l2.OpenCapture(path, v4l2.CaptureConfig{Format: v4l2.NV12, Width: 640, Height: 360, Framerate: 15})
		if err != nil {
			t.Fatal(err)
		}
		if err = other.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// held counts this process's handles of a file.
func held(t *testing.T, path string) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, fd := range fds {
		if to, linkErr := os.Readlink("/proc/self/fd/" + fd.Name()); linkErr == nil && to == path {
			n++
		}
	}
	return n
}

// play plays frames into the loopback camera until the test ends.
func play(t *testing.T, format string, width, height, rate int, frame func(n int) []byte) string {
	t.Helper()
	path := device.Name(t, device.LoopbackVideo)
	f, err := device.NewFeed(path, format, width, height, rate)
	if err != nil {
		t.Fatal(err)
	}
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ticker := time.NewTicker(time.Second / time.Duration(rate))
		defer ticker.Stop()
		for n := 0; ; n++ {
			select {
			case <-stop:
				ended <- nil
				return
			case <-ticker.C:
			}
			if data := frame(n); data != nil {
				if _, writeErr := f.Write(data); writeErr != nil {
					ended <- writeErr
					return
				}
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		if err = errors.Join(<-ended, f.Close()); err != nil {
			t.Error(err)
		}
	})
	until(t, path+" shows as a camera", func() bool { // it does so with its first frame
		list, listErr := VideoDevices()
		return listErr == nil && slices.ContainsFunc(list, func(d VideoDevice) bool { return d.Path == path && len(d.Formats()) > 0 })
	})
	return path
}

// TestKernelMotionJPEG: a camera that sends Motion JPEG, some of it damaged, in no order that could keep step with what is dropped.
func TestKernelMotionJPEG(t *testing.T) {
	painter := newPainter(640, 360)
	var whole [8][]byte
	for i := range whole {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, painter.paint(time.Now(), i), nil); err != nil {
			t.Fatal(err)
		}
		whole[i] = b.Bytes()
	}
	dice := rand.New(rand.NewPCG(1, 2))
	path := play(t, device.MJPEG, 640, 360, 15, func(n int) []byte {
		picture := whole[n%len(whole)]
		switch dice.IntN(10) {
		case 0:
			return picture[:len(picture)/3]
		case 1:
			return []byte("no picture at all")
		}
		return picture
	})
	s := watchCamera(t, webcamAt15(), V4L2Options{Device: path})
	s.delivers(t, 30)
	until(t, "damaged pictures are counted", func() bool { return s.source.Used().Broken >= 3 })
	s.delivers(t, 5)
	if used := s.source.Used(); !strings.HasPrefix(used.Capture, "640x360 MJPEG") {
		t.Errorf("%+v", used)
	}
	t.Log(s.source.Used(), s.seen())
}

// TestKernelAPictureThatAsksForGigabytes: between its pictures a camera sends headers that say 65535x65535, which decoded would be more than
// this machine's memory, and other JPEG that no camera sends. They are dropped and counted, and the good pictures are shown.
func TestKernelAPictureThatAsksForGigabytes(t *testing.T) {
	good := jpegOf(t, 640, 360)
	bombs := [][]byte{
		saying(good, jpegSOF0, 65535, 65535), saying(good, jpegSOF1, 32768, 32768), withoutTables(saying(good, jpegSOF0, 65535, 65535)),
		saying(good, jpegSOF2, 640, 360), forPrint(30000, 30000),
	}
	path := play(t, device.MJPEG, 640, 360, 15, func(n int) []byte {
		if n%3 == 0 {
			return good
		}
		return bombs[n/3%len(bombs)]
	})
	s := watchCamera(t, webcamAt15(), V4L2Options{Device: path})
	s.delivers(t, 20)
	until(t, "bombs are counted", func() bool { return s.source.Used().Broken >= 20 })
	s.delivers(t, 10)
	var memory runtime.MemStats
	if runtime.ReadMemStats(&memory); memory.Sys > 128<<20 {
		t.Errorf("the program has taken %d MiB", memory.Sys>>20)
	}
	if faults := s.seen(); len(faults) > 0 && faults[len(faults)-1] != nil {
		t.Errorf("faults: %v", faults)
	}
	t.Logf("%+v, %d MiB", s.source.Used(), memory.Sys>>20)
}

// TestKernelOnlyPicturesThatAskForGigabytes: the camera has stalled, and why is said.
func TestKernelOnlyPicturesThatAskForGigabytes(t *testing.T) {
	bomb := saying(jpegOf(t, 640, 360), jpegSOF0, 65535, 65535)
	path := play(t, device.MJPEG, 640, 360, 15, func(int) []byte { return bomb })
	s := watchCamera(t, webcamAt15(), V4L2Options{Device: path})
	s.fails(t, 0, ErrStalled)
	const why = "its header says 65535x65535, 640x360 was agreed on"
	if faults := s.seen(); !strings.Contains(errors.Join(faults...).Error(), why) {
		t.Errorf("faults: %v", faults)
	}
}

// TestKernelOwnH264: a camera that gives H.264 is passed on as it is.
func TestKernelOwnH264(t *testing.T) {
	p := webcamAt15()
	enc, err := newEncoder(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if closeErr := enc.close(); closeErr != nil {
			t.Error(closeErr)
		}
	})
	painter := newPainter(p.Width, p.Height)
	path := play(t, device.H264, p.Width, p.Height, p.Framerate, func(n int) []byte {
		var forceErr error
		if n%15 == 0 {
			forceErr = enc.forceIDR()
		}
		data, encodeErr := enc.encode(painter.paint(time.Now(), n))
		if joined := errors.Join(forceErr, encodeErr); joined != nil {
			t.Error(joined)
		}
		if len(data) == 0 {
			return nil
		}
		return data
	})
	s := watchCamera(t, p, V4L2Options{Device: path})
	s.delivers(t, 30)
	if used := s.source.Used(); used.Encoder != ownEncoder || used.Capture != "640x360 H264 15/s" || !s.source.Traits().FixedGroups {
		t.Errorf("%+v, faults %v", used, s.seen())
	}
	reader := s.hub.Subscribe()
	defer reader.Close()
	ctx, cancel := context.WithTimeout(t.Context(), kernelHang)
	defer cancel()
	au, err := reader.Next(ctx)
	if err != nil || !au.IDR {
		t.Fatalf("a second viewer begins with %v, %v", au.IDR, err)
	}
	checkParameterSets(t, au.Data, p)
}
