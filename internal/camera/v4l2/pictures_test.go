package v4l2

import (
	"image"
	"math"
)

// scene is a picture with soft gradients and a bright bar that moves with n, so that each differs and none compresses to nothing.
func scene(width, height, n int) *image.YCbCr {
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	for y := range height {
		for x := range width {
			v := 40 + 100*x/width + 60*y/height
			if (x+8*n)%width < 32 {
				v = 220
			}
			img.Y[img.YOffset(x, y)] = byte(v)
		}
	}
	for y := range (height + 1) / 2 {
		for x := range (width + 1) / 2 {
			i := y*img.CStride + x
			img.Cb[i], img.Cr[i] = byte(64+128*x/width), byte(190-128*y/height)
		}
	}
	return img
}

// likeness is the peak signal-to-noise ratio of two pictures over all planes, in dB.
func likeness(a, b *image.YCbCr) float64 {
	sum, n := 0.0, 0
	compare := func(p, q byte) {
		d := float64(p) - float64(q)
		sum += d * d
		n++
	}
	for y := range a.Rect.Dy() {
		for x := range a.Rect.Dx() {
			compare(a.Y[a.YOffset(x, y)], b.Y[b.YOffset(x, y)])
			if x%2 == 0 && y%2 == 0 {
				compare(a.Cb[a.COffset(x, y)], b.Cb[b.COffset(x, y)])
				compare(a.Cr[a.COffset(x, y)], b.Cr[b.COffset(x, y)])
			}
		}
	}
	if sum == 0 {
		return math.Inf(1)
	}
	return 10 * math.Log10(255*255*float64(n)/sum)
}

// unpack reads a raw picture of [YUV420] or [NV12] out of a buffer.
func unpack(data []byte, l Layout, width, height int) *image.YCbCr {
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	chroma := data[l.Stride*l.Height:]
	v := chroma[l.Stride*l.Height/4:]
	for y := range height {
		for x := range width {
			img.Y[img.YOffset(x, y)] = data[y*l.Stride+x]
		}
	}
	for y := range (height + 1) / 2 {
		for x := range (width + 1) / 2 {
			i := y*img.CStride + x
			if l.FourCC == NV12 {
				img.Cb[i], img.Cr[i] = chroma[y*l.Stride+2*x], chroma[y*l.Stride+2*x+1]
			} else {
				img.Cb[i], img.Cr[i] = chroma[y*l.Stride/2+x], v[y*l.Stride/2+x]
			}
		}
	}
	return img
}
