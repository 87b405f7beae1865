package sip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// errMoved ends a connection from an address that the machine has no longer: nothing can come back to it.
var errMoved = errors.New("the address it was made from is gone")

// rooted is a socket that knows the address of the machine it was opened from.
type rooted interface{ root() netip.Addr }

func (s webSocket) root() netip.Addr     { return addrPortOf(s.raw.LocalAddr()).Addr() }
func (s *streamSocket) root() netip.Addr { return s.local().Addr() }
func (s *udpSocket) root() netip.Addr    { return s.local().Addr() }

// moved returns an error when the socket's own address is gone. It need not be asked then whether anybody is there: after a roam to
// another access point that would be seconds without signalling, and without sound.
func moved(s socket) error {
	r, ok := s.(rooted)
	if !ok {
		return nil
	}
	at := r.root().Unmap().WithZone("")
	if !at.IsValid() || at.IsUnspecified() || at.IsLoopback() {
		return nil
	}
	all, err := net.InterfaceAddrs()
	if err != nil || slices.ContainsFunc(all, func(a net.Addr) bool {
		n, is := a.(*net.IPNet)
		return is && n.IP.Equal(at.AsSlice())
	}) {
		return nil
	}
	return fmt.Errorf("%w: %s", errMoved, at)
}
