package main

import (
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"doorstation/internal/camera"
	"doorstation/test/lab"
)

// feed is a camera for programs that read files: it writes the test card, uncompressed, into a named pipe, to whoever reads it, at
// the pace of a camera. A picture that finds the one before not taken is not made.
type feed struct {
	path string
	size size
	stop chan struct{}
	done sync.WaitGroup
}

// startFeed makes the pipe and serves it until the test ends.
func startFeed(t lab.T, path string, s size) *feed {
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatalf("bench: %v", err)
	}
	f := &feed{path: path, size: s, stop: make(chan struct{})}
	f.done.Go(func() {
		for f.serve(t) {
		}
	})
	t.Cleanup(func() {
		close(f.stop)
		f.done.Wait()
	})
	return f
}

// serve waits for a reader and writes pictures until it is gone; it reports whether there is to be another one.
func (f *feed) serve(t lab.T) (more bool) {
	var pipe *os.File
	for pipe == nil {
		select {
		case <-f.stop:
			return false
		case <-time.After(5 * time.Millisecond):
		}
		var err error
		// Without O_NONBLOCK nothing could end the wait for a reader; with it there is none to be waited for (ENXIO).
		pipe, err = os.OpenFile(f.path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err != nil && !errors.Is(err, syscall.ENXIO) {
			t.Errorf("bench: %v", err)
			return false
		}
	}
	defer pipe.Close()
	written := make(chan error, 1)
	var writing sync.WaitGroup
	defer writing.Wait()
	writing.Go(func() { written <- f.write(pipe) })
	select {
	case err := <-written:
		if !errors.Is(err, syscall.EPIPE) {
			t.Errorf("bench: %v", err)
		}
		return true
	case <-f.stop:
		_ = pipe.Close() // ends the write
		return false
	}
}

// write writes a stream of YUV4MPEG2. Its head promises four times the pictures there are: a reader that keeps to their times by itself
// then never holds one back, and shows each when it comes, as it would those of a camera.
func (f *feed) write(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C420jpeg\n", f.size.width, f.size.height, 4*f.size.rate); err != nil {
		return err
	}
	card := camera.NewTestCard(f.size.width, f.size.height)
	tick := time.NewTicker(time.Second / time.Duration(f.size.rate))
	defer tick.Stop()
	for n := 0; ; n++ {
		if _, err := w.Write(yuv4mpeg(card.Draw(time.Now(), n))); err != nil {
			return err
		}
		<-tick.C
	}
}

// yuv4mpeg is one frame of YUV4MPEG2: its head, and the planes one after another.
func yuv4mpeg(img *image.YCbCr) []byte {
	out := []byte("FRAME\n")
	size := img.Rect.Size()
	plane := func(pixels []byte, stride, width, height int) {
		for y := range height {
			out = append(out, pixels[y*stride:][:width]...)
		}
	}
	plane(img.Y, img.YStride, size.X, size.Y)
	plane(img.Cb, img.CStride, size.X/2, size.Y/2)
	plane(img.Cr, img.CStride, size.X/2, size.Y/2)
	return out
}
