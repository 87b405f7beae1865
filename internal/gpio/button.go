package gpio

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// pollEvery is the longest wait for an edge: so often the line is read even if the edge was missed, and so soon the end of
	// the agent is noticed.
	pollEvery = 250 * time.Millisecond
	// sampleEvery is how often a line is read that tells no edges.
	sampleEvery = 5 * time.Millisecond
	// retryEvery is how often hardware that is missing is tried again.
	retryEvery = 10 * time.Second
	// edgeDelay is how long the edge of a level that is seen may take to be queued; after that it is taken for missed.
	edgeDelay = 20 * time.Millisecond
)

// watchButton reads a button until ctx is done, through failures of its line.
func (b *Board) watchButton(ctx context.Context, c chip, bc ButtonConfig, s *inputState) {
	for {
		err := b.readButton(ctx, c, bc, s)
		if ctx.Err() != nil {
			return
		}
		s.set(LevelFault)
		b.fault(PartButton, bc.Name, fmt.Errorf("button %q on %s: %w", bc.Name, bc.Pin, err))
		if !pause(ctx, retryEvery) {
			return
		}
	}
}

// readButton takes the line and reads it until it fails or ctx is done.
func (b *Board) readButton(ctx context.Context, c chip, bc ButtonConfig, s *inputState) (err error) {
	in, err := c.input(bc.Pin, bc.Pull)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	proven, err := in.prove()
	if err != nil {
		return err
	}
	s.proven(proven)
	b.config.Log.Debug("button watched", "button", bc.Name, "pin", bc.Pin.String(), "edges", proven.String())
	w := &watcher{
		in: in, activeLow: bc.ActiveLow, sampling: proven == proofFailed,
		d: newDebouncer(bc.Debounce, bc.Hold),
	}
	if err = w.begin(); err != nil {
		return err
	}
	if proven == proofFailed {
		b.fault(PartButton, bc.Name, fmt.Errorf("%w: %q on %s", ErrNoEdges, bc.Name, bc.Pin))
	}
	for ctx.Err() == nil {
		err = w.step(func(v verdict) { b.judge(bc, w, v) })
		if err != nil {
			return err
		}
		s.watched(w)
	}
	return nil
}

// judge acts on what the debouncer decided. A line that can be read mends an earlier fault.
func (b *Board) judge(bc ButtonConfig, w *watcher, v verdict) {
	switch v {
	case pressed:
		if _, err := b.press(bc.Name, w.d.began(), SourceGPIO); err != nil {
			b.config.Log.Error("press lost", "button", bc.Name, "error", err)
		}
	case stuck:
		b.fault(PartButton, bc.Name, fmt.Errorf("%w: %q on %s", ErrStuck, bc.Name, bc.Pin))
	case glitch:
		b.config.Log.Debug("too short for a press", "button", bc.Name, "so_far", w.d.glitch)
	case nothing, freed:
		switch {
		case w.d.phase == jammed:
		case w.storm.on:
			b.fault(PartButton, bc.Name, fmt.Errorf("%w: %q on %s", ErrNoisy, bc.Name, bc.Pin))
		case !w.sampling:
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
