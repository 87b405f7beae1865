package camera

import "time"

// watch holds the clocks of one run of a source: stall, linger and the distance of key frames.
type watch struct {
	hub                *Hub
	stall, linger, key *time.Timer
	first, last        time.Time // pictures
	asked              time.Time // the last ForceIDR
}

// newWatch starts the stall clock; the others wait for their reason.
func newWatch(h *Hub) *watch {
	w := &watch{hub: h, stall: time.NewTimer(max(stall, h.source.Traits().Start)), linger: time.NewTimer(linger), key: time.NewTimer(keyFrameGap)}
	w.key.Stop()
	w.readersChanged(h.readerCount())
	return w
}

// stop ends all clocks.
func (w *watch) stop() {
	w.stall.Stop()
	w.linger.Stop()
	w.key.Stop()
}

// sawPicture winds up the stall clock and reports whether this was the first picture.
func (w *watch) sawPicture() bool {
	w.stall.Reset(stall)
	w.last = time.Now()
	if !w.first.IsZero() {
		return false
	}
	w.first = w.last
	return true
}

// delivered is for how long pictures came.
func (w *watch) delivered() time.Duration { return w.last.Sub(w.first) }

// readersChanged starts the linger clock when the last reader has left and stops it when one has come.
func (w *watch) readersChanged(count int) {
	if count > 0 {
		w.linger.Stop()
		return
	}
	w.linger.Reset(linger)
}

// keyWanted passes a request for an IDR on, at once or when the last one is long enough ago.
func (w *watch) keyWanted() {
	if wait := w.hub.keyFrameGap() - time.Since(w.asked); !w.asked.IsZero() && wait > 0 {
		w.key.Reset(wait) // one that waited already waits no longer for it
		return
	}
	w.keyDue()
}

// keyDue asks the source for an IDR.
func (w *watch) keyDue() {
	w.key.Stop()
	w.asked = time.Now()
	w.hub.source.ForceIDR()
}

// stateAfter names the state of a source that is tried after this many failures in a row.
func stateAfter(failures int) State {
	switch {
	case failures == 0:
		return StateRunning
	case failures < failedAfter:
		return StateRestarting
	default:
		return StateFailed
	}
}

// backOff is the wait before a source is tried again after this many failures in a row.
func backOff(failures int, last time.Duration) time.Duration {
	wait := firstBackOff
	for i := 1; i < failures && wait < last; i++ {
		wait *= 2
	}
	return min(wait, last)
}

// signal leaves a token in a channel of length one, unless there is one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// drain takes the token out of a channel of length one, if there is one.
func drain(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}
