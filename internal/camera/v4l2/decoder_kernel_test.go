//go:build kernel

package v4l2

import (
	"errors"
	"fmt"
	"image"
	"math"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"doorstation/test/kernel/device"
)

// decode decodes a stream of vicodec with its stateful decoder, by the kernel's "Memory-to-Memory Stateful Video Decoder Interface".
func decode(t *testing.T, stream [][]byte, width, height int) []*image.YCbCr {
	t.Helper()
	pictures, err := tryDecode(device.Name(t, device.VicodecDecoder), stream, width, height)
	if err != nil {
		t.Fatalf("decoder: %v", err)
	}
	return pictures
}

// tryDecode feeds a picture at a time.
func tryDecode(path string, stream [][]byte, width, height int) (pictures []*image.YCbCr, err error) {
	d, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	id, err := d.Identity()
	if err != nil {
		return nil, err
	}
	inType, outType, _ := encoderQueues(id.Caps)
	if !d.Subscribe(EventSourceChange) {
		return nil, errors.New("no event for a changed source")
	}
	largest := 0
	for _, s := range stream {
		largest = max(largest, len(s))
	}
	if _, err = d.SetFormat(inType, Layout{FourCC: fwht, Width: width, Height: height, Image: largest}); err != nil {
		return nil, err
	}
	in, err := d.NewQueue(inType, 1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Free()) }()
	feed := func(i int) error {
		return in.Enqueue(0, copy(in.Memory(0), stream[i]), time.Duration(i)*time.Millisecond)
	}
	if err = errors.Join(in.Start(), feed(0), d.wait(unix.POLLPRI, 5*time.Second)); err != nil {
		return nil, err
	}
	if e, ok, eventErr := d.Event(); eventErr != nil || !ok || e != EventSourceChange {
		return nil, fmt.Errorf("event %d, %v, %w", e, ok, eventErr)
	}
	if _, ok, eventErr := d.Event(); ok || eventErr != nil {
		return nil, fmt.Errorf("a second event: %v, %w", ok, eventErr)
	}
	layout, err := d.Format(outType)
	if err != nil {
		return nil, err
	}
	out, err := d.NewQueue(outType, 3)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.Free()) }()
	for i := range out.Len() {
		if err = out.Enqueue(i, 0, 0); err != nil {
			return nil, err
		}
	}
	if err = out.Start(); err != nil {
		return nil, err
	}
	for i := range stream {
		if i > 0 {
			for ok := false; !ok; {
				if err = d.wait(unix.POLLOUT, 5*time.Second); err != nil {
					return nil, err
				}
				if _, ok, err = in.Dequeue(); err != nil {
					return nil, err
				}
			}
			if err = feed(i); err != nil {
				return nil, err
			}
		}
		for ok := false; !ok; {
			var p Picture
			if p, ok, err = out.Dequeue(); err != nil {
				return nil, err
			}
			if !ok {
				if err = d.wait(unix.POLLIN, 5*time.Second); err != nil {
					return nil, fmt.Errorf("picture %d: %w", i, err)
				}
				continue
			}
			if p.Broken {
				return nil, fmt.Errorf("picture %d cannot be decoded", i)
			}
			pictures = append(pictures, unpack(p.Data, layout, width, height))
			if err = out.Enqueue(p.Index, 0, 0); err != nil {
				return nil, err
			}
		}
	}
	return pictures, nil
}

// likeness is the peak signal-to-noise ratio of two pictures over all planes, in dB.
func likeness(a, b *image.YCbCr) float64 {
	sum, n := 0.0, 0
	compare := func(p, q byte) {
		d := float64(p) - float64(q)
		sum += d * d
		n++
	}
	for y := range a.Rect.Dy() {
		for x := range a.Rect.Dx() {
			compare(a.Y[a.YOffset(x, y)], b.Y[b.YOffset(x, y)])
			if x%2 == 0 && y%2 == 0 {
				compare(a.Cb[a.COffset(x, y)], b.Cb[b.COffset(x, y)])
				compare(a.Cr[a.COffset(x, y)], b.Cr[b.COffset(x, y)])
			}
		}
	}
	if sum == 0 {
		return math.Inf(1)
	}
	return 10 * math.Log10(255*255*float64(n)/sum)
}

// unpack reads a raw picture of [YUV420] or [NV12] out of a buffer.
func unpack(data []byte, l Layout, width, height int) *image.YCbCr {
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	chroma := data[l.Stride*l.Height:]
	v := chroma[l.Stride*l.Height/4:]
	for y := range height {
		for x := range width {
			img.Y[img.YOffset(x, y)] = data[y*l.Stride+x]
		}
	}
	for y := range (height + 1) / 2 {
		for x := range (width + 1) / 2 {
			i := y*img.CStride + x
			if l.FourCC == NV12 {
				img.Cb[i], img.Cr[i] = chroma[y*l.Stride+2*x], chroma[y*l.Stride+2*x+1]
			} else {
				img.Cb[i], img.Cr[i] = chroma[y*l.Stride/2+x], v[y*l.Stride/2+x]
			}
		}
	}
	return img
}
