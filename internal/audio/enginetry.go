package audio

import (
	"context"
	"errors"
	"time"
)

// ErrInUse means that a call or a tone has the sound device.
var ErrInUse = errors.New("the sound device is in use by a call or a tone")

// tryPatience is how long a trial waits for its turn: the device may be looked for just now.
const tryPatience = 2 * time.Second

// trialOrder is a trial that somebody waits for.
type trialOrder struct {
	ctx  context.Context //nolint:containedctx // the trial's own, which ends with whoever waits for it
	opt  TrialOptions
	done chan trialDone // of length one
}

type trialDone struct {
	trial Trial
	err   error
}

// Try tries the device (see [Try]) while nobody uses it. A call or a tone goes first, also in the midst of a trial: the error is [ErrInUse]
// then, else the device's, ctx's, or [ErrClosed].
func (e *Engine) Try(ctx context.Context, o TrialOptions) (Trial, error) {
	if e.demanded() {
		return Trial{}, ErrInUse
	}
	order := trialOrder{ctx: ctx, opt: o, done: make(chan trialDone, 1)}
	patience := time.NewTimer(tryPatience)
	defer patience.Stop()
	select {
	case e.trials <- order:
		d := <-order.done
		return d.trial, d.err
	case <-ctx.Done():
		return Trial{}, ctx.Err()
	case <-patience.C:
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return Trial{}, ErrClosed
	}
	return Trial{}, ErrInUse
}

// try runs a trial until there is something else to do; it is Run's.
func (e *Engine) try(ctx context.Context, o trialOrder) {
	run, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(o.ctx, func() { cancel(o.ctx.Err()) })()
	ended := make(chan trialDone, 1)
	go func() {
		t, err := Try(run, e.device, o.opt)
		ended <- trialDone{t, err}
	}()
	for {
		select {
		case d := <-ended:
			if d.err == nil {
				e.mended(StateIdle)
			} else if cause := context.Cause(run); cause != nil {
				d.err = cause
			}
			o.done <- d
			return
		case <-e.demand:
			if e.demanded() {
				cancel(ErrInUse)
			}
		}
	}
}
