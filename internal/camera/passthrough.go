package camera

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"doorstation/internal/camera/v4l2"
)

// passthrough is a camera that delivers H.264 by itself (USB cameras with an encoder, the Raspberry Pi's older camera driver). Its
// pictures are sent as they are.
type passthrough struct {
	onFormat func(error)
	ask      chan struct{} // of length one: something of the following is asked for
	force    atomic.Bool
	bitrate  atomic.Int64
	wrong    error // with the format, as onFormat was told
	rate     atomic.Int32
}

// What a camera makes of a bit rate.
const (
	rateNone    int32 = iota // nothing, as far as is known
	rateAtStart              // a run keeps the one that it began with
	rateAlways               // it can be changed at any time
)

// keepsRate says whether a run keeps its bit rate, and whether all runs have the same.
func (c *passthrough) keepsRate() (run, always bool) {
	rate := c.rate.Load()
	return rate != rateAlways, rate == rateNone
}

// newPassthrough makes one; onFormat may be nil and is told as that of [NewExecSource].
func newPassthrough(onFormat func(error)) *passthrough {
	return &passthrough{onFormat: onFormat, ask: make(chan struct{}, 1)}
}

// forceIDR asks the camera for an IDR picture; most that encode by themselves cannot be asked (see [Traits.FixedGroups]).
func (c *passthrough) forceIDR() {
	c.force.Store(true)
	signal(c.ask)
}

// setBitrate changes the camera's rate, if it can be changed.
func (c *passthrough) setBitrate(bps int) {
	c.bitrate.Store(int64(bps))
	signal(c.ask)
}

// ownConfig is what a camera is asked for. Cameras have few of these controls by V4L2, and send what they like without them.
func ownConfig(p Params) v4l2.CaptureConfig {
	set := func(id v4l2.ControlID, value int, name string) v4l2.EncoderControl {
		return v4l2.EncoderControl{Setting: v4l2.Setting{ID: id, Value: int32(value)}, Name: name}
	}
	return v4l2.CaptureConfig{
		Format: v4l2.H264, Width: p.Width, Height: p.Height, Framerate: float64(p.Framerate),
		Controls: []v4l2.EncoderControl{
			set(v4l2.Bitrate, p.Bitrate, "bit rate"),
			set(v4l2.H264Profile, v4l2.H264ProfileBaseline, "baseline profile"),
			set(v4l2.H264Profile, v4l2.H264ProfileConstrainedBaseline, "constrained baseline profile"),
			set(v4l2.H264IPeriod, p.Framerate, "distance of intra pictures"), // one second
			set(v4l2.RepeatSeqHeader, 1, "repeated parameter sets"),
		},
	}
}

// run is [Source].Run for a device such as /dev/video0. The errors are those of the package v4l2: ErrGone for a camera that was
// unplugged, ErrFormat for one that has no H.264 of this size.
func (c *passthrough) run(ctx context.Context, device string, p Params, out func(AccessUnit)) (err error) {
	if err = checkParams(p); err != nil {
		return err
	}
	camera, err := v4l2.OpenCapture(device, ownConfig(p))
	if err != nil {
		return err
	}
	return c.pass(ctx, camera, p, out)
}

// ownCamera is a camera that runs.
type ownCamera interface {
	Next() (v4l2.Picture, error)
	Set(id v4l2.ControlID, value int32) error
	Has(id v4l2.ControlID) bool
	Interrupt() error
	Close() error
}

// pass passes on what a camera delivers, and closes it.
func (c *passthrough) pass(ctx context.Context, camera ownCamera, p Params, out func(AccessUnit)) (err error) {
	asked, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	var interruptErr error
	working.Go(func() { c.answer(asked, camera) })
	working.Go(func() {
		<-asked.Done()
		interruptErr = camera.Interrupt()
	})
	defer func() {
		stop()
		working.Wait()
		err = errors.Join(err, interruptErr, camera.Close())
	}()
	s := &ownStream{pace: newPace(p.Framerate), out: out, began: time.Now(), now: monotonic}
	s.split.to = assembler{out: s.deliver, check: func(sps []byte) []byte {
		sent, formatErr := checkFormat(sps, p.Framerate)
		c.formatted(formatErr)
		return sent
	}}
	for {
		picture, nextErr := camera.Next()
		switch {
		case ctx.Err() != nil && errors.Is(context.Cause(ctx), ErrStalled):
			return errors.New(s.story())
		case ctx.Err() != nil:
			return nil
		case nextErr != nil:
			return nextErr
		case picture.Broken:
			c.forceIDR() // whoever decodes has lost the thread
			s.split.abandon()
			continue
		}
		if err = s.take(picture); err != nil {
			return err
		}
	}
}

// answer does what is asked of the camera until ctx ends. A camera that refuses goes on as it is.
func (c *passthrough) answer(ctx context.Context, camera ownCamera) {
	forces, rates := camera.Has(v4l2.ForceKeyFrame), camera.Has(v4l2.Bitrate)
	if rates {
		c.rate.Store(rateAlways)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.ask:
		}
		if c.force.Swap(false) && forces {
			forces = camera.Set(v4l2.ForceKeyFrame, 1) == nil
		}
		if bps := c.bitrate.Swap(0); bps > 0 && rates {
			if rates = camera.Set(v4l2.Bitrate, int32(bps)) == nil; !rates {
				c.rate.Store(rateAtStart)
			}
		}
	}
}

// formatted passes on what the stream's format is, when that changes.
func (c *passthrough) formatted(err error) {
	same := err == nil && c.wrong == nil || err != nil && c.wrong != nil && err.Error() == c.wrong.Error()
	if same {
		return
	}
	c.wrong = err
	if c.onFormat != nil {
		c.onFormat(err)
	}
}

// ownStream is one run's way from a camera's buffers to access units.
type ownStream struct {
	split splitter
	pace  *pace
	out   func(AccessUnit)
	began time.Time
	now   func() time.Duration

	bytes int
}

// monotonic is the clock of the kernel's stamps.
func monotonic() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// oldest bounds how long a picture may have been on its way for its stamp to be believed.
const oldest = time.Second

// take takes a buffer, which is one picture as a rule. Where a camera spreads pictures over more, it is learned (see [splitter]).
func (s *ownStream) take(p v4l2.Picture) error {
	s.bytes += len(p.Data)
	taken := time.Now()
	if age := s.now() - p.Stamp; p.Monotonic && age >= 0 && age < oldest {
		taken = taken.Add(-age)
	}
	if err := s.split.write(p.Data, taken); err != nil {
		return err
	}
	if p.Full || !s.split.waits() {
		return nil
	}
	return s.split.pause()
}

// deliver gives a picture its time and hands it on.
func (s *ownStream) deliver(p picture) {
	s.out(AccessUnit{Data: p.data, PTS: s.pace.next(p.arrived.Sub(s.began)), Captured: p.arrived, IDR: p.idr})
}

// story says what came of a camera that stalled.
func (s *ownStream) story() string {
	switch {
	case s.split.to.started:
		return "the camera stopped sending its H.264"
	case s.bytes == 0:
		return "the camera sent nothing"
	case s.split.to.dropped > 0:
		return "the camera sent no picture that decoding can begin with: neither an IDR picture nor parameter sets"
	default:
		return fmt.Sprintf("the camera sent %d bytes without a picture: %v", s.bytes, ErrNotH264)
	}
}
