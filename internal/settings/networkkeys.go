package settings

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

func (r *reader) homeAssistant(n ast.Node, h *HomeAssistant) {
	var hasURL bool
	ok := r.mapping(n, "home_assistant", keys{
		"url": func(n ast.Node) {
			hasURL = true
			h.URL = strings.TrimSuffix(r.text(n, "Home Assistant's address, such as https://homeassistant.local:8123 (http:// or https://, host and port only)",
				isHomeURL), "/")
		},
		"token_file": func(n ast.Node) { h.TokenFile = r.file(n) },
		"tls":        func(n ast.Node) { r.tls(n, &h.TLS) },
	})
	if ok && !hasURL {
		r.fault(n, "url is missing; expected Home Assistant's address, such as https://homeassistant.local:8123")
	}
}

func (r *reader) tls(n ast.Node, t *TLS) {
	r.mapping(n, "tls", keys{
		"ca_file":     func(n ast.Node) { t.CAFile = r.file(n) },
		"skip_verify": func(n ast.Node) { t.SkipVerify = r.boolean(n) },
	})
}

// file reads the path of a file; it may be empty.
func (r *reader) file(n ast.Node) string {
	return r.text(n, "the path of a file", isPrintable)
}

func (r *reader) sip(n ast.Node, s *SIP) {
	var server ast.Node
	r.mapping(n, "sip", keys{
		"extension": func(n ast.Node) {
			s.Extension = r.text(n, anExtension, func(v string) bool { return v == "" || isExtension(v) })
		},
		"transport": func(n ast.Node) {
			s.Transport = r.choice(n, append([]string{TransportAuto}, explicitTransports()...)...)
		},
		"server": func(n ast.Node) { server = n },
		"tls":    func(n ast.Node) { r.tls(n, &s.TLS) },
	})
	if server == nil {
		return
	}
	what := "host, host:port or a ws:// or wss:// address"
	switch s.Transport {
	case TransportWS, TransportWSS:
		what = fmt.Sprintf("host, host:port or an address such as %s://pbx.example.com:%s/ws", s.Transport, wsPort(s.Transport))
	case TransportUDP, TransportTCP, TransportTLS:
		what = "host or host:port, such as pbx.example.com or [2001:db8::1]:5060"
	}
	s.Server = r.text(server, what, func(v string) bool {
		if !strings.Contains(v, "://") {
			return v == "" || isHostPort(v)
		}
		u, err := wsURL(v)
		return err == nil && (s.Transport == TransportAuto || u.Scheme == s.Transport)
	})
	if s.Server != "" && s.Transport == TransportAuto {
		r.fault(server, "expected sip.transport: "+oneOf(explicitTransports())+" with it; with transport: auto the address comes from Home Assistant")
	}
}

// explicitTransports are those that go to sip.server or pbx_server.
func explicitTransports() []string {
	return []string{TransportWS, TransportWSS, TransportUDP, TransportTCP, TransportTLS}
}

func (r *reader) incoming(n ast.Node, in *Incoming) {
	r.mapping(n, "incoming", keys{
		"allow":  func(n ast.Node) { r.allow(n, in) },
		"answer": func(n ast.Node) { in.Answer = r.choice(n, "auto", "always", "never") },
		"talk": func(n ast.Node) {
			const what = "1 to 16 of the telephone's keys 0-9, *, # and A-D, in quotes"
			in.Talk = strings.ToUpper(r.text(n, what, func(s string) bool { return isDigits(strings.ToUpper(s)) }))
		},
	})
}

// allow reads who may call the door: a word or a list.
func (r *reader) allow(n ast.Node, in *Incoming) {
	const what = `users, none or a list of extensions, such as ["101", "102"]`
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		in.Allow = r.text(n, what, func(s string) bool { return s == AllowUsers || s == AllowNone })
		return
	}
	in.Allow = AllowList
	if len(list.Values) == 0 {
		r.fault(n, "expected at least one extension; allow: none lets nobody call")
	}
	in.Callers = r.targets(n, nil)
}

func (r *reader) call(n ast.Node, c *Call) {
	r.mapping(n, "call", keys{
		"video":    func(n ast.Node) { c.Video = r.choice(n, "auto", "always", "never") },
		"max_talk": func(n ast.Node) { c.MaxTalk = r.duration(n, 5*time.Second, 2*time.Hour, "5m") },
	})
}

func (r *reader) log(n ast.Node, l *Log) {
	r.mapping(n, "log", keys{
		"level":  func(n ast.Node) { l.Level = r.choice(n, "debug", "info", "warn", "error") },
		"format": func(n ast.Node) { l.Format = r.choice(n, "text", "json") },
	})
}

const anExtension = `an extension such as "101" (letters, digits and . _ + * -)`

var extension = regexp.MustCompile(`^[0-9A-Za-z_.+*-]{1,64}$`)

// isExtension accepts what can stand in a SIP URI's user part as it is (RFC 3261 section 25.1) and in a dialplan.
func isExtension(s string) bool { return extension.MatchString(s) }

// isHomeURL accepts http and https URLs of host and port.
func isHomeURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && isHostPort(u.Host) &&
		u.User == nil && (u.Path == "" || u.Path == "/") && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// wsURL reads a ws or wss URL.
func wsURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("not a URL")
	}
	if u.Scheme != TransportWS && u.Scheme != TransportWSS || !isHostPort(u.Host) || u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("not a ws:// or wss:// address")
	}
	return u, nil
}

// wsPort is the port of Asterisk's HTTP server for a WebSocket transport.
func wsPort(transport string) string {
	if transport == TransportWSS {
		return "8089"
	}
	return "8088"
}

var hostName = regexp.MustCompile(`^[0-9A-Za-z_]([0-9A-Za-z_.-]*[0-9A-Za-z_.])?$`)

// hostNameMost is how long a name is at most. It is no part of the pattern, which would be compiled that much longer, at each start.
const hostNameMost = 253

// isHost accepts a host name or an IP address, IPv6 with or without brackets.
func isHost(s string) bool {
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	if strings.Contains(bare, ":") {
		return net.ParseIP(bare) != nil
	}
	return len(s) <= hostNameMost && hostName.MatchString(s)
}

// isHostPort accepts a host with or without a port; an IPv6 address stands in brackets.
func isHostPort(s string) bool {
	host, port := splitHostPort(s)
	if strings.Contains(host, ":") && !strings.HasPrefix(s, "[") {
		return false
	}
	if strings.HasSuffix(s, ":") || !isHost(host) {
		return false
	}
	if port == "" {
		return true
	}
	p, err := strconv.ParseUint(port, 10, 16)
	return err == nil && p > 0
}

// splitHostPort splits what may have a port, and takes an IPv6 address out of its brackets.
func splitHostPort(s string) (host, port string) {
	if h, p, err := net.SplitHostPort(s); err == nil {
		return h, p
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		return s[1 : len(s)-1], ""
	}
	return s, ""
}
