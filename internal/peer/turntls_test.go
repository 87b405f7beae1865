package peer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"
)

// A relay by TLS is used when its certificate is one of those to trust, and for the name of its URL; else not at all.
func TestRelayByTLS(t *testing.T) {
	cert, trusted := selfSigned(t)
	listener, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	check(t, err)
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "lab",
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(a.Username, a.Realm, "secret"), true
		},
		ListenerConfigs: []turn.ListenerConfig{{Listener: listener, RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{
			RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}}},
	})
	check(t, err)
	t.Cleanup(func() { check(t, server.Close()) })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	check(t, err)
	relay := func(host string) Config {
		return Config{RelayOnly: true, Servers: []ICEServer{{URLs: []string{"turns:" + host + ":" + port + "?transport=tcp"}, Username: "u", Credential: "secret"}}}
	}

	good := relay("127.0.0.1")
	good.TLS = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}
	d, f, _ := call(t, good, nil)
	talkingBoth(t, d, f, 1)
	if s := d.Stats(); !strings.Contains(s.LocalCandidate, "relay") {
		t.Errorf("the pair in use begins at %q", s.LocalCandidate)
	}

	otherName := relay("localhost")
	otherName.TLS = good.TLS
	for name, c := range map[string]Config{"an authority nobody knows": relay("127.0.0.1"), "another name": otherName} {
		pool, wrong := NewPool(onLoopback(c), 0)
		check(t, wrong)
		if p, refused := pool.Take(context.Background()); !errors.Is(refused, ErrNoCandidates) {
			t.Errorf("%s: %v", name, refused)
			if refused == nil {
				check(t, p.Close())
			}
		}
	}
}

// selfSigned is a certificate for 127.0.0.1 and the pool that trusts it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	parsed, err := x509.ParseCertificate(der)
	check(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
