package sip

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	firstPause   = 500 * time.Millisecond
	longestPause = 30 * time.Second

	// lookPause and lookJitter are between two looks whether the server takes connections again: the door is back within
	// 5 s of its PBX, and the doors of a house do not look in step.
	lookPause  = 2 * time.Second
	lookJitter = time.Second
	// slowLook is the pause where looking tells nothing, because the server takes connections and fails later on, and where
	// it has cost the server a line in its log for slowAfter.
	slowLook  = 10 * time.Second
	slowAfter = 10 * time.Minute
	// resetSpacing is between two times at least that a look makes the back-off begin anew: a server that comes and goes
	// may not be asked for more than the back-off would.
	resetSpacing = time.Minute
	// settling is for how long after its return a server may be half there, its parts coming up one after another: attempts are no
	// further apart than settlePause then. It is granted again after settleSpacing.
	settling      = time.Minute
	settlePause   = 3 * time.Second
	settleSpacing = 10 * time.Minute
	// nudgeSpacing is between two attempts at least, however often the agent is nudged.
	nudgeSpacing = time.Second
)

// backoff spaces out attempts to connect: the first at once, then full jitter under a bound that doubles up to
// longestPause, so that a house full of doors does not knock in step.
type backoff struct {
	bound  time.Duration
	random func(n time.Duration) time.Duration // in [0, n)
}

func newBackoff() *backoff { return &backoff{random: rand.N[time.Duration]} }

func (b *backoff) reset() { b.bound = 0 }

// next returns the pause before the next attempt.
func (b *backoff) next() time.Duration {
	if b.bound == 0 {
		b.bound = firstPause
		return 0
	}
	pause := b.random(b.bound)
	b.bound = min(2*b.bound, longestPause)
	return pause
}

// An outage is what is known while there is no connection.
//
// Attempts to connect and register back off to half a minute; that is what they cost the server. In between the agent only
// looks: whether the server takes a connection at all, or answers a plain request sensibly (see looker). A look alone proves
// nothing, as a proxy answers for a PBX that is down; but a server that was shut and is open again is worth an attempt at
// once, and a few more while it may still be starting. So the PBX is found within seconds of its return, and one that takes
// connections only to fail is left in peace.
type outage struct {
	began    time.Time
	ended    time.Time // the last attempt
	endpoint Endpoint  // last known
	shut     bool      // the server takes no connections, as far as is known
	eager    bool      // the next attempt is made because it takes them again
	reset    time.Time // of the back-off by a look
	back     time.Time // when a look found the server open again, as far as that gives it time to settle
}

// shorten is the pause before the next attempt, shorter than the back-off's while the server may still be starting.
func (o *outage) shorten(pause time.Duration) time.Duration {
	if pause > settlePause && time.Since(o.back) < settling {
		return settlePause/2 + rand.N(settlePause/2)
	}
	return pause
}

// note takes the outcome of an attempt.
func (o *outage) note(at attempt) {
	o.ended = time.Now()
	if o.began.IsZero() {
		o.began = o.ended
	}
	if at.endpoint.URL != "" {
		o.endpoint = at.endpoint
	}
	// An attempt that a look encouraged and that failed all the same says something about looks: only the next one may find
	// the server shut.
	// And a PBX that took the registration and went away, as while a watchdog restarts it again and again, is back when it looks so.
	o.shut = at.stood > 0 || (o.shut || at.shut) && !o.eager
	o.eager = false
}

// next is the pause before the next look.
func (o *outage) next(open, deep bool) time.Duration {
	if open || deep && time.Since(o.began) > slowAfter {
		return slowLook + rand.N(slowLook/2)
	}
	return lookPause + rand.N(lookJitter)
}

// rest waits before the next attempt: for pause, until the server is back, or for a nudge.
func (a *Agent) rest(ctx context.Context, pause time.Duration, o *outage) {
	if pause <= 0 {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var looking sync.WaitGroup
	defer looking.Wait()
	defer cancel()
	due := time.Now().Add(pause)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	again := time.NewTimer(o.next(false, false))
	defer again.Stop()
	if o.endpoint.URL == "" {
		again.Stop() // nowhere to look
	}
	seen := make(chan error, 1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-a.nudged:
			wait := nudgeSpacing - time.Since(o.ended)
			if wait <= 0 {
				return
			}
			timer.Reset(min(wait, time.Until(due)))
		case <-again.C:
			looking.Go(func() { seen <- a.look(ctx, o.endpoint) })
		case err := <-seen:
			if err == nil && o.shut {
				a.log.Debug("the server takes connections again")
				o.shut, o.eager = false, true
				if time.Since(o.back) > settleSpacing {
					o.back = time.Now()
				}
				if time.Since(o.reset) > resetSpacing {
					a.backoff.reset()
					o.reset = time.Now()
				}
				return
			}
			o.shut = o.shut || err != nil
			again.Reset(o.next(err == nil, isStatus(err)))
		}
	}
}
