package settings

import (
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

func TestTLSConfig(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug) // refused handshakes are expected
	server.StartTLS()
	defer server.Close()
	dir := t.TempDir()
	ca, junk := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "junk.pem")
	write(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	write(t, junk, "no certificate")

	get := func(c TLS) error {
		config, err := c.Config()
		if err != nil {
			return err
		}
		transport := &http.Transport{TLSClientConfig: config}
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	if err := get(TLS{CAFile: ca}); err != nil {
		t.Errorf("with its own authority: %v", err)
	}
	if err := get(TLS{SkipVerify: true}); err != nil {
		t.Errorf("without verification: %v", err)
	}
	if err := get(TLS{}); err == nil {
		t.Error("a certificate of an unknown authority is accepted")
	}
	if err := get(TLS{CAFile: junk}); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("a file without a certificate: %v", err)
	}
	if err := get(TLS{CAFile: filepath.Join(dir, "none")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
