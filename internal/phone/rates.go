package phone

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"doorstation/internal/bandwidth"
	"doorstation/internal/camera"
	"doorstation/internal/peer"
)

const (
	// rateEach is how often the ways are looked at.
	rateEach = 100 * time.Millisecond
	// rateStep is the least change of the encoder's rate that is worth it, as a part of the rate.
	rateStep = 50
	// estimateRoom is how high an estimate may go, in percent of the highest rate: headers and what is sent again come on top of that.
	estimateRoom = 150
	// restartAfter is how long a way must have been too slow for a source that can't change its rate to be started anew, at so much
	// less (restartShare) at least, and restartGap is how long it is left alone then: each costs a gap in the picture.
	restartAfter = 9 * time.Second
	restartShare = 0.75
	restartGap   = time.Minute
	// behindGap is how often at most a viewer that is left behind has a key frame made.
	behindGap = 3 * time.Second
)

// encoder is what the rates need of the camera's hub.
type encoder interface {
	SetBitrate(bps int) bool
	FixedBitrate() bool
	OneBitrate() bool
	Restart()
	RequestKeyFrame()
}

var _ encoder = (*camera.Hub)(nil)

// rates hold the one encoder at what the ways to those who watch can take.
type rates struct {
	limits  bandwidth.Limits
	encoder encoder
	log     *slog.Logger
	now     func() time.Time

	mu       sync.Mutex
	viewers  []*viewer
	set      int             // what the encoder has
	target   int             // what it should have
	cause    bandwidth.Cause // of the slowest viewer
	lowSince time.Time       // since when a fixed rate is too high
	restart  time.Time       // no restart before
}

// viewer is one far side that watches.
type viewer struct {
	bandwidth.Viewer
	cause   bandwidth.Cause
	asked   time.Time // for a key frame, while left behind
	watched watched
}

// watched is what the encoder's rate was while a far side watched.
type watched struct {
	lowest  int
	bits    float64 // of all the time
	seconds float64
	last    time.Time
	causes  map[bandwidth.Cause]time.Duration
}

func newRates(o Options) *rates {
	r := &rates{limits: o.Bitrate, log: o.Log, now: o.Now}
	if o.Camera != nil {
		r.encoder = o.Camera
	}
	r.set, r.target = r.limits.Start, r.limits.Start
	return r
}

// follow watches the way of a call, to which the reader's pictures go, until ctx ends.
func (r *rates) follow(ctx context.Context, c *call, reader *camera.Reader) {
	if r.limits.Start == 0 {
		return
	}
	v := r.join()
	c.watching(v)
	defer func() {
		r.leave(v)
		c.watching(nil)
	}()
	policy := bandwidth.New(r.limits)
	ticker := time.NewTicker(rateEach)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := r.now()
		d := policy.Update(sampleOf(c.peer.Link(), now))
		c.peer.SetVideoPace(peer.VideoPace{Rate: d.Pace, Resend: d.Resend, Target: d.Target, Least: r.limits.Min, Most: r.limits.Max * estimateRoom / 100})
		if d.Cause != v.cause {
			c.log.Debug("the picture's bit rate", "target", d.Target, "because_of", string(d.Cause))
		}
		r.decided(v, d, now)
		if d.Skip {
			c.log.Debug("pictures that wait are given up", "target", d.Target)
			reader.Skip()
		}
		if r.mended(v, d, now) {
			c.log.Debug("a key frame for what was lost", "target", d.Target)
		}
	}
}

// mended has a key frame made when the decision asks for one and the viewer is to have it.
func (r *rates) mended(v *viewer, d bandwidth.Decision, now time.Time) bool {
	if !d.KeyFrame || r.answer(v, now) == keyFrameNone {
		return false
	}
	r.encoder.RequestKeyFrame()
	return true
}

func sampleOf(l peer.Link, now time.Time) bandwidth.Sample {
	return bandwidth.Sample{
		At: now, Way: l.Way, RoundTrip: l.RoundTrip, RoundTrips: l.RoundTrips,
		Packets: l.Packets, Bytes: l.Bytes, Again: l.Again, Media: l.Media, SoundBytes: l.SoundBytes, Missing: l.Missing, Withheld: l.Withheld,
		Reports: l.Reports, FractionLost: l.FractionLost, Jitter: l.Jitter, Estimate: l.Estimate,
	}
}

func (r *rates) join() *viewer {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := &viewer{Viewer: bandwidth.Viewer{Target: r.limits.Start}}
	r.viewers = append(r.viewers, v)
	return v
}

// leave forgets a viewer. After the last one the encoder has its usual rate again.
func (r *rates) leave(v *viewer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rest := r.viewers[:0]
	for _, o := range r.viewers {
		if o != v {
			rest = append(rest, o)
		}
	}
	r.viewers = rest
	if len(rest) > 0 {
		return
	}
	r.target, r.cause, r.lowSince = r.limits.Start, bandwidth.CauseNone, time.Time{}
	if r.set == r.target {
		return
	}
	r.put(r.target)
	if r.encoder.FixedBitrate() {
		r.encoder.Restart() // between two calls nobody sees it
	}
}

// decided takes the decision for one viewer and lets the encoder follow.
func (r *rates) decided(v *viewer, d bandwidth.Decision, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v.Target, v.cause = d.Target, d.Cause
	ways := make([]*bandwidth.Viewer, len(r.viewers))
	for i, o := range r.viewers {
		ways[i] = &o.Viewer
	}
	r.target, r.cause = bandwidth.Shared(ways), bandwidth.CauseNone
	for _, o := range r.viewers {
		if !o.Behind && o.Target == r.target {
			r.cause = o.cause
		}
	}
	if r.encoder.FixedBitrate() {
		r.patiently(now)
	} else if r.worth() {
		r.put(r.target)
	}
	v.watched.add(r.set, r.cause, now)
}

// worth reports whether the target is another than what the encoder has. The caller holds mu.
func (r *rates) worth() bool {
	step := r.set / rateStep
	return r.target < r.set-step || r.target > r.set+step || r.target != r.set && (r.target == r.limits.Max || r.target == r.limits.Min)
}

// patiently starts a source with a fixed rate anew when a way has been too slow for long. It is never started for a higher rate
// during a call. The caller holds mu.
func (r *rates) patiently(now time.Time) {
	if r.encoder.OneBitrate() || float64(r.target) > restartShare*float64(r.set) {
		r.lowSince = time.Time{}
		return
	}
	if r.lowSince.IsZero() {
		r.lowSince = now
	}
	if now.Sub(r.lowSince) < restartAfter || now.Before(r.restart) {
		return
	}
	r.lowSince, r.restart = time.Time{}, now.Add(restartGap)
	r.log.Info("the camera is started anew at a lower bit rate", "bitrate", r.target, "before", r.set, "because_of", string(r.cause))
	r.put(r.target)
	r.encoder.Restart()
}

// put gives the encoder a rate. The caller holds mu.
func (r *rates) put(bps int) {
	r.set = bps
	r.encoder.SetBitrate(bps)
}

// add counts the time since the last moment.
func (w *watched) add(bps int, cause bandwidth.Cause, now time.Time) {
	if w.lowest == 0 || bps < w.lowest {
		w.lowest = bps
	}
	if !w.last.IsZero() {
		passed := now.Sub(w.last)
		w.bits += float64(bps) * passed.Seconds()
		w.seconds += passed.Seconds()
		if cause != bandwidth.CauseNone {
			if w.causes == nil {
				w.causes = map[bandwidth.Cause]time.Duration{}
			}
			w.causes[cause] += passed
		}
	}
	w.last = now
}

// BitrateTarget is what the encoder should have now, in bit/s, and what holds it down: "delay", "loss", "told", "gcc" or nothing.
func (p *Phone) BitrateTarget() (bps int, cause string) {
	r := p.rates
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.target, string(r.cause)
}
