package sip

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// contactOf is where the door said that it is reached.
func contactOf(t *testing.T, w *world) netip.AddrPort {
	t.Helper()
	var at netip.AddrPort
	w.pbx.set(func(p *pbx) {
		u := p.register[len(p.register)-1].Contact().Address
		at = netip.AddrPortFrom(netip.MustParseAddr(strings.Trim(u.Host, "[]")), uint16(u.Port))
	})
	return at
}

// Scanners get no answer, not even an error, and the log is not theirs to fill.
func TestStrangersAreNotAnswered(t *testing.T) {
	w := newWorld(t, loopback, func(c *Config, p *pbx) { at("udp://"+p.serveUDP(t, "127.0.0.1:0").address(), nil)(c, p) })
	l := w.registered()
	// A connected socket is told of the kernel's own answers, too.
	scanner, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9)}, net.UDPAddrFromAddrPort(contactOf(t, w)))
	if err != nil {
		t.Fatal(err)
	}
	defer scanner.Close() //nolint:errcheck // the end of a test
	for _, packet := range []string{fromFar("OPTIONS", "scan1", ""), fromFar("INVITE", "scan1", ""), fromFar("BYE", "scan1", ""), "\r\n\r\n", "\x00", "GET / HTTP/1.0\r\n\r\n"} {
		for range 50 {
			if _, err = scanner.Write([]byte(strings.Replace(packet, "far-call", "scan1", 1))); err != nil {
				t.Fatalf("the door's kernel answers: %v", err)
			}
		}
	}
	// What the PBX sends afterwards is answered; had anything been answered before, it would be there now.
	l.send(strings.Replace(fromFar("OPTIONS", "real", ""), "UDP 192.0.2.2", "UDP 127.0.0.1;rport", 1))
	answer := l.next("200 OPTIONS")
	if received := param(answer.Via().Params, "received"); received != "127.0.0.1" {
		t.Errorf("Via %s", answer.Via().Value())
	}
	if err = scanner.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, readErr := scanner.Read(make([]byte, 2000)); !errors.Is(readErr, os.ErrDeadlineExceeded) {
		t.Errorf("the scanner got %d bytes, %v", n, readErr)
	}
	if n := strings.Count(w.logs.String(), "not of the PBX"); n != 1 {
		t.Errorf("%d lines about strangers", n)
	}
	if strings.Contains(w.logs.String(), "scan1") {
		t.Error("a stranger wrote into the log")
	}
}

// A PBX that comes back at the same place is found, whether it was gone for a moment or its port was refused for a while.
func TestThePBXsPortIsRefused(t *testing.T) {
	var pbxSocket *datagrams
	w := newWorld(t, loopback, func(c *Config, p *pbx) {
		pbxSocket = p.serveUDP(t, quietAddress(t))
		at("udp://"+pbxSocket.address(), nil)(c, p)
	})
	w.registered()
	before := contactOf(t, w)
	address := pbxSocket.address()
	pbxSocket.close()
	began := time.Now()
	go w.agent.Invite(t.Context(), "101", testOffer, Handler{}) //nolint:errcheck // fails, and makes the door send something
	r := w.registration(Unreachable)
	if !strings.Contains(r.Err.Error(), "nothing listens at "+address) || !errors.Is(r.Err, ErrConnectionLost) {
		t.Errorf("registration %+v", r)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("noticed after %v", took)
	}
	w.pbx.serveUDP(t, address)
	w.agent.Nudge()
	w.registered()
	if after := contactOf(t, w); after != before {
		if _, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(before)); err == nil { // else somebody else took the port meanwhile
			t.Errorf("the door was at %s and is at %s now", before, after)
		}
	}
}

// One refused datagram is no end: the PBX was answering again half a second later.
func TestARefusalIsForgiven(t *testing.T) {
	pbxSide := listenOn(t, quietAddress(t))
	to := addrPortOf(pbxSide.LocalAddr())
	s, err := listenUDP([]netip.AddrPort{to}, to, 0, discard())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()     //nolint:errcheck // the end of a test
	s.grace = time.Hour // its test is made below, when there is somebody to answer it
	got := make(chan string, 10)
	ended := make(chan error, 1)
	go func() {
		for {
			m, failed := s.Read()
			if failed != nil {
				ended <- failed
				return
			}
			got <- string(m)
		}
	}()
	pbxSide.Close() //nolint:errcheck // from now on it refuses
	if err = s.Write(t.Context(), []byte("lost")); err != nil {
		t.Fatal(err)
	}
	for s.refusedSince().IsZero() { // the kernel's answer is on its way
		time.Sleep(time.Millisecond)
	}
	again := listenOn(t, to.String())
	s.test()
	if err = again.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, from, err := again.ReadFromUDPAddrPort(buf) // the door's test
	if err != nil || string(buf[:n]) != "\r\n" || from != s.local() {
		t.Fatalf("%q from %s, %v", buf[:n], from, err)
	}
	if _, err = again.WriteToUDPAddrPort([]byte("here"), from); err != nil {
		t.Fatal(err)
	}
	if m := receive(t, got); m != "here" {
		t.Errorf("read %q", m)
	}
	if !s.refusedSince().IsZero() {
		t.Error("not forgiven")
	}
	if err = s.Write(t.Context(), []byte("more")); err != nil {
		t.Error(err)
	}
	s.Close() //nolint:errcheck // twice is allowed
	if err = receive(t, ended); err == nil {
		t.Error("Read goes on")
	}
}

func (s *udpSocket) refusedSince() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// quietAddress is a free address that no socket which leaves the port to the kernel will take, so that it may be left and taken again.
func quietAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(10000) // below the usual range of such ports
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err == nil {
			defer c.Close() //nolint:errcheck // nothing was sent
			return c.LocalAddr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

func listenOn(t *testing.T, address string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() }) //nolint:errcheck // some tests close it
	return c
}

// An address that takes datagrams and says nothing is followed by the next.
func TestTheFirstAddressIsMute(t *testing.T) {
	dns := &names{hosts: map[string][]string{"pbx.example": {"127.0.0.2", "127.0.0.3"}}}
	w := newWorld(t, loopback, func(c *Config, p *pbx) {
		d := p.serveUDP(t, "127.0.0.3:0")
		_, port, err := net.SplitHostPort(d.address())
		if err != nil {
			t.Fatal(err)
		}
		listenOn(t, "127.0.0.2:"+port)
		c.Resolver = dns
		at("udp://pbx.example:"+port, nil)(c, p)
	})
	if r := w.registration(Unreachable); !errors.Is(r.Err, errMute) {
		t.Errorf("registration %+v", r)
	}
	w.registered()
}

// Requests of another address of the PBX are answered there.
func TestRequestsFromAnotherAddressOfThePBX(t *testing.T) {
	dns := &names{hosts: map[string][]string{"pbx.example": {"127.0.0.1", "127.0.0.4"}}}
	w := newWorld(t, loopback, func(c *Config, p *pbx) {
		_, port, err := net.SplitHostPort(p.serveUDP(t, "127.0.0.1:0").address())
		if err != nil {
			t.Fatal(err)
		}
		c.Resolver = dns
		at("udp://pbx.example:"+port, nil)(c, p)
	})
	w.registered()
	other := listenOn(t, "127.0.0.4:0")
	for _, rport := range []bool{true, false} {
		here := addrPortOf(other.LocalAddr())
		via := "UDP " + here.String()
		if rport {
			via = "UDP 192.0.2.2;rport"
		}
		request := strings.Replace(fromFar("OPTIONS", "other"+via[len(via)-1:], ""), "UDP 192.0.2.2", via, 1)
		if _, err := other.WriteToUDPAddrPort([]byte(request), contactOf(t, w)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4000)
		n, from, err := other.ReadFromUDPAddrPort(buf)
		if err != nil || from != contactOf(t, w) || !strings.HasPrefix(string(buf[:n]), "SIP/2.0 200") {
			t.Errorf("%q from %s, %v", buf[:n], from, err)
		}
	}
}

// The registrar's list has our contact as Asterisk writes it: with the address that it sees, and ours in a parameter.
func TestOwnContactIsFound(t *testing.T) {
	for _, c := range []struct {
		h       hop
		contact string
	}{
		{hop{"UDP", "192.0.2.5", 5066}, "sip:8001@192.0.2.5:5066;transport=udp"},
		{hop{"UDP", "192.0.2.5", 5066}, "sip:8001@203.0.113.7:61000;x-ast-orig-host=192.0.2.5:5066"},
		{hop{"TLS", "2001:db8::5", 5066}, "sip:8001@[2001:db8::5]:5066;transport=TLS"},
		{hop{"WS", "abc.invalid", 0}, "sip:8001@192.0.2.5:4711;transport=WS;x-ast-orig-host=abc.invalid:0"},
	} {
		text := "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:8001@b>;tag=1\r\nTo: <sip:8001@b>;tag=2\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n" +
			"Contact: <sip:8001@192.0.2.5:5067;transport=udp>;expires=20\r\nContact: <" + c.contact + ">;expires=90\r\n" +
			"Contact: <sip:8001@[2001:db8::5]:5067>;expires=30\r\nContent-Length: 0\r\n\r\n"
		m, err := parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := granted(m.(*sipmsg.Response), c.h.key(), time.Minute); got != 90*time.Second { //nolint:errcheck // it is one
			t.Errorf("%s: %v", c.contact, got)
		}
	}
}

// The answer says where the request came from wherever its Via does not (RFC 3261 section 18.2.1), and the port if that is asked for.
func TestReceivedIsStamped(t *testing.T) {
	for via, want := range map[string][2]string{
		"192.0.2.1:5060":       {"", ""},
		"192.0.2.1;rport":      {"192.0.2.1", "4711"},
		"pbx.example":          {"192.0.2.1", ""},
		"10.0.0.1:5060;rport":  {"192.0.2.1", "4711"},
		"[::ffff:1]:5060;x=10": {"192.0.2.1", ""},
	} {
		m, err := parse([]byte(strings.Replace(fromFar("OPTIONS", "stamped", ""), "192.0.2.2", via, 1)))
		if err != nil {
			t.Fatal(err)
		}
		tx := newServerTx(nil, m.(*sipmsg.Request), netip.MustParseAddrPort("192.0.2.1:4711")) //nolint:errcheck // it is one
		got := tx.response(200, "OK", "", "").Via()
		if param(got.Params, "received") != want[0] || param(got.Params, "rport") != want[1] {
			t.Errorf("Via %s became %s", via, got.Value())
		}
	}
}
