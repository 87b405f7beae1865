package device

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// Pixel formats that a [Feed] may have.
const (
	MJPEG = "MJPG"
	H264  = "H264"
	YUYV  = "YUYV"
)

// Feed is what plays the camera behind v4l2loopback: frames in a format that other virtual cameras don't have.
type Feed struct{ file *os.File }

// NewFeed opens the device of [LoopbackVideo] and says what comes. From now on the device shows as a camera.
func NewFeed(camera, format string, width, height, perSecond int) (*Feed, error) {
	if len(format) != 4 {
		return nil, fmt.Errorf("%s is no pixel format", format)
	}
	f, err := os.OpenFile(camera, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	const output = 2          // V4L2_BUF_TYPE_VIDEO_OUTPUT
	set := make([]byte, 208)  // struct v4l2_format: type, (8:) width, height, pixelformat, field, bytesperline, sizeimage
	rate := make([]byte, 204) // struct v4l2_streamparm: type, capability, outputmode, timeperframe
	put := func(b []byte, at int, value uint32) { binary.NativeEndian.PutUint32(b[at:], value) }
	put(set, 0, output)
	put(set, 8, uint32(width))
	put(set, 12, uint32(height))
	copy(set[16:20], format)
	put(set, 20, 1) // V4L2_FIELD_NONE
	put(set, 28, uint32(2*width*height))
	put(rate, 0, output)
	put(rate, 12, 1)
	put(rate, 16, uint32(perSecond))
	err = ioctl(f, vidiocSetFormat, set)
	if err == nil {
		err = ioctl(f, vidiocSetParameter, rate)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %s %dx%d: %w", camera, format, width, height, err), f.Close())
	}
	return &Feed{file: f}, nil
}

// Write shows one frame. Each write is one.
func (f *Feed) Write(frame []byte) (int, error) { return f.file.Write(frame) }

// Close ends the feed: who watches sees nothing more.
func (f *Feed) Close() error { return f.file.Close() }
