package gpio

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// InputConfig is a contact that has two states and no presses.
type InputConfig struct {
	Name string
	Pin  Pin
	// ActiveLow: the line is low while the input is on.
	ActiveLow bool
	Pull      Pull
	// Debounce is how long the level must stay before it counts.
	Debounce time.Duration
}

// Change is what an input says. The first one after the start tells how it stands.
type Change struct {
	Name string
	On   bool
	At   time.Time
}

// changeQueue is how many changes may wait to be taken; further ones wait in the board.
const changeQueue = 16

// steady is a decider for an input: the level counts when it has stayed for debounce.
type steady struct {
	debounce time.Duration
	down     bool
	changed  time.Time
	known    bool
	on       bool
}

func (s *steady) begin(at time.Time, down bool) { s.down, s.changed = down, at }

func (s *steady) edge(at time.Time, down bool) verdict {
	v := s.settle(at)
	s.down, s.changed = down, at
	return v
}

func (s *steady) settle(at time.Time) verdict {
	if at.Sub(s.changed) < s.debounce || s.known && s.on == s.down {
		return nothing
	}
	s.known, s.on = true, s.down
	if s.on {
		return raised
	}
	return lowered
}

func (s *steady) next() (time.Time, bool) {
	return s.changed.Add(s.debounce), !s.known || s.on != s.down
}

func (s *steady) isDown() bool { return s.down }

// watchInput reads an input until ctx is done, through failures of its line.
func (b *Board) watchInput(ctx context.Context, c chip, ic InputConfig, s *inputState) {
	d := &steady{debounce: max(ic.Debounce, 0)}
	for {
		err := b.readInput(ctx, c, ic, s, d)
		if ctx.Err() != nil {
			return
		}
		s.set(LevelFault)
		b.fault(PartInput, ic.Name, fmt.Errorf("%s on %s: %w", ic.Name, ic.Pin, err))
		if !pause(ctx, retryEvery) {
			return
		}
	}
}

func (b *Board) readInput(ctx context.Context, c chip, ic InputConfig, s *inputState, d *steady) (err error) {
	w, err := b.take(c, ic.Pin, ic.Pull, ic.ActiveLow, d, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.in.close()) }()
	b.fault(PartInput, ic.Name, nil)
	for ctx.Err() == nil {
		err = w.step(func(v verdict) {
			if v != raised && v != lowered {
				return
			}
			b.config.Log.Info("input changed", "name", ic.Name, "on", v == raised)
			select {
			case b.changes <- Change{Name: ic.Name, On: v == raised, At: d.changed}:
			case <-ctx.Done():
			}
		})
		if err != nil {
			return err
		}
		if d.known {
			s.watched(d.on, 0, 0)
		}
	}
	return nil
}
