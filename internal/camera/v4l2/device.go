package v4l2

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Device is an open video device. Its methods are for one goroutine, but for Interrupt.
type Device struct {
	driver driver
	path   string
}

// Open opens a device file such as /dev/video0. The error is that of [os.OpenFile] (*os.PathError), or [ErrBusy].
func Open(path string) (*Device, error) {
	k, err := openKernel(path)
	if err != nil {
		return nil, err
	}
	return &Device{driver: k, path: path}, nil
}

// Path is what the device was opened by.
func (d *Device) Path() string { return d.path }

// Close closes the device. Queues are to be freed before.
func (d *Device) Close() error {
	if err := d.driver.close(); err != nil {
		return fmt.Errorf("%s: close: %w", d.path, err)
	}
	return nil
}

// Interrupt ends the wait of another goroutine, and each later one, with [ErrInterrupted]. It may be called at any time and from
// any goroutine.
func (d *Device) Interrupt() error { return d.driver.interrupt() }

// wait waits for events of poll(2), for as long as limit; a negative one is none. It returns [ErrStuck] when the time is over.
func (d *Device) wait(events int16, limit time.Duration) error {
	got, err := d.driver.poll(events, limit)
	switch {
	case err != nil:
		return err
	case got == 0:
		return ErrStuck
	case got&events != 0:
		return nil
	case got&(unix.POLLHUP|unix.POLLNVAL) != 0:
		return ErrGone
	default:
		return ErrStopped // POLLERR alone: nothing is queued, or nothing streams
	}
}

// Identity says what a device is (VIDIOC_QUERYCAP).
type Identity struct {
	// Driver is the kernel module's name, Card the device's for people, Bus where it is connected.
	Driver, Card, Bus string
	// Caps are the capabilities of this device file.
	Caps Caps
}

// Identity asks what the device is.
func (d *Device) Identity() (Identity, error) {
	var c capability
	if err := d.driver.ioctl(vidiocQuerycap, unsafe.Pointer(&c)); err != nil {
		return Identity{}, failed("VIDIOC_QUERYCAP", err)
	}
	caps := c.capabilities
	if caps&capDeviceCaps != 0 {
		caps = c.deviceCaps
	}
	return Identity{Driver: text(c.driver[:]), Card: text(c.card[:]), Bus: text(c.busInfo[:]), Caps: caps}, nil
}

// text is a string of C, without what could garble a terminal.
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(bytes.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return -1
		}
		return r
	}, bytes.ToValidUTF8(b, nil)))
}

// SetInterval asks for a number of pictures per second (VIDIOC_S_PARM) and returns what the device chose. A device that does not
// know of rates is no error; it gives 0.
func (d *Device) SetInterval(typ BufType, framerate float64) (float64, error) {
	p := streamParm{typ: typ, timePerFrame: interval(framerate)}
	err := d.driver.ioctl(vidiocSParm, unsafe.Pointer(&p))
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) {
		return 0, nil
	}
	if err != nil {
		return 0, failed("VIDIOC_S_PARM", err)
	}
	if p.capability&capTimePerFrame == 0 {
		return 0, nil
	}
	return p.timePerFrame.rate(), nil
}

// interval is how long a picture lasts at a rate: 1/30, and 1000/29970.
func interval(framerate float64) fraction {
	const parts = 1000
	if framerate == math.Trunc(framerate) {
		return fraction{1, uint32(max(1, framerate))}
	}
	return fraction{parts, uint32(max(1, math.Round(framerate*parts)))}
}

// rate is the interval as pictures per second, 0 when it is none.
func (f fraction) rate() float64 {
	if f.numerator == 0 {
		return 0
	}
	return float64(f.denominator) / float64(f.numerator)
}

// crop says which part of the pictures given to an encoder is to be seen (VIDIOC_S_SELECTION), and what it made of that.
func (d *Device) crop(width, height int) (int, int, error) {
	s := selection{typ: VideoOutput, target: selTgtCrop, width: int32(width), height: int32(height)}
	if err := d.driver.ioctl(vidiocSSelection, unsafe.Pointer(&s)); err != nil {
		return 0, 0, failed("VIDIOC_S_SELECTION", err)
	}
	return int(s.width), int(s.height), nil
}
