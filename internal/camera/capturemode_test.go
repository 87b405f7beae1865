package camera

import (
	"errors"
	"image"
	"testing"
)

func m(p pixels, w, h int, rates ...float64) []captureMode {
	var modes []captureMode
	for _, r := range rates {
		modes = append(modes, captureMode{p, w, h, r})
	}
	return modes
}

func modes(of ...[]captureMode) []captureMode {
	var all []captureMode
	for _, m := range of {
		all = append(all, m...)
	}
	return all
}

// usb2 is what a common USB 2 camera lists: raw pictures are too much for its bus from 720p on.
func usb2() []captureMode {
	return modes(
		m(pixelsYUYV, 640, 480, 30, 24, 20, 15, 10, 7.5, 5), m(pixelsYUYV, 320, 240, 30, 15), m(pixelsYUYV, 1280, 720, 10, 7.5, 5),
		m(pixelsYUYV, 1920, 1080, 5),
		m(pixelsMJPEG, 640, 480, 30, 15), m(pixelsMJPEG, 1280, 720, 30, 24, 15), m(pixelsMJPEG, 1920, 1080, 30, 15),
	)
}

func TestThePlanOfACapture(t *testing.T) {
	for name, c := range map[string]struct {
		modes []captureMode
		want  Params
		plan  string
		rate  int
	}{
		"raw, as its rate is reached":      {usb2(), Params{Width: 640, Height: 480, Framerate: 30}, "640x480 YUYV 30/s", 30},
		"no quicker than wanted":           {usb2(), Params{Width: 640, Height: 480, Framerate: 15}, "640x480 YUYV 15/s", 15},
		"between two of its rates":         {usb2(), Params{Width: 640, Height: 480, Framerate: 12}, "640x480 YUYV 15/s", 12},
		"Motion JPEG where raw is slow":    {usb2(), Params{Width: 1280, Height: 720, Framerate: 30}, "1280x720 MJPEG 30/s", 30},
		"raw again at a slow rate":         {usb2(), Params{Width: 1280, Height: 720, Framerate: 10}, "1280x720 YUYV 10/s", 10},
		"the nearest size":                 {usb2(), Params{Width: 800, Height: 600, Framerate: 15}, "640x480 YUYV 15/s", 15},
		"29.97 is 30":                      {m(pixelsYUYV, 640, 480, 29.97), Params{Width: 640, Height: 480, Framerate: 30}, "640x480 YUYV 30/s", 30},
		"slower than wanted":               {m(pixelsYUYV, 1280, 720, 9), Params{Width: 1280, Height: 720, Framerate: 30}, "1280x720 YUYV 9/s", 9},
		"a rate below one":                 {m(pixelsYUYV, 640, 480, 0.2), Params{Width: 640, Height: 480, Framerate: 30}, "640x480 YUYV 0.2/s", 1},
		"a camera that says no rate":       {m(pixelsUYVY, 640, 480, 0), Params{Width: 640, Height: 480, Framerate: 30}, "640x480 UYVY", 30},
		"only too big":                     {m(pixelsMJPEG, 1920, 1080, 30), Params{Width: 1280, Height: 720, Framerate: 30}, "1920x1080 MJPEG 30/s, scaled to 1280x720", 30},
		"only too big, of another shape":   {m(pixelsNV12, 1600, 1200, 30), Params{Width: 1280, Height: 720, Framerate: 30}, "1600x1200 NV12 30/s, of which 1600x900 is shown, scaled to 1280x720", 30},
		"too big only for the wanted rate": {m(pixelsYUYV, 1280, 960, 5), Params{Width: 1280, Height: 720, Framerate: 5}, "1280x960 YUYV 5/s, of which 1280x720 is shown", 5},
		"a small one is not blown up":      {m(pixelsYUYV, 160, 120, 30), Params{Width: 1280, Height: 720, Framerate: 30}, "160x120 YUYV 30/s", 30},
		"near enough not to be scaled": {modes(m(pixelsYUYV, 1920, 1080, 30), m(pixelsYUYV, 1024, 576, 30)),
			Params{Width: 1280, Height: 720, Framerate: 30}, "1024x576 YUYV 30/s", 30},
		"too far not to be scaled": {modes(m(pixelsYUYV, 1920, 1080, 30), m(pixelsYUYV, 320, 240, 30)),
			Params{Width: 1280, Height: 720, Framerate: 30}, "1920x1080 YUYV 30/s, scaled to 1280x720", 30},
		"odd sides":       {m(pixelsYUYV, 641, 481, 30), Params{Width: 640, Height: 480, Framerate: 30}, "641x481 YUYV 30/s, of which 640x480 is shown", 30},
		"sixty of thirty": {m(pixelsYUYV, 1280, 720, 60), Params{Width: 1280, Height: 720, Framerate: 30}, "1280x720 YUYV 60/s", 30},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := planCapture(c.modes, c.want)
			if err != nil {
				t.Fatal(err)
			}
			if p.String() != c.plan || p.framerate != c.rate {
				t.Errorf("got %s at %d/s, want %s at %d/s", p, p.framerate, c.plan, c.rate)
			}
			if err = checkParams(Params{Width: p.width, Height: p.height, Framerate: p.framerate}); err != nil {
				t.Errorf("what is sent: %v", err)
			}
			if !p.crop.In(image.Rect(0, 0, p.mode.width, p.mode.height)) {
				t.Errorf("%v is not in the picture", p.crop)
			}
		})
	}
}

func TestNothingToPlan(t *testing.T) {
	want := vga()
	for name, list := range map[string][]captureMode{
		"no modes": nil, "an unknown format": m("RGB3", 640, 480, 30), "no size": m(pixelsYUYV, 0, 0, 30),
		"a monstrous size": m(pixelsMJPEG, 65535, 65535, 30), "a thin one": m(pixelsYUYV, 640, 2, 30), "a negative rate": m(pixelsYUYV, 640, 480, -1),
	} {
		if p, err := planCapture(list, want); !errors.Is(err, ErrNoMode) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	if _, err := planCapture(usb2(), Params{Width: 1920, Height: 1080, Framerate: 30}); !errors.Is(err, ErrParams) {
		t.Errorf("a size that can't be sent: %v", err)
	}
}
