//go:build kernel

package v4l2

import (
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"doorstation/test/kernel/device"
)

// yuyv is V4L2_PIX_FMT_YUYV, as vivid has it; H.264 it has not.
const yuyv FourCC = 'Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24

// vividConfig is what vivid is asked for.
func vividConfig() CaptureConfig {
	return CaptureConfig{Format: yuyv, Width: 640, Height: 360, Framerate: 50}
}

// watchVivid opens vivid for a test and takes its first picture.
func watchVivid(t *testing.T) *Capture {
	t.Helper()
	c, err := OpenCapture(device.Name(t, device.Vivid), vividConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if closeErr := c.Close(); closeErr != nil {
			t.Error(closeErr)
		}
	})
	if p, nextErr := c.Next(); nextErr != nil || len(p.Data) != 640*360*2 {
		t.Fatalf("%d bytes, %v", len(p.Data), nextErr)
	}
	return c
}

func TestKernelACameraIsListedWithWhatItDelivers(t *testing.T) {
	list, err := List("/dev")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(l Listed) bool { return l.Path == device.Name(t, device.Vivid) })
	if i < 0 {
		t.Fatalf("%+v", list)
	}
	l := list[i]
	if l.Err != nil || l.Identity.Driver != "vivid" || l.Identity.Card == "" || l.Identity.Bus == "" || !l.Camera() {
		t.Errorf("%+v", l.Identity)
	}
	i = slices.IndexFunc(l.Formats, func(f ListedFormat) bool { return f.FourCC == yuyv })
	if i < 0 || l.Formats[i].Compressed || len(l.Formats[i].Sizes) == 0 || len(l.Formats[i].Sizes[0].Framerates) == 0 {
		t.Errorf("%+v", l.Formats)
	}
}

func TestKernelACamerasPicturesComeAtTheirRateAndWithTheirTimes(t *testing.T) {
	c := watchVivid(t)
	var first, last Picture
	for n := range 50 {
		p, err := c.Next()
		if err != nil || !p.Monotonic || p.Broken || n > 0 && (p.Stamp <= last.Stamp || p.Sequence <= last.Sequence) {
			t.Fatalf("picture %d: %v, stamp %v after %v, sequence %d after %d", n, err, p.Stamp, last.Stamp, p.Sequence, last.Sequence)
		}
		if n == 0 {
			first = p
		}
		last = p
	}
	if each := (last.Stamp - first.Stamp) / time.Duration(last.Sequence-first.Sequence); each < 10*time.Millisecond || each > 40*time.Millisecond {
		t.Errorf("a picture each %v, want 20ms", each)
	}
	second, err := OpenCapture(device.Name(t, device.Vivid), vividConfig())
	if !errors.Is(err, ErrBusy) {
		t.Errorf("a second program: %v", err)
	}
	if err == nil {
		t.Error(second.Close())
	}
}

// TestKernelWhoIsSlowGetsTheNewestPicture, and who waits for none is told so.
func TestKernelWhoIsSlowGetsTheNewestPicture(t *testing.T) {
	c := watchVivid(t)
	for tries := 1; ; tries++ {
		before, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // five pictures' time, as a slow caller takes
		p, err := c.Newest(time.Minute)
		if err != nil || len(p.Data) != 640*360*2 {
			t.Fatalf("%d bytes, %v", len(p.Data), err)
		}
		if p.Sequence > before.Sequence+1 {
			break
		}
		if tries == 50 {
			t.Fatalf("picture %d came after %d each time", p.Sequence, before.Sequence)
		}
	}
	for range 2 * captureBuffers { // no buffer was lost
		if _, err := c.Next(); err != nil {
			t.Fatal(err)
		}
	}
	vivid := device.Name(t, device.Vivid)
	device.SetControl(t, vivid, "percentage_of_dropped_buffers", 100)
	defer device.SetControl(t, vivid, "percentage_of_dropped_buffers", 0)
	var err error
	for n := 0; err == nil && n <= captureBuffers+1; n++ {
		_, err = c.Newest(time.Second)
	}
	if !errors.Is(err, ErrStuck) {
		t.Errorf("of a silent camera: %v", err)
	}
}

func TestKernelACameraThatIsUnpluggedIsGone(t *testing.T) {
	files, _ := footprint(t)
	c, err := OpenCapture(device.Name(t, device.Vivid), vividConfig())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Next(); err != nil {
		t.Fatal(err)
	}
	plugIn := device.Webcam.Unplug(t) // which waits for this program, too
	for err == nil {
		_, err = c.Next()
	}
	if !errors.Is(err, ErrGone) {
		t.Errorf("%v", err)
	}
	if err = c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	plugIn()
	if after, maps := footprint(t); after != files || maps != 0 {
		t.Errorf("%d files of %d before, %d buffers mapped", after, files, maps)
	}
	watchVivid(t)
}

func TestKernelFaultsOfACameraAreTold(t *testing.T) {
	vivid := device.Name(t, device.Vivid)
	t.Run("a fatal error while it streams", func(t *testing.T) {
		c := watchVivid(t)
		device.SetControl(t, vivid, "inject_fatal_streaming_error", 1)
		var err error
		for err == nil {
			_, err = c.Next()
		}
		if !errors.Is(err, unix.EIO) {
			t.Errorf("%v", err)
		}
	})
	t.Run("it does not start", func(t *testing.T) {
		device.SetControl(t, vivid, "inject_vidioc_streamon_error", 1)
		if _, err := OpenCapture(vivid, vividConfig()); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%v", err)
		}
	})
	t.Run("a damaged picture", func(t *testing.T) {
		c := watchVivid(t)
		device.SetControl(t, vivid, "inject_v4l2_buf_flag_error", 1)
		for n, broken := 0, false; !broken; n++ {
			p, err := c.Next()
			if err != nil || n > 50 {
				t.Fatalf("none among %d, %v", n, err)
			}
			broken = p.Broken
		}
	})
	t.Run("silence that somebody ends", func(t *testing.T) {
		c := watchVivid(t)
		device.SetControl(t, vivid, "percentage_of_dropped_buffers", 100)
		defer device.SetControl(t, vivid, "percentage_of_dropped_buffers", 0)
		ended := make(chan error, 1)
		go func() {
			for {
				if _, err := c.Next(); err != nil {
					ended <- err
					return
				}
			}
		}()
		if err := c.Interrupt(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, ErrInterrupted) {
			t.Errorf("%v", err)
		}
	})
	t.Run("no H.264, and another size", func(t *testing.T) {
		cfg := vividConfig()
		cfg.Format = H264
		if _, err := OpenCapture(vivid, cfg); !errors.Is(err, ErrFormat) {
			t.Errorf("%v", err)
		}
		cfg = vividConfig()
		cfg.Width = 333
		if _, err := OpenCapture(vivid, cfg); !errors.Is(err, ErrFormat) {
			t.Errorf("%v", err)
		}
	})
}
