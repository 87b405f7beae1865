package camera

import (
	"fmt"
	"image"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Overlay is what is written into the picture.
type Overlay struct {
	// Text is a line of Latin, Greek or Cyrillic letters; empty for none.
	Text string
	// Time adds date and time of day, to the second.
	Time bool
}

// none reports whether nothing is written.
func (o Overlay) none() bool { return o.Text == "" && !o.Time }

const (
	// overlayShare is the height of the picture in lines of text, leastLetters the height of the smallest letters in pixels.
	overlayShare = 22
	leastLetters = 12
	// overlayTime is the same everywhere, and its order puzzles nobody.
	overlayTime = "2006-01-02 15:04:05"
	// overlayLongest bounds a text, in letters; what is wider than the picture is written smaller.
	overlayLongest = 64
)

// inscription writes an [Overlay] into pictures of one size: bright letters with a dark edge, at the lower left. The line is drawn once and
// again when its text changes, at most every second; laying it over a picture costs as many pixels as the line has.
type inscription struct {
	what   Overlay
	bounds image.Rectangle
	font   *opentype.Font
	face   font.Face
	text   string
	stamp  stamp
}

// stamp is a drawn line. Each sample of the picture becomes sample*keep/256 + add.
type stamp struct {
	at     image.Rectangle // in the picture, at even places
	luma   []blend
	chroma []uint16 // keep, for each 2 by 2 pixels; the rest of it is colourless
}

type blend struct{ keep, add uint16 }

// newInscription makes one for pictures of these bounds.
func newInscription(what Overlay, bounds image.Rectangle) (*inscription, error) {
	if letters := []rune(what.Text); len(letters) > overlayLongest {
		what.Text = string(letters[:overlayLongest])
	}
	parsed, err := opentype.Parse(gobold.TTF)
	if err != nil {
		return nil, fmt.Errorf("font of the overlay: %w", err)
	}
	o := &inscription{what: what, bounds: bounds, font: parsed}
	size := max(leastLetters, float64(bounds.Dy())/overlayShare)
	if err = o.setSize(size); err != nil {
		return nil, err
	}
	room := bounds.Dx() - 4*o.margin()
	if wide := font.MeasureString(o.face, o.line(time.Time{})).Ceil(); wide > room && room > 0 {
		err = o.setSize(size * float64(room) / float64(wide))
	}
	return o, err
}

// setSize chooses the height of a line in pixels.
func (o *inscription) setSize(pixels float64) error {
	const pointsPerInch = 72 // so that a point is a pixel
	face, err := opentype.NewFace(o.font, &opentype.FaceOptions{Size: pixels, DPI: pointsPerInch, Hinting: font.HintingFull})
	if err != nil {
		return fmt.Errorf("font of the overlay: %w", err)
	}
	o.face = face
	return nil
}

// margin is how far the letters are from the picture's edge.
func (o *inscription) margin() int { return max(4, o.bounds.Dy()/60) }

// edge is how wide the letters' dark edge is.
func (o *inscription) edge() int { return max(1, o.face.Metrics().Height.Ceil()/12) }

// line is the text at a moment.
func (o *inscription) line(t time.Time) string {
	switch {
	case !o.what.Time:
		return o.what.Text
	case o.what.Text == "":
		return t.Format(overlayTime)
	default:
		return o.what.Text + "  " + t.Format(overlayTime)
	}
}

// write writes into a picture that was taken at a time.
func (o *inscription) write(img *image.YCbCr, t time.Time) {
	if text := o.line(t); text != o.text || o.stamp.at.Empty() {
		o.text, o.stamp = text, o.draw(text)
	}
	s := o.stamp
	if !s.at.In(img.Rect) {
		return
	}
	w := s.at.Dx()
	for y := range s.at.Dy() {
		row := img.Y[img.YOffset(s.at.Min.X, s.at.Min.Y+y):][:w]
		for x, b := range s.luma[y*w:][:w] {
			row[x] = uint8((uint16(row[x])*b.keep)>>8 + b.add)
		}
	}
	for y := range s.at.Dy() / 2 {
		first := img.COffset(s.at.Min.X, s.at.Min.Y+2*y)
		for x, keep := range s.chroma[y*w/2:][:w/2] {
			grey := 128 * (256 - keep)
			img.Cb[first+x] = uint8((uint16(img.Cb[first+x])*keep + grey) >> 8)
			img.Cr[first+x] = uint8((uint16(img.Cr[first+x])*keep + grey) >> 8)
		}
	}
}

// draw draws a line of text.
func (o *inscription) draw(text string) stamp {
	edge, margin := o.edge(), o.margin()
	metrics := o.face.Metrics()
	w := font.MeasureString(o.face, text).Ceil() + 2*edge + 2
	h := metrics.Ascent.Ceil() + metrics.Descent.Ceil() + 2*edge
	at := image.Rect(0, 0, (w+1)&^1, (h+1)&^1).Add(image.Pt(margin&^1, (o.bounds.Dy()-margin-h)&^1)).Add(o.bounds.Min)
	at = at.Intersect(image.Rect(o.bounds.Min.X, o.bounds.Min.Y, o.bounds.Max.X&^1, o.bounds.Max.Y&^1))
	if at.Empty() {
		return stamp{}
	}
	letters := image.NewAlpha(image.Rect(0, 0, at.Dx(), at.Dy()))
	drawer := font.Drawer{
		Dst: letters, Src: image.Opaque, Face: o.face, Dot: fixed.P(edge, edge+metrics.Ascent.Ceil()),
	}
	drawer.DrawString(text)
	return newStamp(at, letters, edge)
}

// newStamp lays bright letters over a dark edge around them.
func newStamp(at image.Rectangle, letters *image.Alpha, edge int) stamp {
	w, h := at.Dx(), at.Dy()
	s := stamp{at: at, luma: make([]blend, w*h), chroma: make([]uint16, w/2*(h/2))}
	around := widen(letters, edge)
	for i := range s.luma {
		letter, dark := uint32(letters.Pix[i]), uint32(around.Pix[i])
		// First the edge over the picture, then the letter over both, in 256ths.
		keep := (255 - dark) * (255 - letter) * 256 / (255 * 255)
		add := (clockBright*letter + clockDark*dark*(255-letter)/255) / 255
		s.luma[i] = blend{uint16(keep), uint16(min(add, 255-255*keep/256))}
	}
	for y := range h / 2 {
		for x := range w / 2 {
			i := 2*y*w + 2*x
			s.chroma[y*w/2+x] = (s.luma[i].keep + s.luma[i+1].keep + s.luma[i+w].keep + s.luma[i+w+1].keep) / 4
		}
	}
	return s
}

// widen gives letters that are broader by some pixels on all sides.
func widen(letters *image.Alpha, by int) *image.Alpha {
	out := image.NewAlpha(letters.Rect)
	for y := range letters.Rect.Dy() {
		for x := range letters.Rect.Dx() {
			a := letters.Pix[y*letters.Stride+x]
			if a == 0 {
				continue
			}
			for dy := -by; dy <= by; dy++ {
				for dx := -by; dx <= by; dx++ {
					at := image.Pt(x+dx, y+dy)
					if dx*dx+dy*dy > by*by+by || !at.In(out.Rect) {
						continue
					}
					i := out.PixOffset(at.X, at.Y)
					out.Pix[i] = max(out.Pix[i], a)
				}
			}
		}
	}
	return out
}
