package camera

import (
	"context"
	"errors"
	"fmt"
	"image"
	"time"
)

// ErrParams means that a picture of this size and rate cannot be sent as 42e01f.
var ErrParams = errors.New("picture size or rate is not possible")

// Limits of H.264 level 3.1 (ITU-T H.264 table A-1), in macroblocks of 16 by 16 pixels.
const (
	maxMacroblocks          = 3600
	maxMacroblocksPerSecond = 108000
)

// testSource is the camera of a machine that has none.
type testSource struct {
	requests
	now func() time.Time
	opt PictureOptions
}

// NewTestSource returns a source whose picture is a test card: it moves, shows people the time and carries a clock for
// machines (see [ReadClock]). It is encoded by openh264. An IDR that is asked for is taken and encoded at once and does
// not wait for the next picture's turn. now is the wall clock; nil means [time.Now].
func NewTestSource(now func() time.Time) Source { return NewTestSourceWith(now, PictureOptions{}) }

// NewTestSourceWith returns a test source whose picture is turned and written on.
func NewTestSourceWith(now func() time.Time, opt PictureOptions) Source {
	if now == nil {
		now = time.Now
	}
	return &testSource{requests: newRequests(), now: now, opt: opt}
}

var _ Source = (*testSource)(nil)

// Name implements [Source].
func (s *testSource) Name() string { return "test" }

// Traits implements [Source].
func (s *testSource) Traits() Traits { return Traits{} }

// Run implements [Source].
func (s *testSource) Run(ctx context.Context, p Params, out func(AccessUnit)) (err error) {
	if err = checkTestParams(p); err != nil {
		return err
	}
	s.clear()
	card, err := newTestCard(p, s.opt)
	if err != nil {
		return err
	}
	turned := p
	turned.Width, turned.Height = s.opt.turning().size(p.Width, p.Height)
	enc, err := newEncoder(turned)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, enc.close()) }()

	coder := &coder{asked: &s.requests, enc: enc, out: out}
	began, interval := time.Now(), time.Second/time.Duration(p.Framerate)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for number := 0; ; number++ {
		captured := s.now()
		if err = coder.take(card.paint(captured, number), captured, time.Since(began)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-s.force:
			s.ForceIDR() // for the next picture to take
			ticker.Reset(interval)
		}
	}
}

// testCard is the test picture with what the options make of it.
type testCard struct {
	painter *painter
	turn    turning
	turned  *image.YCbCr // nil: not turned
	text    *inscription // nil: none
}

func newTestCard(p Params, opt PictureOptions) (*testCard, error) {
	c := &testCard{painter: newPainter(p.Width, p.Height), turn: opt.turning()}
	w, h := c.turn.size(p.Width, p.Height)
	if !c.turn.none() {
		c.turned = image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	}
	var err error
	if !opt.Overlay.none() {
		c.text, err = newInscription(opt.Overlay, image.Rect(0, 0, w, h))
	}
	return c, err
}

// paint draws the picture of a time. It is valid until the next call.
func (c *testCard) paint(t time.Time, number int) *image.YCbCr {
	img := c.painter.paint(t, number)
	if c.turned != nil {
		from := wholePlanes(img)
		for i, to := range wholePlanes(c.turned) {
			c.turn.plane(to, from[i])
		}
		img = c.turned
	}
	if c.text != nil {
		c.text.write(img, t)
	}
	return img
}

// checkTestParams holds sizes and rates to what the clock and level 3.1 allow.
func checkTestParams(p Params) error {
	if p.Width < 2*ClockColumns || p.Height < 2*ClockBand*ClockRows {
		return fmt.Errorf("%w: %dx%d: expected %dx%d at least",
			ErrParams, p.Width, p.Height, 2*ClockColumns, 2*ClockBand*ClockRows)
	}
	return checkParams(p)
}

// checkParams holds sizes and rates to what level 3.1 allows.
func checkParams(p Params) error {
	switch blocks := ((p.Width + 15) / 16) * ((p.Height + 15) / 16); {
	case p.Width < 2 || p.Height < 2 || p.Width%2 != 0 || p.Height%2 != 0:
		return fmt.Errorf("%w: %dx%d: sides must be even", ErrParams, p.Width, p.Height)
	case p.Framerate < 1:
		return fmt.Errorf("%w: %d pictures per second", ErrParams, p.Framerate)
	case blocks > maxMacroblocks || blocks*p.Framerate > maxMacroblocksPerSecond:
		return fmt.Errorf("%w: %dx%d at %d/s exceeds H.264 level 3.1, which ends at 1280x720 at 30/s",
			ErrParams, p.Width, p.Height, p.Framerate)
	default:
		return nil
	}
}
