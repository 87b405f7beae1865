package station

import (
	"context"
	"fmt"
)

// pulse asks the runner for a sign of life. It is no matter of the machine's.
type pulse struct{ answer chan<- struct{} }

func (pulse) event() {}

// Alive asks Run for a sign of life: nil when it gave one before ctx ended. Whatever holds Run up – the phone, the lock, the light –
// shows here. Run must have been called, and not have returned.
func (r *Runner) Alive(ctx context.Context) error {
	answer := make(chan struct{})
	r.Post(pulse{answer})
	select {
	case <-answer:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("station: %w", context.Cause(ctx))
	}
}
