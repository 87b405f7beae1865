package main

import (
	"flag"
	"time"
)

// plan is how much is measured.
type plan struct {
	starts, presses, dead   int
	glassCalls, earCalls    int
	lossCalls, costCalls    int
	baresipCalls            int
	returns, holes, changes int
	shapeCalls              int
	glassTalk, earTalk      time.Duration
	lossTalk, costTalk      time.Duration
	viewersFor              time.Duration
	boots, edges            int
	idle                    time.Duration
	quick                   bool
}

// skips reports whether a part is only done when it is named.
func (p *plan) skips(name string) bool {
	return p.quick && name == "arm64" || name == partPower || name == partEdge || name == partIdle
}

func fullPlan() plan {
	return plan{
		starts: 10, presses: 200, dead: 50, glassCalls: 10, earCalls: 6, lossCalls: 10, costCalls: 3, baresipCalls: 22,
		returns: 20, holes: 5, changes: 20, shapeCalls: 3,
		glassTalk: 20 * time.Second, earTalk: 40 * time.Second, lossTalk: 12 * time.Second, costTalk: 20 * time.Second,
		viewersFor: 10 * time.Second, boots: 5, edges: 30, idle: 10 * time.Minute,
	}
}

// quickPlan is for a run of less than six minutes.
func quickPlan() plan {
	return plan{
		starts: 3, presses: 8, dead: 3, glassCalls: 1, earCalls: 1, lossCalls: 1, costCalls: 1, baresipCalls: 4,
		returns: 1, holes: 0, changes: 1,
		glassTalk: 8 * time.Second, earTalk: 12 * time.Second, lossTalk: 12 * time.Second, costTalk: 8 * time.Second,
		viewersFor: 3 * time.Second, boots: 1, edges: 5, idle: 30 * time.Second, quick: true,
	}
}

// flags lets the command line change the plan.
func (p *plan) flags() {
	for name, f := range map[string]struct {
		n    *int
		text string
	}{
		"starts":        {&p.starts, "starts of the process"},
		"presses":       {&p.presses, "presses that are answered"},
		"dead":          {&p.dead, "presses with every STUN and TURN server dead"},
		"glass-calls":   {&p.glassCalls, "calls whose pictures' age is read, at each size"},
		"ear-calls":     {&p.earCalls, "calls with bursts both ways"},
		"loss-calls":    {&p.lossCalls, "calls at each packet loss"},
		"cost-calls":    {&p.costCalls, "calls at each size whose processor time is taken"},
		"baresip-calls": {&p.baresipCalls, "calls of baresip, with each kind of popup; a third as many at loss"},
		"returns":       {&p.returns, "times that the PBX is stopped or killed and comes back"},
		"holes":         {&p.holes, "times that nothing passes on the wire"},
		"shape-calls":   {&p.shapeCalls, "talks whose link becomes slow and fast again for each length of queue, and at each random loss"},
		"boots":         {&p.boots, "times that the machine is switched off and on"},
		"edges":         {&p.edges, "presses of the machine's button"},
		"changes":       {&p.changes, "changes of SIP Core's settings"},
	} {
		flag.IntVar(f.n, name, *f.n, f.text)
	}
	for name, f := range map[string]struct {
		d    *time.Duration
		text string
	}{
		"glass-talk":  {&p.glassTalk, "length of a call whose pictures' age is read"},
		"ear-talk":    {&p.earTalk, "length of a call with bursts"},
		"loss-talk":   {&p.lossTalk, "length of a call at packet loss"},
		"cost-talk":   {&p.costTalk, "length of a call whose processor time is taken"},
		"idle":        {&p.idle, "how long the machine is left alone"},
		"viewers-for": {&p.viewersFor, "how long each number of viewers watches"},
	} {
		flag.DurationVar(f.d, name, *f.d, f.text)
	}
}
