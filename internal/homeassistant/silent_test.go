package homeassistant

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestASilentServerIsGivenUpAfterTenSeconds, measured by a clock of its own: the connections are pipes, so that time is
// the bubble's.
func TestASilentServerIsGivenUpAfterTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Options{URL: "http://homeassistant.local:8123", Token: "x"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				_, copyErr := io.Copy(io.Discard, far) // takes the request, says nothing
				if farErr := errors.Join(copyErr, far.Close()); farErr != nil {
					t.Error(farErr)
				}
			}()
			return near, nil
		}
		for name, ask := range map[string]func(context.Context) error{
			"config":  func(ctx context.Context) error { _, askErr := c.SIPCoreConfig(ctx); return askErr },
			"user":    func(ctx context.Context) error { _, askErr := c.CurrentUser(ctx); return askErr },
			"ingress": func(ctx context.Context) error { _, askErr := c.Ingress(ctx); return askErr },
			"check":   func(ctx context.Context) error { return c.CheckIngress(ctx, Ingress{HTTPURL: "http://ha/x"}) },
		} {
			start := time.Now()
			err = ask(t.Context())
			if !errors.Is(err, ErrUnreachable) || !errors.Is(err, errSlow) {
				t.Errorf("%s: %v, want ErrUnreachable for its length", name, err)
			}
			if took := time.Since(start); took != callTimeout {
				t.Errorf("%s: given up after %s, want %s", name, took, callTimeout)
			}
		}
	})
}
