package peer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

// hostGrace is how long an offer waits for its very first candidate when the gathering time is over already, or zero.
// Addresses of the machine itself come within a few milliseconds.
const hostGrace = 200 * time.Millisecond

// errWithClose gives up something half made: its own error, and that of closing what there was.
func errWithClose(err error, closing func() error) error { return errors.Join(err, closing()) }

// gatherer collects candidates, one generation after the other: an ICE restart begins a new one.
type gatherer struct {
	mu    sync.Mutex
	since time.Time
	found []webrtc.ICECandidate
	first chan struct{} // closed with the first candidate of this generation, or when there will be none
	done  chan struct{} // closed when this generation is complete
}

func newGatherer() *gatherer {
	g := &gatherer{}
	g.begin()
	return g
}

func (g *gatherer) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.since = time.Now()
	g.found = nil
	g.first, g.done = make(chan struct{}), make(chan struct{})
}

// take is the PeerConnection's callback; nil ends a generation.
func (g *gatherer) take(c *webrtc.ICECandidate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c != nil {
		g.found = append(g.found, *c)
	}
	closeOnce(g.first)
	if c == nil {
		closeOnce(g.done)
	}
}

func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// settled tells whether an offer made now would not be made better by waiting for as long as limit allows.
func (g *gatherer) settled(limit time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.done:
		return true
	default:
		return len(g.found) > 0 && time.Since(g.since) >= limit
	}
}

// wait returns what was gathered when that is complete, or when limit is over since the beginning.
func (g *gatherer) wait(ctx context.Context, limit time.Duration) ([]webrtc.ICECandidate, error) {
	g.mu.Lock()
	left := limit - time.Since(g.since)
	first, done := g.first, g.done
	g.mu.Unlock()
	if left > 0 {
		if err := waitFor(ctx, done, left); err != nil {
			return nil, err
		}
	}
	if err := waitFor(ctx, first, hostGrace); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.found) == 0 {
		return nil, ErrNoCandidates
	}
	return slices.Clone(g.found), nil
}

// waitFor returns nil when c is closed or d is over, and the cause when ctx ends first.
func waitFor(ctx context.Context, c <-chan struct{}, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c:
	case <-t.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
