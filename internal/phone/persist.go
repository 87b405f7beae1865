package phone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"doorstation/internal/sip"
)

// verdict is what becomes of a target after a failed attempt.
type verdict int

const (
	// verdictFinal: the target is not tried again.
	verdictFinal verdict = iota
	// verdictNotBegun: the door could not call: it is starting, or its connection to the PBX is being made anew. It is tried again
	// soon, and for a while only, so that a visitor learns that the bell does not work.
	verdictNotBegun
	// verdictAway: the PBX says that the target is not there. A tablet that wakes by a notification comes in a few seconds.
	verdictAway
	// verdictLost: the connection was lost while the target rang. Somebody may be on the way to answer: it is rung again.
	verdictLost
)

// persistence is how often, and for how long, a target is tried again.
type persistence struct {
	// pause and limit are for what has not begun: limit counts from its first failure.
	pause, limit time.Duration
	// late are the pauses between attempts to reach somebody who is away; the last one is repeated.
	late []time.Duration
}

func defaultPersistence() persistence {
	return persistence{
		pause: 500 * time.Millisecond, limit: 10 * time.Second,
		late: []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second},
	}
}

// try makes attempts until one succeeds or fails for good, what could not begin has taken too long, or ctx ends. It returns the
// last attempt's error. A target that was heard of is not given up before ctx ends, whatever happens to the door's connection:
// the visit has its own limit. waits is told of each pause.
func (p persistence) try(ctx context.Context, attempt func() error, judge func(error) verdict, waits func(verdict)) error {
	var limit <-chan time.Time
	heard, away := false, 0
	for {
		err := attempt()
		if err == nil || ctx.Err() != nil {
			return err
		}
		pause := p.pause
		v := judge(err)
		switch v {
		case verdictFinal:
			return err
		case verdictNotBegun:
			if limit == nil && !heard {
				timer := time.NewTimer(p.limit)
				defer timer.Stop() // once
				limit = timer.C
			}
		case verdictAway:
			pause = p.late[min(away, len(p.late)-1)]
			away++
			heard, limit = true, nil
		case verdictLost:
			heard, limit = true, nil
		}
		waits(v)
		if !p.wait(ctx, pause, limit) {
			return err
		}
	}
}

// wait returns false when the limit or the end of ctx comes first.
func (p persistence) wait(ctx context.Context, pause time.Duration, limit <-chan time.Time) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-limit:
		return false
	case <-ctx.Done():
		return false
	}
}

// shutdownWait is how long after a 603 the connection is watched, and how often.
const (
	shutdownWait = 2 * time.Second
	shutdownLook = 100 * time.Millisecond
)

// ofTheEnd finds the refusals that are the PBX's own end: an Asterisk that is told to stop declines what rings with 603 (a phone's
// decline it passes on as another status) and closes its connections a second later. Such a call has been lost, not refused.
func ofTheEnd(ctx context.Context, line *Line, err error) error {
	var rejected *sip.RejectedError
	if !errors.As(err, &rejected) || rejected.Status != 603 || rejected.Q850 == q850CallRejected || line.Ready == nil {
		return err
	}
	for range int(shutdownWait / shutdownLook) {
		if !line.Ready() {
			return fmt.Errorf("%w, after %w", sip.ErrConnectionLost, err)
		}
		if !rest(ctx, shutdownLook) {
			return err
		}
	}
	return err
}
