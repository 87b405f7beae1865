package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// CA is a certificate authority of the lab's own. Its certificate is in File, for those who are to trust it.
type CA struct {
	File string // PEM
	// Alter may be set to change what the certificates say that are signed from now on: their names, or when they end.
	Alter func(*x509.Certificate)

	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewCA makes an authority, its certificate in the test's [Out] directory.
func NewCA(t T) *CA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: "doorstation lab authority"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	ca := &CA{File: filepath.Join(Out(t), fmt.Sprintf("ca-%d.pem", template.SerialNumber)), key: key}
	if ca.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatalf("lab: %v", err)
	}
	if err = os.WriteFile(ca.File, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatalf("lab: %v", err)
	}
	return ca
}

// Pool trusts this authority and no other.
func (c *CA) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(c.cert)
	return p
}

// Certificate is a server's certificate for localhost, 127.0.0.1 and [Addr], such as for Home Assistant's stand-in.
func (c *CA) Certificate(t T) tls.Certificate {
	t.Helper()
	certPEM, keyPEM, err := c.sign()
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	return pair
}

// issue writes a server's certificate and key as PEM files.
func (c *CA) issue(certFile, keyFile string) error {
	certPEM, keyPEM, err := c.sign()
	if err != nil {
		return err
	}
	if err = os.WriteFile(certFile, certPEM, 0o644); err != nil {
		return err
	}
	return os.WriteFile(keyFile, keyPEM, 0o600)
}

func (c *CA) sign() (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "doorstation lab server"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost", PBXName},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(Addr)},
	}
	if c.Alter != nil {
		c.Alter(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.cert, &key.PublicKey, c.key)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	certPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	return certPEM, keyPEM, nil
}
