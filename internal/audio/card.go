package audio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Sentinel errors of sound cards.
var (
	// ErrNoDevice means that there is no sound device, or none of that name.
	ErrNoDevice = errors.New("there is no such sound device")
	// ErrDeviceBusy means that another program holds the sound device.
	ErrDeviceBusy = errors.New("another program is using the sound device")
	// ErrUnplugged means that the sound device went away, or the sound server behind it ended.
	ErrUnplugged = errors.New("the sound device went away")
	// ErrStalled means that the sound device is there and does not move.
	ErrStalled = errors.New("the sound device delivers nothing")
	// ErrNoClock means that the sound device takes and gives sound as fast as it is asked: nothing real is behind it.
	ErrNoClock = errors.New("the sound device runs without a clock, nothing real is behind it")
	// ErrStuck means that the sound system does not return from opening or closing a device.
	ErrStuck = errors.New("the sound system does not answer")
	// ErrNoMicrophone and ErrNoLoudspeaker mean that a sound device does only the other half.
	ErrNoMicrophone  = errors.New("there is no microphone")
	ErrNoLoudspeaker = errors.New("there is no loudspeaker")
)

const (
	// openLimit bounds the opening of a device: a USB device that wakes up takes a second.
	openLimit = 5 * time.Second
	// holdLimit is how long a run waits for another use of the sound system to end.
	holdLimit = 300 * time.Millisecond
	// closeLimit bounds how long the end of a run waits for the device to be given back.
	closeLimit = 2 * time.Second
	// stallLimit is how long a device may deliver nothing. One that was just started gets startLimit.
	stallLimit = time.Second
	startLimit = 5 * time.Second
	// watchEvery is how often a running device is looked at.
	watchEvery = 250 * time.Millisecond
)

// CardOptions are what a sound card may be given.
type CardOptions struct {
	// Log takes what is opened; nil discards it.
	Log *slog.Logger
	// OnPart is called at the start of each run, from its goroutine: with ErrNoMicrophone or ErrNoLoudspeaker when the device
	// does one half only, with nil when it does both. It may be nil.
	OnPart func(error)
}

// Card is a sound card, or what a sound server shows as one.
type Card struct {
	name   string
	system soundSystem
	log    *slog.Logger
	onPart func(error)
	held   chan struct{} // of length one: full while a session is open or being closed
	probed string        // what was plugged in when the device was last found; for whoever holds the system
}

// NewCard returns the sound device of a name, or of a part of one as [Cards] lists them; "default" is what the system takes.
// Nothing is opened before Run: each run opens the device anew, so one that was plugged in meanwhile is found.
//
// PulseAudio (which PipeWire speaks too) is asked first, then ALSA: where a sound server runs, it holds the cards.
func NewCard(name string, opt CardOptions) *Card { return newCard(name, miniaudio{}, opt) }

func newCard(name string, system soundSystem, opt CardOptions) *Card {
	c := &Card{name: name, system: system, log: opt.Log, onPart: opt.OnPart, held: make(chan struct{}, 1)}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.onPart == nil {
		c.onPart = func(error) {}
	}
	return c
}

// Name implements [Device].
func (c *Card) Name() string { return c.name }

// Run implements [Device]. What breaks the device is one of the sentinel errors above, or what the sound system says.
func (c *Card) Run(ctx context.Context, process func(capture, playback []int16)) error {
	if err := c.hold(ctx); err != nil {
		return err
	}
	b := newBridge()
	opened, end, closed := make(chan openedCard, 1), make(chan struct{}), make(chan struct{})
	// The sound system may hang in any of its calls (a server that was stopped, a driver in trouble). They have a goroutine
	// of their own, so that the call goes on; while one hangs the device is not opened again.
	go func() {
		defer func() { <-c.held; close(closed) }()
		session, half, err := c.system.open(c.name, b.move, b.stop)
		opened <- openedCard{session: session, half: half, err: err}
		if err != nil {
			return
		}
		<-end
		session.close()
	}()
	err := c.attend(ctx, b, opened, process)
	close(end)
	limit := time.NewTimer(closeLimit)
	defer limit.Stop()
	select {
	case <-closed:
	case <-limit.C:
		err = errors.Join(err, fmt.Errorf("%w: the device can't be closed", ErrStuck))
	}
	return err
}

// hold waits a moment for whoever looks for the device or still closes it.
func (c *Card) hold(ctx context.Context) error {
	limit := time.NewTimer(holdLimit)
	defer limit.Stop()
	select {
	case c.held <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-limit.C:
		return fmt.Errorf("%w: it still holds the device from before", ErrStuck)
	}
}

// openedCard is how the opening of a device went.
type openedCard struct {
	session soundSession
	half    error
	err     error
}

// attend waits for the device and works for it until it breaks or ctx ends.
func (c *Card) attend(ctx context.Context, b *bridge, opened <-chan openedCard, process func(capture, playback []int16)) error {
	limit := time.NewTimer(openLimit)
	defer limit.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-limit.C:
		return fmt.Errorf("%w: the device can't be opened", ErrStuck)
	case o := <-opened:
		if o.err != nil {
			return o.err
		}
		c.log.Info("sound device opened", "device", c.name, "as", o.session.describe())
		c.onPart(o.half)
	}
	return b.run(ctx, process)
}

// Probe implements [Prober], without opening the device: nil, or [ErrNoDevice] with the names of what there is. When nothing was
// plugged in or out since the last good answer, that is the answer.
func (c *Card) Probe(ctx context.Context) error {
	select {
	case c.held <- struct{}{}:
	default:
		return fmt.Errorf("%w: it still holds the device from before", ErrStuck)
	}
	answer := make(chan error, 1)
	go func() { // as in Run: it may hang
		defer func() { <-c.held }()
		answer <- c.look()
	}()
	limit := time.NewTimer(openLimit)
	defer limit.Stop()
	select {
	case err := <-answer:
		return err
	case <-limit.C:
		return fmt.Errorf("%w: its devices can't be listed", ErrStuck)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look is Probe while the sound system is held.
func (c *Card) look() error {
	now := c.system.plugged()
	if now != "" && now == c.probed {
		return nil
	}
	list, err := c.system.list()
	if err == nil {
		_, err = list.choose(c.name)
	}
	c.probed = ""
	if err == nil {
		c.probed = now
	}
	return err
}
