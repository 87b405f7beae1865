package monitor

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
)

// crowd is a network on which everybody connects, and nobody says a word.
type crowd struct {
	came   int
	closed chan struct{}
}

// Accept implements net.Listener.
func (c *crowd) Accept() (net.Conn, error) {
	if c.came == 1000 {
		<-c.closed
		return nil, net.ErrClosed
	}
	c.came++
	ours, theirs := net.Pipe()
	go func() {
		_, _ = theirs.Read(make([]byte, 1)) // until we close
		_ = theirs.Close()
	}()
	return ours, nil
}

// Close implements net.Listener.
func (c *crowd) Close() error { close(c.closed); return nil }

// Addr implements net.Listener.
func (c *crowd) Addr() net.Addr { return &net.TCPAddr{} }

// TestACrowdIsKeptWaiting: connections cost the agent file descriptors, without which it opens no door.
func TestACrowdIsKeptWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		c := &crowd{closed: make(chan struct{})}
		ended := make(chan error)
		go func() { ended <- serve(ctx, c, http.NotFoundHandler(), slog.New(slog.DiscardHandler)) }()
		synctest.Wait()
		if c.came > maxConns {
			t.Errorf("%d connections were taken", c.came)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
