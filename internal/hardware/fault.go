package hardware

import (
	"errors"
	"math"
	"sync"

	"doorstation/internal/gpio"
)

// errNoAnswer stands for a board that has told of no fault.
var errNoAnswer = errors.New("the line does not answer")

// lastFault is the last that a board told.
type lastFault struct {
	mu  sync.Mutex
	err error
}

func (f *lastFault) take(fault gpio.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = fault.Err
}

// get is the fault, or [errNoAnswer] where there is none.
func (f *lastFault) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		return errNoAnswer
	}
	return f.err
}

func root(v float64) float64 { return math.Sqrt(math.Max(0, v)) }
