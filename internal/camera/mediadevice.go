package camera

import (
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pion/mediadevices/pkg/driver"
	mediacamera "github.com/pion/mediadevices/pkg/driver/camera"
	"github.com/pion/mediadevices/pkg/frame"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"
	"golang.org/x/sys/unix"

	"doorstation/internal/camera/v4l2"
)

// What the camera driver of mediadevices (v0.9.4, on blackjack/webcam v0.6.1) does not do, and what is done about it here:
//
//   - It lists devices when the package is loaded, and again when told to; its ids are random. So it is told to before each run, and the
//     device is found by the number in its label.
//   - Its list of formats leaves out ranges of sizes that are continuous, takes those in steps from a table of its own, and goes round for
//     ever over rates in steps of nothing. So the formats are asked for by internal/v4l2.
//   - It takes the size that was asked for, not the one that the camera chose, and lines that are padded for lines that are not. So the
//     format is read back through a second handle, and what doesn't fit is an error.
//   - Close waits for a Read in another goroutine, and that for a picture, five seconds long. The environment shortens it to one.
//   - When the camera refuses to start, its buffers stay mapped, and with them the device stays open: from then on it is busy, for itself
//     as well, until the process ends. So they are unmapped here.
//   - It hands on neither the time at which a picture was taken nor whether the kernel marked it as damaged. The time is taken when Read
//     returns.
//   - It decodes whatever a camera sends, and a Motion JPEG header of a few bytes is an order for gigabytes. So that format is not its own:
//     see motionjpeg.go.

// errSilent means that no picture came for a second. The next call may give one.
var errSilent = errors.New("no picture came for a second")

// grabber is a camera that runs.
type grabber interface {
	// read waits for the next picture, which is valid until the next call. The error is [errPicture] for a picture that can't be used and
	// errSilent when none comes: in both cases the next call may do better. Others are the end.
	read() (image.Image, error)
	// close stops the camera and lets go of it. A read in another goroutine returns, within a second.
	close() error
}

// shortenReads tells the driver, which reads it from the environment, to wait for a picture one second only. It is called before there are
// other goroutines, as C libraries read the environment, too.
func shortenReads() error { return os.Setenv("PION_MEDIADEVICES_CAMERA_READ_TIMEOUT", "1") }

// mediaGrabber is a camera by mediadevices.
type mediaGrabber struct {
	path string
	dev  driver.Driver
	next video.Reader
}

// openCamera opens a camera and starts it: mediadevices does, and for Motion JPEG it is done here.
func openCamera(d VideoDevice, m captureMode) (grabber, error) {
	if m.pixels == pixelsMJPEG {
		return openMotionJPEG(d, m)
	}
	return openMediaDevice(d, m)
}

// openMediaDevice opens a camera and starts it.
func openMediaDevice(d VideoDevice, m captureMode) (grabber, error) {
	mediacamera.Initialize()
	dev, err := mediaDriver(filepath.Base(d.Path))
	if err != nil {
		return nil, err
	}
	if err = dev.Open(); err != nil {
		return nil, captureError(d.Path, err)
	}
	recorder, ok := dev.(driver.VideoRecorder)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrNoCamera, d.Path), dev.Close())
	}
	g := &mediaGrabber{path: d.Path, dev: dev}
	before, err := mappingsOf(d.Path)
	if err != nil {
		return nil, errors.Join(err, dev.Close())
	}
	if g.next, err = recorder.VideoRecord(mediaMode(m)); err != nil { // it has closed the device
		return nil, captureError(d.Path, errors.Join(named(err), unmapNew(d.Path, before)))
	}
	if err = checkLayout(d.Path, m); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// mediaDriver finds the driver of a device such as video0.
func mediaDriver(base string) (driver.Driver, error) {
	for _, d := range driver.GetManager().Query(driver.FilterDeviceType(driver.Camera)) {
		if strings.HasSuffix(d.Info().Label, mediacamera.LabelSeparator+base) {
			return d, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrUnplugged, base)
}

// mediaMode is a mode in the words of mediadevices.
func mediaMode(m captureMode) prop.Media {
	formats := map[pixels]frame.Format{
		pixelsI420: frame.FormatI420, pixelsNV12: frame.FormatNV12, pixelsNV21: frame.FormatNV21,
		pixelsYUYV: frame.FormatYUYV, pixelsUYVY: frame.FormatUYVY,
	}
	return prop.Media{Video: prop.Video{Width: m.width, Height: m.height, FrameFormat: formats[m.pixels], FrameRate: float32(m.rate)}}
}

// checkLayout asks, through a handle of its own, what the camera was really set to.
func checkLayout(path string, m captureMode) (err error) {
	dev, err := v4l2.Open(path)
	if err != nil {
		return captureError(path, err)
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	l, err := dev.Format(v4l2.VideoCapture)
	if err != nil {
		return captureError(path, err)
	}
	line := map[pixels]int{
		pixelsI420: m.width, pixelsNV12: m.width, pixelsNV21: m.width, pixelsYUYV: 2 * m.width, pixelsUYVY: 2 * m.width,
	}[m.pixels]
	if l.Width != m.width || l.Height != m.height || line != 0 && l.Stride != 0 && l.Stride != line {
		return fmt.Errorf("%w: %s: asked for %v, it delivers %dx%d with lines of %d bytes", ErrNoMode, path, m, l.Width, l.Height, l.Stride)
	}
	return nil
}

// read implements [grabber].
func (g *mediaGrabber) read() (img image.Image, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			img, err = nil, afterPanic(fault)
		}
	}()
	img, _, err = g.next.Read() // there is nothing to release
	switch {
	case err == nil:
		return img, nil
	case err.Error() == "read timeout": // the driver's own, not exported
		return nil, errSilent
	case errors.Is(err, io.EOF):
		return nil, ErrEnded
	}
	if errno := unix.Errno(0); errors.As(err, &errno) {
		return nil, captureError(g.path, err)
	}
	return nil, fmt.Errorf("%w: %w", errPicture, err)
}

// afterPanic is the error of a picture that a decoder panicked at. They read what a camera sends, over wires that people touch.
func afterPanic(fault any) error { return fmt.Errorf("%w: %v", errPicture, fault) }

// close implements [grabber].
func (g *mediaGrabber) close() error {
	if err := g.dev.Close(); err != nil {
		return fmt.Errorf("%s: close: %w", g.path, err)
	}
	return nil
}

// named gives an error back its error number, of which the driver keeps only the text.
func named(err error) error {
	for _, errno := range []unix.Errno{unix.EBUSY, unix.ENODEV, unix.EIO, unix.ENOSPC, unix.EPROTO, unix.ENXIO} {
		if !errors.Is(err, errno) && strings.HasSuffix(err.Error(), ": "+errno.Error()) {
			return fmt.Errorf("%w (%w)", err, errno)
		}
	}
	return err
}

// mapping is a piece of memory that belongs to a device.
type mapping struct{ from, to uintptr }

// mappingsOf gives the memory of a device that this process has.
func mappingsOf(path string) (map[mapping]bool, error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil, fmt.Errorf("buffers of %s: %w", path, err)
	}
	found := map[mapping]bool{}
	for line := range strings.Lines(string(maps)) {
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[5] != path { // " (deleted)" may follow
			continue
		}
		var m mapping
		if _, err = fmt.Sscanf(fields[0], "%x-%x", &m.from, &m.to); err != nil {
			return nil, fmt.Errorf("buffers of %s: %w", path, err)
		}
		found[m] = true
	}
	return found, nil
}

// unmapNew unmaps the memory of a device that was not there before, which the driver has mapped and forgotten.
func unmapNew(path string, before map[mapping]bool) error {
	now, err := mappingsOf(path)
	if err != nil {
		return err
	}
	for m := range now {
		if before[m] {
			continue
		}
		if _, _, errno := unix.Syscall(unix.SYS_MUNMAP, m.from, m.to-m.from, 0); errno != 0 {
			return fmt.Errorf("buffers of %s: %w", path, errno)
		}
	}
	return nil
}
