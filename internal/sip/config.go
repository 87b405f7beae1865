package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// DefaultExpires is the registration lifetime asked for when Config.Expires is zero.
const DefaultExpires = 300 * time.Second

// Endpoint is where and how the PBX is reached.
type Endpoint struct {
	// URL is that of the PBX's SIP WebSocket (RFC 7118), ws:// or wss://, or one of udp://host[:port], tcp://host[:port] and
	// tls://host[:port]. Without a port SRV records of the host tell (RFC 3263), else it is 5060, 5061 for tls.
	URL    string
	Header http.Header // sent with the WebSocket's handshake, e.g. the ingress session cookie; never logged
	TLS    *tls.Config // of wss and tls; nil: the system's roots. The certificate must be for the URL's host
	Via    string      // what the way is called in status: "ingress", "custom_wss_url", "ws", "wss", "udp", "tcp", "tls"
}

// Config is what an Agent needs to know. Extension and Domain are required, and so is Locate.
type Config struct {
	Extension   string // user part of the address and user name of the digest
	Password    string // never logged
	DisplayName string // shown to the one who is called; may be empty
	Domain      string // host of the SIP domain, no port
	UserAgent   string // User-Agent header; may be empty

	// Locate says where to dial. It is asked before each dial, because an ingress session is made afresh for each.
	Locate func(ctx context.Context) (Endpoint, error)
	// Diagnose may be nil. It is asked when a connection closed before the PBX said anything, which is how ingress
	// reports a dead session or a stopped add-on, and returns a better error than cause, or nil when it knows none.
	Diagnose func(ctx context.Context, e Endpoint, cause error) error

	// Unbound makes an agent that calls and cannot be called: it proves its password by a REGISTER without a Contact (RFC 3261 section
	// 10.2.3), which leaves the bindings of others of the same extension as they are.
	Unbound bool

	Expires time.Duration // registration lifetime to ask for; 0: DefaultExpires
	Log     *slog.Logger  // nil: nothing is logged
	// Resolver finds the PBX's name; nil: net.DefaultResolver.
	Resolver Resolver
	// OnRegistration may be nil. It is called on every change, in order and from one goroutine, and must return soon.
	OnRegistration func(Registration)
	// OnInvite may be nil: then each INVITE from outside a dialog gets 403. It is called in a goroutine of the call's own, which
	// Run waits for, and decides with Answer or Reject; when it returns without, the caller gets 480.
	OnInvite func(*Incoming)
}

// LogValue keeps the password out of logs.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("extension", c.Extension), slog.String("domain", c.Domain))
}

// String keeps the password out of messages.
func (c Config) String() string { return c.Extension + "@" + c.Domain }

// GoString keeps the password out of messages printed with %#v.
func (c Config) GoString() string { return c.String() }

func (c Config) validate() error {
	var errs []error
	if !validUser(c.Extension) {
		errs = append(errs, fmt.Errorf("extension %q cannot be the user part of a SIP address", c.Extension))
	}
	if c.Domain == "" || strings.ContainsAny(c.Domain, " \t\r\n<>@;\"") {
		errs = append(errs, fmt.Errorf("domain %q is not a host name or address", c.Domain))
	}
	if c.Locate == nil {
		errs = append(errs, errors.New("no way to find the PBX (Locate is nil)"))
	}
	if c.Expires < 0 {
		errs = append(errs, fmt.Errorf("expires %v is negative", c.Expires))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sip: %w", err)
	}
	return nil
}

// RegistrationState says how the agent stands with its PBX.
type RegistrationState string

// The states of a registration.
const (
	Starting    RegistrationState = "starting"    // nothing tried yet
	Registering RegistrationState = "registering" // connecting or waiting for the answer
	Registered  RegistrationState = "registered"  // calls can be made
	Refused     RegistrationState = "refused"     // the PBX does not want this user or password; tried again slowly
	Unreachable RegistrationState = "unreachable" // no connection, or no sensible answer; tried again with back-off
	Stopped     RegistrationState = "stopped"     // Run has ended
)

// Registration is a snapshot of how the agent stands with its PBX.
type Registration struct {
	State     RegistrationState
	Extension string
	Server    string    // host[:port] last dialled
	Transport string    // Endpoint.Via of it
	ExpiresAt time.Time // zero unless State is Registered
	RetryAt   time.Time // when the next attempt is due, unless Nudge is first; zero while Registered or trying
	Since     time.Time // when State began
	Err       error     // why it is Refused or Unreachable
}
