package phone

import (
	"context"
	"errors"
	"sync"
	"time"

	"doorstation/internal/camera"
	"doorstation/internal/station"
)

// errElsewhere is the cause of the calls that lost to the first answer.
var errElsewhere = errors.New("answered by another target")

// visit is one press: a group of calls of which at most one is talked on.
type visit struct {
	phone   *Phone
	id      station.VisitID
	request Request
	line    *Line // guarded by the phone's lock; nil until there is one
	began   time.Time

	ctx    context.Context
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	rung    map[string]bool
	results map[string]station.Outcome
	warm    *camera.Reader // keeps the camera running until the talk has a reader of its own
	letGo   bool           // it has, or needs none
	drain   sync.WaitGroup
}

func newVisit(p *Phone, id station.VisitID, r Request) *visit {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &visit{
		phone: p, id: id, request: r, began: p.opt.Now(), ctx: ctx, cancel: cancel,
		rung: map[string]bool{}, results: map[string]station.Outcome{},
	}
}

// run rings every target, talks with the first that answers, and returns when nothing of the visit is up.
func (v *visit) run() station.Outcome {
	defer v.cancel(nil)
	defer v.drain.Wait()
	defer v.letCameraGo()
	v.lineNow()

	dialCtx, stopDialing := context.WithCancelCause(v.ctx)
	defer stopDialing(nil)
	type result struct {
		call *call
		err  error
	}
	results := make(chan result, len(v.request.Targets))
	var dialing sync.WaitGroup
	calls := make([]*call, 0, len(v.request.Targets))
	for _, target := range v.request.Targets {
		c := newCall(v, target)
		c.watch.mark(MarkPress, v.pressedAt())
		calls = append(calls, c)
		dialing.Go(func() { results <- result{c, c.dial(dialCtx)} })
	}

	var winner *call
	var outcomes []station.Outcome
	for range v.request.Targets {
		r := <-results
		if r.err == nil {
			// The others are cancelled while this one already talks: nobody waits for their last response.
			winner = r.call
			stopDialing(errElsewhere)
			break
		}
		r.call.close()
		outcome := outcomeOf(errorOrCause(dialCtx, r.err), r.call.rangFor())
		v.note(r.call.target, outcome)
		v.phone.opt.Log.Info("target not reached", "visit", uint64(v.id), "target", r.call.target, "outcome", string(outcome), "reason", r.err.Error())
		outcomes = append(outcomes, outcome)
	}
	if winner == nil {
		dialing.Wait()
		outcome := station.Combine(outcomes)
		if cause := context.Cause(v.ctx); cause != nil {
			outcome = outcomeOf(cause, 0)
		}
		v.logUnanswered(calls, outcome)
		return outcome
	}
	return v.talk(winner, func() {
		dialing.Wait()
		close(results)
		for r := range results {
			if r.err == nil {
				r.call.hangup()
			}
			r.call.close()
			v.note(r.call.target, station.OutcomeCancelled)
		}
	})
}

// talk carries the answered call until either side ends it; losers clears away the calls that were not taken.
func (v *visit) talk(c *call, losers func()) station.Outcome {
	var clearing sync.WaitGroup
	clearing.Go(losers)
	defer clearing.Wait()

	m := startMedia(c)
	v.phone.opt.Events(station.Answered{Visit: v.id, Target: c.target})
	outcome := station.OutcomeTalked
	select {
	case <-c.leg.Done():
	case <-v.ctx.Done():
		outcome = outcomeOf(context.Cause(v.ctx), 0)
	case err := <-c.failed:
		v.phone.opt.Log.Warn("the media path is lost", "visit", uint64(v.id), "target", c.target, "error", err)
		if c.watch.get(MarkDTLS).IsZero() {
			outcome = station.OutcomeFailed
		}
	}
	m.stop()
	c.hangup()
	v.note(c.target, outcome)
	v.logTalk(m, outcome)
	c.close()
	return outcome
}

func (v *visit) note(target string, o station.Outcome) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.results[target] = o
}

func (v *visit) onRinging(c *call) {
	v.mu.Lock()
	first := !v.rung[c.target]
	v.rung[c.target] = true
	v.mu.Unlock()
	if first {
		v.phone.opt.Events(station.Ringing{Visit: v.id, Target: c.target})
	}
}

// pressedAt is when the button was pressed, or when the call was asked for where there was no button.
func (v *visit) pressedAt() time.Time {
	if v.request.PressedAt.IsZero() {
		return v.began
	}
	return v.request.PressedAt
}

// errorOrCause prefers the reason a context was ended for over the error that its end brought about.
func errorOrCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// lineNow is the visit's line: the one it has, else the one that is there now, nil while there is none. The first time there
// is one for pictures it wakes the camera, so that the first picture after the answer waits for nothing.
func (v *visit) lineNow() *Line {
	line := v.phone.lineFor(v)
	if line == nil || !line.Video {
		return line
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.warm == nil && !v.letGo {
		warm := v.phone.opt.Camera.Subscribe()
		v.warm = warm
		v.drain.Go(func() { drainPictures(v.ctx, warm) })
	}
	return line
}

// letCameraGo ends the visit's own reader; the camera goes on for those of the talk.
func (v *visit) letCameraGo() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.letGo = true
	if v.warm != nil {
		v.warm.Close()
	}
}

// drainPictures reads and forgets until the reader is closed or ctx ends.
func drainPictures(ctx context.Context, r *camera.Reader) {
	for {
		if _, err := r.Next(ctx); err != nil {
			return
		}
	}
}
