package v4l2

import (
	"errors"
	"testing"
)

// TestACameraThatWantsTooMuchMemory is not started: the kernel would allocate what it says for each buffer.
func TestACameraThatWantsTooMuchMemory(t *testing.T) {
	for image, refused := range map[uint32]bool{32 << 20: false, 512 << 20: true, 1<<32 - 1: true} {
		s := newStandInDriver()
		s.caps, s.image = CapVideoCaptureMPlane|CapStreaming, image
		c, err := newCapture(&Device{driver: s, path: "/dev/video0"}, CaptureConfig{Format: H264, Width: 640, Height: 480})
		if refused != errors.Is(err, ErrFormat) || refused && s.mapped != 0 {
			t.Errorf("%d bytes: %v, %d buffers", image, err, s.mapped)
		}
		if err == nil {
			err = c.Close()
			if err != nil {
				t.Error(err)
			}
		}
		if s.closed != 1 {
			t.Errorf("%d bytes: closed %d times", image, s.closed)
		}
	}
}

func TestTheIntervalOfARate(t *testing.T) {
	for rate, want := range map[float64]fraction{30: {1, 30}, 7.5: {1000, 7500}, 29.97: {1000, 29970}, 0.2: {1000, 200}} {
		if got := interval(rate); got != want {
			t.Errorf("%v: %v, want %v", rate, got, want)
		}
	}
}
