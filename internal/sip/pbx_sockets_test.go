package sip

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// serveStream has the PBX listen on TCP, with TLS where cfg is given, and returns its address.
func (p *pbx) serveStream(t *testing.T, address string, cfg *tls.Config) string {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	t.Cleanup(func() {
		ln.Close() //nolint:errcheck // the end of a test
		accepting.Wait()
	})
	accepting.Go(func() {
		for {
			c, failed := ln.Accept()
			if failed != nil {
				return
			}
			accepting.Go(func() { p.serveConn(c, cfg) })
		}
	})
	return ln.Addr().String()
}

func (p *pbx) serveConn(c net.Conn, cfg *tls.Config) {
	defer c.Close() //nolint:errcheck // either end may be first
	if cfg != nil {
		secure := tls.Server(c, cfg)
		if secure.Handshake() != nil { // a certificate that the door refuses is part of the test
			return
		}
		c = secure
	}
	f := newFramer(c)
	p.serve(&line{
		read:  f.next,
		write: func(d []byte) error { _, err := c.Write(d); return err },
		shut:  func() { c.Close() }, //nolint:errcheck // either end may be first
	})
}

// datagrams is the PBX's UDP socket; each address that sends to it is a line.
type datagrams struct {
	pbx  *pbx
	conn *net.UDPConn
	done chan struct{} // its reader has ended
	wg   sync.WaitGroup

	mu    sync.Mutex
	lines map[netip.AddrPort]*exchange
}

// serveUDP has the PBX listen on UDP.
func (p *pbx) serveUDP(t *testing.T, address string) *datagrams {
	t.Helper()
	d := &datagrams{pbx: p, lines: map[netip.AddrPort]*exchange{}, done: make(chan struct{})}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address)))
	if err != nil {
		t.Fatal(err)
	}
	d.conn = conn
	go d.read()
	t.Cleanup(d.close)
	return d
}

func (d *datagrams) address() string { return d.conn.LocalAddr().String() }

// close leaves the port to nobody: the kernel answers by ICMP from now on.
func (d *datagrams) close() {
	d.conn.Close() //nolint:errcheck // either a test or its end is first
	<-d.done
	d.mu.Lock()
	for _, x := range d.lines {
		x.end()
	}
	d.mu.Unlock()
	d.wg.Wait()
}

func (d *datagrams) read() {
	defer close(d.done)
	buf := make([]byte, maxMessage)
	for {
		n, from, err := d.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		} else if err != nil {
			continue
		}
		d.mu.Lock()
		x := d.lines[from]
		if x == nil {
			x = newExchange(func(m []byte) error { _, failed := d.conn.WriteToUDPAddrPort(m, from); return failed })
			d.lines[from] = x
			d.wg.Go(func() { d.pbx.serve(x.line()) })
		}
		d.mu.Unlock()
		x.received(bytes.Clone(buf[:n]))
	}
}

// exchange is what a PBX does on UDP for its script not to see what was lost: it answers what comes again by what it answered
// before, and sends again what was not answered.
type exchange struct {
	raw    func([]byte) error
	in     chan []byte
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex
	answers map[string][]byte      // to requests, by branch and method; nil: seen
	seen    map[string]bool        // responses and ACKs
	acks    map[string][]byte      // of ours, by CSeq
	timers  map[string]*time.Timer // of what is sent again
}

func newExchange(raw func([]byte) error) *exchange {
	return &exchange{
		raw: raw, in: make(chan []byte, 1000), closed: make(chan struct{}),
		answers: map[string][]byte{}, seen: map[string]bool{}, acks: map[string][]byte{}, timers: map[string]*time.Timer{},
	}
}

func (x *exchange) line() *line { return &line{read: x.read, write: x.send, shut: x.end} }

func (x *exchange) read() ([]byte, error) {
	select {
	case d := <-x.in:
		return d, nil
	case <-x.closed:
		return nil, io.EOF
	}
}

func (x *exchange) end() {
	x.once.Do(func() {
		close(x.closed)
		x.mu.Lock()
		defer x.mu.Unlock()
		for _, t := range x.timers {
			t.Stop()
		}
		x.timers = nil
	})
}

func number(m sipmsg.Message) string {
	return m.CallID().Value() + " " + strconv.Itoa(int(m.CSeq().SeqNo))
}

func (x *exchange) received(data []byte) {
	m, err := parse(data)
	if err != nil {
		x.in <- data
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	again := false
	switch m := m.(type) {
	case *sipmsg.Request:
		if m.IsAck() {
			x.stop("2xx " + number(m))
			again, x.seen[string(data)] = x.seen[string(data)], true
			break
		}
		var answer []byte
		if answer, again = x.answers[clientKey(m)]; answer != nil {
			x.raw(answer) //nolint:errcheck // what is lost comes again
		} else {
			x.answers[clientKey(m)] = nil
		}
	case *sipmsg.Response:
		x.stop(clientKey(m))
		again, x.seen[string(data)] = x.seen[string(data)], true
		if ack := x.acks[number(m)]; again && m.CSeq().MethodName == sipmsg.INVITE && ack != nil {
			x.raw(ack) //nolint:errcheck // what is lost comes again
		}
	}
	if !again {
		x.in <- data
	}
}

// send is the write of the line.
func (x *exchange) send(data []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if m, err := parse(data); err == nil {
		switch m := m.(type) {
		case *sipmsg.Request:
			if m.IsAck() {
				x.acks[number(m)] = data
			} else {
				x.repeat(clientKey(m), data)
			}
		case *sipmsg.Response:
			x.answers[clientKey(m)] = data
			if m.CSeq().MethodName == sipmsg.INVITE && m.StatusCode >= 200 {
				x.repeat("2xx "+number(m), data)
			}
		}
	}
	return x.raw(data)
}

// repeat sends data again until it is stopped. x.mu is held.
func (x *exchange) repeat(key string, data []byte) {
	if x.timers == nil {
		return
	}
	x.timers[key] = time.AfterFunc(timerT1, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.timers[key] != nil {
			x.raw(data) //nolint:errcheck // what is lost comes again
			x.repeat(key, data)
		}
	})
}

func (x *exchange) stop(key string) {
	if t := x.timers[key]; t != nil {
		t.Stop()
		delete(x.timers, key)
	}
}

// lossySocket is a UDP socket in memory.
type lossySocket struct {
	*memorySocket
	lose func(message []byte) bool
}

func (s lossySocket) local() netip.AddrPort { return netip.MustParseAddrPort("192.0.2.5:5066") }

func (s lossySocket) Write(ctx context.Context, d []byte) error {
	if s.lose(d) {
		return nil
	}
	return s.memorySocket.Write(ctx, d)
}

// dialLossy is a dialFunc to the PBX by datagrams in memory, of which lose says whether one is lost on its way.
func (p *pbx) dialLossy(lose func(message []byte) bool) dialFunc {
	return func(context.Context, Endpoint, func()) (socket, error) {
		toAgent, toPBX, closed := make(chan []byte, 1000), make(chan []byte, 1000), make(chan struct{})
		near := &memorySocket{in: toAgent, out: toPBX, closed: closed, once: new(sync.Once), pong: func() bool { return false }}
		far := lossySocket{&memorySocket{in: toPBX, out: toAgent, closed: closed, once: near.once}, lose}
		x := newExchange(func(d []byte) error { return far.Write(context.Background(), d) })
		p.wg.Go(func() { p.serve(x.line()) })
		p.wg.Go(func() {
			defer x.end()
			for {
				d, err := far.Read()
				if err != nil {
					return
				}
				x.received(d)
			}
		})
		return lossySocket{near, lose}, nil
	}
}

// loseEachOnce is a network that loses every datagram the first time that it is sent.
func loseEachOnce() (lose func([]byte) bool, lost func() int) {
	var mu sync.Mutex
	seen := map[string]bool{}
	return func(d []byte) bool {
			mu.Lock()
			defer mu.Unlock()
			again := seen[string(d)]
			seen[string(d)] = true
			return !again
		}, func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(seen)
		}
}

// names is a DNS stand-in.
type names struct {
	mu    sync.Mutex
	hosts map[string][]string
	srv   map[string][]*net.SRV
	err   error // of every question
	asked []string
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, host)
	if n.err != nil {
		return nil, n.err
	}
	var list []netip.Addr
	for _, a := range n.hosts[host] {
		list = append(list, netip.MustParseAddr(a))
	}
	if list == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return list, nil
}

func (n *names) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	full := "_" + service + "._" + proto + "." + name
	n.asked = append(n.asked, full)
	if n.err != nil {
		return "", nil, n.err
	}
	if r := n.srv[full]; r != nil {
		return full, r, nil
	}
	return "", nil, &net.DNSError{Err: "no such host", Name: full, IsNotFound: true}
}
