package sip

import "context"

// Reinvite offers the peer another session description and returns its answer, the ACK sent. While the connection is away it
// waits for the next one. A 491 is met by another try after the time of RFC 3261 section 14.1; the session stays as it was when
// an error is returned: a *RejectedError, or one that wraps ErrCancelled (ctx ended), ErrConnectionLost, ErrNoAnswer.
func (l *Leg) Reinvite(ctx context.Context, offer string) (answer string, err error) {
	return "", errNotBuilt
}
