package v4l2

import (
	"errors"
	"fmt"
	"image"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// rawBuffers is how many raw pictures an encoder may hold: one that is encoded, and one more that it has not let go of.
	rawBuffers = 2
	// codedBuffers is how many encoded buffers it may fill before they are taken.
	codedBuffers = 3
	// defaultPatience is how long an encoder may sit over a picture. The slowest chip takes 40 ms for one.
	defaultPatience = time.Second
)

// EncoderConfig says what an encoder is to make of what.
type EncoderConfig struct {
	// Width and Height are the pictures', in pixels.
	Width, Height int
	// Framerate is in pictures per second.
	Framerate int
	// Coded is the format to be made, such as [H264].
	Coded FourCC
	// Raw is [YUV420] or [NV12]; 0 is the first of them that the encoder takes.
	Raw FourCC
	// Image is the least size of a buffer for an encoded picture in bytes; 0 leaves it to the driver.
	Image int
	// Controls are set in this order before the encoder starts.
	Controls []EncoderControl
	// Patience is how long the encoder may take for a picture before it counts as stuck; 0 means a second.
	Patience time.Duration
}

// EncoderControl is a control that an encoder is to be given.
type EncoderControl struct {
	Setting
	// Name is for errors.
	Name string
	// Needed: an encoder that does not take it is of no use.
	Needed bool
}

// Encoder is a stateful encoder from memory to memory (the kernel's "Memory-to-Memory Stateful Video Encoder Interface"). It is
// driven one picture at a time: a picture goes in, and what becomes of it is waited for, so no delay can build up. Its methods
// are for one goroutine, but for Interrupt.
type Encoder struct {
	dev      *Device
	cfg      EncoderConfig
	raw      Layout
	in, out  *Queue
	free     []int // raw buffers that are not the driver's
	refused  []error
	drained  bool
	patience time.Duration
}

// OpenEncoder opens an encoder and starts it. The errors are those of the device; [ErrFormat] when it cannot make such pictures.
func OpenEncoder(path string, cfg EncoderConfig) (*Encoder, error) {
	dev, err := Open(path)
	if err != nil {
		return nil, err
	}
	return newEncoder(dev, cfg)
}

// newEncoder starts the encoder of a device, which is its own from now on.
func newEncoder(dev *Device, cfg EncoderConfig) (*Encoder, error) {
	e := &Encoder{dev: dev, cfg: cfg, patience: cfg.Patience}
	if e.patience <= 0 {
		e.patience = defaultPatience
	}
	if err := e.setUp(); err != nil {
		return nil, fmt.Errorf("%s: %w", dev.path, errors.Join(err, e.Close()))
	}
	return e, nil
}

// setUp goes from an open device to one that encodes, in the order of the interface's section "Initialization".
func (e *Encoder) setUp() error {
	id, err := e.dev.Identity()
	if err != nil {
		return err
	}
	in, out, ok := encoderQueues(id.Caps)
	if !ok {
		return fmt.Errorf("%w: %s is no encoder from memory to memory", ErrFormat, id.Card)
	}
	if err = e.setFormats(in, out); err != nil {
		return err
	}
	if err = e.setControls(); err != nil {
		return err
	}
	if e.in, err = e.dev.NewQueue(in, rawBuffers); err != nil {
		return err
	}
	if e.out, err = e.dev.NewQueue(out, codedBuffers); err != nil {
		return err
	}
	for i := range e.in.Len() {
		if size := len(e.in.Memory(i)); size < e.raw.need() {
			return fmt.Errorf("%w: a buffer of %d bytes for pictures of %d", ErrFormat, size, e.raw.need())
		}
	}
	return e.start()
}

// encoderQueues are the queues of a device from memory to memory, where the multi-planar interface is preferred.
func encoderQueues(c Caps) (in, out BufType, ok bool) {
	switch {
	case c&CapStreaming == 0:
		return 0, 0, false
	case c&CapVideoM2MMPlane != 0:
		return VideoOutputMPlane, VideoCaptureMPlane, true
	case c&CapVideoM2M != 0:
		return VideoOutput, VideoCapture, true
	default:
		return 0, 0, false
	}
}

// setFormats settles the formats of both queues, the rate, and what of the raw picture is to be seen.
func (e *Encoder) setFormats(in, out BufType) error {
	w, h := e.cfg.Width, e.cfg.Height
	coded, err := e.dev.SetFormat(out, Layout{FourCC: e.cfg.Coded, Width: w, Height: h, Image: e.cfg.Image})
	if err != nil {
		return err
	}
	if coded.FourCC != e.cfg.Coded {
		return fmt.Errorf("%w: %v (it makes %v)", ErrFormat, e.cfg.Coded, coded.FourCC)
	}
	wanted := []FourCC{YUV420, NV12}
	if e.cfg.Raw != 0 {
		wanted = []FourCC{e.cfg.Raw}
	}
	for _, f := range wanted {
		if e.raw, err = e.dev.SetFormat(in, Layout{FourCC: f, Width: w, Height: h}); err != nil {
			return err
		}
		if e.raw.FourCC == f {
			break
		}
	}
	if err = e.raw.holds(w, h); err != nil {
		return err
	}
	if e.raw.Width != w || e.raw.Height != h {
		if _, _, err = e.dev.crop(w, h); err != nil && !endsList(err) {
			return err
		}
	}
	_, err = e.dev.SetInterval(in, float64(e.cfg.Framerate))
	return err
}

// setControls gives the encoder its controls and notes those it refused.
func (e *Encoder) setControls() error {
	for _, c := range e.cfg.Controls {
		err := e.dev.SetControl(c.ID, c.Value)
		if err == nil {
			continue
		}
		err = fmt.Errorf("%s: %w", c.Name, err)
		if c.Needed || !errors.Is(err, ErrNoControl) {
			return err
		}
		e.refused = append(e.refused, err)
	}
	return nil
}

// Refused are the controls that the encoder does not have or did not take, none of them needed.
func (e *Encoder) Refused() []error { return e.refused }

// Layout is the format of the raw pictures that the driver settled on.
func (e *Encoder) Layout() Layout { return e.raw }

// start gives the driver the buffers to be filled and begins on both queues.
func (e *Encoder) start() error {
	e.free = e.free[:0]
	for i := range e.in.Len() {
		e.free = append(e.free, i)
	}
	for i := range e.out.Len() {
		if err := e.out.Enqueue(i, 0, 0); err != nil {
			return err
		}
	}
	e.drained = false
	return errors.Join(e.out.Start(), e.in.Start())
}

// Encode encodes a picture taken at stamp. take is called with each buffer that comes back, valid until it returns, until it
// reports that the picture is complete: drivers may give the parameter sets, or the parts of a large picture, in buffers of
// their own. After an error, [ErrStuck] when nothing came back in time, the encoder is of no more use than to be closed or
// restarted.
func (e *Encoder) Encode(img *image.YCbCr, stamp time.Duration, take func(Picture) bool) error {
	if e.drained {
		return ErrStopped
	}
	deadline := time.Now().Add(e.patience)
	index, err := e.freeBuffer(deadline)
	if err != nil {
		return err
	}
	used, err := e.raw.fill(e.in.Memory(index), img, e.cfg.Width, e.cfg.Height)
	if err != nil {
		e.free = append(e.free, index)
		return err
	}
	if err = e.in.Enqueue(index, used, stamp); err != nil {
		return err
	}
	for complete := false; !complete; {
		p, nextErr := e.next(deadline)
		if nextErr != nil {
			return nextErr
		}
		complete = take(p)
		if err = e.out.Enqueue(p.Index, 0, 0); err != nil {
			return err
		}
	}
	return e.reclaim()
}

// freeBuffer gives a raw buffer, one that the driver has held until now if need be.
func (e *Encoder) freeBuffer(deadline time.Time) (int, error) {
	for {
		if err := e.reclaim(); err != nil {
			return 0, err
		}
		if n := len(e.free); n > 0 {
			index := e.free[n-1]
			e.free = e.free[:n-1]
			return index, nil
		}
		if err := e.dev.wait(unix.POLLOUT, max(0, time.Until(deadline))); err != nil {
			return 0, fmt.Errorf("encoder: no raw buffer: %w", err)
		}
	}
}

// reclaim takes the raw buffers back that the driver is done with. One that it could not encode shows in what it made of it.
func (e *Encoder) reclaim() error {
	for {
		p, ok, err := e.in.Dequeue()
		if err != nil || !ok {
			return err
		}
		e.free = append(e.free, p.Index)
	}
}

// next waits for the next encoded buffer.
func (e *Encoder) next(deadline time.Time) (Picture, error) {
	for {
		p, ok, err := e.out.Dequeue()
		if err != nil || ok {
			return p, err
		}
		if err = e.dev.wait(unix.POLLIN, max(0, time.Until(deadline))); err != nil {
			return Picture{}, fmt.Errorf("encoder: no picture: %w", err)
		}
	}
}

// Set changes a control of the running encoder, such as [Bitrate] or [ForceKeyFrame].
func (e *Encoder) Set(id ControlID, value int32) error { return e.dev.SetControl(id, value) }

// Has reports whether the encoder has a control that can be set.
func (e *Encoder) Has(id ControlID) bool { return e.dev.HasControl(id) }

// Drain has the encoder give what it still holds (VIDIOC_ENCODER_CMD, V4L2_ENC_CMD_STOP), up to the buffer with
// V4L2_BUF_FLAG_LAST, and leaves it stopped until [Encoder.Restart].
func (e *Encoder) Drain(take func(Picture)) error {
	if err := e.command(encCmdStop); err != nil {
		return err
	}
	e.drained = true
	deadline := time.Now().Add(e.patience)
	for {
		p, err := e.next(deadline)
		if errors.Is(err, ErrStopped) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(p.Data) > 0 {
			take(p)
		}
		if p.Last {
			return e.reclaim()
		}
		if err = e.out.Enqueue(p.Index, 0, 0); err != nil {
			return err
		}
	}
}

// command is VIDIOC_ENCODER_CMD.
func (e *Encoder) command(cmd uint32) error {
	c := encoderCmd{cmd: cmd}
	return failed("VIDIOC_ENCODER_CMD", e.dev.driver.ioctl(vidiocEncoderCmd, unsafe.Pointer(&c)))
}

// Restart begins a new stream with a key frame, after a Drain or an error, with the formats and controls as they are. Both
// queues are stopped and started: V4L2_ENC_CMD_START alone does nothing in the driver of the Raspberry Pi.
func (e *Encoder) Restart() error {
	if err := errors.Join(e.in.Stop(), e.out.Stop()); err != nil {
		return err
	}
	return e.start()
}

// Interrupt ends the wait of an Encode in another goroutine, and each later one, with [ErrInterrupted].
func (e *Encoder) Interrupt() error { return e.dev.Interrupt() }

// Close stops the encoder and frees its buffers and the device. The drivers of stuck chips may take some seconds for it.
func (e *Encoder) Close() error {
	var errs []error
	for _, q := range []*Queue{e.in, e.out} {
		if q != nil {
			errs = append(errs, q.Free())
		}
	}
	e.in, e.out = nil, nil
	return errors.Join(append(errs, e.dev.Close())...)
}
