package peer

import (
	"crypto/rand"
	"encoding/hex"
	"net"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// linkQueue is how many packets may wait for the PeerConnection; what comes beyond is lost, as in a full socket.
const linkQueue = 512

// The two ends of a link, addresses for documentation that never leave the process.
const (
	linkNear = "192.0.2.1"
	linkFar  = "192.0.2.2"
	linkPort = 9
)

// link is the network as the PeerConnection knows it: one wire, whose other end speaks for the far side for as long as the peer
// lives. Beyond that end the path changes – another address, another relay, after a restart of ICE – and the PeerConnection, which
// would drop a path before it has another and cannot take that back, need not know. Of what it sends, ICE checks are answered here;
// all else goes to the path in use. Before a path is up nothing is answered, so that the key exchange begins when packets can flow.
type link struct {
	send       func(packet []byte) // on the path in use; the packet is not kept
	ufrag, pwd string              // of the far end

	packets chan []byte // to the PeerConnection
	closed  chan struct{}
	once    sync.Once

	mu        sync.Mutex
	open      bool
	nearUfrag string
	nearPwd   string
	waiting   *stun.Message // the last check that was not answered
}

func newLink(send func([]byte)) *link {
	return &link{
		send: send, ufrag: randomText(4), pwd: randomText(16),
		packets: make(chan []byte, linkQueue), closed: make(chan struct{}),
	}
}

// randomText is n random bytes as hexadecimal digits, which are characters of ICE (RFC 8839 section 5.4).
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: the runtime ends the process instead
	return hex.EncodeToString(b)
}

// know takes the PeerConnection's own credentials on the link.
func (l *link) know(ufrag, pwd string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nearUfrag, l.nearPwd = ufrag, pwd
}

// up says that a path works from now on.
func (l *link) up() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = true
	if l.waiting != nil {
		l.answer(l.waiting)
		l.waiting = nil
	}
}

// check takes an ICE message of the PeerConnection's.
func (l *link) check(b []byte) {
	m := &stun.Message{Raw: append([]byte(nil), b...)}
	if err := m.Decode(); err != nil || m.Type != stun.BindingRequest {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open {
		l.answer(m)
	} else {
		l.waiting = m
	}
}

// answer says yes to a check, and sends one of its own, at which the PeerConnection nominates at once (it would wait for its next
// round otherwise). The caller holds mu.
func (l *link) answer(request *stun.Message) {
	good, err := stun.Build(request, stun.BindingSuccess, &stun.XORMappedAddress{IP: net.ParseIP(linkNear), Port: linkPort},
		stun.NewShortTermIntegrity(l.pwd), stun.Fingerprint)
	if err != nil {
		return
	}
	l.deliver(good.Raw)
	if ice.UseCandidate().IsSet(request) {
		return
	}
	own, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.NewUsername(l.nearUfrag+":"+l.ufrag), ice.AttrControlled(1),
		ice.PriorityAttr(1), stun.NewShortTermIntegrity(l.nearPwd), stun.Fingerprint)
	if err != nil {
		return
	}
	l.deliver(own.Raw)
}

// deliver hands a packet to the PeerConnection, which keeps it.
func (l *link) deliver(packet []byte) {
	select {
	case l.packets <- packet:
	default:
	}
}

var _ net.PacketConn = (*link)(nil)

// ReadFrom implements net.PacketConn.
func (l *link) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-l.packets:
		return copy(b, p), linkAddr(linkFar), nil
	case <-l.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements net.PacketConn.
func (l *link) WriteTo(b []byte, _ net.Addr) (int, error) {
	if stun.IsMessage(b) {
		l.check(b)
	} else {
		l.send(b)
	}
	return len(b), nil
}

// Close implements net.PacketConn.
func (l *link) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// LocalAddr implements net.PacketConn.
func (l *link) LocalAddr() net.Addr { return linkAddr(linkNear) }

// SetDeadline implements net.PacketConn. Nothing here waits but a read, which Close ends.
func (l *link) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn.
func (l *link) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn.
func (l *link) SetWriteDeadline(time.Time) error { return nil }

func linkAddr(host string) *net.UDPAddr {
	return &net.UDPAddr{IP: net.ParseIP(host).To4(), Port: linkPort}
}

// linkMux gives the PeerConnection the link as its only socket.
type linkMux struct{ link *link }

var _ ice.UDPMux = linkMux{}

// GetConn implements ice.UDPMux.
func (m linkMux) GetConn(string, net.Addr) (net.PacketConn, error) { return m.link, nil }

// RemoveConnByUfrag implements ice.UDPMux.
func (m linkMux) RemoveConnByUfrag(string) {}

// GetListenAddresses implements ice.UDPMux.
func (m linkMux) GetListenAddresses() []net.Addr { return []net.Addr{m.link.LocalAddr()} }

// Close implements io.Closer.
func (m linkMux) Close() error { return nil }
