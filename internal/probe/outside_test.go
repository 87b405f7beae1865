//go:build !kernel

package probe

import (
	"net/netip"
	"strings"
	"testing"

	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/internal/iceserver"
)

// TestARelayThatOnlyTheHouseReaches is of no use to a telephone outside, although data comes through it from here.
func TestARelayThatOnlyTheHouseReaches(t *testing.T) {
	for relay, useful := range map[string]bool{
		"198.51.100.7:40000": true, "[2001:db8::7]:40000": true,
		"192.168.1.7:40000": false, "10.0.0.7:40000": false, "100.64.0.7:40000": false, "127.0.0.1:40000": false, "[fd00::7]:40000": false, "[fe80::7]:40000": false,
	} {
		s := New(Options{})
		at := netip.MustParseAddrPort(relay)
		place := iceserver.Place{Relay: true, Transport: "udp", Host: "turn.test", Port: 3478}
		f := s.server(asked{answer: iceserver.Answer{Place: place, Address: at, Relayed: at}, flow: iceserver.Flow{Relayed: at, Direct: true}})
		if f.Code != "" {
			t.Errorf("%s: %+v", relay, f)
		}
		var said check.Finding
		s.outside(t.Context(), func(f check.Finding) { said = f })
		if useful && (said.Outcome != "" || said.Code != "" || !said.Data.(reach).Relay) {
			t.Errorf("%s: %+v", relay, said)
		}
		if !useful && (said.Outcome != check.Note || !strings.Contains(said.Found, at.Addr().String()) || said.Data.(reach).Relay || said.Code == health.CodeNoRelay) {
			t.Errorf("%s would do for calls from outside: %+v", relay, said)
		}
	}
}
