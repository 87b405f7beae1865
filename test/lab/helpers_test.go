package lab_test

import (
	"image"
	"math"
	"testing"
	"time"

	"doorstation/test/lab"
)

// hears checks that a popup hears a tone, and loud enough to be one.
func hears(t *testing.T, p *lab.Popup, hz float64) {
	t.Helper()
	var s lab.Sound
	lab.Eventually(t, 15*time.Second, "the tone is heard", func() bool {
		s = p.Hear(500 * time.Millisecond)
		return s.DBFS > -40 && math.Abs(s.Hz-hz) < 10
	})
	t.Logf("%s hears %.1f Hz at %.1f dBFS", p.Extension, s.Hz, s.DBFS)
}

// colourful tells whether a picture has more than one colour.
func colourful(img image.Image) bool {
	b := img.Bounds()
	first := img.At(b.Min.X, b.Min.Y)
	for y := b.Min.Y; y < b.Max.Y; y += 16 {
		for x := b.Min.X; x < b.Max.X; x += 16 {
			if img.At(x, y) != first {
				return true
			}
		}
	}
	return false
}
