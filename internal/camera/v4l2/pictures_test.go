package v4l2

import "image"

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
