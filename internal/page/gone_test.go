package page

import (
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// TestABrowserThatIsGoneIsGivenUp: what it was sent is not waited for longer than that.
func TestABrowserThatIsGoneIsGivenUp(t *testing.T) {
	listen := net.ListenConfig{Control: giveUp}
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	check(t, err)
	var dialer net.Dialer
	browser, err := dialer.DialContext(t.Context(), "tcp", l.Addr().String())
	check(t, err)
	conn, err := l.Accept()
	check(t, err)
	raw, err := conn.(*net.TCPConn).SyscallConn()
	check(t, err)
	got := 0
	var optErr error
	check(t, raw.Control(func(fd uintptr) { got, optErr = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }))
	check(t, optErr)
	if got != int(goneAfter.Milliseconds()) {
		t.Errorf("%d ms", got)
	}
	check(t, errors.Join(conn.Close(), browser.Close(), l.Close()))
}
