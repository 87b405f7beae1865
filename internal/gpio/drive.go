package gpio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"doorstation/internal/gpio/guard"
)

const (
	// A write that failed is repeated as the guard does it.
	hardPause = guard.HardPause
	hardTries = guard.HardTries
	// retakeEvery is how often a line that cannot be taken is tried again: more often than a button's, for the same reason.
	retakeEvery = time.Second
	// refreshEvery is how often a line that rests is written again, so that one that is gone is known before it is needed.
	refreshEvery = 10 * time.Second
)

// driver is one output. Writing is done at once by whoever asks; its goroutine ends pulses and repeats what failed.
type driver struct {
	part   Part
	pin    Pin
	take   func(chip) (relay, error) // the line, off
	report func(Part, error)
	log    *slog.Logger
	kick   chan struct{} // has room for one: something changed for the goroutine

	mu      sync.Mutex
	line    relay // nil: not taken
	running bool
	want    bool      // energised or not
	until   time.Time // end of the pulse; zero: none
	burn    guard.Burn
	coil    *coilMemory // of the count in burn; nil: none
	dirty   bool        // the line may not be as wanted
	written time.Time   // last
	tries   int         // that failed in a row
	err     error       // why line is nil or dirty
	pulses  int
}

func newDriver(part Part, c OutputConfig, log *slog.Logger, report func(Part, error)) *driver {
	return &driver{
		part: part, pin: c.Pin, take: func(chip chip) (relay, error) { return plain(chip, c) }, burn: guard.NewBurn(c.Limit),
		report: report, log: log, kick: make(chan struct{}, 1),
	}
}

// pulse energises the output until d from now, or as long of that as it may; a pulse that is on is replaced, so it never lasts longer than
// d from now.
func (o *driver) pulse(d time.Duration) (granted time.Duration, err error) {
	if d <= 0 {
		return 0, fmt.Errorf("gpio: %s is no length for a pulse", d)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err = o.usable(); err != nil {
		return 0, err
	}
	defer o.wake()
	// The end is set before the line is driven, so that there is no moment without one.
	now := time.Now()
	until, err := o.burn.Begin(now, d)
	if err != nil {
		return 0, err
	}
	o.coil.keep(&o.burn, now)
	o.until = until
	if err = o.write(true); err != nil {
		o.want, o.until = false, time.Time{} // it may have moved all the same: the goroutine switches it off
		return 0, err
	}
	o.pulses++
	return until.Sub(now), nil
}

// release ends a pulse.
func (o *driver) release() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.usable(); err != nil {
		return err
	}
	defer o.wake()
	o.until = time.Time{}
	return o.write(false)
}

// hold keeps the output on or off. What is wanted is remembered and made true as soon as the line can be driven.
func (o *driver) hold(on bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.running {
		o.want = on
		return ErrStopped
	}
	if o.line == nil {
		o.want = on
		return o.usable()
	}
	defer o.wake()
	return o.write(on)
}

// usable is called with the mutex held.
func (o *driver) usable() error {
	switch {
	case !o.running:
		return ErrStopped
	case o.line == nil && o.err == nil:
		return ErrNoChip
	case o.line == nil:
		return o.err
	}
	return nil
}

// write drives the line; it is called with the mutex held and a line taken.
func (o *driver) write(on bool) error {
	o.want = on
	var err error
	if on {
		// What holds the line may bound it, too.
		limit := o.burn.Limit()
		if !o.until.IsZero() {
			limit = max(time.Until(o.until), time.Millisecond)
		}
		err = o.line.on(limit)
	} else if err = o.line.off(); err == nil {
		o.rests(time.Now())
	}
	o.err, o.dirty = err, err != nil
	if err != nil {
		o.tries++
		o.err = fmt.Errorf("driving %s on %s: %w", o.part, o.pin, err)
	} else {
		o.tries = 0
		o.written = time.Now()
	}
	return o.err
}

// rests says that the line is off; it is called with the mutex held.
func (o *driver) rests(now time.Time) {
	o.burn.End(now)
	o.coil.keep(&o.burn, now)
}

func (o *driver) wake() {
	select {
	case o.kick <- struct{}{}:
	default:
	}
}

// state is what is known of the level.
func (o *driver) state() (Level, int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.line == nil || o.dirty:
		return LevelFault, o.pulses
	case o.want:
		return LevelOn, o.pulses
	default:
		return LevelOff, o.pulses
	}
}

// run takes the line, off, and looks after it until ctx is done; then the line is off.
func (o *driver) run(ctx context.Context, c chip) {
	o.mu.Lock()
	o.running = true
	o.mu.Unlock()
	defer o.shut()
	for {
		wait := o.step(c)
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-o.kick:
		case <-t.C:
		}
		t.Stop()
	}
}

// step does what is due and says when it wants to be called again.
func (o *driver) step(c chip) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.line != nil {
		if err := o.line.failed(); err != nil {
			// It may have left the line as it was: taken anew it is off, at once. What was on is over.
			o.err = fmt.Errorf("driving %s on %s: %w", o.part, o.pin, err)
			o.report(o.part, o.err)
			o.drop()
		}
	}
	if o.line == nil {
		o.coil.recall(&o.burn, time.Now())
		line, err := o.take(c) // off
		if err != nil {
			o.err = fmt.Errorf("taking %s on %s: %w", o.part, o.pin, err)
			o.report(o.part, o.err)
			// A guard that could not take the line has ended, and told so: that is no reason to start the next one at once.
			select {
			case <-o.kick:
			default:
			}
			return retakeEvery
		}
		if !o.until.IsZero() {
			o.until, o.want = time.Time{}, false
		}
		o.rests(time.Now())
		o.line, o.err, o.dirty, o.tries, o.written = line, nil, o.want, 0, time.Now()
	}
	if !o.until.IsZero() && !time.Now().Before(o.until) {
		o.until, o.want, o.dirty = time.Time{}, false, true
	}
	if o.dirty || time.Since(o.written) >= refreshEvery {
		// A failure is kept in o.err and told below.
		_ = o.write(o.want)
	}
	o.report(o.part, o.err)
	switch {
	case o.dirty && (o.tries >= hardTries || o.line.failed() != nil):
		// The line itself may be gone: taking it anew begins with off.
		o.drop()
		return hardPause
	case o.dirty:
		return hardPause
	case !o.until.IsZero():
		return min(time.Until(o.until), refreshEvery)
	default:
		return refreshEvery
	}
}

// drop gives the line back; it is called with the mutex held.
func (o *driver) drop() {
	if err := o.line.close(); err != nil {
		o.log.Warn("GPIO line was not given back", "part", o.part, "pin", o.pin.String(), "error", err)
	}
	o.line = nil
}

// shut switches off and gives the line back.
func (o *driver) shut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.running = false
	if o.line == nil {
		return
	}
	var err error
	for range hardTries {
		if err = o.write(false); err == nil || o.line.failed() != nil {
			break
		}
		time.Sleep(hardPause)
	}
	o.until = time.Time{}
	if err != nil {
		o.log.Error("output could not be switched off", "part", o.part, "pin", o.pin.String(), "error", err)
		o.report(o.part, errors.Join(errors.New("gpio: could not be switched off at the end"), err))
	}
	o.drop()
}
