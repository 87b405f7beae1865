package hardware

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os/exec"
	"strconv"
	"time"

	"doorstation/internal/camera"
	"doorstation/internal/settings"
)

const (
	// decodeLimit bounds a program that makes a picture.
	decodeLimit = 10 * time.Second
	// largestPicture bounds what it may print, in bytes, widestPicture a picture's sides in pixels.
	largestPicture = 16 << 20
	widestPicture  = 8192
)

// Decode gives the picture of a snapshot as Go's image packages take it. What the source shows only as H.264 is decoded by ffmpeg, where that is
// installed; nil where there is no picture to be had.
func Decode(ctx context.Context, s camera.Snapshot) *image.YCbCr {
	if s.Still != nil {
		return camera.Full(s.Still)
	}
	program, err := exec.LookPath("ffmpeg")
	if err != nil || len(s.Key.Data) == 0 {
		return nil
	}
	img, err := runForPicture(ctx, bytes.NewReader(s.Key.Data), program,
		"-v", "error", "-f", "h264", "-i", "pipe:0", "-frames:v", "1", "-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "2", "pipe:1")
	if err != nil {
		return nil // that it cannot be shown is all that matters
	}
	return img
}

// piStill takes a picture with the Raspberry Pi's camera by its program for that; nil where that is missing or fails.
func piStill(ctx context.Context, c settings.Camera) *image.YCbCr {
	for _, name := range []string{"rpicam-jpeg", "libcamera-jpeg"} {
		program, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		args := []string{
			"--nopreview", "--timeout", "500", "--verbose", "0", "--width", strconv.Itoa(c.Width), "--height", strconv.Itoa(c.Height),
			"--output", "-",
		}
		if c.Rotation != 0 {
			args = append(args, "--rotation", strconv.Itoa(c.Rotation))
		}
		if c.Mirror {
			args = append(args, "--hflip")
		}
		img, err := runForPicture(ctx, nil, program, args...)
		if err != nil {
			return nil
		}
		return img
	}
	return nil
}

// errNoPicture means that a program printed none.
var errNoPicture = errors.New("no picture came")

// runForPicture runs a program that prints a JPEG.
func runForPicture(ctx context.Context, in io.Reader, program string, args ...string) (*image.YCbCr, error) {
	ctx, cancel := context.WithTimeout(ctx, decodeLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin, cmd.WaitDelay = in, time.Second
	out := &bounded{left: largestPicture}
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	size, err := jpeg.DecodeConfig(bytes.NewReader(out.data))
	if err != nil || size.Width > widestPicture || size.Height > widestPicture {
		return nil, fmt.Errorf("%w: %w", errNoPicture, err)
	}
	img, err := jpeg.Decode(bytes.NewReader(out.data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoPicture, err)
	}
	luma, ok := img.(*image.YCbCr)
	if !ok {
		return nil, errNoPicture
	}
	return luma, nil
}

// bounded keeps what is written to it, up to a size.
type bounded struct {
	data []byte
	left int
}

// errTooLong means that a program prints more than any picture has.
var errTooLong = errors.New("it is too long for a picture")

func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return 0, errTooLong
	}
	b.left -= len(p)
	b.data = append(b.data, p...)
	return len(p), nil
}
