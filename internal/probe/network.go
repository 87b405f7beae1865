package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"doorstation/internal/check"
	"doorstation/internal/health"
)

const (
	// connectLimit bounds a connection, and a handshake upon it.
	connectLimit = 5 * time.Second
	// renewDays is how many days before its end a certificate is worth a warning.
	renewDays = 14
	hoursADay = 24
)

// connected is what connecting to a server gave, for machines.
type connected struct {
	Addresses []string `json:"addresses,omitempty"`
	Address   string   `json:"address,omitempty"`
	ConnectMS float64  `json:"connect_ms,omitempty"`
}

// connect tries one address after the other.
func connect(ctx context.Context, addrs []netip.AddrPort) (connected, error) {
	var c connected
	var errs []error
	for _, a := range addrs {
		c.Addresses = append(c.Addresses, a.String())
	}
	for _, a := range addrs {
		began := time.Now()
		within, cancel := context.WithTimeout(ctx, connectLimit)
		conn, err := (&net.Dialer{}).DialContext(within, "tcp", a.String())
		cancel()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		c.Address, c.ConnectMS = a.String(), milliseconds(time.Since(began))
		return c, conn.Close()
	}
	return c, errors.Join(errs...)
}

// milliseconds with one digit after the point.
func milliseconds(d time.Duration) float64 { return math.Round(d.Seconds()*10_000) / 10 }

// refusal says in a person's words why a connection did not come to be.
func refusal(err error, where string) string {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("there is no name %s", dns.Name)
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s cannot be looked up: %v", dns.Name, dns.Err)
	case errors.Is(err, unix.ECONNREFUSED):
		return "nothing listens at " + where
	case errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.ENETUNREACH):
		return "there is no way to " + where
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return where + " does not answer"
	default:
		return fmt.Sprintf("%s: %v", where, err)
	}
}

// isName says whether an error is one of looking a name up.
func isName(err error) bool { return errors.As(err, new(*net.DNSError)) }

// certificate is what a server's certificate gave, for machines.
type certificate struct {
	Names    []string  `json:"names,omitempty"`
	Issuer   string    `json:"issuer,omitempty"`
	NotAfter time.Time `json:"not_after"`
	Days     int       `json:"days_left"`
	Version  string    `json:"tls_version,omitempty"`
	Verified bool      `json:"verified"`
}

// tlsFinding shakes hands with a server and judges its certificate as the door would: cfg is the door's configuration, name is the one to
// verify. The certificate is looked at even when it is not to be trusted, so that all that is wrong with it can be said. unreachable is the
// code for a server that does not speak TLS.
func tlsFinding(ctx context.Context, address, name string, cfg *tls.Config, now time.Time, unreachable health.Code) check.Finding {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return check.Finding{Code: unreachable, Found: refusal(err, address)}
	}
	defer conn.Close() //nolint:errcheck // all that was wanted has been read
	looking := cfg.Clone()
	looking.InsecureSkipVerify, looking.ServerName = true, name
	secure := tls.Client(conn, looking)
	if err = secure.HandshakeContext(ctx); err != nil {
		if errors.As(err, new(tls.RecordHeaderError)) {
			return check.Finding{Code: unreachable, Found: address + " does not speak TLS: look whether the port is the one for TLS"}
		}
		return check.Finding{Code: unreachable, Found: fmt.Sprintf("no TLS with %s: %v", address, err)}
	}
	return judge(secure.ConnectionState(), name, cfg, now)
}

// judge says what is wrong with a chain of certificates, the first that a person would mend.
func judge(state tls.ConnectionState, name string, cfg *tls.Config, now time.Time) check.Finding {
	leaf := state.PeerCertificates[0]
	data := certificate{
		Names: names(leaf), Issuer: leaf.Issuer.String(), NotAfter: leaf.NotAfter,
		Days: int(leaf.NotAfter.Sub(now).Hours() / hoursADay), Version: tls.VersionName(state.Version),
	}
	found := check.Finding{Found: fmt.Sprintf("%s, certificate for %s from %q, good until %s (%s)", data.Version, strings.Join(data.Names, ", "),
		data.Issuer, leaf.NotAfter.Local().Format("2006-01-02 15:04"), count(data.Days, "day"))}
	code, err := wrong(state.PeerCertificates, name, cfg, now)
	switch {
	case code != "" && cfg.InsecureSkipVerify:
		found.Outcome = check.Warning
		found.Found += "\nnot checked (skip_verify: true), else: " + err.Error()
		found.Remedy = "Name the authority as ca_file and take skip_verify out: as it is, anybody in between can read along."
	case code != "":
		found.Code = code
		found.Found += "\n" + err.Error()
	case data.Days < renewDays:
		data.Verified = true
		found.Code = health.CodeCertificateExpiring
	default:
		data.Verified = true
	}
	found.Data = data
	return found
}

// wrong verifies a chain and names what is wrong with it.
func wrong(chain []*x509.Certificate, name string, cfg *tls.Config, now time.Time) (health.Code, error) {
	leaf, between := chain[0], x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	switch {
	case now.After(leaf.NotAfter):
		return health.CodeCertificateExpired, fmt.Errorf("expired since %s", leaf.NotAfter.Local().Format("2006-01-02 15:04"))
	case now.Before(leaf.NotBefore):
		return health.CodeCertificateNotYetValid, fmt.Errorf("valid from %s on, and it is %s", leaf.NotBefore.Local().Format("2006-01-02 15:04"), now.Local().Format("2006-01-02 15:04"))
	}
	if err := leaf.VerifyHostname(name); err != nil {
		return health.CodeCertificateName, err
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: cfg.RootCAs, Intermediates: between, CurrentTime: now})
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return "", nil
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired: // one above it
		return outOfTime(invalid.Cert, now), err
	default:
		return health.CodeCertificateUnknown, err
	}
}

// outOfTime says which end of its time a certificate is outside of: x509 has one reason for both.
func outOfTime(c *x509.Certificate, now time.Time) health.Code {
	if now.Before(c.NotBefore) {
		return health.CodeCertificateNotYetValid
	}
	return health.CodeCertificateExpired
}

// names are those that a certificate is for, as far as they fit into a line.
func names(c *x509.Certificate) []string {
	all := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 && c.Subject.CommonName != "" {
		all = []string{c.Subject.CommonName + " (which counts for nothing: it has no subjectAltName)"}
	}
	const fit = 6
	if len(all) > fit {
		all = append(all[:fit], "…")
	}
	return all
}

// certificateCode names what is wrong with a certificate by the error of a handshake that verified it, "" for other errors.
func certificateCode(err error, now time.Time) health.Code {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return outOfTime(invalid.Cert, now)
	case errors.As(err, &name):
		return health.CodeCertificateName
	case errors.As(err, new(x509.UnknownAuthorityError)), errors.As(err, new(*tls.CertificateVerificationError)):
		return health.CodeCertificateUnknown
	default:
		return ""
	}
}
