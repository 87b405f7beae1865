package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/pion/ice/v4"
)

// Candidate is an address that an offer would name.
type Candidate struct {
	// Type is "host", "srflx" or "relay".
	Type string `json:"type"`
	// Address is host:port.
	Address string `json:"address"`
	// Base is what lies behind it on the door's side, for srflx and relay.
	Base string `json:"base,omitempty"`
}

// Candidates gathers, as an offer would, what it would name, and gives it up again. It ends when all servers have answered or were given
// their time, or when ctx ends, with what there is then. The error is that no agent could be made.
func Candidates(ctx context.Context, c Config) ([]Candidate, error) {
	c = c.withDefaults()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	agent, err := newAgent(ctx, c, randomText(4), randomText(16))
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var found []Candidate
	done := make(chan struct{})
	err = errors.Join(
		agent.OnCandidate(func(o ice.Candidate) {
			if o == nil {
				close(done)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			found = append(found, candidate(o))
		}),
		agent.GatherCandidates(),
	)
	if err == nil {
		select {
		case <-done:
		case <-ctx.Done():
		}
	} else {
		err = fmt.Errorf("peer: ICE: %w", err)
	}
	cancel()
	err = errors.Join(err, agent.GracefulClose())
	mu.Lock()
	defer mu.Unlock()
	return found, err
}

func candidate(c ice.Candidate) Candidate {
	o := Candidate{Type: c.Type().String(), Address: net.JoinHostPort(c.Address(), fmt.Sprint(c.Port()))}
	if r := c.RelatedAddress(); r != nil {
		o.Base = net.JoinHostPort(r.Address, fmt.Sprint(r.Port))
	}
	return o
}
