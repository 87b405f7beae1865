package phone

import (
	"log/slog"
	"sync"
	"time"
)

// Mark is a moment in a call worth knowing.
type Mark int

// The moments of a call, in the order they usually come.
const (
	MarkPress Mark = iota
	MarkInvite
	MarkRinging
	MarkAnswer
	MarkICE
	MarkDTLS
	MarkKeyFrame
	MarkFarSound
	markCount
)

// String is the name the mark has in the log line and in JSON.
func (m Mark) String() string {
	return [markCount]string{"press", "invite", "ringing", "answer", "ice", "dtls", "key_frame", "far_sound"}[m]
}

// stopwatch notes the first time each mark is passed.
type stopwatch struct {
	mu sync.Mutex
	at [markCount]time.Time
}

func (w *stopwatch) mark(m Mark, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at[m].IsZero() && !at.IsZero() {
		w.at[m] = at
	}
}

func (w *stopwatch) get(m Mark) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at[m]
}

// earliest takes over each mark of another stopwatch that it has not, or has later.
func (w *stopwatch) earliest(o *stopwatch) {
	o.mu.Lock()
	at := o.at
	o.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	for m, t := range at {
		if !t.IsZero() && (w.at[m].IsZero() || t.Before(w.at[m])) {
			w.at[m] = t
		}
	}
}

// attrs are the marks as milliseconds after the press; the ones that were not passed are left out.
func (w *stopwatch) attrs() []any {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := []any{}
	for m := MarkInvite; m < markCount; m++ {
		if w.at[m].IsZero() {
			continue
		}
		ms := float64(w.at[m].Sub(w.at[MarkPress]).Microseconds()) / 1000
		out = append(out, slog.Float64(m.String()+"_ms", ms))
	}
	return out
}
