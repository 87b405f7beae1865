package sip

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// schemes are the transports, as they begin Endpoint.URL.
var schemes = []string{"ws", "wss", "udp", "tcp", "tls"}

// The ports of SIP where none is named (RFC 3261 section 19.1.2).
const (
	defaultPort    = 5060
	defaultPortTLS = 5061
)

// A hop is what messages say of the connection they travel on: the first half of Via, and the address in Contact.
type hop struct {
	transport string // of Via: "WS", "WSS", "UDP", "TCP", "TLS"
	host      string
	port      int // 0: none is named
}

// localSocket is a socket whose own address means something to the peer.
type localSocket interface{ local() netip.AddrPort }

// hopOf describes a socket. What is behind a WebSocket has no address: it is called invalid, a host name that nobody needs to
// resolve (RFC 7118 section 5.1).
func hopOf(scheme string, sock socket, invalid string) hop {
	h := hop{transport: strings.ToUpper(scheme), host: invalid}
	if s, ok := sock.(localSocket); ok {
		h.host, h.port = s.local().Addr().WithZone("").String(), int(s.local().Port())
	}
	return h
}

// parameter is the transport parameter of our address. A WebSocket over TLS is "ws" too (RFC 7118 section 5.2.2); "tls" has
// its place beside "sip:" although RFC 3261 deprecates it, because PBXs take "sips:" for a demand upon the far end of the call.
func (h hop) parameter() string {
	if h.transport == "WSS" {
		return "ws"
	}
	return strings.ToLower(h.transport)
}

// reliable tells whether what is sent arrives or the connection ends (RFC 3261 section 17).
func (h hop) reliable() bool { return h.transport != "UDP" }

// pongs tells whether the way to the PBX gives signs of life of its own; Asterisk answers CRLF on a stream by nothing.
func (h hop) pongs() bool { return h.transport == "WS" || h.transport == "WSS" }

// key is how our own address is told from others in a list of contacts.
func (h hop) key() string {
	if h.port == 0 {
		return h.host
	}
	return net.JoinHostPort(h.host, strconv.Itoa(h.port))
}
