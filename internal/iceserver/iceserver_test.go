package iceserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/turn/v5"
	"go.uber.org/goleak"

	"doorstation/internal/iceserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	user, credential = "door", "right"
	realm            = "test"
)

// relayServer is a TURN server in this process, by UDP, TCP, TLS and DTLS.
type relayServer struct {
	udp, tcp, secure, datagrams string // host:port
	cert                        tls.Certificate
}

// start serves until the test ends. relayHost is the address that it gives out for its relays; permit says to whom it relays.
func start(t *testing.T, relayHost string, permit turn.PermissionHandler) relayServer {
	t.Helper()
	s := relayServer{cert: certificate(t)}
	relays := &turn.RelayAddressGeneratorStatic{RelayAddress: net.ParseIP(relayHost), Address: "127.0.0.1"}
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secure, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}})
	if err != nil {
		t.Fatal(err)
	}
	datagrams, err := dtls.ListenWithOptions("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, dtls.WithCertificates(s.cert))
	if err != nil {
		t.Fatal(err)
	}
	s.udp, s.tcp, s.secure, s.datagrams = udp.LocalAddr().String(), tcp.Addr().String(), secure.Addr().String(), datagrams.Addr().String()
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: realm,
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(user, realm, credential), a.Username == user
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: relays, PermissionHandler: permit}},
		ListenerConfigs: []turn.ListenerConfig{
			{Listener: tcp, RelayAddressGenerator: relays, PermissionHandler: permit},
			{Listener: secure, RelayAddressGenerator: relays, PermissionHandler: permit},
			{Listener: datagrams, RelayAddressGenerator: relays, PermissionHandler: permit},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if closeErr := server.Close(); closeErr != nil {
			t.Error(closeErr)
		}
	})
	return s
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// silent is an address where nobody answers.
func silent(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.LocalAddr().String()
}

func TestASTUNServerTellsTheDoorsAddress(t *testing.T) {
	s := start(t, "127.0.0.1", nil)
	got, err := iceserver.Ask(t.Context(), iceserver.Server{URL: "stun:" + s.udp + "?transport=udp"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Mapped.Addr().String() != "127.0.0.1" || got.Mapped.Port() != got.Local.Port() || got.RoundTrip <= 0 || got.Address.String() != s.udp {
		t.Errorf("%+v", got)
	}
}

func TestATURNServerGivesARelayByEachTransport(t *testing.T) {
	s := start(t, "127.0.0.1", nil)
	trusted := x509.NewCertPool()
	trusted.AddCert(s.cert.Leaf)
	for _, url := range []string{"turn:" + s.udp, "turn:" + s.tcp + "?transport=tcp", "turns:" + s.secure, "turns:" + s.datagrams + "?transport=udp"} {
		server := iceserver.Server{URL: url, Username: user, Credential: credential, TLS: &tls.Config{RootCAs: trusted}}
		got, err := iceserver.Ask(t.Context(), server)
		if err != nil || !got.Relayed.IsValid() || got.RoundTrip <= 0 {
			t.Errorf("%s: %+v, %v", url, got, err)
		}
		flow, err := iceserver.Loop(t.Context(), server, got.Address, netip.MustParseAddrPort(s.udp))
		if err != nil || !flow.Direct || flow.RoundTrip <= 0 {
			t.Errorf("%s: %+v, %v", url, flow, err)
		}
	}
}

func TestWhatIsWrongWithAServer(t *testing.T) {
	t.Parallel() // it waits
	s := start(t, "127.0.0.1", nil)
	gone, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err = gone.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		server iceserver.Server
		is     func(error) bool
	}{
		{"wrong credential", iceserver.Server{URL: "turn:" + s.udp, Username: user, Credential: "wrong"}, refusedBy(401, 400)},
		{"unknown user", iceserver.Server{URL: "turn:" + s.udp, Username: "nobody", Credential: credential}, refusedBy(401, 400)},
		{"silent STUN server", iceserver.Server{URL: "stun:" + silent(t)}, is(iceserver.ErrSilent)},
		{"silent TURN server", iceserver.Server{URL: "turn:" + silent(t), Username: user, Credential: credential}, is(iceserver.ErrSilent)},
		{"no such name", iceserver.Server{URL: "stun:no-such-host.invalid:3478"}, is(iceserver.ErrName)},
		{"no such name of a relay", iceserver.Server{URL: "turn:no-such-host.invalid:3478", Username: user, Credential: credential}, is(iceserver.ErrName)},
		{"nothing listens", iceserver.Server{URL: "turn:" + gone.Addr().String() + "?transport=tcp", Username: user, Credential: credential}, says("refused")},
		{"unknown authority", iceserver.Server{URL: "turns:" + s.secure, Username: user, Credential: credential}, func(err error) bool {
			return errors.As(err, new(x509.UnknownAuthorityError))
		}},
		{"unknown authority by DTLS", iceserver.Server{URL: "turns:" + s.datagrams + "?transport=udp", Username: user, Credential: credential}, func(err error) bool {
			return err != nil && !errors.Is(err, iceserver.ErrSilent)
		}},
		{"silent by DTLS", iceserver.Server{URL: "turns:" + silent(t) + "?transport=udp", Username: user, Credential: credential}, is(iceserver.ErrSilent)},
		{"not an address", iceserver.Server{URL: "https://example.com"}, is(iceserver.ErrURL)},
		{"not a port", iceserver.Server{URL: "stun:example.com:0"}, is(iceserver.ErrURL)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, askErr := iceserver.Ask(t.Context(), c.server); !c.is(askErr) {
				t.Errorf("got %v", askErr)
			}
		})
	}
}

func is(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }

func says(text string) func(error) bool {
	return func(err error) bool { return err != nil && strings.Contains(err.Error(), text) }
}

// refusedBy accepts one of several codes: servers differ in what they say of a wrong credential.
func refusedBy(codes ...int) func(error) bool {
	return func(err error) bool {
		var refused *iceserver.RefusedError
		if !errors.As(err, &refused) {
			return false
		}
		for _, code := range codes {
			if refused.Code == code {
				return true
			}
		}
		return false
	}
}

// TestARelayWhoseAddressLeadsNowhere is one behind a NAT without external-ip, or whose ports are shut: data passes between its own relays
// at best.
func TestARelayWhoseAddressLeadsNowhere(t *testing.T) {
	t.Parallel() // it waits
	loop := func(address, query string, other netip.AddrPort) (iceserver.Flow, error) {
		server := iceserver.Server{URL: "turn:" + address + query, Username: user, Credential: credential}
		return iceserver.Loop(t.Context(), server, netip.MustParseAddrPort(address), other)
	}
	nobody := start(t, "127.0.0.1", func(net.Addr, net.IP) bool { return false })
	flow, err := loop(nobody.udp, "", netip.AddrPort{})
	if err != nil || flow.Direct || flow.Between || !flow.Relayed.IsValid() {
		t.Errorf("a relay that relays to nobody: %+v, %v", flow, err)
	}
	flow, err = loop(start(t, "127.0.0.1", nil).tcp, "?transport=tcp", netip.MustParseAddrPort(silent(t)))
	if err != nil || flow.Direct || !flow.Between || !flow.NoOutside {
		t.Errorf("without anybody who tells the address outside: %+v, %v", flow, err)
	}
	elsewhere := start(t, "127.0.0.77", nil) // nothing is bound there
	flow, err = loop(elsewhere.udp, "", netip.AddrPort{})
	if err != nil || flow.Direct || flow.Between {
		t.Errorf("a relay with an address that is not its own: %+v, %v", flow, err)
	}
}

func TestTwoServersSeeOnePortOrTwo(t *testing.T) {
	t.Parallel() // it waits
	a, b := start(t, "127.0.0.1", nil), start(t, "127.0.0.1", nil)
	seen, err := iceserver.Map(t.Context(), []netip.AddrPort{netip.MustParseAddrPort(a.udp), netip.MustParseAddrPort(silent(t)), netip.MustParseAddrPort(b.udp)})
	if err != nil || len(seen) != 2 || seen[0] != seen[1] {
		t.Errorf("without a NAT: %v, %v", seen, err)
	}
}

func TestAskingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, s := range []iceserver.Server{{URL: "stun:" + silent(t)}, {URL: "turn:" + silent(t), Username: user, Credential: credential}} {
		if _, err := iceserver.Ask(ctx, s); err == nil {
			t.Errorf("%s answers nobody", s)
		}
	}
}

func TestAServerIsPrintedWithoutItsCredential(t *testing.T) {
	s := iceserver.Server{URL: "turn:h:1", Username: user, Credential: "s3cret"}
	if got := fmt.Sprintf("%v %+v %#v %s", s, s, s, s); strings.Contains(got, "s3cret") {
		t.Error(got)
	}
}
