package camera

import (
	"context"
	"fmt"
	"time"
)

// Alive asks Run for a sign of life: nil when it gave one before ctx ended. A source that does not end when it is told to holds
// Run up, and so shows here. Run must have been called, and not have returned.
func (h *Hub) Alive(ctx context.Context) error {
	answer := make(chan struct{})
	select {
	case h.pulses <- answer:
	case <-ctx.Done():
		return fmt.Errorf("camera hub: %w", context.Cause(ctx))
	}
	<-answer // taken is answered
	return nil
}

// rest waits before a source that broke is tried again; it returns false when ctx ends first.
func (h *Hub) rest(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case answer := <-h.pulses:
			close(answer)
		}
	}
}
