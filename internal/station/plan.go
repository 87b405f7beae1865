package station

import (
	"slices"
	"time"
)

// DefaultStep is how long a step of a plan has before the next one begins, where the button names no time.
const DefaultStep = 15 * time.Second

// Plan is whom a visit calls, in steps: the first at once, each further one when the step before has had its time, or sooner
// when nobody of the steps before can answer.
type Plan struct {
	// Steps are lists of extensions; those of one step are called all at once.
	Steps [][]string
	// Step is the time from one step to the next.
	Step time.Duration
	// KeepRinging says whether the steps before go on ringing when the next one begins; otherwise they are cancelled then.
	KeepRinging bool
}

// Targets are all extensions of the plan in order, each once.
func (p Plan) Targets() []string {
	var all []string
	for _, step := range p.Steps {
		for _, target := range step {
			if !slices.Contains(all, target) {
				all = append(all, target)
			}
		}
	}
	return all
}

// clone shares nothing with the original, and has no step without a target.
func (p Plan) clone() Plan {
	var steps [][]string
	for _, step := range p.Steps {
		if len(step) > 0 {
			steps = append(steps, slices.Clone(step))
		}
	}
	p.Steps = steps
	return p
}

// plan is the plan of a button.
func (b Button) plan() Plan {
	return Plan{Steps: b.Steps, Step: positive(b.Step, DefaultStep), KeepRinging: b.KeepRinging}.clone()
}
