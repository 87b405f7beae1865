package gpio

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// pollEvery is the longest wait for an edge: so often the line is read even if the edge was missed, and so soon the end of
	// the agent is noticed. The waits are always finite: periph's endless ones cannot be ended reliably.
	pollEvery = 100 * time.Millisecond
	// retryEvery is how often hardware that is missing is tried again.
	retryEvery = 10 * time.Second
	// burst is how many edges may follow each other without a pause before the reader takes a breath: a line that oscillates
	// must not cost a processor. More than the kernel keeps of a bouncing contact.
	burst      = 4 * edgeQueue
	burstPause = 5 * time.Millisecond
)

// watchButton reads a button until ctx is done, through failures of its line.
func (b *Board) watchButton(ctx context.Context, c chip, bc ButtonConfig) {
	for {
		err := b.readButton(ctx, c, bc)
		if ctx.Err() != nil {
			return
		}
		b.fault(PartButton, bc.Name, fmt.Errorf("button %q on %s: %w", bc.Name, bc.Pin, err))
		if !pause(ctx, retryEvery) {
			return
		}
	}
}

// readButton takes the line and reads it until it fails or ctx is done.
func (b *Board) readButton(ctx context.Context, c chip, bc ButtonConfig) (err error) {
	in, err := c.input(bc.Pin, bc.Pull)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	d := newDebouncer(bc.Debounce, bc.Hold)
	var high, edge bool
	for row := 0; ctx.Err() == nil; row++ {
		if high, err = in.level(); err != nil {
			return err
		}
		now := time.Now()
		b.judge(bc, d, d.sample(now, high != bc.ActiveLow, edge))
		limit := pollEvery
		if due, ok := d.next(); ok {
			limit = min(limit, max(due.Sub(now), time.Millisecond))
		}
		if edge, err = in.wait(limit); err != nil {
			return err
		}
		if !edge {
			row = 0
		} else if row >= burst {
			row = 0
			pause(ctx, burstPause)
		}
	}
	return nil
}

// judge acts on what the debouncer decided. The first sample of a line that can be read mends an earlier fault.
func (b *Board) judge(bc ButtonConfig, d *debouncer, v verdict) {
	switch v {
	case pressed:
		if _, err := b.press(bc.Name, d.began(), SourceGPIO); err != nil {
			b.config.Log.Error("press lost", "button", bc.Name, "error", err)
		}
	case stuck:
		b.fault(PartButton, bc.Name, fmt.Errorf("%w: %q on %s", ErrStuck, bc.Name, bc.Pin))
	case glitch:
		b.config.Log.Debug("too short for a press", "button", bc.Name, "so_far", d.glitch)
	case nothing, freed:
		if d.phase != jammed {
			b.fault(PartButton, bc.Name, nil)
		}
	}
}

// pause waits and tells whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
