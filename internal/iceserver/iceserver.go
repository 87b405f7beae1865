// Package iceserver asks STUN and TURN servers what they do for a door: whether they answer, in what time, what address they see, whether
// they take the credential, and whether anything comes through their relay. Each question has sockets of its own and leaves nothing behind:
// an allocation is given back.
package iceserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/stun/v4"
	"golang.org/x/sys/unix"
)

// What a server may do instead of what was asked of it. Errors of this package wrap one of these, or are a *RefusedError, or say what the
// operating system or TLS said.
var (
	// ErrURL says that a server's address cannot be used (RFC 7064, RFC 7065).
	ErrURL = errors.New("not an address of a STUN or TURN server")
	// ErrName says that its name cannot be resolved.
	ErrName = errors.New("its name cannot be resolved")
	// ErrSilent says that nothing came back.
	ErrSilent = errors.New("it does not answer")
	// ErrAnswer says that what came back makes no sense.
	ErrAnswer = errors.New("its answer makes no sense")
)

// RefusedError is an error response (RFC 8489 section 14.8).
type RefusedError struct {
	// Code is 401 for a wrong credential, 486 for too many allocations, 508 for a server that is full.
	Code   int
	Reason string
}

func (e *RefusedError) Error() string { return fmt.Sprintf("it refuses by %d %s", e.Code, e.Reason) }

const (
	// answerLimit is how long a server is waited for, by which time no candidate of it would be used any more.
	answerLimit = 5 * time.Second
	// alsoLimit is how much longer its other address is waited for once one has answered.
	alsoLimit = time.Second
	// firstRTO is the first interval of retransmission; it doubles (RFC 8489 section 6.2.1).
	firstRTO = 500 * time.Millisecond
	// maxDatagram is far more than any answer has.
	maxDatagram = 2048
)

// Server is one URL of an RTCIceServer. Formatting it never shows the credential.
type Server struct {
	URL                  string
	Username, Credential string
	// TLS is for turns:, by TLS and by DTLS; nil is the system's authorities.
	TLS *tls.Config
	// Resolver finds the addresses of its name; nil is the system's.
	Resolver Resolver
}

// Resolver looks up the addresses of a name, as *net.Resolver does.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// String names the server without its credential.
func (s Server) String() string { return s.URL }

// Format implements fmt.Formatter, for every verb.
func (s Server) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// Place is where a server is and how it is asked.
type Place struct {
	// Relay: it is a TURN server.
	Relay bool
	// Transport is "udp", "tcp", "tls", or "dtls" for a turns: by udp. (stuns: is asked by UDP, as browsers do.)
	Transport string
	Host      string
	Port      int
}

// String is "turn:host:port by udp", without the query.
func (p Place) String() string {
	scheme := "stun"
	if p.Relay {
		scheme = "turn"
	}
	return fmt.Sprintf("%s:%s by %s", scheme, net.JoinHostPort(p.Host, strconv.Itoa(p.Port)), p.Transport)
}

// Place reads the URL. The error is ErrURL.
func (s Server) Place() (Place, error) {
	raw := strings.TrimSpace(s.URL)
	if strings.HasPrefix(raw, "stun") {
		raw, _, _ = strings.Cut(raw, "?") // people write ?transport=udp there, too
	}
	u, err := stun.ParseURI(raw)
	if err != nil || u.Port < 1 || u.Port > 65535 {
		return Place{}, ErrURL
	}
	p := Place{Transport: "udp", Host: u.Host, Port: u.Port}
	switch u.Scheme {
	case stun.SchemeTypeTURN, stun.SchemeTypeTURNS:
		p.Relay = true
		if u.Proto == stun.ProtoTypeTCP {
			p.Transport = "tcp"
		}
		if u.Scheme == stun.SchemeTypeTURNS {
			p.Transport = "tls"
			if u.Proto == stun.ProtoTypeUDP {
				p.Transport = "dtls"
			}
		}
	default:
	}
	return p, nil
}

// Answer is what a server said.
type Answer struct {
	Place Place
	// Address is the server's, Local and Mapped are the door's: on the machine, and as a STUN server sees it.
	Address netip.AddrPort
	Local   netip.AddrPort
	Mapped  netip.AddrPort
	// Also are those other addresses of its name that answer as well, of IPv4 and IPv6 one each.
	Also []netip.AddrPort
	// Relayed is the relay's address, of a TURN server.
	Relayed netip.AddrPort
	// RoundTrip is that of one request.
	RoundTrip time.Duration
}

// Ask asks a STUN server for the door's address, and a TURN server for a relay, which is given back at once. A name with addresses of both IPv4 and
// IPv6 is asked at one of each, as calls do, and does what the first that answers does. The answer holds what was found out before an error.
func Ask(ctx context.Context, s Server) (Answer, error) {
	place, err := s.Place()
	if err != nil {
		return Answer{}, err
	}
	addresses, err := resolve(ctx, s, place)
	if err != nil {
		return Answer{Place: place}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers, errs := make([]Answer, len(addresses)), make([]error, len(addresses))
	var asking sync.WaitGroup
	for i, address := range addresses {
		asking.Go(func() {
			if answers[i], errs[i] = askAt(ctx, s, place, address); errs[i] == nil {
				time.AfterFunc(alsoLimit, cancel)
			}
		})
	}
	asking.Wait()
	i := tells(errs)
	answer := answers[i]
	for j := range answers {
		if j != i && errs[j] == nil {
			answer.Also = append(answer.Also, answers[j].Address)
		}
	}
	return answer, errs[i]
}

// askAt asks a server at one of its addresses.
func askAt(ctx context.Context, s Server, place Place, address netip.AddrPort) (Answer, error) {
	if place.Relay {
		a, err := open(ctx, s, place, address)
		if err != nil {
			return Answer{Place: place, Address: address}, err
		}
		answer := a.answer
		return answer, a.close()
	}
	answer := Answer{Place: place, Address: address}
	conn, err := listen(address)
	if err != nil {
		return answer, err
	}
	defer conn.Close() //nolint:errcheck // nothing was written to it that would matter
	answer.Mapped, answer.RoundTrip, err = binding(ctx, conn, address)
	answer.Local = localOf(conn)
	return answer, err
}

// tells is which of several outcomes tells most of a server: one that works, else what it says itself, else that it says nothing, and at last that
// there is no way to such an address from here, as in a house without IPv6.
func tells(errs []error) int {
	rank := func(err error) int {
		switch {
		case err == nil:
			return 0
		case errors.As(err, new(*RefusedError)):
			return 1
		case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EADDRNOTAVAIL), errors.Is(err, unix.EAFNOSUPPORT):
			return 3
		default:
			return 2
		}
	}
	best := 0
	for i := range errs {
		if rank(errs[i]) < rank(errs[best]) {
			best = i
		}
	}
	return best
}

// resolve finds a server's addresses: of IPv4 and IPv6 the first each, in the order that the system prefers.
func resolve(ctx context.Context, s Server, p Place) ([]netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	r := s.Resolver
	if r == nil {
		r = net.DefaultResolver
	}
	found, err := r.LookupNetIP(ctx, "ip", p.Host)
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrName, p.Host)
	}
	var addresses []netip.AddrPort
	for _, a := range found {
		a = a.Unmap()
		if !slices.ContainsFunc(addresses, func(o netip.AddrPort) bool { return o.Addr().Is4() == a.Is4() }) {
			addresses = append(addresses, netip.AddrPortFrom(a, uint16(p.Port)))
		}
	}
	return addresses, nil
}

// listen opens a UDP socket that can reach an address.
func listen(to netip.AddrPort) (*net.UDPConn, error) {
	network := "udp4"
	if to.Addr().Is6() {
		network = "udp6"
	}
	conn, err := net.ListenUDP(network, nil)
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	return conn, nil
}

func localOf(conn *net.UDPConn) netip.AddrPort {
	if a, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		return a.AddrPort()
	}
	return netip.AddrPort{}
}

// binding asks a server by UDP what address it sees (RFC 8489 section 2), until answerLimit.
func binding(ctx context.Context, conn *net.UDPConn, server netip.AddrPort) (netip.AddrPort, time.Duration, error) {
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	if err != nil {
		return netip.AddrPort{}, 0, fmt.Errorf("make a request: %w", err)
	}
	deadline := time.Now().Add(answerLimit)
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) }) // fails only on a closed socket
	defer stop()
	buffer := make([]byte, maxDatagram)
	for rto := firstRTO; time.Now().Before(deadline) && ctx.Err() == nil; rto *= 2 {
		sent := time.Now()
		if _, err = conn.WriteToUDPAddrPort(request.Raw, server); err != nil {
			return netip.AddrPort{}, 0, fmt.Errorf("send to it: %w", err)
		}
		if err = conn.SetReadDeadline(earlier(sent.Add(rto), deadline)); err != nil {
			return netip.AddrPort{}, 0, fmt.Errorf("wait for it: %w", err)
		}
		mapped, answerErr := answerTo(conn, request, server, buffer)
		if !errors.Is(answerErr, ErrSilent) {
			return mapped, time.Since(sent), answerErr
		}
	}
	if err = context.Cause(ctx); err != nil {
		return netip.AddrPort{}, 0, fmt.Errorf("%w: %w", ErrSilent, err)
	}
	return netip.AddrPort{}, 0, fmt.Errorf("%w within %s", ErrSilent, answerLimit)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// answerTo reads until the answer to a request comes. ErrSilent is that it does not before the socket's deadline.
func answerTo(conn *net.UDPConn, request *stun.Message, server netip.AddrPort, buffer []byte) (netip.AddrPort, error) {
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return netip.AddrPort{}, ErrSilent
		}
		if netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) != server {
			continue
		}
		m := &stun.Message{Raw: append([]byte(nil), buffer[:n]...)}
		if m.Decode() != nil || m.TransactionID != request.TransactionID {
			continue
		}
		if m.Type.Class == stun.ClassErrorResponse {
			return netip.AddrPort{}, refusedBy(m)
		}
		var mapped stun.XORMappedAddress
		if err = mapped.GetFrom(m); err != nil {
			return netip.AddrPort{}, fmt.Errorf("%w: no XOR-MAPPED-ADDRESS", ErrAnswer)
		}
		return addrPort(mapped.IP, mapped.Port)
	}
}

// refusedBy reads an error response.
func refusedBy(m *stun.Message) error {
	var code stun.ErrorCodeAttribute
	if code.GetFrom(m) != nil {
		return fmt.Errorf("%w: an error without a code", ErrAnswer)
	}
	return refusal(code)
}

func refusal(code stun.ErrorCodeAttribute) error {
	const most = 80
	reason := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, string(code.Reason))
	return &RefusedError{Code: int(code.Code), Reason: reason[:min(len(reason), most)]}
}

func addrPort(ip net.IP, port int) (netip.AddrPort, error) {
	addr, ok := netip.AddrFromSlice(ip)
	if !ok || port < 0 || port > 65535 {
		return netip.AddrPort{}, fmt.Errorf("%w: no address", ErrAnswer)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), nil
}

// Map asks several STUN servers, one after the other, from one socket what address they see: a NAT whose mapping depends on the
// destination (RFC 4787 section 4.1) shows by different ports. It is one of IPv4, so those of IPv6 are asked only where there are no others. Each
// address is asked once; silent ones are left out.
func Map(ctx context.Context, servers []netip.AddrPort) ([]netip.AddrPort, error) {
	asked := map[netip.AddrPort]bool{}
	four := slices.ContainsFunc(servers, func(s netip.AddrPort) bool { return s.Addr().Is4() })
	servers = slices.DeleteFunc(slices.Clone(servers), func(s netip.AddrPort) bool {
		left := s.Addr().Is4() != four || asked[s]
		asked[s] = true
		return left
	})
	if len(servers) == 0 {
		return nil, nil
	}
	conn, err := listen(servers[0])
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // nothing was written to it that would matter
	var seen []netip.AddrPort
	for _, s := range servers {
		if mapped, _, askErr := binding(ctx, conn, s); askErr == nil {
			seen = append(seen, mapped)
		}
	}
	return seen, nil
}
