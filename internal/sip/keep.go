package sip

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// leastPause is between two REGISTERs at least, whatever lifetime a registrar grants.
	leastPause = 2 * time.Second
	// retryBound is where the pauses between tries to refresh a registration stop growing.
	retryBound = 15 * time.Second
	// refusedPause is how long the agent waits before it tries a refused password again: a person may mend it.
	refusedPause = 30 * time.Second
	// refusedSpacing is between two tries of a refused password at least, whoever nudges: PBXs lock accounts and addresses.
	refusedSpacing = 5 * time.Second
)

// A keeper keeps the registration on one connection.
type keeper struct {
	a *Agent
	c *conn

	since   time.Time // the registration stands; zero: it does not
	until   time.Time // it lasts, as the registrar said
	failed  int       // refreshes in a row
	refused bool
	tried   time.Time // last REGISTER
}

// keep keeps the registration on one connection. It returns when the connection is of no more use, or after everything was
// ended properly because ctx did, and says how long the registration stood.
func (a *Agent) keep(ctx context.Context, c *conn) (stood time.Duration, err error) {
	k := &keeper{a: a, c: c}
	defer func() {
		if !k.since.IsZero() {
			stood = time.Since(k.since)
		}
	}()
	for {
		k.tried = time.Now()
		lifetime, failed := a.register(ctx, c, a.reg.expires)
		pause := time.Duration(0)
		if ctx.Err() == nil {
			if pause, err = k.judge(lifetime, failed); err != nil {
				return 0, err
			}
		}
		if err = k.wait(ctx, pause); err != nil {
			return 0, err
		}
		if ctx.Err() != nil {
			a.shutDown(ctx, c)
			return 0, nil
		}
	}
}

// judge takes the outcome of a REGISTER and says when the next one is due. An error says that the connection is of no use.
func (k *keeper) judge(lifetime time.Duration, err error) (time.Duration, error) {
	a := k.a
	switch left := time.Until(k.until); {
	case err == nil:
		if k.since.IsZero() {
			k.since = time.Now()
		}
		k.failed, k.refused, a.proven, a.refusals = 0, false, true, 0
		k.until = time.Now().Add(lifetime)
		a.adopt(k.c)
		a.change(func(r *Registration) { r.State, r.ExpiresAt, r.RetryAt, r.Err = Registered, k.until, time.Time{}, nil })
		return max(leastPause, lifetime/2), nil // a refresh that is lost leaves as much time again
	case errors.Is(err, ErrRefused):
		k.since, k.until, k.refused = time.Time{}, time.Time{}, true
		pause := k.refusal()
		a.disown()
		a.change(func(r *Registration) {
			r.State, r.ExpiresAt, r.RetryAt, r.Err = Refused, time.Time{}, time.Now().Add(pause), err
		})
		a.log.Warn("registration refused", "error", err, "retry_in", pause)
		return pause, nil
	case !k.since.IsZero() && left > leastPause && k.c.failure() == nil:
		// The registration holds on until it expires, and so do the calls on this connection.
		k.failed++
		bound := min(leastPause<<min(k.failed, 8), retryBound)
		pause := min(leastPause+rand.N(bound), left-leastPause/2)
		a.log.Warn("registration not refreshed", "error", err, "retry_in", pause, "expires_in", left.Round(time.Second))
		return pause, nil
	}
	return 0, err
}

// refusal says how long to wait after a refusal. A password that was right before is tried again sooner at first: a PBX that
// has just started refuses everybody until it has read its users.
func (k *keeper) refusal() time.Duration {
	a := k.a
	a.refusals++
	if !a.proven || a.refusals > 3 {
		return refusedPause
	}
	return leastPause << (a.refusals - 1) // 2, 4, 8 s
}

// wait waits for the time of the next REGISTER. It returns an error when the connection has ended, and nil early when ctx has
// or when another REGISTER is wanted.
func (k *keeper) wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.c.done:
			return k.c.failure()
		case <-timer.C:
			return nil
		case <-k.c.life.wanted:
			if !k.refused {
				return nil
			}
		case <-k.c.life.hinted:
			if k.refused {
				timer.Reset(max(0, refusedSpacing-time.Since(k.tried)))
			}
		}
	}
}
