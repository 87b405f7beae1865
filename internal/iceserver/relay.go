package iceserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	dtlsnet "github.com/pion/dtls/v3/pkg/net"
	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// allocation is a relay at a TURN server (RFC 8656) with the socket that it was got through.
type allocation struct {
	answer  Answer
	conn    net.PacketConn
	client  *turn.Client
	relay   net.PacketConn
	reading sync.WaitGroup
	// unbind ends that ctx ends the allocation, and tells whether it had not.
	unbind func() bool
	given  sync.Once
}

// open gets a relay at an address of the server, which is given back when ctx ends at the latest.
func open(whole context.Context, s Server, place Place, address netip.AddrPort) (*allocation, error) {
	a := &allocation{answer: Answer{Place: place, Address: address}}
	ctx, cancel := context.WithTimeout(whole, answerLimit)
	defer cancel()
	err := a.connect(ctx, s)
	if err != nil {
		return nil, err
	}
	a.client, err = turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: a.answer.Address.String(), Conn: a.conn, Username: s.Username, Password: s.Credential,
		LoggerFactory: quiet(),
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a TURN client: %w", err), a.conn.Close())
	}
	a.reading.Go(a.read)
	if err = a.allocate(ctx); err != nil {
		return nil, errors.Join(err, a.close())
	}
	// The library's requests know no context: without a socket none of them waits for an answer.
	a.unbind = context.AfterFunc(whole, func() { _ = a.giveBack() })
	return a, nil
}

// quiet makes loggers that say nothing: pion's own prints to standard error, and more than is anybody's business.
func quiet() logging.LoggerFactory {
	return &logging.DefaultLoggerFactory{Writer: nowhere{}, DefaultLogLevel: logging.LogLevelDisabled}
}

// nowhere takes what a logger says.
type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

// connect opens the way to the server.
func (a *allocation) connect(ctx context.Context, s Server) error {
	if a.answer.Place.Transport == "udp" {
		conn, err := listen(a.answer.Address)
		if err != nil {
			return err
		}
		a.conn, a.answer.Local = conn, localOf(conn)
		return nil
	}
	network := "tcp"
	if a.answer.Place.Transport == "dtls" {
		network = "udp"
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, a.answer.Address.String())
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w within %s", ErrSilent, answerLimit)
		}
		return fmt.Errorf("connect to it: %w", err)
	}
	switch local := conn.LocalAddr().(type) {
	case *net.TCPAddr:
		a.answer.Local = local.AddrPort()
	case *net.UDPAddr:
		a.answer.Local = local.AddrPort()
	default:
	}
	if a.conn, err = a.secure(ctx, conn, s.TLS); err != nil {
		return errors.Join(err, conn.Close())
	}
	return nil
}

// secure makes of a connection one that STUN messages go through, secured as its transport wants it.
func (a *allocation) secure(ctx context.Context, conn net.Conn, trust *tls.Config) (net.PacketConn, error) {
	switch a.answer.Place.Transport {
	case "tls":
		cfg := &tls.Config{MinVersion: tls.VersionTLS12}
		if trust != nil {
			cfg = trust.Clone()
		}
		cfg.ServerName = a.answer.Place.Host
		secure := tls.Client(conn, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS with it: %w", err)
		}
		return turn.NewSTUNConn(secure), nil
	case "dtls":
		options := []dtls.ClientOption{dtls.WithServerName(a.answer.Place.Host), dtls.WithLoggerFactory(quiet())}
		if trust != nil {
			options = append(options, dtls.WithRootCAs(trust.RootCAs))
		}
		secure, err := dtls.ClientWithOptions(dtlsnet.PacketConnFromConn(conn), conn.RemoteAddr(), options...)
		if err != nil {
			return nil, fmt.Errorf("DTLS with it: %w", err)
		}
		if err = secure.HandshakeContext(ctx); err != nil {
			if ctx.Err() != nil {
				err = fmt.Errorf("%w within %s", ErrSilent, answerLimit)
			} else {
				err = fmt.Errorf("DTLS with it: %w", err)
			}
			return nil, errors.Join(err, secure.Close())
		}
		return dtlsnet.PacketConnFromConn(secure), nil
	default:
		return turn.NewSTUNConn(conn), nil
	}
}

// read hands what comes to the client until the socket is closed.
func (a *allocation) read() {
	buffer := make([]byte, maxDatagram)
	for {
		n, from, err := a.conn.ReadFrom(buffer)
		if err != nil {
			a.client.Close() // whoever waits for an answer is told
			return
		}
		// What is wrong with a single packet of a stranger's ends nothing.
		_, _ = a.client.HandleInbound(buffer[:n], from)
	}
}

// allocate asks for the relay, which takes two requests: the first is answered by what the credential is to be for.
func (a *allocation) allocate(ctx context.Context) error {
	began := time.Now()
	relay, err := a.client.AllocateWithContext(ctx)
	var refused *stun.TurnError
	switch {
	case errors.As(err, &refused):
		return refusal(refused.ErrorCodeAttr)
	case ctx.Err() != nil:
		return fmt.Errorf("%w within %s", ErrSilent, answerLimit)
	case errors.Is(err, stun.ErrAttributeNotFound):
		return fmt.Errorf("%w: a TURN server asks for a credential, this one does not", ErrAnswer)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrSilent, err)
	}
	a.relay, a.answer.RoundTrip = relay, time.Since(began)/2
	if at, ok := relay.LocalAddr().(*net.UDPAddr); ok {
		a.answer.Relayed, err = addrPort(at.IP, at.Port)
		if err != nil {
			return err
		}
	}
	return nil
}

// close gives the relay back and waits for the reader.
func (a *allocation) close() error {
	if a.unbind != nil {
		a.unbind()
	}
	err := a.giveBack()
	a.reading.Wait()
	return err
}

// giveBack gives the relay back and ends the socket, once: whoever waits for an answer is told.
func (a *allocation) giveBack() (err error) {
	a.given.Do(func() {
		if a.relay != nil {
			err = a.relay.Close() // a Refresh with a lifetime of zero
		}
		a.client.Close()
		if closeErr := a.conn.Close(); err == nil {
			err = closeErr
		}
	})
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// permit lets data of an address through the relay. A server that grants relays and then says nothing is not waited for longer than data is.
func (a *allocation) permit(ctx context.Context, from net.Addr) error {
	ctx, cancel := context.WithTimeout(ctx, flowLimit)
	defer cancel()
	defer context.AfterFunc(ctx, a.client.Close)() // whoever waits for an answer is told
	return a.client.CreatePermission(from)
}

// Flow says how data went through a relay.
type Flow struct {
	// Relayed is the relay's address.
	Relayed netip.AddrPort
	// Direct: what was sent to the relay's address from an ordinary socket came through, and the answer came back there.
	Direct bool
	// NoOutside: Direct could not be tried, as no STUN server told the address of an ordinary socket.
	NoOutside bool
	// Between: what was sent from one relay of the server to another came through. It is tried only where Direct fails.
	Between bool
	// RoundTrip is that of the way that worked.
	RoundTrip time.Duration
}

const (
	// flowLimit is how long data is sent, in intervals of flowEvery: it may be lost.
	flowLimit = 2 * time.Second
	flowEvery = 100 * time.Millisecond
)

// Loop sends data through a relay of a TURN server and back: from a socket of its own, as a telephone outside would, and where that fails
// from a second relay. at is the address at which Ask found the server. other is a STUN server that tells the socket's address; of an invalid one
// it is the TURN server itself, by UDP.
func Loop(ctx context.Context, s Server, at, other netip.AddrPort) (Flow, error) {
	place, err := s.Place()
	if err != nil {
		return Flow{}, err
	}
	a, err := open(ctx, s, place, at)
	if err != nil {
		return Flow{}, err
	}
	defer a.close() //nolint:errcheck // what came through has come through
	flow := Flow{Relayed: a.answer.Relayed}
	if !other.IsValid() {
		other = at
	}
	if flow.RoundTrip, err = a.fromOutside(ctx, other); err == nil {
		flow.Direct = true
		return flow, nil
	}
	flow.NoOutside = errors.Is(err, errNoAddress)
	b, err := open(ctx, s, place, at)
	if err != nil {
		return flow, err
	}
	defer b.close() //nolint:errcheck // as above
	if err = b.permit(ctx, a.relay.LocalAddr()); err != nil {
		return flow, nil //nolint:nilerr // it relays to nobody there: nothing came through
	}
	if flow.RoundTrip, err = a.exchange(ctx, b.relay, b.relay.LocalAddr(), a.relay.LocalAddr()); err == nil {
		flow.Between = true
	}
	return flow, nil
}

var (
	errNothingCame = errors.New("nothing came through")
	errNoAddress   = errors.New("the address outside is not known")
)

// fromOutside exchanges data with a socket of its own whose address is told by a STUN server.
func (a *allocation) fromOutside(ctx context.Context, stunServer netip.AddrPort) (time.Duration, error) {
	outside, err := listen(stunServer)
	if err != nil {
		return 0, err
	}
	defer outside.Close() //nolint:errcheck // it has served
	mapped, _, err := binding(ctx, outside, stunServer)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errNoAddress, err)
	}
	return a.exchange(ctx, outside, net.UDPAddrFromAddrPort(mapped), a.relay.LocalAddr())
}

// exchange lets the far socket, whose address as the relay sees it is from, send to the relay at to until the relay has heard it, answers
// through the relay, and waits for the answer.
func (a *allocation) exchange(ctx context.Context, far net.PacketConn, from, to net.Addr) (time.Duration, error) {
	if err := a.permit(ctx, from); err != nil {
		return 0, fmt.Errorf("%w: no permission: %w", errNothingCame, err)
	}
	ctx, cancel := context.WithTimeout(ctx, flowLimit)
	defer cancel()
	defer context.AfterFunc(ctx, a.client.Close)() // what the echo asks for, too
	deadline, _ := ctx.Deadline()
	if err := errors.Join(far.SetReadDeadline(deadline), a.relay.SetReadDeadline(deadline)); err != nil {
		return 0, err
	}
	word := make([]byte, 16)
	if _, err := rand.Read(word); err != nil {
		return 0, err
	}
	var echoing sync.WaitGroup
	defer echoing.Wait()
	defer a.relay.SetReadDeadline(time.Now()) //nolint:errcheck // it is closed soon
	echoing.Go(func() { a.echo(word) })
	sending, stop := context.WithCancel(ctx)
	defer stop()
	began := time.Now()
	echoing.Go(func() { send(sending, far, word, to) })
	buffer := make([]byte, maxDatagram)
	for {
		n, _, err := far.ReadFrom(buffer)
		if err != nil {
			return 0, errNothingCame
		}
		if bytes.Equal(buffer[:n], word) {
			stop()
			return time.Since(began), nil
		}
	}
}

// echo sends the word back to where it came from, through the relay, until the relay's deadline.
func (a *allocation) echo(word []byte) {
	buffer := make([]byte, maxDatagram)
	for {
		n, from, err := a.relay.ReadFrom(buffer)
		if err != nil {
			return
		}
		if bytes.Equal(buffer[:n], word) {
			_, _ = a.relay.WriteTo(word, from) // one of many
		}
	}
}

// send sends the word again and again.
func send(ctx context.Context, far net.PacketConn, word []byte, to net.Addr) {
	every := time.NewTicker(flowEvery)
	defer every.Stop()
	for {
		_, _ = far.WriteTo(word, to) // one of many
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}
