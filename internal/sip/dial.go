package sip

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// nextAddress is how long one address may keep the next one waiting (RFC 8305 section 5).
const nextAddress = 250 * time.Millisecond

// A dialer opens sockets to the PBX, by whichever transport its URL names.
type dialer struct {
	resolver Resolver
	log      *slog.Logger

	mu   sync.Mutex
	mute map[netip.AddrPort]bool // said nothing when they were last asked by UDP
	port uint16                  // local port of the last UDP socket
}

func newDialer(r Resolver, log *slog.Logger) *dialer {
	if r == nil {
		r = net.DefaultResolver
	}
	return &dialer{resolver: r, log: log, mute: map[netip.AddrPort]bool{}}
}

// dial is a dialFunc.
func (d *dialer) dial(ctx context.Context, e Endpoint, alive func()) (socket, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	u, err := url.Parse(e.URL)
	if err != nil {
		return nil, errAddress
	}
	switch u.Scheme {
	case "ws", "wss":
		return d.dialWebSocket(ctx, e, u.Host, alive)
	case "udp":
		return d.dialUDP(ctx, u)
	case "tcp":
		return d.dialStream(ctx, u, nil)
	case "tls":
		return d.dialStream(ctx, u, clientTLS(e.TLS, u.Hostname()))
	}
	return nil, errAddress
}

func (d *dialer) dialStream(ctx context.Context, u *url.URL, cfg *tls.Config) (socket, error) {
	addrs, err := locate(ctx, d.resolver, u.Scheme, u.Hostname(), u.Port())
	if err != nil {
		return nil, explain(err, u.Host)
	}
	s, err := race(ctx, addrs, func(ctx context.Context, a netip.AddrPort) (*streamSocket, error) { return dialStream(ctx, a, cfg) })
	if err != nil {
		return nil, explain(err, u.Host)
	}
	return s, nil
}

// connect opens a TCP connection for HTTP.
func (d *dialer) connect(ctx context.Context, hostport string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, err
	}
	addrs, err := addresses(ctx, d.resolver, host, port)
	if err != nil {
		return nil, err
	}
	return race(ctx, addrs, func(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", a.String())
	})
}

// dialUDP opens a socket to the first address that was not mute when it was last asked. Whether anybody is there only an
// answer to REGISTER tells.
func (d *dialer) dialUDP(ctx context.Context, u *url.URL) (socket, error) {
	addrs, err := locate(ctx, d.resolver, u.Scheme, u.Hostname(), u.Port())
	if err != nil {
		return nil, explain(err, u.Host)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	to, ok := d.firstNotMute(addrs)
	if !ok { // all were: from the beginning
		clear(d.mute)
		to = addrs[0]
	}
	s, err := listenUDP(addrs, to, d.port, d.log)
	if err != nil {
		d.mute[to] = true // no way there: perhaps there is one to the next
		return nil, explain(err, u.Host)
	}
	d.port = s.local().Port()
	s.onMute = func() {
		d.mu.Lock()
		d.mute[to] = true
		d.mu.Unlock()
	}
	return s, nil
}

// firstNotMute chooses an address. d.mu is held.
func (d *dialer) firstNotMute(addrs []netip.AddrPort) (netip.AddrPort, bool) {
	for _, a := range addrs {
		if !d.mute[a] {
			return a, true
		}
	}
	return netip.AddrPort{}, false
}

// race tries addresses one after the other, the next as soon as one has failed or has taken nextAddress, and returns the
// first that comes to something (RFC 8305 section 5). All others have ended when it returns.
func race[C interface{ Close() error }](ctx context.Context, addrs []netip.AddrPort, dial func(context.Context, netip.AddrPort) (C, error)) (C, error) {
	type outcome struct {
		conn C
		err  error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	outcomes := make(chan outcome)
	var won C
	var errs []error
	running, next, found := 0, 0, false
	for {
		if !found && next < len(addrs) {
			addr := addrs[next]
			go func() {
				c, err := dial(ctx, addr)
				outcomes <- outcome{c, err}
			}()
			running, next = running+1, next+1
		}
		if running == 0 {
			break
		}
		var turn <-chan time.Time
		if !found && next < len(addrs) {
			turn = time.After(nextAddress)
		}
		select {
		case o := <-outcomes:
			running--
			switch {
			case o.err != nil:
				errs = append(errs, o.err)
			case found:
				_ = o.conn.Close() // it came too late
			default:
				won, found = o.conn, true
				cancel()
			}
		case <-turn:
		}
	}
	if found {
		return won, nil
	}
	return won, errors.Join(errs...)
}

// errAddress is of a configuration that nobody checked.
var errAddress = errors.New("the address of the PBX is not a URL with one of its schemes")

// explain adds to an error of connecting what to look at.
func explain(err error, host string) error {
	var (
		dns       *net.DNSError
		record    tls.RecordHeaderError
		untrusted *tls.CertificateVerificationError
		name      x509.HostnameError
	)
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("the name %s is not found; look at the address and at the network's DNS: %w", host, err)
	case errors.As(err, &name):
		return fmt.Errorf("the certificate of %s is for another name; write the address with a name that it holds: %w", host, err)
	case errors.As(err, &untrusted):
		return fmt.Errorf("the certificate of %s is not trusted; its own authority can be named as ca_file: %w", host, err)
	case errors.As(err, &record):
		return fmt.Errorf("%s does not speak TLS; look whether the port is the one for TLS: %w", host, err)
	case errors.Is(err, unix.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s; look whether the PBX runs, and at transport and port: %w", host, err)
	case errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.ENETUNREACH):
		return fmt.Errorf("there is no way to %s; look at the door's network: %w", host, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s does not answer; look at the address, and for a firewall in between: %w", host, err)
	}
	return fmt.Errorf("connecting to the PBX: %w", err)
}
