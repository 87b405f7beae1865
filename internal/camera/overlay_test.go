package camera

import (
	"bytes"
	"image"
	"slices"
	"testing"
	"time"
)

// background makes a picture of one luma with strong colour, or of stripes.
func background(w, h int, luma uint8, striped bool) *image.YCbCr {
	img := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	for y := range h {
		for x := range w {
			img.Y[img.YOffset(x, y)] = luma
			if striped && (x/3+y/3)%2 == 0 {
				img.Y[img.YOffset(x, y)] = 255 - luma
			}
		}
	}
	for i := range img.Cb {
		img.Cb[i], img.Cr[i] = 40, 220
	}
	return img
}

// TestTheOverlayIsLegible: on black, white, grey and stripes, what belongs to a letter is bright, has no colour, and has something dark
// beside it.
func TestTheOverlayIsLegible(t *testing.T) {
	at := time.Date(2026, 11, 23, 8, 15, 4, 0, time.UTC)
	for _, size := range []image.Point{{1280, 720}, {640, 480}, {320, 240}, {720, 1280}} {
		for name, img := range map[string]*image.YCbCr{
			"black": background(size.X, size.Y, 16, false), "white": background(size.X, size.Y, 235, false),
			"grey": background(size.X, size.Y, 128, false), "stripes": background(size.X, size.Y, 16, true),
		} {
			before := slices.Clone(img.Y)
			o, err := newInscription(Overlay{Text: "Gartentür Żółć Вход", Time: true}, img.Rect)
			if err != nil {
				t.Fatal(err)
			}
			o.write(img, at)
			area := o.stamp.at
			bright, lonely := 0, 0
			for y := area.Min.Y; y < area.Max.Y; y++ {
				for x := area.Min.X; x < area.Max.X; x++ {
					if o.stamp.luma[(y-area.Min.Y)*area.Dx()+x-area.Min.X].add < 200 {
						continue
					}
					bright++
					if img.Y[img.YOffset(x, y)] < 200 {
						t.Fatalf("%s: a letter's luma is %d", name, img.Y[img.YOffset(x, y)])
					}
					if c := img.COffset(x, y); img.Cb[c] < 80 || img.Cr[c] > 180 {
						t.Fatalf("%s: a letter has the colour %d, %d", name, img.Cb[c], img.Cr[c])
					}
					if !darkNear(img, x, y, area.Dy()/2) {
						lonely++
					}
				}
			}
			if bright < area.Dx()*area.Dy()/20 || lonely > 0 {
				t.Errorf("%v on %s: %d of %d pixels belong to letters, %d of them have nothing dark near them",
					size, name, bright, area.Dx()*area.Dy(), lonely)
			}
			for y := range size.Y {
				for x := range size.X {
					if i := img.YOffset(x, y); !image.Pt(x, y).In(area) && img.Y[i] != before[i] {
						t.Fatalf("%s: the picture is changed at %d,%d, outside %v", name, x, y, area)
					}
				}
			}
			if !area.In(img.Rect) || area.Min.X == 0 || area.Max.Y == size.Y {
				t.Errorf("the line is at %v of %v", area, img.Rect)
			}
		}
	}
}

// darkNear looks for the dark edge in all four directions.
func darkNear(img *image.YCbCr, x, y, within int) bool {
	for d := 1; d <= within; d++ {
		for _, p := range []image.Point{{x + d, y}, {x - d, y}, {x, y + d}, {x, y - d}} {
			if p.In(img.Rect) && img.Y[img.YOffset(p.X, p.Y)] < 60 {
				return true
			}
		}
	}
	return false
}

func TestTheOverlayShowsTheSecond(t *testing.T) {
	o, err := newInscription(Overlay{Text: "Door", Time: true}, image.Rect(0, 0, 640, 480))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 8, 15, 4, 0, time.UTC)
	shown := func(at time.Time) []uint8 {
		img := background(640, 480, 128, false)
		o.write(img, at)
		return img.Y
	}
	first := shown(at)
	stamp := &o.stamp.luma[0]
	if !bytes.Equal(first, shown(at.Add(900*time.Millisecond))) || stamp != &o.stamp.luma[0] {
		t.Error("the line was drawn anew within a second")
	}
	if bytes.Equal(first, shown(at.Add(time.Second))) {
		t.Error("the next second shows the same time")
	}
	if o.text != "Door  2026-11-23 08:15:05" {
		t.Errorf("the line is %q", o.text)
	}
}

// TestAnyOverlayFits: a long text is written smaller, and no picture is too small.
func TestAnyOverlayFits(t *testing.T) {
	long := "An unusually long name for a door that nobody would ever give to one, surely"
	for _, size := range []image.Point{{1280, 720}, {160, 120}, {32, 32}, {2, 2}, {33, 21}} {
		for _, what := range []Overlay{{Text: long, Time: true}, {Text: "W"}, {Time: true}, {Text: "門 🔔 \x00"}} {
			img := background(size.X, size.Y, 128, false)
			o, err := newInscription(what, img.Rect)
			if err != nil {
				t.Fatal(err)
			}
			o.write(img, time.Unix(0, 0))
			if size.X >= 160 && o.stamp.at.Max.X > size.X-o.margin()/2 {
				t.Errorf("%v %+v: the line is at %v", size, what, o.stamp.at)
			}
		}
	}
}

// BenchmarkOverlay is what an inscription costs a picture.
func BenchmarkOverlay(b *testing.B) {
	img := background(1280, 720, 128, false)
	o, err := newInscription(Overlay{Text: "Front door", Time: true}, img.Rect)
	if err != nil {
		b.Fatal(err)
	}
	at := time.Unix(1_800_000_000, 0)
	for i := 0; b.Loop(); i++ {
		o.write(img, at.Add(time.Duration(i)*time.Second/30))
	}
}
