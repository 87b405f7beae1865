package sip

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

type rootedSocket struct {
	socket
	at string
}

func (s rootedSocket) root() netip.Addr { return netip.MustParseAddr(s.at) }

func TestAConnectionFromAnAddressThatIsGone(t *testing.T) {
	for at, gone := range map[string]bool{
		"192.0.2.7": true, "2001:db8::7": true, "::ffff:192.0.2.7": true, "127.0.0.1": false, "127.0.0.9": false, "::1": false, "0.0.0.0": false, "::": false,
	} {
		if err := moved(rootedSocket{at: at}); errors.Is(err, errMoved) != gone {
			t.Errorf("%s: %v", at, err)
		}
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			if err = moved(rootedSocket{at: n.IP.String()}); err != nil {
				t.Errorf("an address that is there: %v", err)
			}
		}
	}
	if err = moved(&memorySocket{}); err != nil {
		t.Errorf("a socket without an address: %v", err)
	}
}
