package app

import (
	"context"
	"time"

	"doorstation/internal/hardware"
	"doorstation/internal/health"
	"doorstation/internal/machine"
)

const (
	// machineEvery is how often power, temperature, clock, disk and memory are looked at.
	machineEvery = time.Minute
	// machineCalm is how many looks in a row a fault of the machine must be gone for: a supply that is too weak is so by moments.
	machineCalm = 5
	// clockPatience is how long the agent runs before a clock that nobody keeps is a fault.
	clockPatience = 15 * time.Minute
)

// machineWatch turns what is seen of the machine into standing faults.
type machineWatch struct {
	health *health.Register
	calm   map[health.Code]int // looks since it was last seen, of those that stand
}

// take takes what one look gave.
func (w *machineWatch) take(seen []hardware.Verdict) {
	details := map[health.Code]string{}
	for _, v := range seen {
		if v.Code != "" {
			details[v.Code] = v.Found
		}
	}
	for _, code := range hardware.MachineCodes() {
		detail, is := details[code]
		switch {
		case is && !w.health.Has(code):
			w.health.Raise(code, detail) // its figures change with each look: only the first are told
			w.calm[code] = 0
		case is:
			w.calm[code] = 0
		case w.health.Has(code):
			if w.calm[code]++; w.calm[code] >= machineCalm {
				w.health.Clear(code)
			}
		}
	}
}

// watchMachine looks at the machine until ctx ends.
func (a *App) watchMachine(ctx context.Context) error {
	w := machineWatch{health: a.health, calm: map[health.Code]int{}}
	for {
		seen := hardware.LookAtMachine(hardware.MachineOptions{Machine: machine.Machine{Root: a.opt.test.machineRoot}, StateDir: a.opt.StateDir})
		if a.opt.Now().Sub(a.started) < clockPatience {
			for i := range seen {
				if seen[i].Code == health.CodeClockWrong {
					seen[i].Code = ""
				}
			}
		}
		w.take(seen)
		select {
		case <-time.After(machineEvery):
		case <-ctx.Done():
			return nil
		}
	}
}
