package camera

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/image/draw"
)

// moment is some time with every kind of digit in it.
func moment() time.Time { return time.Date(2026, 11, 23, 17, 4, 5, 678_000_000, time.UTC) }

// card draws a test card of a size.
func card(width, height int, t time.Time, n int) *image.YCbCr {
	return newPainter(width, height).paint(t, n)
}

func TestClockIsReadBackAtAnySize(t *testing.T) {
	for _, size := range []image.Point{{64, 48}, {320, 240}, {640, 480}, {800, 600}, {854, 480}, {1280, 720}} {
		at, n, err := ReadClock(card(size.X, size.Y, moment(), 4711))
		if err != nil || !at.Equal(moment()) || n != 4711 {
			t.Errorf("%v: read %v, frame %d, error %v", size, at, n, err)
		}
	}
}

func TestClockCarriesItsWholeRange(t *testing.T) {
	img := image.NewYCbCr(image.Rect(0, 0, 320, 240), image.YCbCrSubsampleRatio420)
	for _, tc := range []struct {
		at time.Time
		n  uint32
	}{
		{time.UnixMilli(0), 0},
		{time.UnixMilli(1<<48 - 1), 1<<32 - 1},
		{moment(), 1 << 31},
	} {
		DrawClock(img, tc.at, int(tc.n)) // where an int has 32 bits the half of them is negative
		at, n, err := ReadClock(img)
		if err != nil || !at.Equal(tc.at) || n != tc.n {
			t.Errorf("%v, frame %d: read %v, frame %d, error %v", tc.at, tc.n, at, n, err)
		}
	}
}

// TestClockSurvives holds the clock to what happens to a picture on its way to somebody's screenshot.
func TestClockSurvives(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, img image.Image) image.Image{
		"JPEG of the worst quality": func(t *testing.T, img image.Image) image.Image { return recompress(t, img, 1) },
		"JPEG of low quality, thrice": func(t *testing.T, img image.Image) image.Image {
			return recompress(t, recompress(t, recompress(t, img, 10), 20), 10)
		},
		"scaled down to a third": func(t *testing.T, img image.Image) image.Image {
			return scale(img, img.Bounds().Dx()/3, img.Bounds().Dy()/3)
		},
		"scaled up by an odd factor":    func(t *testing.T, img image.Image) image.Image { return scale(img, 1111, 777) },
		"squeezed":                      func(t *testing.T, img image.Image) image.Image { return scale(img, 200, 480) },
		"scaled down and up again":      func(t *testing.T, img image.Image) image.Image { return scale(scale(img, 160, 120), 1280, 960) },
		"noise of a fifth of the range": func(t *testing.T, img image.Image) image.Image { return noisy(img, 50) },
		"little contrast": func(t *testing.T, img image.Image) image.Image {
			return mapGrey(img, func(v uint8) uint8 { return 80 + v/3 })
		},
		"black bars beside it": func(t *testing.T, img image.Image) image.Image { return barred(img, 90, 0, color.Black) },
		"white bars above it":  func(t *testing.T, img image.Image) image.Image { return barred(img, 0, 60, color.White) },
		"bars all around, a JPEG": func(t *testing.T, img image.Image) image.Image {
			return recompress(t, barred(img, 40, 40, color.Black), 60)
		},
		"a picture within a picture": func(t *testing.T, img image.Image) image.Image {
			big, ok := barred(img, 100, 100, color.Black).(*image.RGBA)
			if !ok {
				t.Fatal("not RGBA")
			}
			return big.SubImage(image.Rect(100, 100, 100+img.Bounds().Dx(), 100+img.Bounds().Dy()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			at, n, err := ReadClock(spoil(t, card(640, 480, moment(), 4711)))
			if err != nil || !at.Equal(moment()) || n != 4711 {
				t.Fatalf("read %v, frame %d, error %v", at, n, err)
			}
		})
	}
}

func TestClockIsNotSeenWhereThereIsNone(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 640, 480))
	stripes := image.NewGray(image.Rect(0, 0, 640, 480))
	for i := range stripes.Pix {
		stripes.Pix[i] = uint8(i % 640 / 40 % 2 * 255)
	}
	for name, img := range map[string]image.Image{
		"nothing": nil, "grey": grey, "stripes": stripes, "noise": noisy(grey, 255),
		"too small": image.NewGray(image.Rect(0, 0, 20, 20)), "empty": image.NewGray(image.Rectangle{}),
		"negative": mapGrey(card(640, 480, moment(), 1), func(v uint8) uint8 { return 255 - v }),
	} {
		if _, _, err := ReadClock(img); !errors.Is(err, ErrNoClock) {
			t.Errorf("%s: error %v, want ErrNoClock", name, err)
		}
	}
}

func TestClockNoticesFalseBits(t *testing.T) {
	img := card(640, 480, moment(), 99)
	for row := 1; row < ClockRows; row++ {
		for column := range ClockColumns {
			r := cellRect(img.Rect, row, column)
			before := img.Y[img.YOffset(r.Min.X+2, r.Min.Y+2)]
			fillGrey(img, r, clockDark+clockBright-before)
			if at, n, err := ReadClock(img); !errors.Is(err, ErrClockDamaged) {
				t.Fatalf("bit %d/%d turned: read %v, frame %d, error %v", row, column, at, n, err)
			}
			fillGrey(img, r, before)
		}
	}
}

func recompress(t *testing.T, img image.Image, quality int) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	out, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func scale(img image.Image, width, height int) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.ApproxBiLinear.Scale(out, out.Rect, img, img.Bounds(), draw.Src, nil)
	return out
}

func mapGrey(img image.Image, f func(uint8) uint8) image.Image {
	out := image.NewGray(img.Bounds())
	draw.Draw(out, out.Rect, img, out.Rect.Min, draw.Src)
	for i, v := range out.Pix {
		out.Pix[i] = f(v)
	}
	return out
}

func noisy(img image.Image, amplitude int) image.Image {
	random := rand.New(rand.NewPCG(1, 2))
	return mapGrey(img, func(v uint8) uint8 {
		return uint8(min(255, max(0, int(v)+random.IntN(2*amplitude+1)-amplitude)))
	})
}

func barred(img image.Image, dx, dy int, c color.Color) image.Image {
	b := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dx()+2*dx, b.Dy()+2*dy))
	draw.Draw(out, out.Rect, image.NewUniform(c), image.Point{}, draw.Src)
	draw.Draw(out, b.Add(image.Pt(dx, dy)), img, b.Min, draw.Src)
	return out
}
