package station

import (
	"context"
	"errors"
	"fmt"
)

// ErrStopped is given for an order when the station does not run any more.
var ErrStopped = errors.New("the station does not run")

// Order gives an order for the lock and waits for what came of it. [ErrBlocked], [ErrTampered], or why the lock cannot be driven.
func (r *Runner) Order(ctx context.Context, o LockOrder) error {
	return r.ask(ctx, func(id uint64) Event { return LockOrdered{ID: id, Order: o} })
}

// ClearAlarms ends the alarms that stand, and the pauses after wrong codes. [ErrStillTampered].
func (r *Runner) ClearAlarms(ctx context.Context) error {
	return r.ask(ctx, func(id uint64) Event { return AlarmsCleared{ID: id} })
}

// ask posts an event that is answered by ActReply.
func (r *Runner) ask(ctx context.Context, ev func(id uint64) Event) error {
	answer := make(chan error, 1)
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return ErrStopped
	}
	r.lastAsked++
	id := r.lastAsked
	r.asked[id] = answer
	r.mu.Unlock()
	r.Post(ev(id))
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		r.mu.Lock()
		delete(r.asked, id)
		r.mu.Unlock()
		return fmt.Errorf("station: %w", context.Cause(ctx))
	}
}

// reply answers whoever asked.
func (r *Runner) reply(id uint64, err error) {
	r.mu.Lock()
	answer := r.asked[id]
	delete(r.asked, id)
	r.mu.Unlock()
	if answer != nil {
		answer <- err
	}
}
