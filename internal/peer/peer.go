package peer

import (
	"context"
	"time"
)

// Peer is one leg's media transport.
type Peer struct{}

// Offer returns the session description for an INVITE.
func (p *Peer) Offer() string { return "" }

// Start sets the callbacks; to be called before SetAnswer.
func (p *Peer) Start(e Events) {}

// SetAnswer takes the answer to Offer and starts connecting.
func (p *Peer) SetAnswer(sdp string) (Negotiated, error) { return Negotiated{}, ErrClosed }

// Reoffer answers a later offer of the far side (re-INVITE, UPDATE).
func (p *Peer) Reoffer(sdp string) (answer string, n Negotiated, err error) {
	return "", Negotiated{}, ErrClosed
}

// WriteAudio sends one encoded frame of duration d.
func (p *Peer) WriteAudio(payload []byte, d time.Duration) error { return nil }

// WriteVideo sends one Annex-B access unit.
func (p *Peer) WriteVideo(annexB []byte, pts time.Duration) error { return nil }

// Stats returns the counters.
func (p *Peer) Stats() Stats { return Stats{} }

// Close ends the transport and waits for its goroutines.
func (p *Peer) Close() error { return nil }

// Pool keeps warm offers.
type Pool struct{}

// NewPool checks c and makes a pool that keeps want warm peers.
func NewPool(c Config, want int) (*Pool, error) { return &Pool{}, nil }

// Run fills the pool until ctx ends.
func (p *Pool) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Take hands out a warm peer, or makes one.
func (p *Pool) Take(ctx context.Context) (*Peer, error) { return nil, ErrClosed }

// Ready is the number of warm peers whose offer could go out now.
func (p *Pool) Ready() int { return 0 }

// Configure changes what later peers are like.
func (p *Pool) Configure(c Config, want int) error { return nil }
