package camera

import (
	"errors"
	"fmt"
	"image"
	"sync"
	"time"

	"github.com/pion/mediadevices/pkg/frame"

	"doorstation/internal/camera/v4l2"
)

// motionJPEG is a camera that sends JPEG pictures, read by internal/v4l2 and decoded by mediadevices, which knows that Motion JPEG may leave
// out its Huffman tables. In between stands a look at each picture's header, for which the camera driver of mediadevices has no place.
type motionJPEG struct {
	path   string
	agreed captureMode
	decode func(data []byte, width, height int) (image.Image, func(), error)
	camera jpegCamera

	using  sync.Mutex // held by who uses the camera or a picture in its memory
	closed bool
}

// jpegCamera is a camera that runs.
type jpegCamera interface {
	Newest(limit time.Duration) (v4l2.Picture, error)
	Interrupt() error
	Close() error
}

// openMotionJPEG opens a camera and starts it.
func openMotionJPEG(d VideoDevice, m captureMode) (grabber, error) {
	capture, err := v4l2.OpenCapture(d.Path, v4l2.CaptureConfig{Format: v4l2.MJPEG, Width: m.width, Height: m.height, Framerate: m.rate})
	if errors.Is(err, v4l2.ErrFormat) {
		return nil, fmt.Errorf("%w: asked for %v: %w", ErrNoMode, m, err)
	}
	if err != nil {
		return nil, captureError(d.Path, err)
	}
	g, err := newMotionJPEG(d.Path, m, capture)
	if err != nil {
		return nil, errors.Join(err, capture.Close())
	}
	return g, nil
}

// newMotionJPEG reads from a camera that runs.
func newMotionJPEG(path string, m captureMode, from jpegCamera) (*motionJPEG, error) {
	decoder, err := frame.NewDecoder(frame.FormatMJPEG)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &motionJPEG{path: path, agreed: m, decode: decoder.Decode, camera: from}, nil
}

// silence is how long a read waits for a picture.
const silence = time.Second

// read implements [grabber]. Of several pictures the newest is decoded: decoding may take longer than a picture lasts.
func (g *motionJPEG) read() (image.Image, error) {
	g.using.Lock()
	defer g.using.Unlock()
	if g.closed {
		return nil, ErrEnded
	}
	p, err := g.camera.Newest(silence)
	switch {
	case errors.Is(err, v4l2.ErrStuck):
		return nil, errSilent
	case errors.Is(err, v4l2.ErrInterrupted):
		return nil, ErrEnded
	case err != nil:
		return nil, captureError(g.path, err)
	case p.Broken:
		return nil, fmt.Errorf("%w: it was damaged on its way", errPicture)
	}
	return g.picture(p.Data)
}

// picture decodes what its header lets be decoded.
func (g *motionJPEG) picture(data []byte) (img image.Image, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			img, err = nil, afterPanic(fault)
		}
	}()
	if err = checkJPEG(data, g.agreed); err != nil {
		return nil, err
	}
	if img, _, err = g.decode(data, g.agreed.width, g.agreed.height); err != nil { // there is nothing to release
		return nil, fmt.Errorf("%w: %w", errPicture, err)
	}
	return img, nil
}

// close implements [grabber].
func (g *motionJPEG) close() error {
	err := g.camera.Interrupt()
	g.using.Lock()
	defer g.using.Unlock()
	g.closed = true
	if err = errors.Join(err, g.camera.Close()); err != nil {
		return fmt.Errorf("%s: close: %w", g.path, err)
	}
	return nil
}
