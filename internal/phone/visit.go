package phone

import (
	"context"
	"errors"
	"sync"
	"time"

	"doorstation/internal/camera"
	"doorstation/internal/station"
)

var (
	// errElsewhere is the cause of the calls that lost to the first answer.
	errElsewhere = errors.New("answered by another target")
	// errStepOver is the cause of the calls whose step is over.
	errStepOver = errors.New("the next step has begun")
)

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
	early   *call // the one whose early media is heard
	up      *call // the one that was answered
	nudged  time.Time
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

// run calls the targets, talks with the first that answers, and returns when nothing of the visit is up.
func (v *visit) run() station.Outcome {
	defer v.cancel(nil)
	defer v.drain.Wait()
	defer v.letCameraGo()
	v.lineNow()

	ctx, stopDialing := context.WithCancelCause(v.ctx)
	defer stopDialing(nil)
	g := newGroup(ctx, v)
	winner, outcomes := g.run()
	if winner == nil {
		g.work.Wait()
		outcome := v.unanswered(outcomes)
		v.logUnanswered(g.all, outcome)
		return outcome
	}
	// The others are cancelled while this one already talks: nobody waits for their last response.
	stopDialing(errElsewhere)
	v.choose(winner.call)
	return v.talk(winner, func() {
		g.work.Wait()
		close(g.results)
		for r := range g.results {
			if r.err == nil {
				r.call.hangup()
				r.outcome = station.OutcomeCancelled
			}
			r.call.close()
			v.note(r.target, r.outcome)
		}
	})
}

// unanswered is the outcome of a visit that nobody answered.
func (v *visit) unanswered(outcomes []station.Outcome) station.Outcome {
	all := station.Combine(outcomes)
	cause := context.Cause(v.ctx)
	if cause == nil {
		return all
	}
	decided := outcomeOf(cause, 0)
	if decided != station.OutcomeNoAnswer {
		return decided
	}
	for _, o := range outcomes {
		if o == decided {
			return decided // somebody's phone rang to the end
		}
	}
	return all
}

// talk carries the answered call until either side ends it; losers clears away the calls that were not taken.
func (v *visit) talk(r *reached, losers func()) station.Outcome {
	var clearing sync.WaitGroup
	clearing.Go(losers)

	c := r.call
	m := c.openMedia(mediaOptions{})
	m.goLive()
	v.phone.opt.Events(station.Answered{Visit: v.id, Target: r.target})
	outcome := c.carry(v.ctx)
	m.stop()
	c.hangup()
	clearing.Wait() // the line tells of the others, too
	v.note(r.target, outcome)
	v.logTalk(r.target, m, outcome)
	c.close()
	return outcome
}

func (v *visit) note(target string, o station.Outcome) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.results[target] = o
}

func (v *visit) onRinging(target string) {
	v.mu.Lock()
	first := !v.rung[target]
	v.rung[target] = true
	v.mu.Unlock()
	if first {
		v.phone.opt.Events(station.Ringing{Visit: v.id, Target: target})
	}
}

// onDigit takes a digit of the call that was answered. Those of the others, which are heard before an answer and until their end,
// are nobody's to open the door with.
func (v *visit) onDigit(c *call, d rune) {
	v.mu.Lock()
	mine := v.up == c
	v.mu.Unlock()
	if !mine {
		c.log.Info("digit ignored: nobody talks on this call")
		return
	}
	v.phone.opt.Events(station.Digit{Visit: v.id, Digit: d})
}

// nudgeEach is how often at most a visit that can't begin asks for its connection.
const nudgeEach = 2 * time.Second

// nudge asks for the connection to the PBX, now that somebody stands at the door.
func (v *visit) nudge() {
	line := v.phone.lineFor(v)
	now := v.phone.opt.Now()
	v.mu.Lock()
	due := now.Sub(v.nudged) >= nudgeEach
	if due {
		v.nudged = now
	}
	v.mu.Unlock()
	if due && line != nil && line.Nudge != nil {
		line.Nudge()
	}
}

// pressedAt is when the button was pressed, or when the call was asked for where there was no button.
func (v *visit) pressedAt() time.Time {
	if v.request.PressedAt.IsZero() {
		return v.began
	}
	return v.request.PressedAt
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
