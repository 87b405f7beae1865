package audio

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Prober is a [Device] of which can be told whether it is there without using it.
type Prober interface {
	// Probe returns nil when the device is there, and what is wrong otherwise. It returns when ctx ends.
	Probe(ctx context.Context) error
}

// probeEvery is how often a device that is not in use is looked for.
const probeEvery = time.Minute

// waitForDemand looks after the device until it has something to do; false: ctx ended first.
func (e *Engine) waitForDemand(ctx context.Context) bool {
	prober, ok := e.device.(Prober)
	if !ok {
		for !e.demanded() {
			select {
			case <-ctx.Done():
				return false
			case <-e.demand:
			case o := <-e.trials:
				e.try(ctx, o)
			}
		}
		return ctx.Err() == nil
	}
	again := time.NewTimer(0)
	defer again.Stop()
	for !e.demanded() {
		select {
		case <-ctx.Done():
			return false
		case <-e.demand:
		case o := <-e.trials:
			e.try(ctx, o)
		case <-again.C:
			e.probe(ctx, prober)
			again.Reset(probeEvery)
		}
	}
	return ctx.Err() == nil
}

// probe looks for the device until there is something else to do.
func (e *Engine) probe(ctx context.Context, p Prober) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- p.Probe(ctx) }()
	for {
		select {
		case err := <-answer:
			e.probed(ctx, err)
			return
		case <-e.demand:
			if !e.demanded() {
				continue
			}
			cancel()
			if err := <-answer; err != nil { // what its use says tells more
				e.log.Debug("looking for the sound device ended badly", "error", err)
			}
			return
		}
	}
}

// probed takes the answer. That the device is there mends only what an earlier look found, and that it was not there: one that was busy when
// it was used may still be.
func (e *Engine) probed(ctx context.Context, err error) {
	if err != nil {
		err = fmt.Errorf("sound device %s: %w", e.device.Name(), err)
	}
	gone := e.looked || errors.Is(e.failed, ErrNoDevice) || errors.Is(e.failed, ErrUnplugged)
	switch {
	case ctx.Err() != nil:
	case err == nil && gone:
		e.mended(StateIdle)
	case err != nil && (e.failed == nil || gone && err.Error() != e.failed.Error()):
		e.broke(err)
		e.looked = true
	}
}

// broke notes and tells that the device does not work.
func (e *Engine) broke(err error, more ...any) {
	e.failed, e.looked = err, false
	e.setState(StateFailed)
	e.log.Warn("sound device broke", append([]any{"device", e.device.Name(), "error", err}, more...)...)
	e.onFault(err)
}

// mended notes and tells that the device works again, if it did not.
func (e *Engine) mended(now State) {
	if e.failed == nil {
		return
	}
	e.failed = nil
	e.log.Info("sound device works again", "device", e.device.Name())
	e.onFault(nil)
	e.setState(now)
}
