package v4l2

import (
	"fmt"
	"image"
)

// holds reports whether pictures of a size fit and the layout is one that can be filled.
func (l Layout) holds(width, height int) error {
	switch {
	case l.FourCC != YUV420 && l.FourCC != NV12:
		return fmt.Errorf("%w: raw pictures as %v or %v (it takes %v)", ErrFormat, YUV420, NV12, l.FourCC)
	case l.Width < width || l.Height < height || l.Width%2 != 0 || l.Height%2 != 0 || l.Stride < l.Width || l.Stride%2 != 0:
		return fmt.Errorf("%w: raw pictures of %dx%d (it takes %dx%d in lines of %d bytes)", ErrFormat, width, height, l.Width, l.Height, l.Stride)
	default:
		return nil
	}
}

// need is how many bytes a picture takes.
func (l Layout) need() int { return l.Stride * l.Height * 3 / 2 }

// fill writes a picture into a buffer as the driver wants it and returns its length. Where the driver's picture is larger, its
// last line and column go on: that costs fewest bits, and shows least where a decoder is not told of the edge.
func (l Layout) fill(to []byte, img *image.YCbCr, width, height int) (int, error) {
	if img.SubsampleRatio != image.YCbCrSubsampleRatio420 || img.Rect.Dx() != width || img.Rect.Dy() != height {
		return 0, fmt.Errorf("%w: a picture of %v in %v, not of %dx%d in 4:2:0", ErrFormat, img.Rect.Size(), img.SubsampleRatio, width, height)
	}
	if len(to) < l.need() {
		return 0, fmt.Errorf("%w: a buffer of %d bytes for %d", ErrFormat, len(to), l.need())
	}
	y := img.Y[img.YOffset(img.Rect.Min.X, img.Rect.Min.Y):]
	c := img.COffset(img.Rect.Min.X, img.Rect.Min.Y)
	luma, chroma := to[:l.Stride*l.Height], to[l.Stride*l.Height:l.need()]
	copyPlane(luma, l.Stride, l.Width, l.Height, y, img.YStride, width, height)
	w, h := (width+1)/2, (height+1)/2
	if l.FourCC == NV12 {
		weave(chroma, l.Stride, l.Width/2, l.Height/2, img.Cb[c:], img.Cr[c:], img.CStride, w, h)
		return l.need(), nil
	}
	half := len(chroma) / 2
	copyPlane(chroma[:half], l.Stride/2, l.Width/2, l.Height/2, img.Cb[c:], img.CStride, w, h)
	copyPlane(chroma[half:], l.Stride/2, l.Width/2, l.Height/2, img.Cr[c:], img.CStride, w, h)
	return l.need(), nil
}

// copyPlane copies a plane and continues its edges.
func copyPlane(to []byte, toStride, toWidth, toHeight int, from []byte, fromStride, width, height int) {
	for y := range toHeight {
		line := to[y*toStride : y*toStride+toWidth]
		n := copy(line, from[min(y, height-1)*fromStride:][:width])
		for x := n; x < len(line); x++ {
			line[x] = line[n-1]
		}
	}
}

// weave puts the samples of two planes in turn and continues their edges; the width is that of one plane.
func weave(to []byte, toStride, toWidth, toHeight int, u, v []byte, fromStride, width, height int) {
	for y := range toHeight {
		line := to[y*toStride : y*toStride+2*toWidth]
		at := min(y, height-1) * fromStride
		us, vs := u[at:][:width], v[at:][:width]
		for x := range toWidth {
			line[2*x], line[2*x+1] = us[min(x, width-1)], vs[min(x, width-1)]
		}
	}
}
