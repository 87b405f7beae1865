package iceserver_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"testing"

	"doorstation/internal/iceserver"
)

// phoneBook tells the addresses of every name.
type phoneBook []string

func (b phoneBook) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, text := range b {
		all = append(all, netip.MustParseAddr(text))
	}
	return all, nil
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// silentAt takes a UDP port of an address and answers nobody there.
func silentAt(t *testing.T, host, port string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", net.JoinHostPort(host, port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
}

// TestAServerIsAskedAtIPv4AndIPv6Alike, as calls do: one whose name has an address where nothing answers is no silent server, and one that refuses
// is not taken for silent.
func TestAServerIsAskedAtIPv4AndIPv6Alike(t *testing.T) {
	t.Parallel() // it waits
	s := start(t, "127.0.0.1", nil)
	port := portOf(t, s.udp)
	silentAt(t, "::1", port)
	for _, book := range []phoneBook{{"::1", "127.0.0.1"}, {"127.0.0.1", "::1"}, {"2001:db8::1", "127.0.0.1"}} {
		for _, scheme := range []string{"stun", "turn"} {
			server := iceserver.Server{URL: scheme + ":server.test:" + port, Username: user, Credential: credential, Resolver: book}
			got, err := iceserver.Ask(t.Context(), server)
			if err != nil || got.Address.String() != s.udp {
				t.Errorf("%s at %v: %+v, %v", scheme, book, got, err)
			}
		}
	}
	refusing := iceserver.Server{URL: "turn:server.test:" + port, Username: user, Credential: "wrong", Resolver: phoneBook{"::1", "127.0.0.1"}}
	if _, err := iceserver.Ask(t.Context(), refusing); !refusedBy(401, 400)(err) {
		t.Errorf("what it says is lost: %v", err)
	}
	flow, err := iceserver.Loop(t.Context(), iceserver.Server{URL: "turn:server.test:" + port, Username: user, Credential: credential}, netip.MustParseAddrPort(s.udp),
		netip.AddrPort{})
	if err != nil || !flow.Direct {
		t.Errorf("through its relay: %+v, %v", flow, err)
	}
	if _, err = iceserver.Ask(t.Context(), iceserver.Server{URL: "stun:server.test:" + port, Resolver: phoneBook{"::1"}}); !errors.Is(err, iceserver.ErrSilent) {
		t.Errorf("with that address alone: %v", err)
	}
}

// TestBothAddressesOfAServerAreTold, so that the router's mapping is looked at where there is one: of IPv4.
func TestBothAddressesOfAServerAreTold(t *testing.T) {
	a, b := start(t, "127.0.0.1", nil), start(t, "127.0.0.1", nil)
	six := sixToo(t, portOf(t, a.udp))
	got, err := iceserver.Ask(t.Context(), iceserver.Server{URL: "stun:server.test:" + portOf(t, a.udp), Resolver: phoneBook{"::1", "127.0.0.1"}})
	if err != nil || got.Address != six || len(got.Also) != 1 || got.Also[0].String() != a.udp {
		t.Fatalf("%+v, %v", got, err)
	}
	seen, err := iceserver.Map(t.Context(), []netip.AddrPort{six, netip.MustParseAddrPort(a.udp), netip.MustParseAddrPort(a.udp), netip.MustParseAddrPort(b.udp)})
	if err != nil || len(seen) != 2 || !seen[0].Addr().Is4() || !seen[1].Addr().Is4() {
		t.Errorf("two servers, one of them named twice and reached by IPv6, too: %v, %v", seen, err)
	}
}

// sixToo answers what STUN asks at a port of ::1.
func sixToo(t *testing.T, port string) netip.AddrPort {
	t.Helper()
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	openFickleAt(t, "udp6", net.JoinHostPort("::1", port), nil)
	return netip.AddrPortFrom(netip.MustParseAddr("::1"), uint16(n))
}
