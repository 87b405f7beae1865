package sip

import (
	"errors"
	"fmt"
)

var (
	// ErrNotRegistered means that there is no registration through which a call could be made.
	ErrNotRegistered = errors.New("not registered at the PBX")
	// ErrConnectionLost means that the connection to the PBX ended before the answer came.
	ErrConnectionLost = errors.New("connection to the PBX lost")
	// ErrCancelled means that the caller's context ended before the call was answered.
	ErrCancelled = errors.New("call cancelled")
	// ErrStopped means that the agent ends.
	ErrStopped = errors.New("SIP agent stopped")
	// ErrRefused means that the PBX refuses the user or the password.
	ErrRefused = errors.New("the PBX refuses the registration")
	// ErrNoAnswer means that a request was sent and nothing came back in time (RFC 3261, Timers B and F).
	ErrNoAnswer = errors.New("no answer from the PBX")
	// ErrBadTarget means that the text given as target cannot be the user part of a SIP address.
	ErrBadTarget = errors.New("not an extension")
	// ErrNotAcceptable is returned by Handler.Reoffer when the offer cannot be taken: the peer gets 488.
	ErrNotAcceptable = errors.New("offer not acceptable")
	// ErrPending is returned by Handler.Reoffer when an offer of our own is open: the peer gets 491.
	ErrPending = errors.New("another offer is pending")
	// ErrDecided means that an incoming call was answered or refused before.
	ErrDecided = errors.New("the call was answered or refused already")
	// ErrEnded means that the call has ended.
	ErrEnded = errors.New("the call has ended")
	// ErrRunning is returned by Run when it is called a second time.
	ErrRunning = errors.New("the agent was run already")
)

// RejectedError is a final answer other than 2xx.
type RejectedError struct {
	Status int    // SIP status
	Reason string // reason phrase
	Q850   int    // cause of a "Reason: Q.850" header, else 0
	Rang   bool   // a 180 or 183 came before
}

// Error gives the status line.
func (e *RejectedError) Error() string {
	if e.Q850 != 0 {
		return fmt.Sprintf("rejected: %d %s (Q.850 cause %d)", e.Status, e.Reason, e.Q850)
	}
	return fmt.Sprintf("rejected: %d %s", e.Status, e.Reason)
}
