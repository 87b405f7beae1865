package sip

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"time"
)

// A streamSocket carries messages over TCP, or TLS over it.
type streamSocket struct {
	conn   net.Conn // what is read and written
	raw    net.Conn // under TLS, else the same: closing it waits for nobody
	frames *framer
	crlfs  int // in a row, of the far end's asking; used by Read alone
	once   sync.Once
	done   chan struct{} // closed by Close

	writing sync.Mutex
	mu      sync.Mutex
	pings   []chan struct{} // each closed by the next CRLF
}

func newStreamSocket(conn, raw net.Conn) *streamSocket {
	return &streamSocket{conn: conn, raw: raw, frames: newFramer(conn), done: make(chan struct{})}
}

func (s *streamSocket) local() netip.AddrPort { return addrPortOf(s.raw.LocalAddr()) }

func addrPortOf(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UDPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Read returns a message, or the CRLF of a keep-alive. Two CRLFs that answer nothing are a ping and get a pong (RFC 5626
// section 4.4.1); Asterisk sends one every 90 s.
func (s *streamSocket) Read() ([]byte, error) {
	message, err := s.frames.next()
	switch {
	case err != nil:
		return nil, err
	case !isKeepAlive(message) || s.pong():
		s.crlfs = 0
	default:
		if s.crlfs++; s.crlfs == 2 {
			s.crlfs = 0
			ctx, cancel := context.WithTimeout(context.Background(), writeLimit)
			defer cancel()
			if err = s.Write(ctx, []byte("\r\n")); err != nil {
				return nil, err
			}
		}
	}
	return message, nil
}

// pong tells those who wait for it, and whether there were any.
func (s *streamSocket) pong() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := len(s.pings) > 0
	for _, p := range s.pings {
		close(p)
	}
	s.pings = nil
	return waiting
}

// Write sends a message whole or makes the socket useless.
func (s *streamSocket) Write(ctx context.Context, message []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	deadline, _ := ctx.Deadline()
	if err := s.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	if _, err := s.conn.Write(message); err != nil {
		_ = s.Close() // the error of the write says more
		return err
	}
	return nil
}

// Ping sends CRLFCRLF and waits for CRLF. Many a PBX never answers it, Asterisk among them.
func (s *streamSocket) Ping(ctx context.Context) error {
	answered := make(chan struct{})
	s.mu.Lock()
	s.pings = append(s.pings, answered)
	s.mu.Unlock()
	defer s.unping(answered)
	if err := s.Write(ctx, []byte("\r\n\r\n")); err != nil {
		return err
	}
	select {
	case <-answered:
		return nil
	case <-s.done:
		return net.ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *streamSocket) unping(p chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, q := range s.pings {
		if p == q {
			s.pings = append(s.pings[:i], s.pings[i+1:]...)
			return
		}
	}
}

// Leave ends our half, so that what was written still arrives, and lets the far end close.
func (s *streamSocket) Leave() {
	defer s.Close() //nolint:errcheck // either end may be first
	if err := s.conn.SetWriteDeadline(time.Now().Add(leaveLimit)); err != nil {
		return
	}
	if half, ok := s.conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	select {
	case <-s.done: // Read came to the end, and its reader closed
	case <-time.After(leaveLimit):
	}
}

func (s *streamSocket) Close() (err error) {
	s.once.Do(func() {
		close(s.done)
		err = s.raw.Close()
	})
	return err
}

// dialStream connects to one address, with the TLS handshake where cfg is given.
func dialStream(ctx context.Context, addr netip.AddrPort, cfg *tls.Config) (*streamSocket, error) {
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return nil, err
	}
	if cfg == nil {
		return newStreamSocket(raw, raw), nil
	}
	conn := tls.Client(raw, cfg)
	if err = conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // the error of the handshake says more
		return nil, err
	}
	return newStreamSocket(conn, raw), nil
}

// clientTLS is the configuration for a server called host. The certificate is checked against the name that was configured,
// whatever SRV records made of it (RFC 5922 section 4), and the server is told that name (SNI).
func clientTLS(given *tls.Config, host string) *tls.Config {
	cfg := given.Clone()
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	return cfg
}
