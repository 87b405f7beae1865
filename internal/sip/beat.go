package sip

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// heartLimit is how long the agent may go without having done anything. While connected it probes at least every 10 s, and
// every 18 s when the PBX is slow; without a connection it looks every few seconds, and making a connection, the slowest of
// all, has limits that add up to less than a minute.
const heartLimit = 2 * time.Minute

// ErrHangs means that the agent's own loop has stood still.
var ErrHangs = errors.New("the agent's loop stands still")

// beat notes that the loop which looks after the connection has come round once more.
func (a *Agent) beat() {
	now := time.Now() // with its monotonic reading: a Raspberry Pi sets its wall clock some time after it has started
	a.heart.Store(&now)
}

// Alive reports whether the agent's loop lives: nil while it comes round, also without a PBX, and before Run and after it;
// else ErrHangs. It takes the agent's lock, so that one that nobody gives back any more shows, too.
func (a *Agent) Alive(context.Context) error {
	a.mu.Lock()
	state := a.state.State
	a.mu.Unlock()
	last := a.heart.Load()
	if last == nil || state == Stopped {
		return nil
	}
	if still := time.Since(*last); still > heartLimit {
		return fmt.Errorf("%w: for %s", ErrHangs, still.Round(time.Second))
	}
	return nil
}
