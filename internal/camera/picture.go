package camera

import (
	"image"
	"math"
	"math/rand/v2"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

const (
	// grains is how many grainy backgrounds take turns, grain how far their luma is from the smooth one at most.
	grains = 3
	grain  = 4
)

// painter draws the test picture: a coloured gradient that stands still, a ball that rolls from side to side once in
// four seconds, the time for people and the clock for machines. It has the grain of a real sensor: without it an encoder would
// need a fraction of the bit rate it is given, and a link that is too slow would never show.
type painter struct {
	background *image.YCbCr
	grainy     [grains][]uint8 // the luma of the background, each with a grain of its own
	img        *image.YCbCr
	face       font.Face
}

// newPainter prepares pictures of one size; both sides are even.
func newPainter(width, height int) *painter {
	r := image.Rect(0, 0, width, height)
	p := &painter{
		background: image.NewYCbCr(r, image.YCbCrSubsampleRatio420),
		img:        image.NewYCbCr(r, image.YCbCrSubsampleRatio420),
		face:       basicfont.Face7x13,
	}
	for y := range height {
		for x := range width {
			p.background.Y[p.background.YOffset(x, y)] = uint8(48 + 96*x/width + 48*y/height)
		}
	}
	for y := 0; y < height; y += 2 {
		for x := 0; x < width; x += 2 {
			at := p.background.COffset(x, y)
			p.background.Cb[at] = uint8(96 + 64*x/width)
			p.background.Cr[at] = uint8(160 - 64*y/height)
		}
	}
	random := rand.New(rand.NewPCG(uint64(width), uint64(height))) // the same on each machine
	for i := range p.grainy {
		p.grainy[i] = make([]uint8, len(p.background.Y))
		for at, luma := range p.background.Y {
			p.grainy[i][at] = luma + uint8(random.IntN(2*grain+1)) - grain
		}
	}
	return p
}

// paint draws the picture of time t with frame number n. The picture is valid until the next call.
func (p *painter) paint(t time.Time, n int) *image.YCbCr {
	copy(p.img.Y, p.grainy[n%grains])
	copy(p.img.Cb, p.background.Cb)
	copy(p.img.Cr, p.background.Cr)

	p.ball(t)
	b := p.img.Rect
	scale := max(1, b.Dx()/(24*p.advance()))
	line := p.face.Metrics().Height.Ceil() * scale
	top := b.Dy()/2 - line
	p.text(t.Format("2006-01-02"), top, scale)
	p.text(t.Format("15:04:05.0"), top+line+line/4, scale)
	DrawClock(p.img, t, n)
	return p.img
}

// ball draws the moving object: its place depends on the time only, so that it moves evenly at any frame rate.
func (p *painter) ball(t time.Time) {
	const period = 4 * time.Second
	b := p.img.Rect
	radius := b.Dy() / 12
	phase := float64(t.UnixNano()%int64(period)) / float64(period)
	x0 := radius + int(float64(b.Dx()-2*radius)*(1-math.Cos(2*math.Pi*phase))/2)
	y0 := b.Dy() - 2*radius
	for y := max(0, y0-radius); y < min(b.Dy(), y0+radius); y++ {
		for x := max(0, x0-radius); x < min(b.Dx(), x0+radius); x++ {
			if (x-x0)*(x-x0)+(y-y0)*(y-y0) > radius*radius {
				continue
			}
			p.img.Y[p.img.YOffset(x, y)] = 200
			at := p.img.COffset(x, y)
			p.img.Cb[at], p.img.Cr[at] = 60, 170
		}
	}
}

// text writes one centred line, each dot of the font scale by scale pixels.
func (p *painter) text(s string, top, scale int) {
	left := p.img.Rect.Dx()/2 - len(s)*p.advance()*scale/2
	dot := fixed.P(0, p.face.Metrics().Ascent.Ceil())
	for _, r := range s {
		dr, mask, maskp, advance, ok := p.face.Glyph(dot, r)
		if !ok {
			continue
		}
		for y := range dr.Dy() {
			for x := range dr.Dx() {
				if _, _, _, alpha := mask.At(maskp.X+x, maskp.Y+y).RGBA(); alpha == 0 {
					continue
				}
				at := image.Pt(left+(dr.Min.X+x)*scale, top+(dr.Min.Y+y)*scale)
				fillGrey(p.img, image.Rectangle{Min: at, Max: at.Add(image.Pt(scale, scale))}, clockBright)
			}
		}
		dot.X += advance
	}
}

// advance is the width of one letter of the font, all of which are equally wide.
func (p *painter) advance() int {
	width, ok := p.face.GlyphAdvance('0')
	if !ok {
		return 7
	}
	return max(1, width.Ceil())
}

// fillGrey fills a rectangle, as far as it lies in the picture, with colourless luma.
func fillGrey(img *image.YCbCr, r image.Rectangle, luma uint8) {
	r = r.Intersect(img.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := img.Y[img.YOffset(r.Min.X, y):][:r.Dx()]
		for i := range row {
			row[i] = luma
		}
		if r.Empty() {
			continue
		}
		first, last := img.COffset(r.Min.X, y), img.COffset(r.Max.X-1, y)
		for i := first; i <= last; i++ {
			img.Cb[i], img.Cr[i] = 128, 128
		}
	}
}
