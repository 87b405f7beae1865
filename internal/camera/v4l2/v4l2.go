// Package v4l2 speaks to video devices by the kernel's Video4Linux2 interface (linux/videodev2.h): it lists them, captures from
// them, and runs a stateful encoder that works from memory to memory. It needs no C.
//
// The structures are those of 64-bit machines and of 32-bit ARM with 64-bit times (kernel 5.6 or newer).
package v4l2

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Errors of devices. They are wrapped together with the system call and its error number.
var (
	// ErrGone means that the device has been unplugged or its driver removed.
	ErrGone = errors.New("the video device is gone")
	// ErrBusy means that another program uses the device.
	ErrBusy = errors.New("the video device is in use by another program")
	// ErrFormat means that the device does not deliver, or take, what it was asked for.
	ErrFormat = errors.New("the video device does not have this format")
	// ErrNoControl means that the device does not have a control.
	ErrNoControl = errors.New("the video device does not have this control")
	// ErrStuck means that the device has kept what it was given and gives nothing back.
	ErrStuck = errors.New("the video device gives nothing back")
	// ErrInterrupted means that [Device.Interrupt] ended a wait.
	ErrInterrupted = errors.New("waiting for the video device was interrupted")
	// ErrStopped means that the device has no buffers to work with: it has stopped by itself, or was drained.
	ErrStopped = errors.New("the video device has stopped")
	// ErrClosed means that the device has been closed.
	ErrClosed = errors.New("the video device is closed")
)

// FourCC names a pixel format by four letters, the first in the lowest byte (V4L2_PIX_FMT_*).
type FourCC uint32

// Pixel formats.
const (
	YUV420 FourCC = 'Y' | 'U'<<8 | '1'<<16 | '2'<<24 // V4L2_PIX_FMT_YUV420: Y, then U, then V, each chroma plane a quarter
	NV12   FourCC = 'N' | 'V'<<8 | '1'<<16 | '2'<<24 // V4L2_PIX_FMT_NV12: Y, then U and V in turn
	MJPEG  FourCC = 'M' | 'J'<<8 | 'P'<<16 | 'G'<<24 // V4L2_PIX_FMT_MJPEG: one JPEG picture after the other
	H264   FourCC = 'H' | '2'<<8 | '6'<<16 | '4'<<24 // V4L2_PIX_FMT_H264: Annex B with start codes
)

// String gives the letters.
func (f FourCC) String() string {
	b := [4]byte{byte(f), byte(f >> 8), byte(f >> 16), byte(f >> 24)}
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b[:])
}

// BufType says which way a queue's pictures go (enum v4l2_buf_type).
type BufType uint32

// Kinds of queues. OUTPUT is what a program gives to a device, CAPTURE what it gets.
const (
	VideoCapture       BufType = 1  // V4L2_BUF_TYPE_VIDEO_CAPTURE
	VideoOutput        BufType = 2  // V4L2_BUF_TYPE_VIDEO_OUTPUT
	VideoCaptureMPlane BufType = 9  // V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
	VideoOutputMPlane  BufType = 10 // V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE
)

// multi reports whether the queue speaks the multi-planar interface.
func (t BufType) multi() bool { return t == VideoCaptureMPlane || t == VideoOutputMPlane }

// Caps are a device's capabilities (V4L2_CAP_*).
type Caps uint32

// Capabilities.
const (
	CapVideoCapture       Caps = 0x00000001
	CapVideoCaptureMPlane Caps = 0x00001000
	CapVideoM2MMPlane     Caps = 0x00004000
	CapVideoM2M           Caps = 0x00008000
	CapStreaming          Caps = 0x04000000
	capDeviceCaps         Caps = 0x80000000
)

// driver is the kernel's side of an open device; tests put another in its place.
type driver interface {
	// ioctl returns a [unix.Errno] or nil. arg points to the structure of the request.
	ioctl(request uintptr, arg unsafe.Pointer) error
	mmap(offset int64, length int) ([]byte, error)
	munmap(data []byte) error
	// poll waits for one of the events of poll(2); it returns none when the time is over and [ErrInterrupted] after interrupt.
	// A limit below zero is none.
	poll(events int16, limit time.Duration) (int16, error)
	interrupt() error
	close() error
}

// failed names an ioctl that failed, and what its error number means to people.
func failed(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return fmt.Errorf("%w: %s: %w", ErrGone, what, err)
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%w: %s: %w", ErrBusy, what, err)
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
}
