//go:build !kernel

package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"doorstation/internal/health"
)

// authority signs certificates of a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// sign makes a certificate good for an hour from begin on, which may itself be an authority.
func (a *authority) sign(name string, begin time.Time, ca bool) *authority {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: begin, NotAfter: begin.Add(time.Hour), DNSNames: []string{name},
		IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	by, signer := template, key
	if a.cert != nil {
		by, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return &authority{a.t, cert, key}
}

// TestWhatACertificatesTimesAreTakenFor: one that is not valid yet is a matter of clocks and not of renewing, also where it is a certificate above
// the server's, and where the handshake itself has judged it, as with TURN servers.
func TestWhatACertificatesTimesAreTakenFor(t *testing.T) {
	now := time.Now()
	past, future, good := now.Add(-2*time.Hour), now.Add(time.Hour), now.Add(-time.Minute)
	for _, c := range []struct {
		name          string
		between, leaf time.Time
		want          health.Code
	}{
		{"all good", good, good, ""},
		{"expired", good, past, health.CodeCertificateExpired},
		{"not yet valid", good, future, health.CodeCertificateNotYetValid},
		{"one above it expired", past, good, health.CodeCertificateExpired},
		{"one above it not yet valid", future, good, health.CodeCertificateNotYetValid},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := (&authority{t: t}).sign("root", good, true)
			between := root.sign("between", c.between, true)
			leaf := between.sign("door.test", c.leaf, false)
			roots, others := x509.NewCertPool(), x509.NewCertPool()
			roots.AddCert(root.cert)
			others.AddCert(between.cert)
			if got, err := wrong([]*x509.Certificate{leaf.cert, between.cert}, "door.test", &tls.Config{RootCAs: roots}, now); got != c.want {
				t.Errorf("%q (%v), want %q", got, err, c.want)
			}
			_, err := leaf.cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: others, CurrentTime: now, DNSName: "door.test"})
			if err != nil {
				err = &tls.CertificateVerificationError{Err: err}
			}
			if got := certificateCode(err, now); got != c.want {
				t.Errorf("by a handshake: %q (%v), want %q", got, err, c.want)
			}
		})
	}
}
