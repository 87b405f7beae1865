package discover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// mdnsPort, group4 and group6 are RFC 6762's.
const mdnsPort = 5353

var (
	group4 = netip.MustParseAddr("224.0.0.251")
	group6 = netip.MustParseAddr("ff02::fb")
)

// maxPacket is the longest message (RFC 6762, 17).
const maxPacket = 9000

// socket asks on one network with one version of IP.
type socket struct {
	conn *net.UDPConn
	ifi  net.Interface
	to   netip.AddrPort
	// nets are the networks on the link: answers come from there (RFC 6762, 11).
	nets []netip.Prefix
	// id is that of the questions. Answers to a one-shot querier repeat it (RFC 6762, 6.7).
	id uint16
}

// packet is what came in.
type packet struct {
	socket *socket
	from   netip.Addr
	data   []byte
}

// maxSockets bounds the networks of a machine with very many.
const maxSockets = 64

// listen opens a socket for each network. One that cannot be had is left out; the error is ErrNoNetwork.
func listen(interfaces []net.Interface, log *slog.Logger) ([]*socket, error) {
	var failure error
	if interfaces == nil {
		all, err := net.Interfaces()
		if err != nil {
			return nil, fmt.Errorf("%w (%w)", ErrNoNetwork, err)
		}
		for _, ifi := range all {
			if ifi.Flags&net.FlagLoopback == 0 {
				interfaces = append(interfaces, ifi)
			}
		}
	}
	var sockets []*socket
	for _, ifi := range interfaces {
		if ifi.Flags&net.FlagUp == 0 || ifi.Flags&net.FlagMulticast == 0 {
			continue
		}
		for _, open := range []func(net.Interface, []netip.Prefix) (*socket, error){open4, open6} {
			if len(sockets) == maxSockets {
				break
			}
			s, err := open(ifi, prefixes(ifi))
			if err != nil {
				log.Debug("no asking for Home Assistant", slog.String("interface", ifi.Name), slog.Any("error", err))
				failure = err
				continue
			}
			if s != nil {
				sockets = append(sockets, s)
			}
		}
	}
	switch {
	case len(sockets) > 0:
		return sockets, nil
	case failure != nil:
		return nil, fmt.Errorf("%w (%w)", ErrNoNetwork, failure)
	default:
		return nil, ErrNoNetwork
	}
}

// prefixes are the addresses of an interface with their networks.
func prefixes(ifi net.Interface) []netip.Prefix {
	addrs, err := ifi.Addrs()
	if err != nil {
		return nil // it has just gone
	}
	var all []netip.Prefix
	for _, a := range addrs {
		if p, parseErr := netip.ParsePrefix(a.String()); parseErr == nil {
			all = append(all, p)
		}
	}
	return all
}

// open4 makes the IPv4 socket of an interface, nil when it has no such address.
func open4(ifi net.Interface, nets []netip.Prefix) (*socket, error) {
	for _, p := range nets {
		if !p.Addr().Is4() {
			continue
		}
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.Addr(), 0)))
		if err != nil {
			return nil, err
		}
		pc := ipv4.NewPacketConn(conn)
		if err = errors.Join(pc.SetMulticastInterface(&ifi), pc.SetMulticastTTL(255), pc.SetMulticastLoopback(true)); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return newSocket(conn, ifi, nets, group4), nil
	}
	return nil, nil
}

// open6 makes the IPv6 socket of an interface, nil when it has no such address.
func open6(ifi net.Interface, nets []netip.Prefix) (*socket, error) {
	for _, p := range nets {
		if !p.Addr().Is6() || !p.Addr().IsLinkLocalUnicast() {
			continue
		}
		local := netip.AddrPortFrom(p.Addr().WithZone(ifi.Name), 0)
		conn, err := net.ListenUDP("udp6", net.UDPAddrFromAddrPort(local))
		if err != nil {
			return nil, err
		}
		pc := ipv6.NewPacketConn(conn)
		if err = errors.Join(pc.SetMulticastInterface(&ifi), pc.SetMulticastHopLimit(255), pc.SetMulticastLoopback(true)); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return newSocket(conn, ifi, nets, group6.WithZone(ifi.Name)), nil
	}
	return nil, nil
}

func newSocket(conn *net.UDPConn, ifi net.Interface, nets []netip.Prefix, group netip.Addr) *socket {
	return &socket{
		conn: conn, ifi: ifi, nets: nets, to: netip.AddrPortFrom(group, mdnsPort),
		id: uint16(rand.Uint32()), //nolint:gosec // it only has to be hard to guess from elsewhere, and the answers are doubted anyway
	}
}

func (s *socket) send(message []byte) error {
	_, err := s.conn.WriteToUDPAddrPort(message, s.to)
	return err
}

// zone is that of link-local addresses in answers.
func (s *socket) zone() string { return s.ifi.Name }

// believes says whether a packet comes from the link that was asked.
func (s *socket) believes(p packet) bool {
	from := p.from.Unmap()
	if from.IsLinkLocalUnicast() {
		return true
	}
	from = from.WithZone("")
	for _, n := range s.nets {
		if n.Masked().Contains(from) {
			return true
		}
	}
	return false
}

// readers are the goroutines that read the sockets.
type readers struct {
	sockets []*socket
	group   sync.WaitGroup
	stopped context.CancelFunc
}

// startReaders reads all sockets into packets until stop.
func startReaders(ctx context.Context, sockets []*socket, packets chan<- packet) *readers {
	ctx, cancel := context.WithCancel(ctx)
	r := &readers{sockets: sockets, stopped: cancel}
	for _, s := range sockets {
		r.group.Go(func() { s.read(ctx, packets) })
	}
	return r
}

func (s *socket) read(ctx context.Context, packets chan<- packet) {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
			return
		}
		if err != nil {
			continue // what an earlier question met
		}
		select {
		case packets <- packet{s, from.Addr(), append([]byte(nil), buf[:n]...)}:
		case <-ctx.Done():
			return
		}
	}
}

// stop closes the sockets and waits for the goroutines.
func (r *readers) stop() {
	r.stopped()
	for _, s := range r.sockets {
		_ = s.conn.Close() // it was only read from
	}
	r.group.Wait()
}
