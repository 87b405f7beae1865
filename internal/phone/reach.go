package phone

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"doorstation/internal/peer"
	"doorstation/internal/sip"
	"doorstation/internal/station"
)

// reach is the endeavour to reach one target in a visit: attempt after attempt, until one is answered or there is no hope.
type reach struct {
	visit  *visit
	target string
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelCauseFunc
	watch  stopwatch // of all attempts: the first of each moment

	sent chan struct{} // closed when an INVITE is on the wire, or none will be
	once sync.Once     // for sent
	done chan struct{} // closed when it is over

	mu   sync.Mutex
	away bool            // it was said to be away, and does not ring
	told station.Outcome // what the attempts so far have meant
	fork bool            // what was heard before the answer was another's: it is not listened to again
}

// reached is the end of a reach: an answered call, or why there is none.
type reached struct {
	*reach
	call    *call
	err     error
	outcome station.Outcome // of a failed one
}

func newReach(ctx context.Context, v *visit, target string) *reach {
	r := &reach{
		visit: v, target: target, log: v.phone.opt.Log.With("visit", uint64(v.id), "target", target),
		sent: make(chan struct{}), done: make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	r.watch.mark(MarkPress, v.pressedAt())
	return r
}

// run makes the attempts. changed is told when away has changed.
func (r *reach) run(changed func()) reached {
	defer close(r.done)
	defer r.onSent()
	var c *call
	err := r.visit.phone.persist.try(r.ctx, func() error {
		c = newCall(r.visit.phone, r.log, &r.watch, hooks{
			sent: r.onSent, early: r.onEarly,
			ringing: func() {
				r.setAway(false, changed)
				r.visit.onRinging(r.target)
			},
			digit:  func(c *call, d rune) { r.visit.onDigit(c, d) },
			camera: r.visit.letCameraGo,
		})
		err := c.dial(r.ctx, r.visit.lineNow(), r.target)
		if err != nil {
			r.visit.earlyOver(c)
		}
		return err
	}, func(err error) verdict { return r.judge(c, err) }, func(v verdict) {
		r.setAway(v == verdictAway, changed)
		if v != verdictAway {
			r.visit.nudge()
		}
	})
	if err == nil {
		return reached{reach: r, call: c}
	}
	return reached{reach: r, call: c, err: err, outcome: r.outcome(c, err)}
}

func (r *reach) onSent() { r.once.Do(func() { close(r.sent) }) }

// onEarly takes a session description that came before the answer.
func (r *reach) onEarly(c *call, sdp string) {
	r.mu.Lock()
	fork := r.fork
	r.mu.Unlock()
	if !fork {
		r.visit.onEarly(c, sdp)
	}
}

// deafen keeps what is sent before an answer from being listened to again: somebody has picked up whom the door could not talk to
// because it had listened to another, and is rung once more.
func (r *reach) deafen() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fork = true
}

// judge says what becomes of the target after a failed attempt, and notes what the failure means.
func (r *reach) judge(c *call, err error) verdict {
	outcome := outcomeOf(err, c.rangFor())
	lost := errors.Is(err, sip.ErrConnectionLost)
	v := verdictFinal
	switch {
	case outcome == station.OutcomeNotRegistered:
		v = verdictAway
	case lost && !c.rang().IsZero():
		v = verdictLost
	case errors.Is(err, peer.ErrForked):
		v = verdictLost
		r.deafen()
	case lost, errors.Is(err, sip.ErrNotRegistered), errors.Is(err, peer.ErrNoCandidates):
		v = verdictNotBegun
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// That the door is offline says less than what was learnt before.
	if r.told == "" || outcome != station.OutcomeOffline {
		if v != verdictFinal && r.told != outcome {
			r.log.Info("not reached yet, it is tried again", "outcome", string(outcome), "reason", err.Error())
		}
		r.told = outcome
	}
	return v
}

// outcome is what the end means for this target.
func (r *reach) outcome(c *call, err error) station.Outcome {
	r.mu.Lock()
	told := r.told
	r.mu.Unlock()
	cause := context.Cause(r.ctx)
	switch {
	case cause == nil:
		if told != "" {
			return told
		}
		return outcomeOf(err, c.rangFor())
	case c.rang().IsZero() && told != "" && outcomeOf(cause, 0) == station.OutcomeNoAnswer:
		return told // it was not ringing when it was given up
	default:
		return outcomeOf(cause, 0)
	}
}

// isAway says whether the target can't answer just now.
func (r *reach) isAway() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.away
}

func (r *reach) setAway(away bool, changed func()) {
	r.mu.Lock()
	before := r.away
	r.away = away
	r.mu.Unlock()
	if before != away {
		changed()
	}
}
