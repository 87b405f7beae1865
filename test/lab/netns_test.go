package lab_test

import (
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"doorstation/test/lab"
)

// The networks reach the lab and each other, under changed addresses too, and what runs in one is seen from its address.
func TestNetworksOfTheirOwn(t *testing.T) {
	door, house := lab.NewNetwork(t, "door"), lab.NewNetwork(t, "house")
	server := listen(t, nil, net.JoinHostPort(lab.Addr, "0"))
	inHouse := listen(t, house, net.JoinHostPort(house.Addr, "0"))
	inHouse6 := listen(t, house, net.JoinHostPort(house.Addr6, "0"))
	from := func(want string, l net.Listener) {
		t.Helper()
		if got := dial(t, door, l); got != want {
			t.Errorf("a connection to %s comes from %q, not %s", l.Addr(), got, want)
		}
	}
	from(door.Addr, server)
	from(door.Addr, inHouse)
	from(door.Addr6, inHouse6)

	old := door.Addr
	door.SetAddress(t, old[:strings.LastIndex(old, ".")]+".77")
	from(door.Addr, inHouse)
	if door.Addr == old {
		t.Error("the address is the old one")
	}
	door.Down(t)
	if got := dial(t, door, inHouse); got != "" {
		t.Errorf("a connection from %s with the interface down", got)
	}
	door.Up(t)
	from(door.Addr, inHouse)
	door.Without4(t)
	from(door.Addr6, inHouse6)

	p := lab.Start(t, "net", door.Command(lab.Command{Path: "/bin/cat", Args: []string{"/proc/net/dev"}}))
	p.WaitOutput(t, 10*time.Second, regexp.MustCompile(`eth0:`))
}

func listen(t *testing.T, n *lab.Network, address string) net.Listener {
	t.Helper()
	var l net.Listener
	open := func() (err error) {
		l, err = net.Listen("tcp", address)
		return err
	}
	err := error(nil)
	if n == nil {
		err = open()
	} else {
		err = n.Do(open)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// dial connects from a network and returns the address the other side sees, "" when there is no way.
func dial(t *testing.T, n *lab.Network, l net.Listener) string {
	t.Helper()
	var c net.Conn
	err := n.Do(func() (err error) {
		c, err = net.DialTimeout("tcp", l.Addr().String(), 5*time.Second)
		return err
	})
	if err != nil {
		t.Log(err)
		return ""
	}
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	host, _, err := net.SplitHostPort(s.RemoteAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return host
}
