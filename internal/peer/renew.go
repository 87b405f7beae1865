package peer

import (
	"context"
	"errors"
)

// errNotBuilt marks what is still to come.
var errNotBuilt = errors.New("peer: not built yet")

// Renewal is what an offer of our own in a session that is up is to change.
type Renewal struct {
	Restart bool // ICE restart: other credentials, candidates of the addresses there are now (RFC 8445 section 9)
	Video   bool // adds the door's picture to a session that has none
}

// Renew makes an offer for a re-INVITE. With Restart it waits for candidates, at most the gathering time. The session goes on as it
// is until Renewed. While a renewal is open Reoffer returns an error, and so does another Renew. Errors: ErrState, ErrClosed,
// ErrNoCandidates, the cause of ctx.
func (p *Peer) Renew(ctx context.Context, r Renewal) (offer string, err error) {
	return "", errNotBuilt
}

// Renewed applies the far side's answer to the offer of Renew.
func (p *Peer) Renewed(answer string) (Negotiated, error) { return Negotiated{}, errNotBuilt }

// Withdraw takes the offer of Renew back, because the far side refused it: the session stays as it was.
func (p *Peer) Withdraw() {}

// Answer makes a peer for an incoming call, its answer ready to be sent: candidates are waited for as in Take. The peer is the
// caller's to close; Start must be called before the answer is sent. Errors: those of Take, and of an offer that cannot be taken.
func (p *Pool) Answer(ctx context.Context, offer string) (taken *Peer, answer string, agreed Negotiated, err error) {
	return nil, "", Negotiated{}, errNotBuilt
}
