package phone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"doorstation/internal/peer"
	"doorstation/internal/sip"
)

const (
	// renewLimit bounds one offer of our own, from its candidates to its answer. A leg whose connection to the PBX is away waits
	// in it; the candidates of a longer wait would be stale.
	renewLimit = 20 * time.Second
	// mendMost is the longest pause after an attempt to mend the path; it grows from a second.
	mendMost = 8 * time.Second
	// mendCalm is how long the path must have stood for the pauses to begin anew.
	mendCalm = 30 * time.Second
)

// onTrouble notes that the path is in trouble. It does not wait.
func (c *call) onTrouble(reason string) {
	select {
	case c.trouble <- reason:
	default: // one wish is enough
	}
}

// keepPath mends the media path of a call that is up, as often as the peer connection wishes it, until ctx ends.
func (c *call) keepPath(ctx context.Context) {
	pause := time.Second
	var last time.Time
	for {
		var reason string
		select {
		case reason = <-c.trouble:
		case <-ctx.Done():
			return
		}
		if !last.IsZero() && time.Since(last) > mendCalm {
			pause = time.Second
		}
		c.log.Info("the media path is in trouble: an ICE restart is tried", "reason", reason)
		err := c.renew(ctx, peer.Renewal{Restart: true})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			c.log.Warn("no ICE restart", "error", err, "not_before", pause)
		default:
			c.restarts.Add(1)
			c.log.Info("the far side has agreed to the ICE restart")
		}
		if !rest(ctx, pause) {
			return
		}
		pause = min(2*pause, mendMost)
		last = time.Now()
		select {
		case <-c.trouble: // of before; while it lasts it is told again
		default:
		}
	}
}

// renew makes an offer of our own in a call that is up. After an error the session is as it was.
func (c *call) renew(ctx context.Context, what peer.Renewal) error {
	c.renewal.Lock()
	defer c.renewal.Unlock()
	c.renewing.Store(true)
	defer c.renewing.Store(false)
	ctx, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	offer, err := c.peer.Renew(ctx, what)
	if err != nil {
		return fmt.Errorf("make an offer: %w", err)
	}
	answer, err := c.leg.Reinvite(ctx, offer)
	if err != nil {
		c.peer.Withdraw()
		return fmt.Errorf("re-INVITE: %w", err)
	}
	n, err := c.peer.Renewed(answer)
	if err != nil {
		c.peer.Withdraw()
		return fmt.Errorf("apply the answer to the re-INVITE: %w", err)
	}
	c.agree(n)
	return nil
}

// addPicture offers the camera's picture to a far side that did not ask for one. A refusal leaves a call without.
func (c *call) addPicture(ctx context.Context) {
	const attempts = 3
	select {
	case <-c.connected: // what is not up yet is not renegotiated
	case <-ctx.Done():
		return
	}
	for range attempts {
		err := c.renew(ctx, peer.Renewal{Video: true})
		var refused *sip.RejectedError
		switch {
		case err == nil, ctx.Err() != nil:
			return
		case errors.As(err, &refused):
			c.log.Info("the far side takes no picture", "status", refused.Status)
			return
		}
		c.log.Warn("the picture could not be offered", "error", err)
		if !rest(ctx, time.Second) {
			return
		}
	}
}

// rest returns false when ctx ends first.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
