package peer

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/pion/stun/v4"
)

const (
	maxGatheringTimeout = 60 * time.Second

	// A pair that is silent for iceDisconnected is in trouble, and may yet revive; iceFailed later it is given up. In between
	// there is time for some attempts at another. (RFC 7675 lets nothing leave without consent for more than 30 s; the far
	// side's packets are that consent.)
	iceDisconnected = 4 * time.Second
	iceFailed       = 31 * time.Second
	// iceKeepalive is how often the pair in use is checked: each answer tells how long the queues on the way are, which a PBX's
	// reports do every five seconds only, and not at all for the picture.
	iceKeepalive = 200 * time.Millisecond

	// iceMaxChecks is how often a pair is tried, every 200 ms, so that a far side that starts late is still found.
	iceMaxChecks = 100

	// dtlsFlight is the first retransmission interval; it doubles. RFC 6347 section 4.2.4.1 recommends 1 s and allows less
	// where the round trip is short: a lost flight would cost that second of the visitor's picture. Where it is longer than
	// this, some kilobytes leave twice.
	dtlsFlight = 50 * time.Millisecond
	// dtlsPatience bounds the key exchange once packets can flow.
	dtlsPatience = 20 * time.Second

	// receiveMTU is the largest datagram read; longer ones are no media.
	receiveMTU = 2048

	// A server that has not answered after this will not.
	stunGatherTimeout = 5 * time.Second
)

// withDefaults fills in what may be left out and bounds the rest.
func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.GatheringTimeout = min(max(c.GatheringTimeout, 0), maxGatheringTimeout)
	return c
}

// CheckServers says which of the servers' URLs cannot be used and why, one error each, wrapping ErrServer. The peers made
// from them do without those.
func CheckServers(servers []ICEServer) []error {
	var errs []error
	for _, s := range servers {
		for _, raw := range s.URLs {
			if _, err := parseServer(raw, s.Username, s.Credential); err != nil {
				errs = append(errs, fmt.Errorf("%w %q: %w", ErrServer, raw, err))
			}
		}
	}
	return errs
}

func parseServer(raw, username, credential string) (*stun.URI, error) {
	raw = strings.TrimSpace(raw)
	// The query of turn alone (RFC 7065), yet people write "?transport=udp" with stun as well (RFC 7064 knows none).
	if strings.HasPrefix(raw, "stun:") || strings.HasPrefix(raw, "stuns:") {
		raw, _, _ = strings.Cut(raw, "?")
	}
	uri, err := stun.ParseURI(raw)
	if err != nil {
		return nil, err
	}
	if uri.Port < 1 || uri.Port > 65535 {
		return nil, fmt.Errorf("port %d", uri.Port)
	}
	turn := strings.HasPrefix(raw, "turn:") || strings.HasPrefix(raw, "turns:")
	if turn && (username == "" || credential == "") {
		return nil, errors.New("a TURN server needs a username and a credential")
	}
	return uri, nil
}

// virtualInterfaces are names of interfaces that lead to containers, virtual machines and tunnels. A candidate there is
// of no use to a browser in the house and costs checks.
var virtualInterfaces = [...]string{
	"docker", "veth", "br-", "hassio", "virbr", "vmnet", "vbox", "lxc", "lxd", "cni", "flannel", "podman",
	"wg", "tun", "tap", "tailscale", "zt", "utun", "nordlynx",
}

func isVirtual(name string) bool {
	for _, prefix := range virtualInterfaces {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// interfaceFilter returns which of the named interfaces are gathered from. Virtual ones serve only when there is nothing
// else.
func interfaceFilter(names []string) func(string) bool {
	physical := false
	for _, n := range names {
		physical = physical || !isVirtual(n)
	}
	if !physical {
		return func(string) bool { return true }
	}
	return func(name string) bool { return !isVirtual(name) }
}

// usableInterfaces lists the interfaces that are up, are not loopback and have an address that can be offered.
func usableInterfaces() []string {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var names []string
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs, gone := i.Addrs()
		if gone != nil {
			continue
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && usableIP(n.IP) {
				names = append(names, i.Name)
				break
			}
		}
	}
	return names
}

// usableIP leaves out IPv6 link-local addresses: they mean nothing without a zone, which SDP cannot carry.
func usableIP(ip net.IP) bool {
	return ip.To4() != nil || !ip.IsLinkLocalUnicast()
}

// servers are the usable ones in pion's shape.
func (c Config) servers() []*stun.URI {
	var servers []*stun.URI
	for _, s := range c.Servers {
		for _, raw := range s.URLs {
			uri, err := parseServer(raw, s.Username, s.Credential)
			if err != nil {
				c.Log.Warn("ICE server left out", "error", fmt.Errorf("%w %q: %w", ErrServer, raw, err))
				continue
			}
			switch uri.Scheme {
			case stun.SchemeTypeTURN, stun.SchemeTypeTURNS:
				uri.Username, uri.Password = s.Username, s.Credential
			case stun.SchemeTypeSTUNS:
				// What a connection by TLS is seen as from outside tells nothing of UDP, so browsers ask such a server by UDP.
				uri.Scheme, uri.Proto = stun.SchemeTypeSTUN, stun.ProtoTypeUDP
			default:
			}
			servers = append(servers, uri)
		}
	}
	return servers
}

// A better pair gets this long to answer before a worse kind is taken.
const (
	srflxPatience = 100 * time.Millisecond
	relayPatience = 300 * time.Millisecond
)
