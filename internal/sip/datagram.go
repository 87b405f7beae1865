package sip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// refusedTwice is the time between two ICMP errors, with nothing heard in between, after which the PBX counts as gone:
	// one alone may be of a firewall that is being loaded.
	refusedTwice = timerT1
	// muteLimit is how long one of several addresses may say nothing at all before the next one gets its turn.
	muteLimit = 4 * time.Second
	// strangersEvery spaces out the lines about datagrams from elsewhere.
	strangersEvery = time.Minute
)

var errMute = errors.New("this address of the PBX says nothing")

// A udpSocket exchanges datagrams with a PBX, each of them one message (RFC 3261 section 18.3). What comes from other
// addresses than the PBX's is dropped and nobody is told: the Internet is full of scanners that call whatever answers.
type udpSocket struct {
	conn    *net.UDPConn
	to      netip.AddrPort      // where requests go
	known   map[netip.Addr]bool // the PBX's addresses
	several bool                // there are other addresses to try
	log     *slog.Logger
	onMute  func()        // told by Close when the PBX never said anything
	grace   time.Duration // refusedTwice, but in tests

	buf       []byte // of ReadFrom
	strangers int    // since the last line; used by ReadFrom alone
	told      time.Time

	once sync.Once
	done chan struct{} // closed by Close

	mu      sync.Mutex
	cause   error     // why the socket closed itself
	heard   bool      // anything from the PBX
	refused time.Time // first ICMP error since something was heard; zero: none
	timer   *time.Timer
}

// listenUDP opens a socket to the first of addrs from the local address that the kernel would take, at the given port if
// that is free: a PBX then sees the same contact after a while without a socket.
func listenUDP(addrs []netip.AddrPort, to netip.AddrPort, port uint16, log *slog.Logger) (*udpSocket, error) {
	network := "udp4"
	if to.Addr().Is6() {
		network = "udp6"
	}
	probe, err := net.DialUDP(network, nil, net.UDPAddrFromAddrPort(to)) // sends nothing
	if err != nil {
		return nil, err
	}
	local, ok := probe.LocalAddr().(*net.UDPAddr)
	if err = probe.Close(); err != nil || !ok {
		return nil, fmt.Errorf("finding our own address: %w", err)
	}
	local.Port = int(port)
	conn, err := net.ListenUDP(network, local)
	if err != nil && port != 0 {
		local.Port = 0
		conn, err = net.ListenUDP(network, local)
	}
	if err != nil {
		return nil, err
	}
	if err = hearErrors(conn); err != nil {
		_ = conn.Close() // it was not used yet
		return nil, fmt.Errorf("asking for ICMP errors: %w", err)
	}
	s := &udpSocket{
		conn: conn, to: to, known: map[netip.Addr]bool{}, several: len(addrs) > 1, log: log, onMute: func() {}, grace: refusedTwice,
		buf: make([]byte, maxMessage), done: make(chan struct{}),
	}
	for _, a := range addrs {
		s.known[a.Addr().WithZone("")] = true
	}
	return s, nil
}

func (s *udpSocket) local() netip.AddrPort { return addrPortOf(s.conn.LocalAddr()) }

func (s *udpSocket) Read() ([]byte, error) {
	message, _, err := s.ReadFrom()
	return message, err
}

// ReadFrom returns the next datagram of the PBX.
func (s *udpSocket) ReadFrom() ([]byte, netip.AddrPort, error) {
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(s.buf)
		switch {
		case err == nil && s.known[from.Addr().Unmap().WithZone("")]:
			s.hear()
			return bytes.Clone(s.buf[:n]), from, nil
		case err == nil:
			s.stranger()
		case isICMP(err):
			s.drainErrors()
			s.complain(err)
		default:
			return nil, from, s.reason(err)
		}
	}
}

// reason is why the socket ended: what it knows itself, else err.
func (s *udpSocket) reason(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return s.cause
	}
	return err
}

func (s *udpSocket) stranger() {
	s.strangers++
	if now := time.Now(); now.Sub(s.told) >= strangersEvery {
		s.log.Debug("dropped datagrams that are not of the PBX", "datagrams", s.strangers)
		s.told, s.strangers = now, 0
	}
}

func (s *udpSocket) hear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard, s.refused = true, time.Time{}
	if s.timer != nil {
		s.timer.Stop()
	}
}

// complain takes an error that says a datagram did not arrive. The first starts a small test, the next one after it ends
// the socket.
func (s *udpSocket) complain(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	switch {
	case s.cause != nil, errors.Is(err, unix.EMSGSIZE): // the path takes less at a time, which the kernel now knows
	case s.refused.IsZero():
		s.refused = now
		s.schedule(s.grace, s.test)
	case now.Sub(s.refused) >= s.grace:
		s.fail(explain(err, s.to.String()))
	}
}

// test sends a keep-alive, to be refused or not.
func (s *udpSocket) test() {
	if err := s.send([]byte("\r\n"), s.to); err != nil {
		s.log.Debug("not sent", "error", err)
	}
}

// mute ends a socket to an address that never answered.
func (s *udpSocket) mute() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.heard {
		s.fail(fmt.Errorf("%w: %s; the next one gets its turn", errMute, s.to))
	}
}

// schedule sets the one timer that a socket needs. s.mu is held.
func (s *udpSocket) schedule(d time.Duration, f func()) {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.timer = time.AfterFunc(d, f)
}

// fail makes Read return cause. s.mu is held.
func (s *udpSocket) fail(cause error) {
	if s.cause != nil {
		return
	}
	s.cause = cause
	if err := s.conn.Close(); err != nil {
		s.log.Debug("closing the socket", "error", err)
	}
}

func (s *udpSocket) Write(ctx context.Context, message []byte) error {
	return s.WriteTo(ctx, message, s.to)
}

// WriteTo sends a datagram. It says nothing of those that the network refuses: they will be sent again, or the socket ends.
func (s *udpSocket) WriteTo(_ context.Context, message []byte, to netip.AddrPort) error {
	s.mu.Lock()
	if s.several && !s.heard && s.timer == nil {
		s.schedule(muteLimit, s.mute)
	}
	s.mu.Unlock()
	return s.send(message, to)
}

func (s *udpSocket) send(message []byte, to netip.AddrPort) error {
	const tries = 3 // an ICMP error that waits is told in place of sending
	var err error
	for range tries {
		_, err = s.conn.WriteToUDPAddrPort(message, to)
		if !isICMP(err) {
			break
		}
		s.drainErrors()
		s.complain(err)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, net.ErrClosed), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EADDRNOTAVAIL), errors.Is(err, unix.EMSGSIZE):
		return s.reason(err) // closed, or our address is gone
	}
	s.complain(err)
	return nil
}

// Ping sends a keep-alive, which holds the way through NATs. No PBX answers it.
func (s *udpSocket) Ping(ctx context.Context) error {
	if err := s.Write(ctx, []byte("\r\n\r\n")); err != nil {
		return err
	}
	select {
	case <-s.done:
		return net.ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Leave closes: there is nobody to say goodbye to.
func (s *udpSocket) Leave() { _ = s.Close() }

func (s *udpSocket) Close() (err error) {
	s.once.Do(func() {
		close(s.done)
		s.mu.Lock()
		if s.timer != nil {
			s.timer.Stop()
		}
		closed, heard := s.cause != nil, s.heard
		s.cause = errors.Join(s.cause, net.ErrClosed)
		s.mu.Unlock()
		if !closed {
			err = s.conn.Close()
		}
		if !heard {
			s.onMute()
		}
	})
	return err
}
