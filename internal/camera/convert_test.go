package camera

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
	"time"
)

// exactly is the plan of a camera that has the wanted size.
func exactly(p pixels, w, h int) capturePlan {
	return capturePlan{mode: captureMode{p, w, h, 30}, crop: image.Rect(0, 0, w, h), width: w, height: h, framerate: 30}
}

// corners gives the luma at the four corners, clockwise from the upper left one.
func corners(img *image.YCbCr) [4]uint8 {
	w, h := img.Rect.Dx()-1, img.Rect.Dy()-1
	return [4]uint8{img.Y[img.YOffset(0, 0)], img.Y[img.YOffset(w, 0)], img.Y[img.YOffset(w, h)], img.Y[img.YOffset(0, h)]}
}

// TestTurning puts numbers into the corners 1 2 3 4, clockwise, and looks where they are afterwards, also those of the colours.
func TestTurning(t *testing.T) {
	for turn, want := range map[turning][4]uint8{
		{0, false}: {1, 2, 3, 4}, {90, false}: {4, 1, 2, 3}, {180, false}: {3, 4, 1, 2}, {270, false}: {2, 3, 4, 1},
		{0, true}: {2, 1, 4, 3}, {90, true}: {1, 4, 3, 2}, {180, true}: {4, 3, 2, 1}, {270, true}: {3, 2, 1, 4},
	} {
		from := image.NewYCbCr(image.Rect(0, 0, 40, 20), image.YCbCrSubsampleRatio420)
		mark := func(pix []uint8, stride, w, h int) {
			pix[0], pix[w-1], pix[(h-1)*stride+w-1], pix[(h-1)*stride] = 1, 2, 3, 4
		}
		mark(from.Y, from.YStride, 40, 20)
		mark(from.Cb, from.CStride, 20, 10)
		c := newConverter(exactly(pixelsI420, 40, 20), turn)
		to := c.picture()
		if err := c.convert(to, from); err != nil {
			t.Fatal(err)
		}
		if wantW, wantH := turn.size(40, 20); to.Rect != image.Rect(0, 0, wantW, wantH) {
			t.Errorf("%+v: the picture is %v", turn, to.Rect)
		}
		chroma := &image.YCbCr{Y: to.Cb, YStride: to.CStride, Rect: image.Rect(0, 0, to.Rect.Dx()/2, to.Rect.Dy()/2)}
		if corners(to) != want || corners(chroma) != want {
			t.Errorf("%+v: corners %v, of the colours %v, want %v", turn, corners(to), corners(chroma), want)
		}
	}
}

// TestTheClockComesThroughTheConverter: whatever a camera delivers and whatever is made of it, the picture is the same one.
func TestTheClockComesThroughTheConverter(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_123).UTC()
	for _, c := range []struct {
		from, sent image.Point
		ratio      image.YCbCrSubsampleRatio
	}{
		{image.Pt(640, 480), image.Pt(640, 480), image.YCbCrSubsampleRatio420},
		{image.Pt(640, 480), image.Pt(640, 480), image.YCbCrSubsampleRatio422},
		{image.Pt(640, 480), image.Pt(640, 480), image.YCbCrSubsampleRatio444},
		{image.Pt(640, 480), image.Pt(640, 480), image.YCbCrSubsampleRatio440},
		{image.Pt(640, 480), image.Pt(640, 480), image.YCbCrSubsampleRatio411},
		{image.Pt(1920, 1080), image.Pt(1280, 720), image.YCbCrSubsampleRatio422},
		{image.Pt(1920, 1080), image.Pt(320, 180), image.YCbCrSubsampleRatio420},
		{image.Pt(1366, 768), image.Pt(640, 360), image.YCbCrSubsampleRatio420},
	} {
		t.Run(fmt.Sprint(c.from, c.sent, c.ratio), func(t *testing.T) {
			src := newPainter(c.from.X, c.from.Y).paint(now, 42)
			given := image.NewYCbCr(src.Rect, c.ratio)
			copy(given.Y, src.Y)
			for y := range c.from.Y {
				for x := range c.from.X {
					i := given.COffset(x, y)
					given.Cb[i], given.Cr[i] = src.Cb[src.COffset(x, y)], src.Cr[src.COffset(x, y)]
				}
			}
			plan := exactly(pixelsYUYV, c.from.X, c.from.Y)
			plan.width, plan.height = c.sent.X, c.sent.Y
			conv := newConverter(plan, turning{})
			to := conv.picture()
			if err := conv.convert(to, given); err != nil {
				t.Fatal(err)
			}
			if at, n, err := ReadClock(to); err != nil || !at.Equal(now) || n != 42 {
				t.Errorf("the clock says %v, %d, %v", at, n, err)
			}
			x, y := c.sent.X/4, c.sent.Y/3
			sx, sy := c.from.X/4, c.from.Y/3
			got := [2]int{int(to.Cb[to.COffset(x, y)]), int(to.Cr[to.COffset(x, y)])}
			want := [2]int{int(src.Cb[src.COffset(sx, sy)]), int(src.Cr[src.COffset(sx, sy)])}
			for i := range got {
				if d := got[i] - want[i]; d < -2 || d > 2 {
					t.Errorf("the colour is %v, want %v", got, want)
				}
			}
		})
	}
}

func TestMotionJPEGHasItsLevelsChanged(t *testing.T) {
	src := image.NewYCbCr(image.Rect(0, 0, 64, 64), image.YCbCrSubsampleRatio422)
	for i := range src.Y {
		src.Y[i] = 255
	}
	for i := range src.Cb {
		src.Cb[i], src.Cr[i] = 0, 255
	}
	for p, want := range map[pixels][3]uint8{pixelsMJPEG: {235, 16, 240}, pixelsYUYV: {255, 0, 255}} {
		c := newConverter(exactly(p, 64, 64), turning{})
		to := c.picture()
		if err := c.convert(to, src); err != nil {
			t.Fatal(err)
		}
		if got := [3]uint8{to.Y[5], to.Cb[5], to.Cr[5]}; got != want {
			t.Errorf("%s: white of strong colour becomes %v, want %v", p, got, want)
		}
	}
}

// TestOtherPicturesThanAgreed: a camera that sends another size, grey, colours of its own, or what is no picture at all.
func TestOtherPicturesThanAgreed(t *testing.T) {
	plan := exactly(pixelsMJPEG, 640, 480)
	c := newConverter(plan, turning{degrees: 90})
	to := c.picture()
	now := time.UnixMilli(1_800_000_000_000).UTC()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, newPainter(800, 600).paint(now, 1), nil); err != nil {
		t.Fatal(err)
	}
	bigger, err := jpeg.Decode(&buf)
	if err != nil {
		t.Fatal(err)
	}
	grey := image.NewGray(image.Rect(0, 0, 640, 480))
	rgba := image.NewRGBA(image.Rect(0, 0, 640, 480))
	rgba.Set(3, 3, color.RGBA{255, 0, 0, 255})
	for _, img := range []image.Image{bigger, grey, rgba, image.NewCMYK(image.Rect(0, 0, 32, 32))} {
		if err = c.convert(to, img); err != nil {
			t.Errorf("%T: %v", img, err)
		}
	}
	r := image.Rect(0, 0, 640, 480)
	for _, img := range []image.Image{
		nil, image.NewGray(image.Rectangle{}), image.NewUniform(color.White), &image.YCbCr{}, &image.YCbCr{Rect: r},
		&image.YCbCr{Rect: r, Y: make([]uint8, 640*480), YStride: 640, CStride: 320, Cb: make([]uint8, 10), Cr: make([]uint8, 10)},
		&image.YCbCr{Rect: r, Y: make([]uint8, 640*480), YStride: 640, CStride: 1, Cb: make([]uint8, 320*240), Cr: make([]uint8, 320*240)},
		image.NewYCbCr(image.Rect(0, 0, 1, 1), image.YCbCrSubsampleRatio420),
	} {
		if err = c.convert(to, img); !errors.Is(err, errPicture) {
			t.Errorf("%T: %v", img, err)
		}
	}
}

// BenchmarkConvert: what a camera's picture costs before it is encoded.
func BenchmarkConvert(b *testing.B) {
	for name, c := range map[string]struct {
		plan capturePlan
		turn turning
	}{
		"720p":        {exactly(pixelsYUYV, 1280, 720), turning{}},
		"720p turned": {exactly(pixelsYUYV, 1280, 720), turning{degrees: 90}},
		"1080p scaled": {capturePlan{
			mode: captureMode{pixelsYUYV, 1920, 1080, 30}, crop: image.Rect(0, 0, 1920, 1080), width: 1280, height: 720, framerate: 30,
		}, turning{}},
	} {
		b.Run(name, func(b *testing.B) {
			src := image.NewYCbCr(image.Rect(0, 0, c.plan.mode.width, c.plan.mode.height), image.YCbCrSubsampleRatio422)
			conv := newConverter(c.plan, c.turn)
			to := conv.picture()
			for b.Loop() {
				if err := conv.convert(to, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
