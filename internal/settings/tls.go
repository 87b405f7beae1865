package settings

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// ErrNoCertificate says that ca_file holds no certificate.
var ErrNoCertificate = errors.New("the file named by ca_file holds no PEM certificate")

// maxCAFile bounds a bundle of authorities, in bytes.
const maxCAFile = 4 << 20

// Config makes the client configuration: the system's authorities, and those of CAFile besides.
func (t TLS) Config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.SkipVerify} // skip_verify is the installer's wish
	if t.CAFile == "" {
		return c, nil
	}
	pem, err := readLimited(t.CAFile, maxCAFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without a store of its own trusts the file alone
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%w: %s", ErrNoCertificate, t.CAFile)
	}
	c.RootCAs = pool
	return c, nil
}
