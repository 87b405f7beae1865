package phone

import (
	"context"
	"sync"

	"doorstation/internal/station"
)

// carry keeps a call that is up until either side ends it or its media path is beyond repair, and says how it ended.
func (c *call) carry(ctx context.Context, beside ...func(context.Context)) station.Outcome {
	inner, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	work.Go(func() { c.keepPath(inner) })
	for _, f := range beside {
		work.Go(func() { f(inner) })
	}
	select {
	case <-c.leg.Done():
	case <-ctx.Done():
		return outcomeOf(context.Cause(ctx), 0)
	case err := <-c.failed:
		c.log.Warn("the media path is lost", "error", err)
		if c.watch.get(MarkDTLS).IsZero() {
			return station.OutcomeFailed
		}
	}
	return station.OutcomeTalked
}
