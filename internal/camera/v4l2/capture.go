package v4l2

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// captureBuffers is how many pictures a camera may have ready before they are taken.
const captureBuffers = 4

// largestImage bounds what a camera may want for a picture, in bytes: the kernel allocates as much as it says for each of the buffers, and
// 4096x4096 pixels of two bytes are 32 MiB.
const largestImage = 64 << 20

// CaptureConfig says what a camera is to deliver.
type CaptureConfig struct {
	Format        FourCC
	Width, Height int
	// Framerate is in pictures per second; 0 leaves it to the camera.
	Framerate float64
	// Controls are set in this order before the camera starts.
	Controls []EncoderControl
}

// Capture is a camera that delivers pictures. Its methods are for one goroutine, but for Interrupt.
type Capture struct {
	dev     *Device
	layout  Layout
	queue   *Queue
	held    int // the buffer that the caller has, -1: none
	events  bool
	refused []error
}

// OpenCapture opens a camera and starts it. The errors are those of the device; [ErrFormat] when it does not have the format or
// the size.
func OpenCapture(path string, cfg CaptureConfig) (*Capture, error) {
	dev, err := Open(path)
	if err != nil {
		return nil, err
	}
	return newCapture(dev, cfg)
}

// newCapture starts the camera of a device, which is its own from now on.
func newCapture(dev *Device, cfg CaptureConfig) (*Capture, error) {
	c := &Capture{dev: dev, held: -1}
	if err := c.setUp(cfg); err != nil {
		return nil, fmt.Errorf("%s: %w", dev.path, errors.Join(err, c.Close()))
	}
	return c, nil
}

// setUp goes from an open device to one that streams.
func (c *Capture) setUp(cfg CaptureConfig) error {
	id, err := c.dev.Identity()
	if err != nil {
		return err
	}
	typ, ok := captureQueue(id.Caps)
	if !ok {
		return fmt.Errorf("%w: %s is no camera", ErrFormat, id.Card)
	}
	if c.layout, err = c.dev.SetFormat(typ, Layout{FourCC: cfg.Format, Width: cfg.Width, Height: cfg.Height}); err != nil {
		return err
	}
	if image := uint32(c.layout.Image); image > largestImage { // as the device says it; an int may have no room for that
		return fmt.Errorf("%w: %s wants %d MiB for a picture", ErrFormat, id.Card, image>>20)
	}
	if l := c.layout; l.FourCC != cfg.Format || l.Width != cfg.Width || l.Height != cfg.Height {
		return fmt.Errorf("%w: %s delivers %v of %dx%d, not %v of %dx%d", ErrFormat, id.Card,
			l.FourCC, l.Width, l.Height, cfg.Format, cfg.Width, cfg.Height)
	}
	if cfg.Framerate > 0 {
		if _, err = c.dev.SetInterval(typ, cfg.Framerate); err != nil {
			return err
		}
	}
	for _, s := range cfg.Controls {
		if err = c.dev.SetControl(s.ID, s.Value); err != nil {
			if s.Needed {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			c.refused = append(c.refused, fmt.Errorf("%s: %w", s.Name, err))
		}
	}
	c.events = c.dev.Subscribe(EventSourceChange)
	if c.queue, err = c.dev.NewQueue(typ, captureBuffers); err != nil {
		return err
	}
	for i := range c.queue.Len() {
		if err = c.queue.Enqueue(i, 0, 0); err != nil {
			return err
		}
	}
	return c.queue.Start()
}

// captureQueue is the queue of a camera.
func captureQueue(c Caps) (BufType, bool) {
	switch {
	case c&CapStreaming == 0:
		return 0, false
	case c&CapVideoCapture != 0:
		return VideoCapture, true
	case c&CapVideoCaptureMPlane != 0:
		return VideoCaptureMPlane, true
	default:
		return 0, false
	}
}

// Layout is the format that the camera delivers.
func (c *Capture) Layout() Layout { return c.layout }

// Refused are the controls that the camera does not have or did not take, none of them needed.
func (c *Capture) Refused() []error { return c.refused }

// Next waits for the next picture, which is valid until the next call. It waits for as long as that takes: who gives up calls
// Interrupt. The error is [ErrGone] when the camera is unplugged, [ErrFormat] when what it delivers has changed.
func (c *Capture) Next() (Picture, error) { return c.next(-1) }

// Newest is as Next, but waits no longer than limit and gives the newest picture that is ready: older ones, for which the caller was too
// slow, are given back unseen. The error is [ErrStuck] when none came.
func (c *Capture) Newest(limit time.Duration) (Picture, error) {
	newest, err := c.next(limit)
	if err != nil {
		return Picture{}, err
	}
	for range c.queue.Len() { // a driver that always has one more would keep us here
		p, ok, nextErr := c.queue.Dequeue()
		if nextErr != nil {
			return Picture{}, nextErr
		}
		if !ok {
			break
		}
		c.held = p.Index
		if err = c.queue.Enqueue(newest.Index, 0, 0); err != nil {
			return Picture{}, err
		}
		newest = p
	}
	return newest, nil
}

// next waits for a picture; a negative limit is none.
func (c *Capture) next(limit time.Duration) (Picture, error) {
	if c.held >= 0 {
		if err := c.queue.Enqueue(c.held, 0, 0); err != nil {
			return Picture{}, err
		}
		c.held = -1
	}
	events := int16(unix.POLLIN)
	if c.events {
		events |= unix.POLLPRI
	}
	for {
		p, ok, err := c.queue.Dequeue()
		if err != nil {
			return Picture{}, err
		}
		if ok {
			c.held = p.Index
			return p, nil
		}
		if err = c.dev.wait(events, limit); err != nil {
			return Picture{}, c.explain(err)
		}
		if err = c.changed(); err != nil {
			return Picture{}, err
		}
	}
}

// explain asks a camera that has stopped whether it is still there.
func (c *Capture) explain(err error) error {
	if !errors.Is(err, ErrStopped) {
		return err
	}
	if _, idErr := c.dev.Identity(); idErr != nil {
		return idErr
	}
	return err
}

// changed looks whether the format has changed.
func (c *Capture) changed() error {
	if !c.events {
		return nil
	}
	e, ok, err := c.dev.Event()
	if err != nil {
		return err
	}
	if ok && e == EventSourceChange {
		return fmt.Errorf("%w any more: it has changed", ErrFormat)
	}
	return nil
}

// Set changes a control of the running camera.
func (c *Capture) Set(id ControlID, value int32) error { return c.dev.SetControl(id, value) }

// Has reports whether the camera has a control that can be set.
func (c *Capture) Has(id ControlID) bool { return c.dev.HasControl(id) }

// Interrupt ends the wait of a Next in another goroutine, and each later one, with [ErrInterrupted].
func (c *Capture) Interrupt() error { return c.dev.Interrupt() }

// Close stops the camera and frees its buffers and the device.
func (c *Capture) Close() error {
	var err error
	if c.queue != nil {
		err = c.queue.Free()
		c.queue = nil
	}
	return errors.Join(err, c.dev.Close())
}
