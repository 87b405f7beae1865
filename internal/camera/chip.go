package camera

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"time"

	"doorstation/internal/camera/v4l2"
)

// Errors of the chip's encoder.
var (
	// ErrNoChip means that this machine's chip has no encoder for H.264 that the kernel offers.
	ErrNoChip = errors.New("the chip has no H.264 encoder")
	// ErrChip means that the chip's encoder failed. It is to be closed and opened again.
	ErrChip = errors.New("the chip's encoder failed")
)

// pictureEncoder turns pictures into access units. It is used from one goroutine.
type pictureEncoder interface {
	// encode gives the access unit of a picture, valid until the next call; it is empty when the encoder skipped the picture.
	// An error means that the encoder is of no more use and is to be closed.
	encode(*image.YCbCr) ([]byte, error)
	// forceIDR makes the next picture an IDR picture.
	forceIDR() error
	// setBitrate changes the target in bit/s.
	setBitrate(bps int) error
	// close frees the encoder.
	close() error
}

var (
	_ pictureEncoder = (*encoder)(nil)
	_ pictureEncoder = (*chipCoder)(nil)
)

const (
	// maxLost is how many pictures in a row may come to nothing before the encoder counts as broken.
	maxLost = 10
	// maxSkipped is for how long all pictures in a row may be skipped: less than the hub waits for one.
	maxSkipped = 1500 * time.Millisecond
	// codedSize is the least size of a buffer for an encoded picture, as the Raspberry Pi's driver has it by itself.
	codedSize = 512 << 10
)

// findChipEncoder gives the device of the chip's encoder, such as /dev/video11, and [ErrNoChip] when there is none. It is found by
// what it can do; its number is the driver's choice.
func findChipEncoder() (string, error) {
	path, ok, err := v4l2.FindEncoder("/dev", v4l2.H264)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", ErrNoChip
	}
	return path, nil
}

// chipCodec is what an encoder from memory to memory does.
type chipCodec interface {
	Encode(img *image.YCbCr, stamp time.Duration, take func(v4l2.Picture) bool) error
	Set(id v4l2.ControlID, value int32) error
	Has(id v4l2.ControlID) bool
	Close() error
}

// newChipEncoder opens the encoder of [findChipEncoder]. It watches itself: an encoder that gives nothing for a second is an
// error of encode.
func newChipEncoder(device string, p Params) (pictureEncoder, error) {
	if err := checkParams(p); err != nil {
		return nil, err
	}
	cfg := chipConfig(p)
	codec, err := v4l2.OpenEncoder(device, cfg)
	if err != nil && !errors.Is(err, v4l2.ErrFormat) && !errors.Is(err, v4l2.ErrBusy) {
		// The Raspberry Pi's driver takes any control; what its firmware makes of them shows when buffers are asked for.
		cfg.Controls = slices.DeleteFunc(cfg.Controls, uncommon)
		var again error
		if codec, again = v4l2.OpenEncoder(device, cfg); again == nil {
			err = nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrChip, err)
	}
	return startChip(codec, p)
}

// uncommon are the controls that other programs for this chip (rpicam-apps, µStreamer) do without.
func uncommon(c v4l2.EncoderControl) bool {
	switch c.ID {
	case v4l2.BitrateMode, v4l2.GOPSize, v4l2.BFrames, v4l2.HeaderMode:
		return true
	default:
		return false
	}
}

// chipConfig is how the chip is to encode.
//
// Level 4.0 is asked for, never a lower one: below it the Raspberry Pi's encoder takes the control and then, for many a size and
// rate, gives no picture and no error (raspberrypi/linux#4906). 4.0 is what the chip is built for. The pictures keep within 3.1,
// and checkFormat writes that into the parameter sets.
//
// The rest is harmless where it is missing: the parameter sets are put in front of each IDR picture here, the profile is read from
// them, and a rate that varies more only widens the bursts.
func chipConfig(p Params) v4l2.EncoderConfig {
	set := func(id v4l2.ControlID, value int, name string, needed bool) v4l2.EncoderControl {
		return v4l2.EncoderControl{Setting: v4l2.Setting{ID: id, Value: int32(value)}, Name: name, Needed: needed}
	}
	const needed = true
	distance := intraSeconds * p.Framerate
	return v4l2.EncoderConfig{
		Width: p.Width, Height: p.Height, Framerate: p.Framerate, Coded: v4l2.H264, Image: codedSize,
		Controls: []v4l2.EncoderControl{
			set(v4l2.BitrateMode, v4l2.BitrateModeCBR, "constant bit rate", !needed),
			set(v4l2.Bitrate, chipBitrate(p.Bitrate), "bit rate", needed),
			set(v4l2.H264Profile, v4l2.H264ProfileBaseline, "baseline profile", !needed), // for those without the next
			set(v4l2.H264Profile, v4l2.H264ProfileConstrainedBaseline, "constrained baseline profile", !needed),
			set(v4l2.H264Level, v4l2.H264Level40, "level", !needed),
			set(v4l2.GOPSize, distance, "distance of key frames", !needed),
			set(v4l2.H264IPeriod, distance, "distance of intra pictures", !needed),
			set(v4l2.BFrames, 0, "no B-frames", !needed),
			set(v4l2.HeaderMode, v4l2.HeaderModeJoined, "parameter sets joined with pictures", !needed),
			set(v4l2.RepeatSeqHeader, 1, "repeated parameter sets", !needed),
		},
	}
}

// chipBitrate is a rate at which the chip was not seen to hang.
func chipBitrate(bps int) int { return max(leastPiBitrate, bps) }

// chipCoder is the chip's encoder while it is open.
type chipCoder struct {
	codec chipCodec
	split splitter
	began time.Time

	// Of the picture that is encoded now:
	stamp time.Duration
	data  []byte
	bad   bool  // its buffer is damaged
	err   error // it is no H.264

	wrong error // with the format
	lost  int   // pictures in a row that came to nothing

	skipped, mostSkipped int // pictures in a row, without an error
}

// startChip makes an encoder of an open device, which is its own from now on.
func startChip(codec chipCodec, p Params) (pictureEncoder, error) {
	if !codec.Has(v4l2.ForceKeyFrame) {
		return nil, errors.Join(fmt.Errorf("%w: it cannot be asked for key frames", ErrChip), codec.Close())
	}
	c := &chipCoder{codec: codec, began: time.Now(), mostSkipped: max(2, int(maxSkipped.Seconds()*float64(p.Framerate)))}
	c.split.to = assembler{
		out: func(p picture) { c.data = append(c.data, p.data...) },
		check: func(sps []byte) []byte {
			sent, err := checkFormat(sps, p.Framerate)
			c.wrong = err
			return sent
		},
	}
	return c, nil
}

// encode implements [pictureEncoder].
func (c *chipCoder) encode(img *image.YCbCr) ([]byte, error) {
	c.data, c.bad, c.err = nil, false, nil
	c.stamp = time.Since(c.began).Truncate(time.Microsecond) // as exact as the kernel is
	dropped := c.split.to.dropped
	if err := c.codec.Encode(img, c.stamp, c.take); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrChip, err)
	}
	if err := errors.Join(c.err, c.wrong); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrChip, err)
	}
	if !c.bad && c.split.to.dropped == dropped {
		c.lost = 0
		return c.data, c.given()
	}
	if c.lost++; c.lost > maxLost {
		return nil, fmt.Errorf("%w: %d pictures in a row are damaged or cannot be decoded", ErrChip, c.lost)
	}
	return nil, c.forceIDR() // whoever decodes has lost the thread
}

// given counts skipped pictures. An encoder that has nothing to say to any picture would otherwise look like a camera that stalls, again
// and again, and nobody would try another encoder.
func (c *chipCoder) given() error {
	if len(c.data) > 0 {
		c.skipped = 0
		return nil
	}
	if c.skipped++; c.skipped > c.mostSkipped {
		return fmt.Errorf("%w: it has skipped %d pictures in a row", ErrChip, c.skipped)
	}
	return nil
}

// take takes a buffer and reports whether the picture is complete: parameter sets may come in a buffer in front of it, and one
// that fills its buffer goes on in the next. What belongs to an earlier picture came too late.
func (c *chipCoder) take(p v4l2.Picture) bool {
	if p.Stamp > 0 && p.Stamp < c.stamp {
		return false
	}
	if p.Broken {
		c.bad = true
		c.split.abandon()
		return true
	}
	if len(p.Data) == 0 {
		return true // skipped
	}
	dropped := c.split.to.dropped
	if c.err = c.split.write(p.Data, time.Now()); c.err != nil {
		return true
	}
	if p.Full {
		return false
	}
	c.err = c.split.end()
	return c.err != nil || len(c.data) > 0 || c.split.to.dropped != dropped
}

// forceIDR implements [pictureEncoder].
func (c *chipCoder) forceIDR() error {
	if err := c.codec.Set(v4l2.ForceKeyFrame, 1); err != nil {
		return fmt.Errorf("%w: %w", ErrChip, err)
	}
	return nil
}

// setBitrate implements [pictureEncoder].
func (c *chipCoder) setBitrate(bps int) error {
	if err := c.codec.Set(v4l2.Bitrate, int32(chipBitrate(bps))); err != nil {
		return fmt.Errorf("%w: %w", ErrChip, err)
	}
	return nil
}

// close implements [pictureEncoder].
func (c *chipCoder) close() error { return c.codec.Close() }
