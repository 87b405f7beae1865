package camera

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
)

// errPicture means that a camera gave a picture that can't be used; the next one may be better.
var errPicture = errors.New("the camera gave a picture that cannot be used")

// converter makes pictures for an encoder of what a camera gives: a part of it, scaled, turned, 4:2:0. It keeps its memory from picture
// to picture and is used from one goroutine.
type converter struct {
	plan     capturePlan
	turn     turning
	levels   *levels // nil: as they come
	scale    [3]scaler
	upright  *image.YCbCr // before it is turned
	expanded *image.YCbCr // of a camera that gives something other than luma and chroma
}

// newConverter makes one for pictures of a plan.
func newConverter(plan capturePlan, turn turning) *converter {
	c := &converter{plan: plan, turn: turn}
	if plan.mode.pixels == pixelsMJPEG {
		c.levels = newLevels()
	}
	if !turn.none() {
		c.upright = image.NewYCbCr(image.Rect(0, 0, plan.width, plan.height), image.YCbCrSubsampleRatio420)
	}
	return c
}

// picture makes an empty picture to convert into.
func (c *converter) picture() *image.YCbCr {
	w, h := c.turn.size(c.plan.width, c.plan.height)
	return image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
}

// convert fills to, which [converter.picture] made, with what there is to show of from.
func (c *converter) convert(to *image.YCbCr, from image.Image) error {
	yuv, err := c.components(from)
	if err != nil {
		return err
	}
	crop := c.plan.crop
	if size := yuv.Rect.Size(); size != image.Pt(c.plan.mode.width, c.plan.mode.height) {
		// A Motion JPEG camera may send another size than was agreed on.
		if size.X < 2 || size.Y < 2 || size.X > widestCapture || size.Y > widestCapture {
			return fmt.Errorf("%w: it is %dx%d", errPicture, size.X, size.Y)
		}
		crop = cropTo(size.X, size.Y, c.plan.width, c.plan.height)
	}
	source, err := planesOf(yuv, crop.Add(yuv.Rect.Min))
	if err != nil {
		return err
	}
	upright := to
	if c.upright != nil {
		upright = c.upright
	}
	target := wholePlanes(upright)
	for i := range target {
		c.scale[i].scale(target[i], source[i])
	}
	if c.levels != nil {
		c.levels.apply(upright)
	}
	if c.upright != nil {
		for i, turned := range wholePlanes(to) {
			c.turn.plane(turned, target[i])
		}
	}
	return nil
}

// components gives a picture as luma and chroma. Colour cameras give that by themselves, but for exotic Motion JPEG.
func (c *converter) components(from image.Image) (*image.YCbCr, error) {
	switch from := from.(type) {
	case nil:
		return nil, fmt.Errorf("%w: it is empty", errPicture)
	case *image.YCbCr:
		return from, nil
	}
	r := from.Bounds()
	if r.Empty() || r.Dx() > widestCapture || r.Dy() > widestCapture {
		return nil, fmt.Errorf("%w: it is %dx%d", errPicture, r.Dx(), r.Dy())
	}
	if c.expanded == nil || c.expanded.Rect != r {
		c.expanded = image.NewYCbCr(r, image.YCbCrSubsampleRatio444)
	}
	out := c.expanded
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			i := out.YOffset(x, y)
			if v, ok := color.YCbCrModel.Convert(from.At(x, y)).(color.YCbCr); ok {
				out.Y[i], out.Cb[i], out.Cr[i] = v.Y, v.Cb, v.Cr
			}
		}
	}
	return out, nil
}

// planesOf gives the planes of a part of a picture, without trusting that its slices are as long as it says.
func planesOf(img *image.YCbCr, part image.Rectangle) ([3]plane, error) {
	part = part.Intersect(img.Rect)
	if part.Empty() {
		return [3]plane{}, fmt.Errorf("%w: it is too small", errPicture)
	}
	first, last := img.COffset(part.Min.X, part.Min.Y), img.COffset(part.Max.X-1, part.Max.Y-1)
	if img.CStride <= 0 || img.YStride <= 0 || first < 0 || last >= len(img.Cb) || last >= len(img.Cr) ||
		img.YOffset(part.Max.X-1, part.Max.Y-1) >= len(img.Y) {
		return [3]plane{}, fmt.Errorf("%w: it is cut short", errPicture)
	}
	rows := img.COffset(part.Min.X, part.Max.Y-1) - first
	w, h := last-first-rows+1, rows/img.CStride+1
	if w > img.CStride || part.Dx() > img.YStride {
		return [3]plane{}, fmt.Errorf("%w: its lines are too short", errPicture)
	}
	return [3]plane{
		{img.Y[img.YOffset(part.Min.X, part.Min.Y):], img.YStride, part.Dx(), part.Dy()},
		{img.Cb[first:], img.CStride, w, h},
		{img.Cr[first:], img.CStride, w, h},
	}, nil
}

// wholePlanes are those of one of our own pictures.
func wholePlanes(img *image.YCbCr) [3]plane {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	return [3]plane{
		{img.Y, img.YStride, w, h},
		{img.Cb, img.CStride, (w + 1) / 2, (h + 1) / 2},
		{img.Cr, img.CStride, (w + 1) / 2, (h + 1) / 2},
	}
}

// levels are tables from the levels of JPEG (all 256 of them, JFIF 1.02) to those that a decoder assumes of H.264 without video usability
// information (ITU-T H.264 annex E, video_full_range_flag: 16 to 235, and 16 to 240). Without them dark places are black and bright ones
// white.
type levels struct{ luma, chroma [256]uint8 }

func newLevels() *levels {
	l := &levels{}
	for i := range 256 {
		l.luma[i] = uint8(math.Round(16 + float64(i)*219/255))
		l.chroma[i] = uint8(math.Round(128 + float64(i-128)*224/255))
	}
	return l
}

// apply changes a picture.
func (l *levels) apply(img *image.YCbCr) {
	for i, v := range img.Y {
		img.Y[i] = l.luma[v]
	}
	for _, chroma := range [][]uint8{img.Cb, img.Cr} {
		for i, v := range chroma {
			chroma[i] = l.chroma[v]
		}
	}
}
