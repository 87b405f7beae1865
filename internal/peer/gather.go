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

// harvest is what a gathering has found, by kind of candidate.
type harvest struct{ host, reflexive, relay int }

func (h *harvest) count(t webrtc.ICECandidateType) {
	switch t {
	case webrtc.ICECandidateTypeHost:
		h.host++
	case webrtc.ICECandidateTypeSrflx:
		h.reflexive++
	case webrtc.ICECandidateTypeRelay:
		h.relay++
	default:
	}
}

// covers tells whether nothing is missing that o had.
func (h harvest) covers(o harvest) bool {
	return h.host >= o.host && h.reflexive >= o.reflexive && h.relay >= o.relay
}

// experience is what the last gathering found that was given its full time or came to its end. Those that begin later need not
// wait for more: a server that said nothing then will hardly speak now. They go on listening to it all the same, so that it is
// counted on again once it has answered. The zero value knows nothing yet.
type experience struct {
	mu    sync.Mutex
	since time.Time // when that gathering began
	last  harvest
}

// note takes in what a gathering found that began at since.
func (e *experience) note(since time.Time, h harvest) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !since.Before(e.since) {
		e.since, e.last = since, h
	}
}

// satisfied tells whether waiting is not known to bring more than h.
func (e *experience) satisfied(h harvest) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.since.IsZero() && h.covers(e.last)
}

// gatherer collects the candidates of one path.
type gatherer struct {
	limit     time.Duration // the gathering time
	relayOnly bool          // other candidates are of no use
	known     *experience

	mu      sync.Mutex
	since   time.Time
	found   []webrtc.ICECandidate
	harvest harvest
	judged  bool          // the harvest has become experience, or must not
	changed chan struct{} // closed, and replaced, when a candidate comes or the last has come
	done    chan struct{} // closed when the gathering is complete
}

func newGatherer(c Config, known *experience) *gatherer {
	return &gatherer{
		limit: c.GatheringTimeout, relayOnly: c.RelayOnly, known: known,
		since: time.Now(), changed: make(chan struct{}), done: make(chan struct{}),
	}
}

// take is the agent's callback; nil is the end.
func (g *gatherer) take(c *webrtc.ICECandidate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.judge() // what comes after the time was up is no experience to count on
	switch {
	case c != nil:
		g.found = append(g.found, *c)
		g.harvest.count(c.Typ)
	case !isClosed(g.done):
		close(g.done)
		g.judge()
	}
	close(g.changed)
	g.changed = make(chan struct{})
}

// judge makes the harvest the experience for later ones when its time is up or it is complete. The caller holds mu.
func (g *gatherer) judge() {
	if !g.judged && g.over() {
		g.judged = true
		g.known.note(g.since, g.harvest)
	}
}

// over tells whether there is nothing more to wait for. The caller holds mu.
func (g *gatherer) over() bool { return isClosed(g.done) || time.Since(g.since) >= g.limit }

// abandon says that the gathering ends before its time: what it has not found is nobody's fault.
func (g *gatherer) abandon() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.judge()
	g.judged = true
}

// usable tells whether an offer could be made of what there is. The caller holds mu.
func (g *gatherer) usable() bool {
	if g.relayOnly {
		return g.harvest.relay > 0
	}
	return len(g.found) > 0
}

// settled tells whether the gathering was given its time or is complete, with something in hand or nothing more to come.
func (g *gatherer) settled() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.judge()
	return isClosed(g.done) || (len(g.found) > 0 && g.over())
}

// ready tells whether an offer made now would not be made better by waiting, as far as experience goes.
func (g *gatherer) ready() bool {
	if g.settled() {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.enough()
}

// enough tells whether there is all that experience promises. The caller holds mu.
func (g *gatherer) enough() bool { return g.usable() && g.known.satisfied(g.harvest) }

// wait returns what was gathered when that is complete, when it is all that experience promises, or when limit is over since the
// beginning.
func (g *gatherer) wait(ctx context.Context, limit time.Duration) ([]webrtc.ICECandidate, error) {
	grace := time.Now().Add(hostGrace)
	for {
		g.mu.Lock()
		g.judge()
		found, changed := slices.Clone(g.found), g.changed
		complete, end := isClosed(g.done) || g.enough(), g.since.Add(limit)
		g.mu.Unlock()
		if grace.After(end) && len(found) == 0 {
			end = grace
		}
		left := time.Until(end)
		if complete || left <= 0 {
			if len(found) == 0 {
				return nil, ErrNoCandidates
			}
			return found, nil
		}
		if err := waitFor(ctx, changed, left); err != nil {
			return nil, err
		}
	}
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
