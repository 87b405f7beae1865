package checkup

import (
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"time"

	"doorstation/internal/health"
	"doorstation/test/lab"
)

// bySocket leads the door to the exchange by a WebSocket of its own, over TLS.
func bySocket(h *household, url string) {
	h.config = fmt.Sprintf("sip: {tls: {ca_file: %q}}\n", h.pbx.CA.File)
	h.set(func(core map[string]any) { core["custom_wss_url"] = url })
}

// ofExchange are those of the telephone exchange and of the extensions at it.
func ofExchange() []fault {
	entry := func(key string, value, right any) func(*household) func() {
		return func(h *household) func() {
			own := users(h.core)[1].(map[string]any)
			h.set(func(map[string]any) { own[key] = value })
			return func() { h.set(func(map[string]any) { own[key] = right }) }
		}
	}
	socket := func(wrong func(right string) string) func(*household) func() {
		return func(h *household) func() {
			bySocket(h, wrong(h.pbx.WSSURL()))
			return func() { bySocket(h, h.pbx.WSSURL()) }
		}
	}
	local := func(wrong, right string) func(*household) func() {
		return func(h *household) func() {
			h.config = wrong
			return func() { h.config = right }
		}
	}
	return []fault{
		{code: health.CodeRegistrationRefused, link: "registration", name: "another password", breaks: entry("password", "wrong", lab.Password)},
		{code: health.CodeRegistrationRefused, link: "registration", name: "an extension that the exchange does not have", breaks: entry("extension", "8999", lab.DoorExtension)},
		{code: health.CodePBXUnreachable, link: "pbx", name: "nothing listens", breaks: socket(func(string) string { return "wss://127.0.0.1:9/ws" })},
		{code: health.CodePBXUnreachable, link: "pbx.tls", name: "wss to a port without TLS", breaks: socket(func(right string) string {
			return strings.Replace(right, ":8089", ":8088", 1)
		})},
		{code: health.CodePBXName, link: "pbx", name: "no such name", breaks: socket(func(string) string { return "wss://no-such-host.invalid:8089/ws" })},
		{code: health.CodeWebSocketRefused, link: "way", name: "another path", breaks: socket(func(right string) string {
			return strings.TrimSuffix(right, "/ws") + "/nothing"
		})},
		{code: health.CodeNoPBXAddress, link: "pbx", name: "no address for a transport", breaks: local("sip: {transport: tcp}\n", "sip: {transport: tcp, server: 127.0.0.1}\n")},
		{code: health.CodePBXUnreachable, link: "registration", name: "by UDP nobody answers", breaks: func(h *household) func() {
			h.config = "sip: {transport: udp, server: \"" + lab.SilentSTUN(h.t) + "\"}\n"
			return func() { h.config = "sip: {transport: udp, server: 127.0.0.1}\n" }
		}},
		{code: health.CodeTargetMissing, link: "targets", name: "the bell calls a number that nobody dials", breaks: func(h *household) func() {
			kitchen := users(h.core)[0].(map[string]any)
			h.set(func(map[string]any) { kitchen["extension"] = "kitchen" })
			h.lines = strings.Replace(string(read(h, h.write())), `call: ["101"]`, `call: ["kitchen"]`, 1)
			return func() {
				h.set(func(map[string]any) { kitchen["extension"] = "101" })
				h.lines = ""
			}
		}},
	}
}

// ofExchangesCertificate are those of its TLS. Each takes a restart of the exchange, as its remedy does.
func ofExchangesCertificate() []fault {
	bad := func(alter func(*x509.Certificate)) func(*household) func() {
		return func(h *household) func() {
			bySocket(h, h.pbx.WSSURL())
			h.pbx.CA.Alter = alter
			h.pbx.Renew(h.t)
			return func() {
				h.pbx.CA.Alter = until(90 * 24 * time.Hour)
				h.pbx.Renew(h.t)
			}
		}
	}
	return []fault{
		{code: health.CodeCertificateExpired, link: "pbx.tls", name: "the exchange's has expired", breaks: bad(until(-time.Hour))},
		{code: health.CodeCertificateExpiring, link: "pbx.tls", name: "the exchange's ends next week", breaks: bad(until(7 * 24 * time.Hour))},
		{code: health.CodeCertificateName, link: "pbx.tls", name: "the exchange's is another's", breaks: bad(func(c *x509.Certificate) {
			c.NotAfter = time.Now().Add(90 * 24 * time.Hour)
			c.DNSNames, c.IPAddresses = []string{"elsewhere.lab"}, []net.IP{net.IPv4(192, 0, 2, 1)}
		})},
		{code: health.CodeCertificateUnknown, link: "pbx.tls", name: "nobody knows the exchange's authority", breaks: func(h *household) func() {
			bySocket(h, h.pbx.WSSURL())
			h.config = ""
			return func() { bySocket(h, h.pbx.WSSURL()) }
		}},
		{code: health.CodeCertificateUnknown, link: "pbx.tls", name: "plain SIP over TLS", breaks: func(h *household) func() {
			h.config = "sip: {transport: tls, server: 127.0.0.1}\n"
			return func() {
				h.config = fmt.Sprintf("sip: {transport: tls, server: 127.0.0.1, tls: {ca_file: %q}}\n", h.pbx.CA.File)
			}
		}},
	}
}
