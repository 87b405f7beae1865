package checkup

import (
	"crypto/x509"
	"net"
	"strings"
	"time"

	"doorstation/internal/health"
	"doorstation/test/house"
	"doorstation/test/lab"
	"doorstation/test/lab/homestub"
)

// fault is one that a person meets: how it comes about, what check has to name, and the remedy.
type fault struct {
	code health.Code
	// link is where it is named.
	link string
	name string
	// only are the links that are looked at; empty: network.
	only string
	// args are added to check's.
	args []string
	// advice: it is one, and check is content all the same.
	advice bool
	// breaks breaks the household and returns what mends it: the remedy that check names.
	breaks func(h *household) (mends func())
}

func users(core map[string]any) []any { return core["users"].([]any) }

// ofHome are those of Home Assistant and of SIP Core's settings.
func ofHome() []fault {
	set := func(change func(*homestub.Options)) func(*household) func() {
		return func(h *household) func() {
			var before homestub.Options
			h.home.Set(func(o *homestub.Options) { before = *o; change(o) })
			return func() { h.home.Set(func(o *homestub.Options) { *o = before }) }
		}
	}
	return []fault{
		{code: health.CodeTokenMissing, link: "token", name: "no token file", breaks: func(h *household) func() {
			h.token = ""
			return func() { h.token = house.Token }
		}},
		{code: health.CodeTokenRefused, link: "api", name: "another token", breaks: func(h *household) func() {
			h.token = "an-old-one"
			return func() { h.token = house.Token }
		}},
		{code: health.CodeHomeAssistantName, link: "home_assistant", name: "no such name", breaks: func(h *household) func() {
			h.url = "http://no-such-host.invalid:8123"
			return func() { h.url = "" }
		}},
		{code: health.CodeHomeAssistantUnreachable, link: "home_assistant", name: "nothing listens", breaks: func(h *household) func() {
			h.stop()
			return h.serve
		}},
		{code: health.CodeHomeAssistantUnreachable, link: "home_assistant.tls", name: "https to a port without TLS", breaks: func(h *household) func() {
			h.url = "https://" + h.addr
			return func() { h.url = "" }
		}},
		{code: health.CodeHomeAssistantUnreachable, link: "api", name: "http to a port with TLS", breaks: func(h *household) func() {
			pair := lasting(h.t)
			cert := pair.Certificate(h.t)
			h.https, h.url = &cert, "http://"+h.addr
			h.again()
			return func() { h.url, h.config = "", "  \n"; h.https = nil; h.again() }
		}},
		{code: health.CodeIntegrationMissing, link: "integration", name: "SIP Core is not installed", breaks: set(func(o *homestub.Options) { o.NoIntegration = true })},
		{code: health.CodeNotSetUp, link: "integration", name: "SIP Core is not set up", breaks: set(func(o *homestub.Options) { o.NotSetUp = true })},
		{code: health.CodeNoSupervisor, link: "way", name: "no Supervisor", breaks: set(func(o *homestub.Options) { o.NoSupervisor = true })},
		{code: health.CodeAddonMissing, link: "way", name: "no add-on", breaks: set(func(o *homestub.Options) { o.NoAddon = true })},
		{code: health.CodeAddonMissing, link: "way", name: "the add-on does not answer", breaks: set(func(o *homestub.Options) { o.PBX = nil })},
		{code: health.CodeIngressSession, link: "way", name: "the token's user gets no session", breaks: set(func(o *homestub.Options) {
			o.AdminOnly, o.User.IsAdmin = true, false
		})},
		{code: health.CodeNoUser, link: "user", name: "nobody's entry, and no backup_user", breaks: func(h *household) func() {
			backup := h.core["backup_user"]
			entry := users(h.core)[1].(map[string]any)
			h.set(func(core map[string]any) { delete(core, "backup_user"); entry["ha_username"] = "somebody else" })
			return func() {
				h.set(func(core map[string]any) { core["backup_user"] = backup; entry["ha_username"] = house.UserName })
			}
		}},
		{code: health.CodeNoUser, link: "user", name: "sip.extension names nobody", breaks: func(h *household) func() {
			h.config = "sip: {extension: \"8009\"}\n"
			return func() { h.config = "sip: {extension: \"" + lab.DoorExtension + "\"}\n" }
		}},
		{code: health.CodeBackupUser, link: "user", name: "nobody's entry", breaks: func(h *household) func() {
			entry := users(h.core)[1].(map[string]any)
			h.set(func(map[string]any) { entry["ha_username"] = "somebody else" })
			return func() { h.set(func(map[string]any) { entry["ha_username"] = house.UserID }) }
		}},
		{code: health.CodeSettingsInvalid, link: "settings", name: "a key of the wrong type", breaks: func(h *household) func() {
			h.set(func(core map[string]any) { core["sip_video"] = "yes" })
			return func() { h.set(func(core map[string]any) { core["sip_video"] = true }) }
		}},
		{code: health.CodeICEServerInvalid, link: "settings", name: "an ICE server without a scheme", breaks: func(h *household) func() {
			return servers(h, "", server("stun.example.com:3478", "", ""))
		}},
		{code: health.CodeUnknownTarget, link: "settings", name: "the bell calls somebody unknown", breaks: func(h *household) func() {
			h.set(func(core map[string]any) { users(core)[0].(map[string]any)["extension"] = "102" })
			return func() { h.set(func(core map[string]any) { users(core)[0].(map[string]any)["extension"] = "101" }) }
		}},
		{code: health.CodeSecretFileOpen, link: "files", name: "others may read the codes", breaks: func(h *household) func() {
			codes := h.put("codes", "")
			chmod(h, codes, 0o644)
			h.config = "incoming: {allow: users}\n"
			h.lines = strings.Replace(string(read(h, h.write())), "codes: [", "codes_file: \""+codes+"\", codes: [", 1)
			h.lines = strings.TrimSuffix(h.lines, h.config)
			return func() { chmod(h, codes, 0o600) }
		}},
	}
}

// ofCertificates are those of TLS, of Home Assistant and of the exchange.
func ofCertificates() []fault {
	home := func(alter func(*x509.Certificate), trusted bool) func(*household) func() {
		return func(h *household) func() {
			ca := lasting(h.t)
			good := ca.Certificate(h.t)
			trust := "  tls: {ca_file: " + ca.File + "}\n"
			h.https = &good
			config := func(trust string) {
				h.again()
				h.url = ""
				h.lines = ""
				lines := string(read(h, h.write()))
				h.lines = strings.Replace(lines, "gpio:", trust+"gpio:", 1)
			}
			if alter != nil {
				ca.Alter = alter
				bad := ca.Certificate(h.t)
				h.https = &bad
			}
			if trusted {
				config(trust)
			} else {
				config("")
			}
			return func() { h.https = &good; config(trust) }
		}
	}
	return []fault{
		{code: health.CodeCertificateExpired, link: "home_assistant.tls", name: "Home Assistant's has expired", breaks: home(until(-time.Hour), true)},
		{code: health.CodeCertificateExpiring, link: "home_assistant.tls", name: "Home Assistant's ends next week", breaks: home(until(7*24*time.Hour), true)},
		{code: health.CodeCertificateNotYetValid, link: "home_assistant.tls", name: "Home Assistant's is of tomorrow", breaks: home(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(24*time.Hour), time.Now().Add(90*24*time.Hour)
		}, true)},
		{code: health.CodeCertificateName, link: "home_assistant.tls", name: "Home Assistant's is another's", breaks: home(func(c *x509.Certificate) {
			c.NotAfter = time.Now().Add(90 * 24 * time.Hour)
			c.DNSNames, c.IPAddresses = []string{"elsewhere.lab"}, []net.IP{net.IPv4(192, 0, 2, 1)}
		}, true)},
		{code: health.CodeCertificateUnknown, link: "home_assistant.tls", name: "nobody knows Home Assistant's authority", breaks: home(nil, false)},
	}
}
