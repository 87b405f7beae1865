package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/net/dns/dnsmessage"
)

// DNSMood is how a name server behaves.
type DNSMood int

// Moods of a name server.
const (
	DNSAnswers DNSMood = iota
	DNSFails           // SERVFAIL to everything
	DNSSilent          // no answer to anything
)

// DNS is a name server of the lab's own, which every program of the lab asks: there is one at a time. What it does not know
// does not exist.
type DNS struct {
	conn net.PacketConn
	done chan struct{}

	mu    sync.Mutex
	mood  DNSMood
	hosts map[string][]netip.Addr
}

// StartDNS runs a name server on [Addr], UDP port 53, until the test ends. /etc/resolv.conf names it, in the lab's own view of the
// file system only.
func StartDNS(t T) *DNS {
	t.Helper()
	conn, err := net.ListenPacket("udp4", net.JoinHostPort(Addr, "53"))
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	d := &DNS{conn: conn, done: make(chan struct{}), hosts: map[string][]netip.Addr{}}
	go d.serve()
	t.Cleanup(func() {
		_ = d.conn.Close()
		<-d.done
	})
	const conf = "/etc/resolv.conf"
	file := filepath.Join(Out(t), "resolv.conf")
	if err = os.WriteFile(file, fmt.Appendf(nil, "nameserver %s\noptions timeout:2 attempts:2\n", Addr), 0o644); err != nil {
		t.Fatalf("lab: %v", err)
	}
	if err = syscall.Mount(file, conf, "", syscall.MS_BIND, ""); err != nil {
		t.Fatalf("lab: naming the server in %s: %v", conf, err)
	}
	t.Cleanup(func() {
		if unmountErr := syscall.Unmount(conf, syscall.MNT_DETACH); unmountErr != nil {
			t.Errorf("lab: %s: %v", conf, unmountErr)
		}
	})
	return d
}

// Host gives a name its addresses, in this order, IPv4 and IPv6.
func (d *DNS) Host(name string, addresses ...string) {
	list := make([]netip.Addr, len(addresses))
	for i, a := range addresses {
		list[i] = netip.MustParseAddr(a)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hosts[canonicalName(name)] = list
}

// SetMood changes how the server behaves from the next question on.
func (d *DNS) SetMood(m DNSMood) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mood = m
}

func canonicalName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) + "." }

func (d *DNS) serve() {
	defer close(d.done)
	buf := make([]byte, 4096)
	for {
		n, from, err := d.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // what an earlier answer met
		}
		if answer := d.answer(buf[:n]); answer != nil {
			// Who does not get it asks again.
			_, _ = d.conn.WriteTo(answer, from)
		}
	}
}

// answer is nil for silence, and for what is no question.
func (d *DNS) answer(question []byte) []byte {
	var parser dnsmessage.Parser
	header, err := parser.Start(question)
	if err != nil {
		return nil
	}
	q, err := parser.Question()
	if err != nil {
		return nil
	}
	d.mu.Lock()
	mood := d.mood
	addresses, known := d.hosts[canonicalName(q.Name.String())]
	d.mu.Unlock()
	m := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true,
		},
		Questions: []dnsmessage.Question{q},
	}
	switch {
	case mood == DNSSilent:
		return nil
	case mood == DNSFails:
		m.RCode = dnsmessage.RCodeServerFailure
	case !known:
		m.RCode = dnsmessage.RCodeNameError
	default:
		for _, a := range addresses {
			h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET} // TTL 0
			switch {
			case q.Type == dnsmessage.TypeA && a.Is4():
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
			case q.Type == dnsmessage.TypeAAAA && a.Is6():
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
			}
		}
	}
	packed, err := m.Pack()
	if err != nil {
		return nil
	}
	return packed
}
