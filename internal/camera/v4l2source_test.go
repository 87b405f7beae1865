package camera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"doorstation/internal/camera/v4l2"
)

// fakeCamera is a camera that delivers the test picture.
type fakeCamera struct {
	painter *painter
	every   time.Duration
	script  func(n int) error // what read number n gives in place of a picture
	reads   int
	closed  chan struct{}
	once    sync.Once
}

func (f *fakeCamera) read() (image.Image, error) {
	timer := time.NewTimer(f.every)
	defer timer.Stop()
	select {
	case <-f.closed:
		return nil, ErrEnded
	case <-timer.C:
	}
	f.reads++
	if f.script != nil {
		if err := f.script(f.reads - 1); errors.Is(err, errSilent) {
			timer.Reset(time.Second - f.every)
			select {
			case <-f.closed:
				return nil, ErrEnded
			case <-timer.C:
				return nil, err
			}
		} else if err != nil {
			return nil, err
		}
	}
	return f.painter.paint(time.Now(), f.reads-1), nil
}

func (f *fakeCamera) close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

// fakeEncoder gives an access unit a picture, and takes some time.
type fakeEncoder struct {
	params  Params
	takes   time.Duration
	idr     bool
	clocks  []time.Time
	size    image.Point
	rates   []int
	skip    int
	isShut  bool
	encoded int
}

func (e *fakeEncoder) encode(img *image.YCbCr) ([]byte, error) {
	if e.skip > 0 {
		e.skip--
		return nil, nil
	}
	time.Sleep(e.takes) // on the fake clock
	e.encoded++
	e.size = img.Rect.Size()
	if at, _, err := ReadClock(img); err == nil {
		e.clocks = append(e.clocks, at)
	}
	if e.idr || e.encoded == 1 {
		e.idr = false
		return []byte{0, 0, 0, 1, 0x67, 0x42, 0, 0, 1, 0x68, 0x42, 0, 0, 1, 0x65, 0x80}, nil
	}
	return []byte{0, 0, 0, 1, 0x41, 0x80}, nil
}
func (e *fakeEncoder) forceIDR() error          { e.idr = true; return nil }
func (e *fakeEncoder) setBitrate(bps int) error { e.rates = append(e.rates, bps); return nil }
func (e *fakeEncoder) close() error             { e.isShut = true; return nil }

// rig is a machine with made-up cameras.
type rig struct {
	source  *V4L2Camera
	devices []VideoDevice
	cameras []*fakeCamera // as they were opened
	opened  []string
	enc     *fakeEncoder
	log     bytes.Buffer
	make    func(VideoDevice, captureMode) (grabber, error)
}

func webcam(path, name, bus string) VideoDevice {
	size := func(w, h int, rates ...float64) v4l2.Size { return v4l2.Size{Width: w, Height: h, Framerates: rates} }
	return VideoDevice{
		Path: path, Name: name, Bus: bus, Links: []string{"/dev/v4l/by-id/usb-" + strings.ReplaceAll(name, " ", "_") + "-index0"},
		formats: []v4l2.ListedFormat{
			{PixelFormat: v4l2.PixelFormat{FourCC: fourCC("YUYV")}, Sizes: []v4l2.Size{size(640, 480, 30, 15), size(1280, 720, 10)}},
			{PixelFormat: v4l2.PixelFormat{FourCC: fourCC("MJPG")}, Sizes: []v4l2.Size{size(1280, 720, 30)}},
		},
	}
}

func newRig(t *testing.T, opt V4L2Options, devices ...VideoDevice) *rig {
	t.Helper()
	r := &rig{devices: devices}
	opt.Log = slog.New(slog.NewTextHandler(&r.log, nil))
	r.source = NewV4L2Camera(opt)
	r.make = func(_ VideoDevice, m captureMode) (grabber, error) {
		return &fakeCamera{painter: newPainter(m.width, m.height), every: time.Second / 30, closed: make(chan struct{})}, nil
	}
	r.source.list = func() ([]VideoDevice, error) { return slices.Clone(r.devices), nil }
	r.source.open = func(d VideoDevice, m captureMode) (grabber, error) {
		g, openErr := r.make(d, m)
		if f, ok := g.(*fakeCamera); ok {
			r.cameras = append(r.cameras, f)
		}
		r.opened = append(r.opened, d.Path+" "+m.String())
		return g, openErr
	}
	r.source.encoders = encoders{
		findChip: func() (string, error) { return "", ErrNoChip },
		software: func(p Params) (pictureEncoder, error) {
			r.enc = &fakeEncoder{params: p}
			return r.enc, nil
		},
	}
	return r
}

// run runs the source for a time and gives what it delivered, and its error.
func (r *rig) run(t *testing.T, p Params, d time.Duration, do ...func()) (units []AccessUnit, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	for _, f := range do {
		time.AfterFunc(d/2, f)
	}
	err = r.source.Run(ctx, p, func(au AccessUnit) { units = append(units, au) })
	for _, c := range r.cameras {
		select {
		case <-c.closed:
		default:
			t.Error("a camera was not let go of")
		}
	}
	if r.enc != nil && !r.enc.isShut {
		t.Error("the encoder was not closed")
	}
	return units, err
}

func TestAWebcamDeliversAtItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, V4L2Options{}, webcam("/dev/video0", "HD Webcam", "usb-1"))
		began := time.Now()
		units, err := r.run(t, vga(), 2*time.Second, r.source.ForceIDR, func() { r.source.SetBitrate(300_000) })
		if err != nil || len(units) < 55 || len(units) > 60 {
			t.Fatalf("%d pictures in 2 s at 30/s: %v", len(units), err)
		}
		idrs := 0
		for i, au := range units {
			if au.IDR {
				idrs++
			}
			want := time.Duration(i+1) * time.Second / 30
			if d := au.Captured.Sub(began) - want; d < -time.Millisecond || d > time.Millisecond {
				t.Errorf("picture %d was captured %v after the start", i, au.Captured.Sub(began))
			}
			if d := au.PTS - want; d < -time.Millisecond || d > time.Millisecond {
				t.Errorf("picture %d has PTS %v, want %v", i, au.PTS, want)
			}
		}
		if !units[0].IDR || idrs != 2 || !slices.Equal(r.enc.rates, []int{300_000}) {
			t.Errorf("%d IDR pictures, rates %v", idrs, r.enc.rates)
		}
		u := r.source.Used()
		if u.Device != "/dev/video0 (HD Webcam)" || u.Capture != "640x480 YUYV 30/s" || u.Encoder != "openh264" || u.Width != 640 || u.Framerate != 30 || u.Late+u.Broken != 0 {
			t.Errorf("used %+v", u)
		}
		if !strings.Contains(r.log.String(), `capture="640x480 YUYV 30/s" encoder=openh264`) {
			t.Errorf("log: %s", r.log.String())
		}
	})
}

func TestAWebcamIsTurnedAndThinnedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, V4L2Options{Picture: PictureOptions{Rotation: 90, Overlay: Overlay{Text: "Door"}}}, webcam("/dev/video0", "HD Webcam", "usb-1"))
		p := vga()
		p.Framerate = 10
		units, err := r.run(t, p, 2*time.Second)
		if err != nil || len(units) < 18 || len(units) > 21 {
			t.Errorf("%d pictures in 2 s at 10/s of 30: %v", len(units), err)
		}
		if r.enc.size != image.Pt(480, 640) || r.enc.params.Width != 480 || r.enc.params.Framerate != 10 || r.opened[0] != "/dev/video0 640x480 YUYV 15/s" {
			t.Errorf("encoded %v with %+v of %v", r.enc.size, r.enc.params, r.opened)
		}
	})
}

// TestASlowEncoderDropsAndDoesNotQueue: what is encoded is never older than a picture before the newest.
func TestASlowEncoderDropsAndDoesNotQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, V4L2Options{}, webcam("/dev/video0", "HD Webcam", "usb-1"))
		r.source.encoders.software = func(p Params) (pictureEncoder, error) {
			r.enc = &fakeEncoder{params: p, takes: 150 * time.Millisecond}
			return r.enc, nil
		}
		var ages []time.Duration
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := r.source.Run(ctx, vga(), func(au AccessUnit) { ages = append(ages, time.Since(au.Captured)) }); err != nil {
			t.Fatal(err)
		}
		for _, age := range ages {
			if age > 150*time.Millisecond+time.Second/30 {
				t.Errorf("a picture was %v old when it was encoded", age)
			}
		}
		if late := r.source.Used().Late; len(ages) < 17 || late < 60 {
			t.Errorf("%d pictures, %d late", len(ages), late)
		}
	})
}

func TestBrokenPicturesAreDroppedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, V4L2Options{}, webcam("/dev/video0", "HD Webcam", "usb-1"))
		r.make = func(_ VideoDevice, m captureMode) (grabber, error) {
			return &fakeCamera{
				painter: newPainter(m.width, m.height), every: time.Second / 30, closed: make(chan struct{}),
				script: func(n int) error {
					if n%3 != 0 {
						return fmt.Errorf("%w: no JPEG", errPicture)
					}
					return nil
				},
			}, nil
		}
		units, err := r.run(t, vga(), 3*time.Second)
		if u := r.source.Used(); err != nil || len(units) < 25 || u.Broken < 50 {
			t.Errorf("%d pictures, %d broken: %v", len(units), u.Broken, err)
		}
	})
}

// TestACameraThatFails: what the hub is told, and that it is told in time.
func TestACameraThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		script func(n int) error
		opens  error
		want   error
		within time.Duration
		text   string
	}{
		"unplugged":     {func(n int) error { return failAt(n, 30, captureError("/dev/video0", unix.ENODEV)) }, nil, ErrUnplugged, 1100 * time.Millisecond, "/dev/video0"},
		"EIO":           {func(n int) error { return failAt(n, 30, captureError("/dev/video0", unix.EIO)) }, nil, ErrCameraIO, 1100 * time.Millisecond, ""},
		"falls silent":  {func(n int) error { return failAt(n, 30, errSilent) }, nil, ErrStalled, 3100 * time.Millisecond, ""},
		"is silent":     {func(int) error { return errSilent }, nil, ErrStalled, 4100 * time.Millisecond, ""},
		"only broken":   {func(int) error { return errPicture }, nil, nil, time.Minute, ""},
		"busy":          {nil, captureError("/dev/video0", unix.EBUSY), ErrCameraBusy, 0, "another program uses the camera: /dev/video0"},
		"no permission": {nil, captureError("/dev/video0", unix.EACCES), ErrCameraPermission, 0, "group video"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, V4L2Options{}, webcam("/dev/video0", "HD Webcam", "usb-1"))
				r.make = func(_ VideoDevice, m captureMode) (grabber, error) {
					if c.opens != nil {
						return nil, c.opens
					}
					return &fakeCamera{painter: newPainter(m.width, m.height), every: time.Second / 30, closed: make(chan struct{}), script: c.script}, nil
				}
				began := time.Now()
				_, err := r.run(t, vga(), time.Minute)
				if !errors.Is(err, c.want) || err != nil && !strings.Contains(err.Error(), c.text) || time.Since(began) > c.within {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
			})
		})
	}
}

func failAt(n, at int, err error) error {
	if n < at {
		return nil
	}
	return err
}

// TestUnpluggedAndPluggedInAgain: the hub starts the source anew until the camera is back, under whatever path.
func TestUnpluggedAndPluggedInAgain(t *testing.T) {
	for _, device := range []string{"", "/dev/video0", "HD Webcam"} {
		synctest.Test(t, func(t *testing.T) {
			cam := webcam("/dev/video0", "HD Webcam", "usb-1")
			r := newRig(t, V4L2Options{Device: device}, cam)
			var mu sync.Mutex
			setDevices := func(d ...VideoDevice) {
				mu.Lock()
				defer mu.Unlock()
				r.devices = d
			}
			r.source.list = func() ([]VideoDevice, error) {
				mu.Lock()
				defer mu.Unlock()
				return slices.Clone(r.devices), nil
			}
			var faults []error
			h := NewHub(r.source, vga(), HubOptions{OnFault: func(err error) {
				mu.Lock()
				defer mu.Unlock()
				faults = append(faults, err)
			}})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			unplug := time.Now().Add(2 * time.Second)
			r.make = func(d VideoDevice, m captureMode) (grabber, error) {
				return &fakeCamera{
					painter: newPainter(m.width, m.height), every: time.Second / 30, closed: make(chan struct{}),
					script: func(int) error {
						if d.Path == "/dev/video0" && time.Now().After(unplug) {
							return captureError(d.Path, unix.ENODEV)
						}
						return nil
					},
				}, nil
			}
			go func() { done <- h.Run(ctx) }()
			reader := h.Subscribe()
			defer reader.Close()
			time.Sleep(2 * time.Second)
			setDevices()
			time.Sleep(5 * time.Second)
			moved := cam
			moved.Path = "/dev/video2"
			setDevices(webcam("/dev/video1", "Another", "usb-2"), moved)
			if device == "" {
				setDevices(moved)
			}
			before := h.Status().Frames
			time.Sleep(11 * time.Second)
			s := h.Status()
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(faults) < 3 || !errors.Is(faults[0], ErrUnplugged) || !errors.Is(faults[1], ErrNoCamera) || faults[len(faults)-1] != nil {
				t.Errorf("device %q: faults %v", device, faults)
			}
			if s.Frames < before+30 || s.State != StateRunning || s.Used.Device != "/dev/video2 (HD Webcam)" {
				t.Errorf("device %q: %d pictures after it was plugged in again; %+v", device, s.Frames-before, s)
			}
		})
	}
}

func TestWhichCamera(t *testing.T) {
	front, back := webcam("/dev/video0", "Front Cam", "usb-1"), webcam("/dev/video2", "Back Cam", "usb-2")
	isp := webcam("/dev/video13", "bcm2835-isp", "platform")
	isp.raw = true
	locked := VideoDevice{Path: "/dev/video4", Err: captureError("/dev/video4", unix.EACCES)}
	for name, c := range map[string]struct {
		list   []VideoDevice
		wanted string
		path   string
		err    error
		text   string
	}{
		"the first":             {[]VideoDevice{isp, front, back}, "", "/dev/video0", nil, ""},
		"by path":               {[]VideoDevice{front, back}, "/dev/video2", "/dev/video2", nil, ""},
		"by name":               {[]VideoDevice{front, back}, "back", "/dev/video2", nil, ""},
		"by its lasting name":   {[]VideoDevice{front, back}, "Back_Cam-index0", "/dev/video2", nil, ""},
		"libcamera's, if named": {[]VideoDevice{isp}, "isp", "/dev/video13", nil, ""},
		"no such path":          {[]VideoDevice{front, back}, "/dev/video7", "", ErrNoCamera, `camera.device is "/dev/video7"; there is /dev/video0 (Front Cam), /dev/video2 (Back Cam)`},
		"no such name":          {[]VideoDevice{front}, "Side", "", ErrNoCamera, `"Side"; there is /dev/video0 (Front Cam)`},
		"none at all":           {nil, "", "", ErrNoCamera, "this machine has no video camera"},
		"only libcamera's":      {[]VideoDevice{isp}, "", "", ErrNoCamera, "cannot be used without libcamera"},
		"not permitted":         {[]VideoDevice{locked}, "", "/dev/video4", ErrCameraPermission, "group video"},
		"another is permitted":  {[]VideoDevice{locked, front}, "", "/dev/video0", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := findCamera(c.list, c.wanted, VideoDevice{})
			if d.Path != c.path || !errors.Is(err, c.err) || err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %s, %v", d, err)
			}
		})
	}
}

func TestTheEncoderOfAChoice(t *testing.T) {
	chip := func(err error) encoders {
		return encoders{
			findChip: func() (string, error) {
				if errors.Is(err, ErrNoChip) {
					return "", err
				}
				return "/dev/video11", nil
			},
			chip:     func(string, Params) (pictureEncoder, error) { return &fakeEncoder{}, err },
			software: func(Params) (pictureEncoder, error) { return &fakeEncoder{}, nil },
		}
	}
	for _, c := range []struct {
		choice EncoderChoice
		chip   error
		name   string
		err    error
	}{
		{EncoderAuto, nil, "chip, /dev/video11", nil}, {EncoderAuto, ErrNoChip, "openh264", nil}, {EncoderAuto, unix.EBUSY, "openh264", nil},
		{EncoderChip, nil, "chip, /dev/video11", nil}, {EncoderChip, ErrNoChip, "", ErrNoChip}, {EncoderChip, unix.EBUSY, "", unix.EBUSY},
		{EncoderSoftware, nil, "openh264", nil},
	} {
		_, name, err := chip(c.chip).make(c.choice, vga(), slog.New(slog.DiscardHandler))
		if name != c.name || !errors.Is(err, c.err) {
			t.Errorf("%s with %v: %q, %v", c.choice, c.chip, name, err)
		}
	}
}

// withOwn is a webcam that encodes by itself.
func withOwn(width, height int) VideoDevice {
	d := webcam("/dev/video0", "Encoding Cam", "usb-1")
	d.formats = append(d.formats, v4l2.ListedFormat{
		PixelFormat: v4l2.PixelFormat{FourCC: v4l2.H264}, Sizes: []v4l2.Size{{Width: width, Height: height, Framerates: []float64{30}}},
	})
	return d
}

// TestWhoEncodes: a camera that encodes by itself is left to it where its pictures are as wanted and nothing is done to them.
func TestWhoEncodes(t *testing.T) {
	for name, c := range map[string]struct {
		device VideoDevice
		opt    V4L2Options
		own    bool
	}{
		"the wanted size":       {withOwn(640, 480), V4L2Options{}, true},
		"another size":          {withOwn(320, 240), V4L2Options{}, false},
		"too big":               {withOwn(1920, 1080), V4L2Options{}, false},
		"software":              {withOwn(640, 480), V4L2Options{Encoder: EncoderSoftware}, false},
		"turned":                {withOwn(640, 480), V4L2Options{Picture: PictureOptions{Rotation: 180}}, false},
		"in a mirror":           {withOwn(640, 480), V4L2Options{Picture: PictureOptions{Mirror: true}}, false},
		"written on":            {withOwn(640, 480), V4L2Options{Picture: PictureOptions{Overlay: Overlay{Time: true}}}, false},
		"a camera without H264": {webcam("/dev/video0", "Cam", "usb-1"), V4L2Options{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			used, err := newRig(t, c.opt, c.device).source.Probe(vga())
			if err != nil || (used.Encoder == ownEncoder) != c.own {
				t.Errorf("%+v, %v", used, err)
			}
		})
	}
	only := withOwn(320, 240)
	only.formats = only.formats[2:]
	if used, err := newRig(t, V4L2Options{}, only).source.Probe(vga()); err != nil || used.Encoder != ownEncoder {
		t.Errorf("nothing but H.264, of another size: %+v, %v", used, err)
	}
	if _, err := newRig(t, V4L2Options{Encoder: EncoderSoftware}, only).source.Probe(vga()); !errors.Is(err, ErrNoMode) {
		t.Errorf("nothing but H.264, for the processor: %v", err)
	}
}

// TestH264ThatCannotBeSent: a camera whose own H.264 is of the High profile is encoded anew, from the first picture on and also the next
// time. One that gives nothing else is passed on with a fault.
func TestH264ThatCannotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		both, only := withOwn(640, 480), withOwn(640, 480)
		only.formats = only.formats[2:]
		var formats []error
		opt := V4L2Options{OnFormat: func(err error) { formats = append(formats, err) }}
		own := 0
		high := func(p *passthrough, ctx context.Context, _ string, _ Params, out func(AccessUnit)) error {
			own++
			p.formatted(ErrFormat)
			out(AccessUnit{Data: []byte("high"), IDR: true})
			<-ctx.Done()
			return nil
		}
		r := newRig(t, opt, both)
		r.source.runOwn = high
		for range 2 {
			units, err := r.run(t, vga(), time.Second)
			if err != nil || len(units) < 20 || string(units[0].Data) == "high" || r.source.Used().Encoder != "openh264" || r.source.Traits().FixedGroups {
				t.Errorf("%d pictures, %+v: %v", len(units), r.source.Used(), err)
			}
		}
		if own != 1 || len(formats) != 0 {
			t.Errorf("its own was tried %d times; formats %v", own, formats)
		}
		r = newRig(t, opt, only)
		r.source.runOwn = high
		units, err := r.run(t, vga(), time.Second)
		if err != nil || len(units) != 1 || len(formats) != 1 || !errors.Is(formats[0], ErrFormat) {
			t.Errorf("nothing else: %d pictures, formats %v: %v", len(units), formats, err)
		}
	})
}

// TestTheModesOfRanges: a device that scales has a range of sizes and rates.
func TestTheModesOfRanges(t *testing.T) {
	d := VideoDevice{formats: []v4l2.ListedFormat{{
		PixelFormat: v4l2.PixelFormat{FourCC: v4l2.YUV420},
		Sizes:       []v4l2.Size{{Width: 48, Height: 32, MaxWidth: 1920, MaxHeight: 1200, StepWidth: 16, StepHeight: 16, Framerates: []float64{1, 60}}},
	}}}
	p, err := planCapture(modesOf(d, Params{Width: 1280, Height: 720, Framerate: 25}), Params{Width: 1280, Height: 720, Framerate: 25})
	if err != nil || p.String() != "1280x720 I420 25/s" {
		t.Errorf("%v, %v", p, err)
	}
	if p, err = planCapture(modesOf(d, Params{Width: 1282, Height: 20, Framerate: 25}), Params{Width: 1282, Height: 20, Framerate: 25}); err != nil {
		t.Error(p, err)
	}
}
