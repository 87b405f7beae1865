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

// rest waits before a source that broke is tried again: for watched if somebody watches or comes to, else for unwatched. It returns
// false when ctx ends first.
func (h *Hub) rest(ctx context.Context, watched, unwatched time.Duration) bool {
	soon, late := time.NewTimer(watched), time.NewTimer(unwatched)
	defer soon.Stop()
	defer late.Stop()
	for rested := false; ; {
		select {
		case <-ctx.Done():
			return false
		case <-soon.C:
			rested = true
		case <-late.C:
			return true
		case <-h.demand:
		case answer := <-h.pulses:
			close(answer)
		}
		if rested && h.readerCount() > 0 {
			return true
		}
	}
}
