package sip

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// isICMP tells the errors that the network reports of datagrams sent earlier.
func isICMP(err error) bool {
	for _, e := range []syscall.Errno{unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.EPROTO, unix.ENOPROTOOPT, unix.EMSGSIZE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// hearErrors makes the kernel report ICMP errors on a socket that is not connected, ip(7) IP_RECVERR. It is not connected
// because the kernel would answer whoever else sends to it by an ICMP error of its own, and because a PBX may have several
// addresses.
func hearErrors(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	level, option := unix.IPPROTO_IP, unix.IP_RECVERR
	if addrPortOf(conn.LocalAddr()).Addr().Is6() {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVERR
	}
	var failed error
	if err = raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), level, option, 1) }); err != nil {
		return err
	}
	return failed
}

// drainErrors empties the socket's error queue, whose news read and write have told already.
func (s *udpSocket) drainErrors() {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return // closed
	}
	var none [1]byte
	err = raw.Control(func(fd uintptr) {
		for {
			if _, _, _, _, failed := unix.Recvmsg(int(fd), none[:], nil, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT); failed != nil {
				return
			}
		}
	})
	if err != nil {
		s.log.Debug("reading the socket's errors", "error", err)
	}
}
