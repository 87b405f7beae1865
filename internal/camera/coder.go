package camera

import (
	"fmt"
	"image"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// PictureOptions are what may be done to a picture before it is encoded.
type PictureOptions struct {
	// Rotation is 0, 90, 180 or 270, in degrees clockwise; Mirror turns left and right of the turned picture round.
	Rotation int
	Mirror   bool
	Overlay  Overlay
}

// turning is the part of it that moves pixels.
func (o PictureOptions) turning() turning { return turning{o.Rotation, o.Mirror} }

// none reports whether the picture stays as it is.
func (o PictureOptions) none() bool { return o.turning().none() && o.Overlay.none() }

// requests are what is asked of an encoder that runs in another goroutine: its next picture takes them.
type requests struct {
	force   chan struct{}            // of length one: requests meld
	bitrate *atomic.Int64            // asked for and not yet applied, 0: none
	still   chan chan<- *image.YCbCr // of length one: who wants the next picture
}

func newRequests() requests {
	return requests{force: make(chan struct{}, 1), bitrate: new(atomic.Int64), still: make(chan chan<- *image.YCbCr, 1)}
}

// ForceIDR implements [Source].
func (r *requests) ForceIDR() { signal(r.force) }

// SetBitrate implements [Source].
func (r *requests) SetBitrate(bps int) { r.bitrate.Store(int64(max(minBitrate, bps))) }

// clear forgets what was asked of an earlier run: the first picture is an IDR anyway, and has the rate of the run.
func (r *requests) clear() {
	drain(r.force)
	r.bitrate.Store(0)
	select {
	case <-r.still: // whoever asked has given up
	default:
	}
}

// forced takes the pending request for an IDR picture.
func (r *requests) forced() bool {
	select {
	case <-r.force:
		return true
	default:
		return false
	}
}

// Still implements [Stills].
func (r *requests) Still(to chan<- *image.YCbCr) bool {
	select {
	case r.still <- to:
		return true
	default:
		return false
	}
}

// show gives a copy of a picture to who wants it.
func (r *requests) show(img *image.YCbCr) {
	select {
	case to := <-r.still:
		select {
		case to <- cloneYCbCr(img):
		default: // it has no room: nobody takes it any more
		}
	default:
	}
}

func cloneYCbCr(img *image.YCbCr) *image.YCbCr {
	c := *img
	c.Y, c.Cb, c.Cr = slices.Clone(img.Y), slices.Clone(img.Cb), slices.Clone(img.Cr)
	return &c
}

// forcedTries bounds how often a demanded IDR is encoded anew when the encoder skips it.
const forcedTries = 3

// coder encodes the pictures of one run of a source and delivers them.
type coder struct {
	asked *requests
	enc   pictureEncoder
	out   func(AccessUnit)
	begun bool
	pts   time.Duration
}

// take encodes and delivers one picture, unless the encoder skips it. pts is when it was taken, on the run's clock.
func (c *coder) take(img *image.YCbCr, captured time.Time, pts time.Duration) error {
	if bps := c.asked.bitrate.Swap(0); bps != 0 {
		if err := c.enc.setBitrate(int(bps)); err != nil {
			return err
		}
	}
	c.asked.show(img)
	if c.begun && pts <= c.pts {
		pts = c.pts + time.Microsecond
	}
	data, err := c.encode(img)
	if err != nil {
		return err
	}
	c.begun, c.pts = true, pts
	if len(data) == 0 {
		return nil
	}
	isIDR, err := randomAccess(data)
	if err != nil {
		return err
	}
	c.out(AccessUnit{Data: slices.Clone(data), PTS: pts, Captured: captured, IDR: isIDR})
	return nil
}

// encode gives the access unit of a picture, empty when it was skipped. A demanded IDR is tried again when skipped.
func (c *coder) encode(img *image.YCbCr) ([]byte, error) {
	if !c.asked.forced() {
		return c.enc.encode(img)
	}
	for range forcedTries {
		if err := c.enc.forceIDR(); err != nil {
			return nil, err
		}
		data, err := c.enc.encode(img)
		if err != nil || len(data) > 0 {
			return data, err
		}
	}
	c.asked.ForceIDR() // so the next picture is to be one
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
