package iceserver_test

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"doorstation/internal/iceserver"
)

// fickle is a TURN server by UDP that grants each relay and answers nothing after that, but for what STUN asks.
type fickle struct {
	t    *testing.T
	conn net.PacketConn
	// permissions counts the requests to let somebody through, those sent again included; first is told of the first.
	permissions atomic.Int64
	first       func()
}

// openFickle serves until the test ends.
func openFickle(t *testing.T, first func()) *fickle {
	t.Helper()
	return openFickleAt(t, "udp4", "127.0.0.1:0", first)
}

func openFickleAt(t *testing.T, network, address string, first func()) *fickle {
	t.Helper()
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	f := &fickle{t: t, conn: conn, first: first}
	var serving sync.WaitGroup
	serving.Go(f.serve)
	t.Cleanup(func() {
		_ = conn.Close() // ends serve
		serving.Wait()
	})
	return f
}

func (f *fickle) serve() {
	buffer := make([]byte, 2048)
	for {
		n, from, err := f.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		asked := &stun.Message{Raw: append([]byte(nil), buffer[:n]...)}
		if asked.Decode() != nil || asked.Type.Class != stun.ClassRequest {
			continue
		}
		if asked.Type.Method == stun.MethodCreatePermission && f.permissions.Add(1) == 1 && f.first != nil {
			f.first()
		}
		answer := f.answer(asked, from)
		if answer == nil {
			continue
		}
		if _, err = f.conn.WriteTo(answer.Raw, from); err != nil {
			return
		}
	}
}

// answer grants what is asked for first (RFC 8656 section 7).
func (f *fickle) answer(asked *stun.Message, from net.Addr) *stun.Message {
	seen, isUDP := from.(*net.UDPAddr)
	if !isUDP {
		return nil
	}
	id := stun.NewTransactionIDSetter(asked.TransactionID)
	var setters []stun.Setter
	switch {
	case asked.Type == stun.BindingRequest:
		setters = []stun.Setter{id, stun.BindingSuccess, &stun.XORMappedAddress{IP: seen.IP, Port: seen.Port}, stun.Fingerprint}
	case asked.Type.Method != stun.MethodAllocate:
		return nil
	case !asked.Contains(stun.AttrMessageIntegrity):
		setters = []stun.Setter{
			id, stun.NewType(stun.MethodAllocate, stun.ClassErrorResponse), stun.CodeUnauthorized, stun.NewNonce("once"), stun.NewRealm(realm), stun.Fingerprint,
		}
	default:
		relayed := &stun.XORMappedAddress{IP: net.IPv4(127, 0, 0, 1), Port: 9}
		setters = []stun.Setter{
			id, stun.NewType(stun.MethodAllocate, stun.ClassSuccessResponse),
			setterFunc(func(m *stun.Message) error { return relayed.AddToAs(m, stun.AttrXORRelayedAddress) }),
			setterFunc(func(m *stun.Message) error { m.Add(stun.AttrLifetime, []byte{0, 0, 2, 88}); return nil }),
			stun.MessageIntegrity(turn.GenerateAuthKey(user, realm, credential)), stun.Fingerprint,
		}
	}
	answer, err := stun.Build(setters...)
	if err != nil {
		f.t.Error(err)
	}
	return answer
}

type setterFunc func(*stun.Message) error

func (s setterFunc) AddTo(m *stun.Message) error { return s(m) }

// TestAServerThatFallsSilentIsNotWaitedForLong: after the relay nothing is answered any more. Each request is given up by the time that data would
// have, and all of them at once when nobody waits any longer.
func TestAServerThatFallsSilentIsNotWaitedForLong(t *testing.T) {
	t.Parallel() // it waits
	f := openFickle(t, nil)
	at := netip.MustParseAddrPort(f.conn.LocalAddr().String())
	server := iceserver.Server{URL: "turn:" + f.conn.LocalAddr().String(), Username: user, Credential: credential}
	flow, err := iceserver.Loop(t.Context(), server, at, at)
	if err != nil || flow.Direct || flow.Between || !flow.Relayed.IsValid() {
		t.Errorf("%+v, %v", flow, err)
	}
	// In two seconds a request is sent four times (after 0.2, 0.4 and 0.8 s); pion would do so eight times. There are two of them.
	if n := f.permissions.Load(); n < 2 || n > 10 {
		t.Errorf("asked %d times", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f = openFickle(t, cancel)
	server.URL = "turn:" + f.conn.LocalAddr().String()
	at = netip.MustParseAddrPort(f.conn.LocalAddr().String())
	if _, err = iceserver.Loop(ctx, server, at, at); err == nil {
		t.Error("nobody is told that it was given up")
	}
	if n := f.permissions.Load(); n > 3 {
		t.Errorf("asked %d times although nobody waits", n)
	}
}
