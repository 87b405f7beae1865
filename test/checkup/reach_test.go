package checkup

import (
	"fmt"
	"net"
	"testing"

	"github.com/pion/stun/v4"

	"doorstation/internal/health"
	"doorstation/test/lab"
)

// ofReach are those of the door's addresses and of what a router makes of them. turn is coturn's address, relay it as a server of
// iceServers.
func ofReach(turn string, relay map[string]any) []fault {
	return []fault{
		{code: health.CodeNoRelay, link: "outside", name: "STUN alone", advice: true, breaks: func(h *household) func() {
			servers(h, "all", server("stun:"+turn, "", ""))
			return func() { servers(h, "all", server("stun:"+turn, "", ""), relay) }
		}},
		{code: health.CodeNoCandidates, link: "candidates", name: "the plug is out", breaks: func(h *household) func() {
			porch := lab.NewNetwork(h.t, "porch")
			h.move(porch)
			porch.Down(h.t)
			return func() { porch.Up(h.t) }
		}},
		{code: health.CodeSymmetricNAT, link: "outside", name: "mended by TURN", breaks: func(h *household) func() {
			_, both := behindRouter(h, "random,fully-random")
			servers(h, "all", both...)
			return func() { servers(h, "all", append(both, relay)...) }
		}},
		{code: health.CodeSymmetricNAT, link: "outside", name: "mended at the router", breaks: func(h *household) func() {
			router, both := behindRouter(h, "random,fully-random")
			servers(h, "all", both...)
			return func() { router("") } // a port that is free is kept
		}},
	}
}

// behindRouter takes the door behind a router of one public address, and two STUN servers each to a network beyond it. ports says how the
// router chooses that of a flow, and can be changed.
func behindRouter(h *household, ports string) (change func(ports string), both []map[string]any) {
	h.t.Helper()
	porch := lab.NewNetwork(h.t, "porch")
	h.move(porch)
	const table = "ip router"
	change = func(ports string) {
		nft(h.t, "flush chain "+table+" leaving")
		nft(h.t, fmt.Sprintf("add rule %s leaving ip saddr %s udp dport 3478 snat to %s %s", table, porch.Addr, lab.Addr, ports))
	}
	nft(h.t, "add table "+table)
	h.t.Cleanup(func() { nft(h.t, "delete table "+table) })
	nft(h.t, "add chain "+table+" leaving { type nat hook postrouting priority 100; }")
	change(ports)
	for _, name := range []string{"one", "two"} {
		both = append(both, server("stun:"+startSTUN(h.t, lab.NewNetwork(h.t, name)), "", ""))
	}
	return change, both
}

// startSTUN answers binding requests on a network (RFC 8489 section 6.3.1) until the test ends.
func startSTUN(t *testing.T, at *lab.Network) (address string) {
	t.Helper()
	var conn net.PacketConn
	err := at.Do(func() (err error) {
		conn, err = net.ListenPacket("udp4", net.JoinHostPort(at.Addr, "3478"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		answerBindings(t, conn)
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-ended
	})
	return conn.LocalAddr().String()
}

// answerBindings tells each who asks the address that it is seen at, until conn is closed.
func answerBindings(t *testing.T, conn net.PacketConn) {
	packet := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(packet)
		if err != nil {
			return
		}
		asked := &stun.Message{Raw: packet[:n]}
		if err = asked.Decode(); err != nil || asked.Type != stun.BindingRequest {
			t.Errorf("STUN: %d bytes from %s: %v", n, from, err)
			continue
		}
		seen, ok := from.(*net.UDPAddr)
		if !ok {
			t.Errorf("STUN: from %s", from)
			continue
		}
		answer, err := stun.Build(stun.NewTransactionIDSetter(asked.TransactionID), stun.BindingSuccess,
			&stun.XORMappedAddress{IP: seen.IP, Port: seen.Port}, stun.Fingerprint)
		if err != nil {
			t.Errorf("STUN: %v", err)
			continue
		}
		if _, err = conn.WriteTo(answer.Raw, from); err != nil {
			return
		}
	}
}

// ofCalls are those of a test call: to 900, which takes every call and gives sound and picture back.
func ofCalls() []fault {
	// held drops packets on their way to the exchange's ports that match a condition.
	held := func(condition string) func(*household) func() {
		return func(h *household) func() {
			nft(h.t, "add table inet firewall")
			nft(h.t, "add chain inet firewall in { type filter hook input priority 0; }")
			nft(h.t, fmt.Sprintf("add rule inet firewall in udp dport %d-%d %s drop", h.pbx.Ports.RTP.From, h.pbx.Ports.RTP.To, condition))
			return func() { nft(h.t, "delete table inet firewall") }
		}
	}
	args := []string{"--call", "900", "--call-for", "1s"}
	return []fault{
		{code: health.CodeCallNoMedia, link: "call", name: "a firewall before the exchange's ports", only: network + ",call", args: args, breaks: held("")},
		// RTP by its version and by the payload type that the door offers for H.264 (RFC 3550 section 5.1).
		{code: health.CodeCallNoPicture, link: "call.picture", name: "what holds the picture's packets back and lets the sound's through", only: network + ",call", args: args,
			breaks: held("@th,64,2 2 @th,73,7 102")},
	}
}
