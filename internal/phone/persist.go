package phone

import (
	"context"
	"errors"
	"time"

	"doorstation/internal/peer"
	"doorstation/internal/sip"
)

// persistence is how long, and how often, a call is tried again that could not even begin: the door is starting, or its
// connection to the PBX is being made anew. The visitor hears it ring meanwhile.
type persistence struct{ pause, limit time.Duration }

func defaultPersistence() persistence {
	return persistence{pause: 500 * time.Millisecond, limit: 10 * time.Second}
}

// try makes attempts until one succeeds or fails for a reason that again does not let pass, the limit is reached, or ctx ends.
// It returns the last attempt's error.
func (p persistence) try(ctx context.Context, attempt func() error, again func(error) bool) error {
	limit := time.NewTimer(p.limit)
	defer limit.Stop()
	pause := time.NewTimer(p.pause)
	defer pause.Stop()
	for {
		err := attempt()
		if err == nil || !again(err) {
			return err
		}
		pause.Reset(p.pause)
		select {
		case <-pause.C:
		case <-limit.C:
			return err
		case <-ctx.Done():
			return err
		}
	}
}

// notBegun says whether a call failed for a reason of the door's own before anybody's phone rang.
func (c *call) notBegun(err error) bool {
	return c.watch.get(MarkRinging).IsZero() &&
		(errors.Is(err, sip.ErrNotRegistered) || errors.Is(err, sip.ErrConnectionLost) || errors.Is(err, peer.ErrNoCandidates))
}
