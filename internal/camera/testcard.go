package camera

import (
	"image"
	"time"
)

// TestCard draws the picture of the test source, clock and all, for those who encode or show it themselves.
type TestCard struct{ painter *painter }

// NewTestCard prepares pictures of one size, whose sides are even and no smaller than a clock needs: see [ReadClock].
func NewTestCard(width, height int) *TestCard { return &TestCard{newPainter(width, height)} }

// Draw draws the picture of time t with frame number n. The picture is valid until the next call.
func (c *TestCard) Draw(t time.Time, n int) *image.YCbCr { return c.painter.paint(t, n) }
