package peer

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is returned for any use of a closed peer or pool.
	ErrClosed = errors.New("peer: closed")
	// ErrNoCandidates means that no address could be gathered in time, so an offer would be of no use: no network
	// interface is up, or only relays are allowed and no TURN server answered.
	ErrNoCandidates = errors.New("peer: no candidates gathered")
	// ErrServer means that an ICE server entry cannot be used as written.
	ErrServer = errors.New("peer: unusable ICE server")
	// ErrSDP means that a description cannot be read, or lacks what a call needs.
	ErrSDP = errors.New("peer: unusable session description")
	// ErrNoAudio means that the far side declined audio or shares no audio codec with the door.
	ErrNoAudio = errors.New("peer: no audio agreed")
	// ErrNoICE means that a description has no ICE credentials (RFC 8839 section 5.4).
	ErrNoICE = errors.New("peer: no ICE credentials in the session description")
	// ErrNoFingerprint means that a description has no certificate fingerprint (RFC 8122) the door can check.
	ErrNoFingerprint = errors.New("peer: no usable certificate fingerprint in the session description")
	// ErrNewCertificate means that a re-offer comes with another certificate, that is, from another far side.
	ErrNewCertificate = errors.New("peer: the far side changed its certificate")
	// ErrState means that a call came out of order, for instance an offer before the answer to ours.
	ErrState = errors.New("peer: not possible in this state")
	// ErrRenewing means that an offer of ours is open (RFC 3261 section 14.2: 491). It wraps ErrState.
	ErrRenewing = fmt.Errorf("%w: an offer of ours is open", ErrState)
	// ErrForked means that the call was answered by another far side than the one that was heard before it was (a forked call).
	ErrForked = errors.New("peer: answered by another far side than the one heard before")
	// ErrICEFailed means that no pair of addresses works, or that the one in use has been silent beyond the limit.
	ErrICEFailed = errors.New("peer: ICE failed")
	// ErrDTLSFailed means that the key exchange failed.
	ErrDTLSFailed = errors.New("peer: DTLS failed")
)
