package camera

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"sync"
	"time"

	"doorstation/internal/camera/v4l2"
)

// EncoderChoice says what encodes the pictures of a camera.
type EncoderChoice string

// The choices.
const (
	// EncoderAuto is the camera's own H.264 where it can be sent as it is, else the chip's encoder, else the processor.
	EncoderAuto EncoderChoice = "auto"
	// EncoderChip is the chip's encoder and nothing else.
	EncoderChip EncoderChoice = "chip"
	// EncoderSoftware is openh264 on the processor.
	EncoderSoftware EncoderChoice = "software"
)

// V4L2Options are what a [V4L2Camera] may be given.
type V4L2Options struct {
	// Device is a path, or a part of the card's name or of its name under /dev/v4l/by-id; empty means the first camera that can be used.
	Device string
	// Encoder is EncoderAuto when empty.
	Encoder EncoderChoice
	Picture PictureOptions
	// OnFormat is as for [NewExecSource]; only a camera that encodes by itself can be wrong.
	OnFormat func(error)
	// Log takes what was chosen; nil discards it.
	Log *slog.Logger
	// Now is the wall clock; nil means [time.Now].
	Now func() time.Time
}

// V4L2Camera is a camera that the kernel offers as a video device: most USB cameras.
type V4L2Camera struct {
	requests
	opt   V4L2Options
	setUp error // what kept it from being made

	// What the machine has; tests put another in its place.
	list     func() ([]VideoDevice, error)
	open     func(VideoDevice, captureMode) (grabber, error)
	runOwn   func(own *passthrough, ctx context.Context, device string, p Params, out func(AccessUnit)) error
	encoders encoders

	mu     sync.Mutex
	before VideoDevice // the one that was used last
	used   Used
	own    *passthrough // runs now
	pipe   *pipeline    // of this run, or the last one
	refuse string       // the camera whose own H.264 was of no use
}

var _ Source = (*V4L2Camera)(nil)

// Used is what a source really uses.
type Used struct {
	// Device is the camera, Capture what it was asked for, Encoder who encodes.
	Device, Capture, Encoder string
	// Width, Height and Framerate are of the pictures that are sent; 0 when they are those of the [Params].
	Width, Height, Framerate int
	// Late counts pictures of this run that the encoder was too slow for, Broken those that came damaged.
	Late, Broken uint64
}

// NewV4L2Camera returns the source. It is to be called before there are many goroutines: it changes the environment.
func NewV4L2Camera(opt V4L2Options) *V4L2Camera {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Encoder == "" {
		opt.Encoder = EncoderAuto
	}
	return &V4L2Camera{
		setUp: shortenReads(), requests: newRequests(), opt: opt, open: openCamera, encoders: machineEncoders(),
		list: VideoDevices, runOwn: (*passthrough).run,
	}
}

// Name implements [Source].
func (c *V4L2Camera) Name() string { return "v4l2" }

// cameraStart is what a camera has until its first picture: USB cameras take a second, and longer in the dark.
const cameraStart = 5 * time.Second

// Traits implements [Source]. They are those of the run that is on: a camera that encodes by itself may not be asked for key frames,
// and has the bit rate that it likes unless it has a control for it.
func (c *V4L2Camera) Traits() Traits {
	t := Traits{Start: cameraStart}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own != nil {
		t.FixedGroups = true
		t.FixedBitrate, t.OneBitrate = c.own.keepsRate()
	}
	return t
}

// ForceIDR implements [Source].
func (c *V4L2Camera) ForceIDR() {
	if own := c.passing(); own != nil {
		own.forceIDR()
		return
	}
	c.requests.ForceIDR()
}

// SetBitrate implements [Source].
func (c *V4L2Camera) SetBitrate(bps int) {
	if own := c.passing(); own != nil {
		own.setBitrate(bps)
		return
	}
	c.requests.SetBitrate(bps)
}

// Still implements [Stills]; of a camera that encodes by itself there is none.
func (c *V4L2Camera) Still(to chan<- *image.YCbCr) bool {
	return c.passing() == nil && c.requests.Still(to)
}

// Used says what the run that is on uses, or the last one has.
func (c *V4L2Camera) Used() Used {
	c.mu.Lock()
	defer c.mu.Unlock()
	used := c.used
	if c.pipe != nil {
		counts := c.pipe.seen()
		used.Late, used.Broken = counts.Late, counts.Broken
	}
	return used
}

func (c *V4L2Camera) passing() *passthrough {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.own
}

// Run implements [Source].
func (c *V4L2Camera) Run(ctx context.Context, p Params, out func(AccessUnit)) error {
	c.clear()
	if c.setUp != nil {
		return fmt.Errorf("v4l2: %w", c.setUp)
	}
	plan, err := c.plan(p)
	if err != nil {
		return err
	}
	if plan.own != nil {
		if err = c.passOn(ctx, plan, p, out); !errors.Is(err, errOwnRefused) {
			return err
		}
	}
	return c.capture(ctx, plan, p, out)
}

// Probe says what a run would use now, without using it. The errors are those of a run.
func (c *V4L2Camera) Probe(p Params) (Used, error) {
	plan, err := c.plan(p)
	if err != nil {
		return Used{}, err
	}
	if own := plan.own; own != nil {
		return Used{
			Device: plan.device.String(), Capture: own.String(), Encoder: ownEncoder, Width: own.width, Height: own.height, Framerate: own.framerate,
		}, nil
	}
	encoder, err := c.encoders.would(c.opt.Encoder)
	if err != nil {
		return Used{}, err
	}
	u := Used{Device: plan.device.String(), Capture: plan.decoded.String(), Encoder: encoder, Framerate: plan.decoded.framerate}
	u.Width, u.Height = c.opt.Picture.turning().size(plan.decoded.width, plan.decoded.height)
	return u, nil
}

// ownEncoder is what Used calls a camera that encodes by itself.
const ownEncoder = "the camera's own"

// cameraPlan is what a run would do.
type cameraPlan struct {
	device VideoDevice
	// own is the mode in which the camera encodes by itself; nil when it is not to.
	own *capturePlan
	// decoded is how its pictures are taken else; with own it may be none, and decodedErr says why.
	decoded    capturePlan
	decodedErr error
}

// plan looks for the camera and chooses what to ask it for.
func (c *V4L2Camera) plan(p Params) (cameraPlan, error) {
	list, err := c.list()
	if err != nil {
		return cameraPlan{}, err
	}
	c.mu.Lock()
	before, refuse := c.before, c.refuse
	c.mu.Unlock()
	var plan cameraPlan
	if plan.device, err = findCamera(list, c.opt.Device, before); err != nil {
		return plan, err
	}
	plan.decoded, plan.decodedErr = planCapture(modesOf(plan.device, p), p)
	if c.opt.Encoder == EncoderAuto && c.opt.Picture.none() && plan.device.identity() != refuse {
		plan.own = planOwn(plan, p)
	}
	if plan.own == nil && plan.decodedErr != nil {
		return plan, fmt.Errorf("%s: %w", plan.device, plan.decodedErr)
	}
	return plan, nil
}

// planOwn is the camera's own H.264, where it comes as near to what is wanted as what can be encoded here.
func planOwn(plan cameraPlan, want Params) *capturePlan {
	own, err := planCapture(ownModes(plan.device, want), want)
	if err != nil || own.scaled() || own.crop.Dx() != own.mode.width || own.crop.Dy() != own.mode.height {
		return nil
	}
	const asNear = 0.1 // a tenth fewer pixels, or a tenth slower
	if plan.decodedErr == nil && planCost(own, want) > planCost(plan.decoded, want)+asNear {
		return nil
	}
	return &own
}

// capture encodes the pictures of a camera.
func (c *V4L2Camera) capture(ctx context.Context, plan cameraPlan, p Params, out func(AccessUnit)) (err error) {
	if plan.decodedErr != nil {
		return fmt.Errorf("%s: %w", plan.device, plan.decodedErr)
	}
	turn := c.opt.Picture.turning()
	sent := Params{Framerate: plan.decoded.framerate, Bitrate: p.Bitrate}
	sent.Width, sent.Height = turn.size(plan.decoded.width, plan.decoded.height)
	var text *inscription
	if !c.opt.Picture.Overlay.none() {
		if text, err = newInscription(c.opt.Picture.Overlay, image.Rect(0, 0, sent.Width, sent.Height)); err != nil {
			return err
		}
	}
	enc, encoder, err := c.encoders.make(c.opt.Encoder, sent, c.opt.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, enc.close()) }()
	grab, err := c.open(plan.device, plan.decoded.mode)
	if err != nil {
		return err
	}
	pipe := newPipeline(grab, plan.decoded, turn, c.opt.Now)
	c.uses(plan, plan.decoded, encoder, sent, pipe, nil)
	go pipe.run()
	defer func() { err = errors.Join(err, pipe.stop()) }()
	return encodeFrom(ctx, pipe, text, &coder{asked: &c.requests, enc: enc, out: out})
}

// encodeFrom encodes what comes through a pipeline until it, the encoder or ctx ends.
func encodeFrom(ctx context.Context, pipe *pipeline, text *inscription, to *coder) error {
	for {
		select {
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), ErrStalled) && pipe.story() != "" {
				return fmt.Errorf("it gave no picture%s", pipe.story())
			}
			return nil
		case err := <-pipe.ended:
			return err
		case shot := <-pipe.ready:
			if text != nil {
				text.write(shot.img, shot.captured)
			}
			if err := to.take(shot.img, shot.captured, shot.pts); err != nil {
				return err
			}
			pipe.free <- shot
		}
	}
}

// errOwnRefused means that the camera's own H.264 cannot be sent, and that its pictures can be encoded here.
var errOwnRefused = errors.New("the camera's own H.264 cannot be sent")

// passOn sends the camera's own H.264.
func (c *V4L2Camera) passOn(ctx context.Context, plan cameraPlan, p Params, out func(AccessUnit)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var refused error // used within own.run only, and after it
	begun := false
	own := newPassthrough(func(err error) {
		switch {
		case err != nil && plan.decodedErr == nil && !begun:
			refused = err
			cancel()
		case c.opt.OnFormat != nil:
			c.opt.OnFormat(err)
		}
	})
	sent := Params{Width: plan.own.width, Height: plan.own.height, Framerate: plan.own.framerate, Bitrate: p.Bitrate}
	c.uses(plan, *plan.own, ownEncoder, sent, nil, own)
	defer c.passed()
	err := c.runOwn(own, ctx, plan.device.Path, sent, func(au AccessUnit) {
		if refused == nil {
			begun = true
			out(au)
		}
	})
	if refused == nil && !begun && plan.decodedErr == nil && errors.Is(err, v4l2.ErrFormat) {
		refused = err
	}
	switch {
	case refused != nil:
		c.opt.Log.Info("the camera's own H.264 is not sent: its pictures are encoded anew", "device", plan.device.Path, "reason", refused)
		c.mu.Lock()
		c.refuse = plan.device.identity()
		c.mu.Unlock()
		return errOwnRefused
	case err != nil:
		return captureError(plan.device.Path, err)
	default:
		return nil
	}
}

// uses notes what a run uses.
func (c *V4L2Camera) uses(plan cameraPlan, taken capturePlan, encoder string, sent Params, pipe *pipeline, own *passthrough) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before, c.pipe, c.own = plan.device, pipe, own
	c.used = Used{
		Device: plan.device.String(), Capture: taken.String(), Encoder: encoder,
		Width: sent.Width, Height: sent.Height, Framerate: sent.Framerate,
	}
	c.opt.Log.Info("camera opened", "device", plan.device.Path, "name", plan.device.Name, "capture", taken.String(), "encoder", encoder,
		"width", sent.Width, "height", sent.Height, "framerate", sent.Framerate)
}

// passed notes that the camera's own H.264 comes no more.
func (c *V4L2Camera) passed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.own = nil
}
