package camera

import (
	"context"
	"errors"
	"image"
)

// ErrNoChip means that this machine's chip has no encoder for H.264 that the kernel offers.
var ErrNoChip = errors.New("the chip has no H.264 encoder")

// pictureEncoder turns pictures into access units. It is used from one goroutine.
type pictureEncoder interface {
	// encode gives the access unit of a picture, valid until the next call; it is empty when the encoder skipped the picture.
	// An error means that the encoder is of no more use and is to be closed.
	encode(*image.YCbCr) ([]byte, error)
	// forceIDR makes the next picture an IDR picture.
	forceIDR() error
	// setBitrate changes the target in bit/s.
	setBitrate(bps int) error
	// close frees the encoder.
	close() error
}

var _ pictureEncoder = (*encoder)(nil)

// findChipEncoder gives the device of the chip's encoder, such as /dev/video11, and [ErrNoChip] when there is none.
func findChipEncoder() (string, error) { return "", ErrNoChip }

// newChipEncoder opens the encoder of [findChipEncoder]. It watches itself: an encoder that gives nothing for a second is an
// error of encode.
func newChipEncoder(device string, p Params) (pictureEncoder, error) {
	return nil, ErrNoChip
}

// passthrough is a camera that delivers H.264 by itself (UVC cameras with an encoder).
type passthrough struct{}

// newPassthrough makes one; onFormat may be nil and is told as that of [NewExecSource].
func newPassthrough(onFormat func(error)) *passthrough { return &passthrough{} }

// run is [Source].Run for a device such as /dev/video0.
func (c *passthrough) run(ctx context.Context, device string, p Params, out func(AccessUnit)) error {
	return ErrNoChip
}

// forceIDR asks the camera, if it can be asked (see fixedGroups).
func (c *passthrough) forceIDR() {}

// setBitrate changes the camera's rate, if it can be changed.
func (c *passthrough) setBitrate(bps int) {}
