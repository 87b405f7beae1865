// Package app builds the rooms of the door station from its settings, starts them, applies changed settings
// and stops everything in reverse. It is the only place that knows all rooms.
package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"doorstation/internal/settings"
)

// Options are what the agent is started with.
type Options struct {
	// Local is the local file, already validated.
	Local settings.Local
	// Socket is the path of the control socket.
	Socket string
	// Version is what `doorstation version` says; it also goes into the SIP User-Agent.
	Version string
	Log     *slog.Logger
	// Getenv reads the environment (the token may be there).
	Getenv func(string) string
	Now    func() time.Time
}

// errNoCertificate says that a CA file holds no certificate.
var errNoCertificate = errors.New("no PEM certificate found in it")

// tlsConfig makes the TLS settings of one server: verified by default, with the own CA beside the system's.
func tlsConfig(t settings.TLS) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.SkipVerify {
		c.InsecureSkipVerify = true // the owner of the house asked for it in the local file
		return c, nil
	}
	if t.CAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read the CA file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA file %s: %w", t.CAFile, errNoCertificate)
	}
	c.RootCAs = pool
	return c, nil
}
