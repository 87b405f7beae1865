package peer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// refreshAfter is the age at which a warm offer is made anew where servers are used: a NAT forgets a mapping that nobody
	// uses after a minute or so (RFC 4787 section 4.3 allows no less than two, many do).
	refreshAfter = 50 * time.Second
	// retryPause is between attempts to make a peer where that fails, for instance without a network.
	retryPause = 2 * time.Second
	// maxWarm bounds how many warm offers may be asked for.
	maxWarm = 16
)

// Pool keeps warm offers: peers whose certificate and candidates are ready before anybody presses the bell.
type Pool struct {
	build   func(Config, *experience) (*Peer, error)
	current func(loopback bool) []string // the machine's addresses now

	mu      sync.Mutex
	config  Config
	want    int
	round   int         // peers of an earlier round are replaced
	known   *experience // of this round's peers
	warm    []*warmPeer
	taken   map[*Peer]struct{} // that are not closed
	closed  bool
	running bool
	wake    chan struct{}
}

type warmPeer struct {
	*Peer
	round     int
	addresses []string
}

// NewPool makes a pool that keeps want warm peers as c describes them, once Run is called. Errors: a want below 0 or above 16.
func NewPool(c Config, want int) (*Pool, error) {
	p := &Pool{build: newPeer, current: machineAddresses, taken: make(map[*Peer]struct{}), wake: make(chan struct{}, 1)}
	return p, p.Configure(c, want)
}

// Configure changes what peers are like and how many are kept warm. Takes that follow get peers of the new kind; those taken
// before are not touched. Errors are those of NewPool.
func (p *Pool) Configure(c Config, want int) error {
	if want < 0 || want > maxWarm {
		return fmt.Errorf("peer: %d warm offers wanted, 0 to %d are possible", want, maxWarm)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config, p.want = c.withDefaults(), want
	p.newRound()
	return nil
}

// newRound makes the warm peers there are old: what they know of addresses and servers counts no longer. The caller holds mu.
func (p *Pool) newRound() {
	p.round++
	p.known = &experience{}
	p.nudge()
}

// nudge makes Run look again.
func (p *Pool) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Ready is the number of warm peers whose offer could go out now.
func (p *Pool) Ready() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, w := range p.warm {
		if w.round == p.round && w.gather.ready() {
			n++
		}
	}
	return n
}

// Gathered is how many candidates the newest gathering found that was given its time: of the machine itself, told by STUN, and at TURN servers.
func (p *Pool) Gathered() (host, reflexive, relay int) {
	p.mu.Lock()
	known := p.known
	p.mu.Unlock()
	known.mu.Lock()
	defer known.mu.Unlock()
	return known.last.host, known.last.reflexive, known.last.relay
}

// Take hands out a warm peer whose offer is ready, at once; else it waits for one, or makes one, which takes at most the
// gathering time. Servers that gave nothing to the last peer that had its full time are not waited for; but with RelayOnly
// they are, as nothing else can be offered. The peer is the caller's to close. Errors: ErrNoCandidates, ErrClosed, the cause
// of ctx.
func (p *Pool) Take(ctx context.Context) (*Peer, error) {
	taken, err := p.pick()
	if err != nil {
		return nil, err
	}
	if err = taken.settle(ctx); err != nil {
		return nil, errWithClose(err, taken.Close)
	}
	return taken, nil
}

// follow has a peer that was taken told of changed addresses until it is closed, also while its offer settles. The caller holds mu.
func (p *Pool) follow(taken *Peer) {
	p.taken[taken] = struct{}{}
	taken.onClose = func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.taken, taken)
	}
}

// pick takes the best warm peer out of the pool – one that was given its time, one that has all it can be expected to get, the
// oldest – or makes a new one.
func (p *Pool) pick() (*Peer, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	best := -1
	for _, good := range []func(*gatherer) bool{(*gatherer).settled, (*gatherer).ready, nil} {
		best = slices.IndexFunc(p.warm, func(w *warmPeer) bool {
			return w.round == p.round && (good == nil || good(w.gather))
		})
		if best >= 0 {
			break
		}
	}
	if best < 0 {
		c, known := p.config, p.known
		p.mu.Unlock()
		made, err := p.build(c, known)
		if err == nil {
			p.mu.Lock()
			p.follow(made)
			p.mu.Unlock()
		}
		return made, err
	}
	w := p.warm[best]
	p.warm = slices.Delete(p.warm, best, best+1)
	p.follow(w.Peer)
	p.nudge()
	p.mu.Unlock()
	return w.Peer, nil
}

// Run fills the pool and keeps it fresh until ctx ends; then it closes the warm peers and returns nil. After that Take fails
// with ErrClosed. It can run once.
func (p *Pool) Run(ctx context.Context) error {
	p.mu.Lock()
	if p.running {
		p.mu.Unlock()
		return ErrState
	}
	p.running = true
	p.mu.Unlock()
	for {
		pause := p.tend()
		if !p.sleep(ctx, pause) {
			break
		}
	}
	p.mu.Lock()
	p.closed = true
	rest := p.warm
	p.warm = nil
	p.mu.Unlock()
	return closeAll(rest)
}

// sleep waits for d, or for a nudge, and tells whether ctx still holds.
func (p *Pool) sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-p.wake:
	}
	return ctx.Err() == nil
}

// tend does what is due and returns when to look again at the latest. A peer that is to be replaced stays until its successor
// is there, as long as it is of the round that is asked for.
func (p *Pool) tend() time.Duration {
	p.mu.Lock()
	c, want, round, known := p.config, p.want, p.round, p.known
	now := c.Now()
	old := func(w *warmPeer) bool {
		return w.round != round || (len(c.Servers) > 0 && now.Sub(w.made) >= refreshAfter)
	}
	young := 0
	for _, w := range p.warm {
		if !old(w) {
			young++
		}
	}
	p.mu.Unlock()

	for ; young < want; young++ {
		addresses := p.current(c.Loopback)
		made, err := p.build(c, known)
		if err != nil {
			c.Log.Warn("no warm offer", "error", err)
			return retryPause
		}
		p.mu.Lock()
		p.warm = append(p.warm, &warmPeer{Peer: made, round: round, addresses: addresses})
		p.mu.Unlock()
	}
	if err := closeAll(p.dropOld(want, old)); err != nil {
		c.Log.Warn("closing a warm offer", "error", err)
	}
	return p.nextLook(now)
}

// dropOld takes out the peers that are no longer of use: those of an earlier round, those whose successor is ready, and what is
// more than wanted.
func (p *Pool) dropOld(want int, old func(*warmPeer) bool) (dropped []*warmPeer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fresh := 0
	for _, w := range p.warm {
		if !old(w) && w.gather.settled() {
			fresh++
		}
	}
	p.warm = slices.DeleteFunc(p.warm, func(w *warmPeer) bool {
		drop := w.round != p.round || (old(w) && fresh >= want)
		if drop {
			dropped = append(dropped, w)
		}
		return drop
	})
	for young := len(p.warm) - want; young > 0 && fresh > want; young-- {
		dropped = append(dropped, p.warm[0])
		p.warm = p.warm[1:]
		fresh--
	}
	return dropped
}

// nextLook is when the next peer gets too old, or, while some still gather, soon.
func (p *Pool) nextLook(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := refreshAfter
	for _, w := range p.warm {
		left := refreshAfter - now.Sub(w.made)
		if left <= 0 {
			// Its successor is being made: look again when that can be ready.
			left = max(p.config.GatheringTimeout, 100*time.Millisecond)
		}
		next = min(next, left)
	}
	return next
}

func closeAll(peers []*warmPeer) error {
	var errs []error
	for _, w := range peers {
		errs = append(errs, w.Close())
	}
	return errors.Join(errs...)
}

// AddressesChanged is to be called when the machine got or lost an address, or may have. Offers that name one it has no longer
// are gone at once; all are made anew. Peers that were taken are told through Events.RestartWanted where it concerns them.
func (p *Pool) AddressesChanged() {
	p.mu.Lock()
	now := p.current(p.config.Loopback)
	changed := false
	for _, w := range p.warm {
		changed = changed || !slices.Equal(w.addresses, now)
	}
	if changed {
		p.newRound()
	}
	known, taken := p.known, slices.Collect(maps.Keys(p.taken))
	if !changed {
		known = &experience{} // nobody can say for whom it was made
	}
	p.mu.Unlock()
	for _, t := range taken {
		t.addressesChanged(now, known)
	}
}
