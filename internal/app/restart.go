package app

import (
	"context"
	"errors"
	"time"

	"doorstation/internal/control"
	"doorstation/internal/station"
)

// errNobodyRestarts means that the agent would end for good.
var errNobodyRestarts = errors.New("no service manager runs this agent, which would start it again: stop it, and start it by hand")

// idleEvery is how often it is looked whether the call that holds a restart up has ended.
const idleEvery = 200 * time.Millisecond

// Restart ends the agent as soon as no call is up; the service manager starts it again. Asking more than once does no harm.
func (a *App) Restart() (control.RestartReply, error) {
	if a.opt.Service.Notify == nil {
		return control.RestartReply{}, errNobodyRestarts
	}
	reply := control.RestartReply{Waiting: !a.idle()}
	select {
	case a.leave <- struct{}{}:
		a.opt.Log.Info("a restart was asked for", "waits_for_call", reply.Waiting)
	default: // it was asked for already
	}
	return reply, nil
}

// idle reports whether neither a visit nor a look is on.
func (a *App) idle() bool {
	s := a.station.Snapshot()
	return s.State == station.StateIdle && s.Look.State == station.LookNone
}

// leaveWhenIdle closes the channel it returns when a restart was asked for and no call is up.
func (a *App) leaveWhenIdle(ctx context.Context) <-chan struct{} {
	left := make(chan struct{})
	a.leaving.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-a.leave:
		}
		ticker := time.NewTicker(idleEvery)
		defer ticker.Stop()
		for !a.idle() {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
		close(left)
	})
	return left
}
