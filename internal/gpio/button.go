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
	d := newDebouncer(bc.Debounce, bc.Hold)
	w, err := b.take(c, bc.Pin, bc.Pull, bc.ActiveLow, d, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.in.close()) }()
	if w.sampling {
		b.fault(PartButton, bc.Name, fmt.Errorf("%w: %q on %s", ErrNoEdges, bc.Name, bc.Pin))
	}
	for ctx.Err() == nil {
		if err = w.step(func(v verdict) { b.judge(bc, w, d, v) }); err != nil {
			return err
		}
		s.watched(d.down, d.presses, d.glitch)
	}
	return nil
}

// take takes a line and finds out whether it tells edges.
func (b *Board) take(c chip, p Pin, pull Pull, activeLow bool, d decider, s *inputState) (*watcher, error) {
	in, err := c.input(p, pull)
	if err != nil {
		return nil, err
	}
	proven, err := in.prove()
	w := &watcher{in: in, activeLow: activeLow, sampling: proven == proofFailed, d: d}
	if err == nil {
		err = w.begin()
	}
	if err != nil {
		return nil, errors.Join(err, in.close())
	}
	s.proven(proven)
	b.config.Log.Debug("input watched", "name", s.Name, "pin", p.String(), "edges", proven.String())
	return w, nil
}

// judge acts on what the debouncer decided. A line that can be read mends an earlier fault.
func (b *Board) judge(bc ButtonConfig, w *watcher, d *debouncer, v verdict) {
	switch v {
	case pressed:
		if _, err := b.press(bc.Name, d.began(), SourceGPIO); err != nil {
			b.config.Log.Error("press lost", "button", bc.Name, "error", err)
		}
	case stuck:
		b.fault(PartButton, bc.Name, fmt.Errorf("%w: %q on %s", ErrStuck, bc.Name, bc.Pin))
	case glitch:
		b.config.Log.Debug("too short for a press", "button", bc.Name, "so_far", d.glitch)
	case nothing, freed, raised, lowered:
		switch {
		case d.phase == jammed:
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
