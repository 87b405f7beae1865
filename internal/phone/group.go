package phone

import (
	"context"
	"slices"
	"sync"
	"time"

	"doorstation/internal/station"
)

// handoverLimit bounds how long an earlier step rings on until the INVITEs of the next one are on the wire.
const handoverLimit = 2 * time.Second

// group calls the targets of a plan, step by step, until one answers.
type group struct {
	visit   *visit
	ctx     context.Context
	next    int      // step that is to begin
	all     []*reach // in the order they began
	open    []*reach // those that are not over
	results chan reached
	changed chan struct{}
	work    sync.WaitGroup // the reaches and what hands over from one step to the next
	told    bool           // that nobody is there
}

func newGroup(ctx context.Context, v *visit) *group {
	n := 0
	for _, step := range v.request.Plan.Steps {
		n += len(step)
	}
	return &group{visit: v, ctx: ctx, results: make(chan reached, n), changed: make(chan struct{}, 1)}
}

// run returns the call that was answered, or the outcomes of all.
func (g *group) run() (answered *reached, outcomes []station.Outcome) {
	plan := g.visit.request.Plan
	step := time.NewTimer(plan.Step)
	defer step.Stop()
	g.begin()
	for {
		if g.nobodyCanAnswer() {
			switch {
			case g.more():
				g.begin()
				step.Reset(plan.Step)
				continue
			case len(g.open) == 0:
				return nil, outcomes
			default:
				g.tellNobody()
			}
		}
		select {
		case r := <-g.results:
			g.open = slices.DeleteFunc(g.open, func(o *reach) bool { return o == r.reach })
			if r.err == nil {
				return &r, nil
			}
			r.call.close()
			g.visit.note(r.target, r.outcome)
			r.log.Info("target not reached", "outcome", string(r.outcome), "reason", r.err.Error())
			outcomes = append(outcomes, r.outcome)
		case <-g.changed:
		case <-step.C:
			if g.more() {
				g.handOver()
				step.Reset(plan.Step)
			}
		}
	}
}

// more says whether another step is to begin.
func (g *group) more() bool { return g.ctx.Err() == nil && g.next < len(g.visit.request.Plan.Steps) }

// nobodyCanAnswer says whether all that were called so far are away or over.
func (g *group) nobodyCanAnswer() bool {
	return !slices.ContainsFunc(g.open, func(r *reach) bool { return !r.isAway() })
}

// begin begins the next step.
func (g *group) begin() {
	plan := g.visit.request.Plan
	if g.next >= len(plan.Steps) {
		return
	}
	targets := plan.Steps[g.next]
	g.next++
	if g.next > 1 {
		g.visit.phone.opt.Log.Info("next step", "visit", uint64(g.visit.id), "step", g.next, "targets", targets)
	}
	for _, target := range targets {
		if slices.ContainsFunc(g.open, func(r *reach) bool { return r.target == target && context.Cause(r.ctx) == nil }) {
			continue // it is being called
		}
		r := newReach(g.ctx, g.visit, target)
		g.all, g.open = append(g.all, r), append(g.open, r)
		g.work.Go(func() { g.results <- r.run(g.poke) })
	}
}

// handOver begins the next step because the time of the one before is over.
func (g *group) handOver() {
	before := slices.Clone(g.open)
	g.begin()
	plan := g.visit.request.Plan
	if plan.KeepRinging {
		return
	}
	fresh := slices.Clone(g.open[len(before):])
	before = slices.DeleteFunc(before, func(r *reach) bool { return slices.Contains(plan.Steps[g.next-1], r.target) })
	g.work.Go(func() { g.giveUp(before, fresh) })
}

// giveUp cancels the reaches of the steps before, once the fresh ones are on the wire: the house is never silent in between.
func (g *group) giveUp(before, fresh []*reach) {
	limit := time.NewTimer(handoverLimit)
	defer limit.Stop()
	for _, r := range fresh {
		select {
		case <-r.sent:
		case <-limit.C:
			limit.Reset(0) // for the others, too
		case <-g.ctx.Done():
		}
	}
	for _, r := range before {
		r.cancel(errStepOver)
	}
}

// tellNobody tells the station, once, that nobody is there.
func (g *group) tellNobody() {
	if g.told || g.ctx.Err() != nil {
		return
	}
	g.told = true
	g.visit.phone.opt.Events(station.NobodyThere{Visit: g.visit.id})
}

// poke wakes run up.
func (g *group) poke() {
	select {
	case g.changed <- struct{}{}:
	default:
	}
}
