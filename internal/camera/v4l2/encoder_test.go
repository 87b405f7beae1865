package v4l2

import (
	"bytes"
	"errors"
	"image"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// testConfig is a small picture whose lines the stand-in pads.
func testConfig() EncoderConfig {
	return EncoderConfig{Width: 48, Height: 32, Framerate: 25, Coded: H264}
}

// begin starts an encoder on a stand-in; the test fails when anything is left of it in the end.
func begin(t *testing.T, s *standInDriver, cfg EncoderConfig) (*Encoder, error) {
	t.Helper()
	e, err := newEncoder(&Device{driver: s, path: "/dev/video11"}, cfg)
	t.Cleanup(func() {
		if e != nil {
			if closeErr := e.Close(); closeErr != nil {
				t.Errorf("close: %v", closeErr)
			}
		}
		if s.mapped != 0 || s.closed != 1 || s.streaming[VideoOutputMPlane] || s.streaming[VideoCaptureMPlane] {
			t.Errorf("left: %d buffers mapped, closed %d times, streaming %v", s.mapped, s.closed, s.streaming)
		}
	})
	return e, err
}

func TestAPictureGoesInAndComesOut(t *testing.T) {
	s := newStandInDriver()
	e, err := begin(t, s, testConfig())
	if err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		img, calls := scene(48, 32, n), 0
		stamp := time.Duration(n)*40*time.Millisecond + 7*time.Microsecond
		err = e.Encode(img, stamp, func(p Picture) bool {
			calls++
			if !bytes.Equal(p.Data, img.Y[:16]) || p.Stamp != stamp || !p.Key || p.Broken {
				t.Errorf("picture %d: % x at %v", n, p.Data, p.Stamp)
			}
			return true
		})
		if err != nil || calls != 1 {
			t.Fatalf("picture %d: %v, %d buffers", n, err, calls)
		}
	}
	if l := e.Layout(); l.Stride != 64 || l.FourCC != YUV420 {
		t.Errorf("%+v", l)
	}
}

func TestABufferThatDoesNotCompleteAPictureIsFollowedByTheNext(t *testing.T) {
	s := newStandInDriver()
	s.parts = 2
	e, err := begin(t, s, testConfig())
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		parts := 0
		if err = e.Encode(scene(48, 32, n), 0, func(Picture) bool { parts++; return parts == 2 }); err != nil || parts != 2 {
			t.Fatalf("picture %d: %d parts, %v", n, parts, err)
		}
	}
}

func TestAStuckEncoderIsNoticedWithinASecond(t *testing.T) {
	for name, spoil := range map[string]func(*standInDriver){
		"nothing is encoded":         func(s *standInDriver) { s.silent = true },
		"raw pictures are kept":      func(s *standInDriver) { s.holds = rawBuffers + 1 },
		"a part of a picture is all": func(s *standInDriver) { s.parts = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStandInDriver()
				spoil(s)
				e, err := begin(t, s, testConfig())
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				for err == nil {
					began = time.Now()
					err = e.Encode(scene(48, 32, 0), 0, func(Picture) bool { return s.holds > 0 || name == "raw pictures are kept" })
				}
				if took := time.Since(began); !errors.Is(err, ErrStuck) || took < time.Second || took > 1100*time.Millisecond {
					t.Errorf("%v after %v", err, took)
				}
			})
		})
	}
}

func TestAWaitEndsWhenItIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStandInDriver()
		s.silent = true
		e, err := begin(t, s, testConfig())
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(100*time.Millisecond, func() {
			if interruptErr := e.Interrupt(); interruptErr != nil {
				t.Error(interruptErr)
			}
		})
		if err = e.Encode(scene(48, 32, 0), 0, func(Picture) bool { return true }); !errors.Is(err, ErrInterrupted) {
			t.Errorf("%v", err)
		}
	})
}

func TestADriversFailuresAreToldAndNothingIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		request uintptr
		errno   unix.Errno
		means   error
	}{
		"what it is":      {vidiocQuerycap, unix.ENOTTY, unix.ENOTTY},
		"format":          {vidiocSFmt, unix.EBUSY, ErrBusy},
		"rate":            {vidiocSParm, unix.EIO, unix.EIO},
		"control":         {vidiocSCtrl, unix.EIO, unix.EIO},
		"buffers":         {vidiocReqbufs, unix.EINVAL, unix.EINVAL},
		"no memory":       {vidiocReqbufs, unix.ENOMEM, unix.ENOMEM},
		"a buffer":        {vidiocQuerybuf, unix.EINVAL, unix.EINVAL},
		"first enqueue":   {vidiocQbuf, unix.EINVAL, unix.EINVAL},
		"start":           {vidiocStreamon, unix.EIO, unix.EIO},
		"gone meanwhile":  {vidiocStreamon, unix.ENODEV, ErrGone},
		"bit rate needed": {vidiocSCtrl, unix.EINVAL, ErrNoControl},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandInDriver()
			s.fail[c.request] = c.errno
			cfg := testConfig()
			cfg.Controls = []EncoderControl{{Setting: Setting{Bitrate, 1}, Name: "bit rate", Needed: true}}
			e, err := newEncoder(&Device{driver: s, path: "/dev/video11"}, cfg)
			if !errors.Is(err, c.means) || e != nil {
				t.Errorf("%v", err)
			}
			if s.mapped != 0 || s.closed != 1 {
				t.Errorf("%d buffers mapped, closed %d times", s.mapped, s.closed)
			}
		})
	}
}

func TestAFailureInMidStreamIsToldAndRestartMendsIt(t *testing.T) {
	for name, c := range map[string]struct {
		request uintptr
		errno   unix.Errno
		means   error
	}{
		"a picture is refused":   {vidiocQbuf, unix.EINVAL, unix.EINVAL},
		"a fatal failure":        {vidiocDqbuf, unix.EIO, unix.EIO},
		"the device is gone":     {vidiocDqbuf, unix.ENODEV, ErrGone},
		"the stream has an end":  {vidiocDqbuf, unix.EPIPE, ErrStopped},
		"no memory for a moment": {vidiocQbuf, unix.ENOMEM, unix.ENOMEM},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandInDriver()
			s.failFrom = 3
			s.fail[c.request] = c.errno
			e, err := begin(t, s, testConfig())
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for ; err == nil && n < 10; n++ {
				err = e.Encode(scene(48, 32, n), 0, func(Picture) bool { return true })
			}
			if !errors.Is(err, c.means) || n < 3 || n > 4 {
				t.Errorf("%v at picture %d", err, n)
			}
			s.fail = nil
			if err = e.Restart(); err != nil {
				t.Fatal(err)
			}
			for n = range 5 {
				if err = e.Encode(scene(48, 32, n), 0, func(Picture) bool { return true }); err != nil {
					t.Errorf("picture %d afterwards: %v", n, err)
				}
			}
		})
	}
}

func TestADamagedPictureIsMarked(t *testing.T) {
	s := newStandInDriver()
	s.broken = true
	e, err := begin(t, s, testConfig())
	if err != nil {
		t.Fatal(err)
	}
	if err = e.Encode(scene(48, 32, 0), 0, func(p Picture) bool { return p.Broken }); err != nil {
		t.Error(err)
	}
}

func TestWhatNoDriverShouldSayIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*standInDriver, *EncoderConfig){
		"no streaming":          func(s *standInDriver, _ *EncoderConfig) { s.caps = CapVideoM2MMPlane },
		"a camera":              func(s *standInDriver, _ *EncoderConfig) { s.caps = CapVideoCapture | CapStreaming },
		"another coded format":  func(s *standInDriver, _ *EncoderConfig) { s.formats[VideoCaptureMPlane] = YUV420 },
		"another raw format":    func(s *standInDriver, _ *EncoderConfig) { s.formats[VideoOutputMPlane] = H264 },
		"three planes":          func(s *standInDriver, _ *EncoderConfig) { s.planes = 3 },
		"no plane":              func(s *standInDriver, _ *EncoderConfig) { s.planes = 0 },
		"more planes than many": func(s *standInDriver, _ *EncoderConfig) { s.planes = 255 },
	} {
		t.Run(name, func(t *testing.T) {
			s, cfg := newStandInDriver(), testConfig()
			spoil(s, &cfg)
			if _, err := begin(t, s, cfg); !errors.Is(err, ErrFormat) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAPictureThatDoesNotFitIsRefusedAndTheNextGoesOn(t *testing.T) {
	e, err := begin(t, newStandInDriver(), testConfig())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 * rawBuffers {
		for _, img := range []*image.YCbCr{scene(64, 32, 0), image.NewYCbCr(image.Rect(0, 0, 48, 32), image.YCbCrSubsampleRatio422)} {
			if err = e.Encode(img, 0, func(Picture) bool { return true }); !errors.Is(err, ErrFormat) {
				t.Errorf("%v", err)
			}
		}
	}
	if err = e.Encode(scene(48, 32, 0), 0, func(Picture) bool { return true }); err != nil {
		t.Error(err)
	}
}

func TestAPictureIsLaidOutAsTheDriverWantsIt(t *testing.T) {
	img := scene(46, 30, 3)
	for _, f := range []FourCC{YUV420, NV12} {
		l := Layout{FourCC: f, Width: 48, Height: 32, Stride: 64}
		data := make([]byte, l.need())
		if n, err := l.fill(data, img, 46, 30); err != nil || n != 64*32*3/2 {
			t.Fatalf("%v: %d bytes, %v", f, n, err)
		}
		for y := range 32 {
			for x := range 48 {
				sx, sy := min(x, 45), min(y, 29)
				u, v := data[64*32+y/2*32+x/2], data[64*32+64*32/4+y/2*32+x/2]
				if f == NV12 {
					u, v = data[64*32+y/2*64+x&^1], data[64*32+y/2*64+x|1]
				}
				cx, cy := min(x/2, 22), min(y/2, 14)
				if data[64*y+x] != img.Y[img.YOffset(sx, sy)] || u != img.Cb[cy*img.CStride+cx] || v != img.Cr[cy*img.CStride+cx] {
					t.Fatalf("%v: pixel %d,%d is %d %d %d", f, x, y, data[64*y+x], u, v)
				}
			}
		}
	}
}
