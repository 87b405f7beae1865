package homeassistant

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// What can be wrong with Home Assistant as the door sees it. Errors of this package wrap one or more of them; none holds
// the token or an ingress session.
var (
	// ErrTokenRefused says that the access token is not accepted (401, auth_invalid, or 403: the address is banned).
	ErrTokenRefused = errors.New("the access token is refused by Home Assistant")
	// ErrForbidden says that nothing is answered at all (403), as Home Assistant's http.ip_ban_enabled does whatever the token. It comes
	// with ErrTokenRefused.
	ErrForbidden = errors.New("403: it may have banned this machine's address")
	// ErrNotInstalled says that the SIP Core integration is not there (404).
	ErrNotInstalled = errors.New("the SIP Core integration is not installed in Home Assistant")
	// ErrNotSetUp says that SIP Core is installed without having been set up (500 "No configuration found").
	ErrNotSetUp = errors.New("the SIP Core integration is not set up in Home Assistant")
	// ErrNoSupervisor says that this Home Assistant has no Supervisor, hence no add-ons and no ingress.
	ErrNoSupervisor = errors.New("this Home Assistant has no Supervisor")
	// ErrNoAddon says that the Supervisor has no Asterisk add-on with an ingress entry.
	ErrNoAddon = errors.New("the Asterisk add-on is not installed")
	// ErrNotAdmin says that an ingress session is refused to this user (unauthorized). Home Assistant gives them to any
	// user since 2021.12; a restricted installation may not.
	ErrNotAdmin = errors.New("the token's user is refused an ingress session by Home Assistant, which every user is given since version 2021.12")
	// ErrUnreachable says that there was no usable answer: name, network, TLS, time limit, server error, or something else
	// than Home Assistant answering.
	ErrUnreachable = errors.New("no answer from Home Assistant")
	// ErrTLS says that the server's certificate is not trusted or TLS is not spoken. It comes with ErrUnreachable.
	ErrTLS = errors.New("no trusted TLS connection")
	// ErrBadAnswer says that the answer is not what Home Assistant's API answers. It comes with ErrUnreachable.
	ErrBadAnswer = errors.New("the answer is not Home Assistant's")
	// ErrIngressSession says that the ingress session is not valid any more (401 on the ingress path).
	ErrIngressSession = errors.New("the ingress session is not valid")
	// ErrIngressToken says that the Supervisor does not know the ingress entry (503 on the ingress path).
	ErrIngressToken = errors.New("the Supervisor does not know the add-on's ingress entry")
	// ErrAddonDown says that the add-on behind ingress does not answer (502 on the ingress path).
	ErrAddonDown = errors.New("the Asterisk add-on does not answer")
)

// errSlow is the cause of a call given up for its length.
var errSlow = fmt.Errorf("no answer within %s", callTimeout)

// unreachable wraps what kept an answer away. ctx is the call's: what ended it says more than "context canceled".
func unreachable(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, cause)
	}
	var (
		urlErr    *url.Error
		notTLS    tls.RecordHeaderError
		alert     tls.AlertError
		untrusted *tls.CertificateVerificationError
	)
	if errors.As(err, &urlErr) {
		err = urlErr.Err // without the URL, which may hold an ingress id
	}
	if errors.As(err, &untrusted) || errors.As(err, &notTLS) || errors.As(err, &alert) ||
		errors.Is(err, http.ErrSchemeMismatch) {
		return fmt.Errorf("%w: %w: %w", ErrUnreachable, ErrTLS, err)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}
