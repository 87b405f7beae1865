package gpio

import "time"

// decider makes of a line's edges what they mean.
type decider interface {
	begin(at time.Time, down bool)
	// edge takes a change, settle the time at which nothing more has changed; next is when settle may decide something.
	edge(at time.Time, down bool) verdict
	settle(at time.Time) verdict
	next() (time.Time, bool)
	// isDown is the line after the last edge.
	isDown() bool
}

// watcher brings the edges of a line to a decider, whatever the processor does meanwhile: what has happened is judged by the
// times of the edges, and nothing is judged before all edges that there are have been taken.
type watcher struct {
	in        input
	activeLow bool
	sampling  bool // no edges come
	d         decider
	storm     storm
	odd       time.Time // since when level and edges have disagreed; zero: they agree
	missed    int       // times that edges were lost
}

func (w *watcher) begin() error {
	high, err := w.in.level()
	if err != nil {
		return err
	}
	w.d.begin(time.Now(), high != w.activeLow)
	return nil
}

// step takes what has happened, tells verdicts and waits for more. Each step tells at least one verdict.
func (w *watcher) step(tell func(verdict)) error {
	now := time.Now() // before the edges are taken: whatever happened until now is among them
	edges, err := w.in.edges()
	if err != nil {
		return err
	}
	for _, e := range edges {
		if e.lost {
			w.missed++
		}
		if v := w.d.edge(e.at, e.high != w.activeLow); v != nothing {
			tell(v)
		}
	}
	w.storm.count(now, len(edges))
	high, err := w.in.level()
	if err != nil {
		return err
	}
	down := high != w.activeLow
	limit := pollEvery
	switch {
	case down == w.d.isDown():
		w.odd = time.Time{}
		tell(w.d.settle(now))
		if due, ok := w.d.next(); ok {
			limit = min(limit, max(due.Sub(now), time.Millisecond))
		}
	case w.sampling || !w.odd.IsZero() && now.Sub(w.odd) >= edgeDelay:
		// The edge does not come any more.
		w.odd = time.Time{}
		w.missed++
		tell(w.d.edge(now, down))
		limit = time.Millisecond
	default: // its edge is on the way: nothing is decided without it
		if w.odd.IsZero() {
			w.odd = now
		}
		tell(nothing)
		limit = time.Millisecond
	}
	switch {
	case w.sampling:
		limit = min(limit, sampleEvery)
	case w.storm.on:
		// The line must not cost a processor: the kernel may drop what it cannot keep.
		time.Sleep(stormPause)
	}
	return w.in.wait(limit)
}

const (
	// stormRate is how many edges a second no contact makes.
	stormRate  = 2000
	stormPause = 20 * time.Millisecond
)

// storm tells a line that oscillates.
type storm struct {
	on    bool
	since time.Time // of the second that is being counted
	edges int
}

func (s *storm) count(now time.Time, edges int) {
	s.edges += edges
	if now.Sub(s.since) < time.Second {
		return
	}
	// In a storm the kernel keeps uapi.EventBuffer edges and the rest is lost: the rate seen is that of the reading.
	s.on = s.edges >= stormRate
	s.since, s.edges = now, 0
}
