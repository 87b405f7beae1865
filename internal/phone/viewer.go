package phone

import (
	"log/slog"
	"time"

	"doorstation/internal/bandwidth"
)

// watching notes who watches on this call; nil: nobody any more.
func (c *call) watching(v *viewer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v == nil && c.viewer != nil {
		c.watched.join(c.viewer.watched)
	}
	c.viewer = v
}

// keyFrameAnswer is what becomes of a far side's request for a key frame.
type keyFrameAnswer int

const (
	// keyFrameNow: it gets one, or the newest group of pictures of a source that can't be asked.
	keyFrameNow keyFrameAnswer = iota
	// keyFrameOnly: it gets one, but no whole group: the way is slow enough.
	keyFrameOnly
	// keyFrameNone: it is left behind, and one more would only cost the others.
	keyFrameNone
)

// keyFrameFor answers the call's far side.
func (c *call) keyFrameFor(now time.Time) keyFrameAnswer {
	c.mu.Lock()
	v := c.viewer
	c.mu.Unlock()
	if v == nil {
		return keyFrameNow
	}
	return c.phone.rates.answer(v, now)
}

// answer says what a viewer gets that needs a key frame.
func (r *rates) answer(v *viewer, now time.Time) keyFrameAnswer {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !v.Behind && v.cause == bandwidth.CauseNone:
		return keyFrameNow
	case !v.Behind:
		return keyFrameOnly
	case now.Sub(v.asked) < behindGap:
		return keyFrameNone
	}
	v.asked = now
	return keyFrameOnly
}

// join adds what another watched after this one.
func (w *watched) join(o watched) {
	if w.lowest == 0 || o.lowest > 0 && o.lowest < w.lowest {
		w.lowest = o.lowest
	}
	w.bits += o.bits
	w.seconds += o.seconds
	if w.causes == nil {
		w.causes = map[bandwidth.Cause]time.Duration{}
	}
	for cause, d := range o.causes {
		w.causes[cause] += d
	}
}

// rateAttr tells of the encoder's rate while the call's far side watched.
func (c *call) rateAttr() slog.Attr {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.watched
	if w.seconds == 0 {
		return slog.Group("video_bitrate") // left out
	}
	attrs := []any{"lowest", w.lowest, "mean", int(w.bits / w.seconds)}
	for _, cause := range []bandwidth.Cause{bandwidth.CauseDelay, bandwidth.CauseLoss, bandwidth.CauseGCC} {
		if d := w.causes[cause]; d > 0 {
			attrs = append(attrs, slog.Float64("seconds_held_by_"+string(cause), d.Seconds()))
		}
	}
	return slog.Group("video_bitrate", attrs...)
}
