package sip

import (
	"context"
	"time"
)

// Handler is told what happens on a leg. Every field may be nil.
//
// Sent and Progress are called from the goroutine that called Invite. Reoffer, Digit and Ended are called one after the
// other from one goroutine of the leg's own, which starts as Invite returns its leg, so what arrived earlier waits.
type Handler struct {
	// Sent is told each time the INVITE was written to the socket: the bare one, then the one with credentials.
	Sent func(at time.Time)
	// Progress gets each 18x in order, none after the final answer; body is its SDP, mostly empty.
	Progress func(status int, reason, body string)
	// Reoffer answers an offer of the peer made by re-INVITE or UPDATE. ctx ends with the leg. ErrNotAcceptable becomes
	// 488, ErrPending 491, any other error 500; the session then stays as it was.
	Reoffer func(ctx context.Context, offer string) (answer string, err error)
	// Digit gets each digit sent by INFO once, in the order of CSeq.
	Digit func(d Digit)
	// Ended is told once for each leg that Invite returned, last of all.
	Ended func(e End)
}

// Digit is one key pressed at the far end, received by SIP INFO.
type Digit struct {
	Value    rune          // 0-9, *, #, A-D
	Duration time.Duration // 0 when the peer did not say
	CSeq     uint32        // of the INFO
}

// Who ended a leg.
const (
	EndedByFar        = "far"        // BYE of the peer
	EndedByUs         = "us"         // Hangup or the end of the agent
	EndedByConnection = "connection" // the connection to the PBX was lost
	EndedByTimer      = "timer"      // the session expired without a refresh (RFC 4028)
)

// End says how a leg ended.
type End struct {
	By     string // EndedByFar, EndedByUs, EndedByConnection or EndedByTimer
	Status int    // SIP cause of the Reason header, else 0
	Reason string // text of the Reason header (RFC 3326), else empty
	Q850   int    // Q.850 cause of the Reason header, else 0
}
