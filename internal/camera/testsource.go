package camera

import (
	"context"
	"errors"
	"fmt"
	"image"
	"sync/atomic"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// ErrParams means that a picture of this size and rate cannot be sent as 42e01f.
var ErrParams = errors.New("picture size or rate is not possible")

// Limits of H.264 level 3.1 (ITU-T H.264 table A-1), in macroblocks of 16 by 16 pixels.
const (
	maxMacroblocks          = 3600
	maxMacroblocksPerSecond = 108000
)

// forcedTries bounds how often a demanded IDR is encoded anew when the encoder skips it.
const forcedTries = 3

// testSource is the camera of a machine that has none.
type testSource struct {
	now     func() time.Time
	force   chan struct{} // of length one: requests meld
	bitrate atomic.Int64  // asked for and not yet applied, 0: none
}

// NewTestSource returns a source whose picture is a test card: it moves, shows people the time and carries a clock for
// machines (see [ReadClock]). It is encoded by openh264. An IDR that is asked for is taken and encoded at once and does
// not wait for the next picture's turn. now is the wall clock; nil means [time.Now].
func NewTestSource(now func() time.Time) Source {
	if now == nil {
		now = time.Now
	}
	return &testSource{now: now, force: make(chan struct{}, 1)}
}

var _ Source = (*testSource)(nil)

// Name implements [Source].
func (s *testSource) Name() string { return "test" }

// Traits implements [Source].
func (s *testSource) Traits() Traits { return Traits{} }

// ForceIDR implements [Source].
func (s *testSource) ForceIDR() {
	select {
	case s.force <- struct{}{}:
	default:
	}
}

// SetBitrate implements [Source].
func (s *testSource) SetBitrate(bps int) { s.bitrate.Store(int64(max(minBitrate, bps))) }

// Run implements [Source].
func (s *testSource) Run(ctx context.Context, p Params, out func(AccessUnit)) (err error) {
	if err = checkTestParams(p); err != nil {
		return err
	}
	s.bitrate.Store(0)
	enc, err := newEncoder(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, enc.close()) }()

	shot := &shot{source: s, enc: enc, painter: newPainter(p.Width, p.Height), out: out, began: time.Now()}
	interval := time.Second / time.Duration(p.Framerate)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	s.forced() // the first picture is an IDR anyway
	for idr := false; ; idr = s.forced() {
		if err = shot.take(idr); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-s.force:
			s.ForceIDR() // for the loop to take
			ticker.Reset(interval)
		}
	}
}

// forced takes the pending request for an IDR picture.
func (s *testSource) forced() bool {
	select {
	case <-s.force:
		return true
	default:
		return false
	}
}

// shot takes pictures for one run of the source.
type shot struct {
	source  *testSource
	enc     *encoder
	painter *painter
	out     func(AccessUnit)
	began   time.Time
	number  int
	pts     time.Duration
}

// take draws, encodes and delivers one picture, unless the encoder skips it.
func (s *shot) take(idr bool) error {
	if bps := s.source.bitrate.Swap(0); bps != 0 {
		if err := s.enc.setBitrate(int(bps)); err != nil {
			return err
		}
	}
	captured := s.source.now()
	pts := time.Since(s.began)
	if s.number > 0 && pts <= s.pts {
		pts = s.pts + time.Microsecond
	}
	data, err := s.encode(s.painter.paint(captured, s.number), idr)
	if err != nil {
		return err
	}
	s.number++
	s.pts = pts
	if len(data) == 0 {
		return nil
	}
	isIDR, err := randomAccess(data)
	if err != nil {
		return err
	}
	s.out(AccessUnit{Data: data, PTS: pts, Captured: captured, IDR: isIDR})
	return nil
}

// encode gives the access unit of a picture, empty when it was skipped. A demanded IDR is tried again when skipped.
func (s *shot) encode(img *image.YCbCr, idr bool) ([]byte, error) {
	if !idr {
		return s.enc.encode(img)
	}
	for range forcedTries {
		if err := s.enc.forceIDR(); err != nil {
			return nil, err
		}
		data, err := s.enc.encode(img)
		if err != nil || len(data) > 0 {
			return data, err
		}
	}
	s.source.ForceIDR() // so the next picture is to be one
	return nil, nil
}

// randomAccess reports whether an access unit is an IDR picture with its parameter sets in front.
func randomAccess(data []byte) (bool, error) {
	var units h264.AnnexB
	if err := units.Unmarshal(data); err != nil {
		return false, fmt.Errorf("encoded picture: %w", err)
	}
	sps, pps := false, false
	for _, unit := range units {
		if len(unit) == 0 {
			continue
		}
		switch h264.NALUType(unit[0] & 0x1F) {
		case h264.NALUTypeSPS:
			sps = true
		case h264.NALUTypePPS:
			pps = true
		case h264.NALUTypeIDR:
			return sps && pps, nil
		default:
		}
	}
	return false, nil
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
