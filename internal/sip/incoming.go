package sip

import (
	"context"
	"errors"
)

// errNotBuilt marks what is still to come.
var errNotBuilt = errors.New("not built yet")

// Incoming is an INVITE from outside a dialog that waits for a decision (RFC 3261 section 13.3).
type Incoming struct {
	ctx    context.Context
	caller string
	name   string
	offer  string
}

// Caller is the extension that calls: the user part of P-Asserted-Identity (RFC 3325), else of From.
func (i *Incoming) Caller() string { return i.caller }

// CallerName is the display name of the caller, perhaps empty.
func (i *Incoming) CallerName() string { return i.name }

// Offer is the caller's session description.
func (i *Incoming) Offer() string { return i.offer }

// Context ends when the caller has given up or the call was decided; its cause says why.
func (i *Incoming) Context() context.Context { return i.ctx }

// Ring sends 180.
func (i *Incoming) Ring() error { return errNotBuilt }

// Answer sends 200 with the session description and returns the leg once the ACK came. Errors wrap ErrCancelled when the caller
// gave up first, ErrConnectionLost, or ErrNoAnswer when no ACK came.
func (i *Incoming) Answer(ctx context.Context, answer string, h Handler) (*Leg, error) {
	return nil, errNotBuilt
}

// Reject sends a final answer of 400 and above.
func (i *Incoming) Reject(status int, reason string) error { return errNotBuilt }
