package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"doorstation/internal/app"
	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/internal/settings"
	"doorstation/internal/sip"
)

// exchangeLinks are those of the telephone exchange, from its address to the extensions that the bell calls.
func (s *Scene) exchangeLinks() []check.Link {
	return []check.Link{
		{Name: linkPBX, Title: "Telephone exchange", Needs: []string{linkUser}, Run: s.pbx},
		{Name: linkWay, Title: "Way to it", Needs: []string{linkPBX}, Run: s.way},
		{Name: linkRegister, Title: "Registration", Needs: []string{linkWay}, Run: s.registration},
		{Name: "targets", Title: "Who is called", Needs: []string{linkRegister}, Run: s.targets},
	}
}

// exchange is where the PBX is, for machines.
type exchange struct {
	Kind   string `json:"kind"`
	From   string `json:"from"`
	Server string `json:"server,omitempty"`
	Domain string `json:"domain"`
	connected
}

// pbx says where the exchange is and how that is known, and connects to it.
func (s *Scene) pbx(ctx context.Context, say func(check.Finding)) {
	if s.door == nil {
		_, _, err := settings.Merge(s.Local, *s.core, s.who)
		say(check.Finding{Code: health.CodeNoPBXAddress, Found: fmt.Sprint(err)})
		return
	}
	found := exchange{Kind: s.door.PBX.Kind, Domain: s.door.Domain, From: s.whence()}
	if s.door.PBX.Kind == settings.PBXIngress {
		say(check.Finding{Found: "the Asterisk add-on, through Home Assistant's ingress, as " + found.From + "; SIP domain " + found.Domain, Data: found})
		return
	}
	u, err := url.Parse(s.door.PBX.URL)
	if err != nil {
		say(check.Finding{Code: health.CodePBXUnreachable, Found: found.From + " is no address"})
		return
	}
	found.Server = u.Scheme + "://" + u.Host
	about := fmt.Sprintf("%s, from %s; SIP domain %s", found.Server, found.From, found.Domain)
	within, cancel := context.WithTimeout(ctx, connectLimit)
	addrs, err := sip.Addresses(within, nil, u)
	cancel()
	if err != nil {
		code := health.CodePBXUnreachable
		if isName(err) {
			code = health.CodePBXName
		}
		say(check.Finding{Code: code, Found: about + "\n" + refusal(err, u.Host)})
		return
	}
	if u.Scheme == "udp" {
		found.Addresses = texts(addrs)
		say(check.Finding{Found: about + "\nat " + strings.Join(found.Addresses, ", "), Data: found})
		return
	}
	found.connected, err = connect(ctx, addrs)
	if err != nil {
		say(check.Finding{Code: health.CodePBXUnreachable, Found: about + "\n" + refusal(err, u.Host), Data: found})
		return
	}
	say(check.Finding{Found: fmt.Sprintf("%s\nconnects to %s in %.1f ms", about, found.Address, found.ConnectMS), Data: found})
	if u.Scheme == "wss" || u.Scheme == "tls" {
		s.pbxTLS(ctx, found.Address, u.Hostname(), say)
	}
}

func (s *Scene) pbxTLS(ctx context.Context, address, name string, say func(check.Finding)) {
	f := check.Finding{Code: health.CodePBXUnreachable}
	if cfg, err := s.Local.SIP.TLS.Config(); err != nil {
		f.Found = "sip.tls: " + err.Error()
	} else {
		f = tlsFinding(ctx, address, name, cfg, s.Now(), health.CodePBXUnreachable)
	}
	f.Link, f.Title = "pbx.tls", "  its certificate"
	say(f)
}

func texts(addrs []netip.AddrPort) []string {
	all := make([]string, len(addrs))
	for i, a := range addrs {
		all[i] = a.String()
	}
	return all
}

// whence says which setting leads to the exchange.
func (s *Scene) whence() string {
	switch l := s.Local.SIP; {
	case s.door.PBX.Kind == settings.PBXCustomWSSURL:
		return "custom_wss_url of SIP Core's settings"
	case s.door.PBX.Kind == settings.PBXIngress:
		return "custom_wss_url of SIP Core's settings is empty and sip.transport is auto"
	case l.Server != "":
		return "sip.transport and sip.server of the local file"
	default:
		return "sip.transport of the local file and pbx_server of SIP Core's settings"
	}
}

// registered is how the extension stands at the exchange, for machines.
type registered struct {
	Extension   string  `json:"extension"`
	Contacts    int     `json:"contacts"`
	Challenged  bool    `json:"password_asked"`
	Server      string  `json:"server,omitempty"`
	RoundTripMS float64 `json:"round_trip_ms"`
	Agent       string  `json:"agent,omitempty"`
}

// registration asks the exchange for the contacts of the door's extension, by a REGISTER without one (RFC 3261, 10.2.3): extension and
// password are proven by it, and nothing changes.
func (s *Scene) registration(ctx context.Context, say func(check.Finding)) {
	q, err := sip.Inquire(ctx, *s.asSIP)
	if err != nil {
		say(s.registrationFailed(err))
		return
	}
	defer q.Close()
	b, err := q.Bindings(ctx)
	if err != nil {
		say(s.registrationFailed(err))
		return
	}
	found := registered{
		Extension: s.door.Extension, Contacts: len(b.Contacts), Challenged: b.Challenged, Server: b.Server, RoundTripMS: milliseconds(b.RoundTrip),
	}
	text := fmt.Sprintf("the exchange takes extension %s and its password", found.Extension)
	if !b.Challenged {
		text = fmt.Sprintf("the exchange takes extension %s without asking for a password", found.Extension)
	}
	text += fmt.Sprintf(" (%.1f ms); %s registered now", found.RoundTripMS, count(found.Contacts, "contact"))
	f := check.Finding{Found: text, Data: &found}
	if s.Agent != nil {
		s.agentsWord(&f, &found)
	}
	say(f)
}

// agentsWord compares what the exchange says with what the agent believes.
func (s *Scene) agentsWord(f *check.Finding, found *registered) {
	r := s.Agent.Registration
	found.Agent = r.State
	switch {
	case r.State != "registered":
		f.Outcome = check.Note
		f.Found += fmt.Sprintf("\nthe agent is %s: %s\nit tries again by itself; what its status says may be older than this answer", r.State, orNone(r.Error, "no error so far"))
	case found.Contacts == 0:
		f.Outcome = check.Warning
		f.Found += "\nthe agent takes itself for registered, and the exchange has no contact of this extension"
		f.Remedy = "It registers again within seconds when it notices. If not, doorstation restart."
	default:
		f.Found += "\nthe agent is registered"
		if r.Since != nil {
			f.Found += " since " + r.Since.Local().Format("2006-01-02 15:04:05")
		}
	}
}

func (s *Scene) registrationFailed(err error) check.Finding {
	f := check.Finding{Code: health.CodePBXUnreachable, Found: err.Error()}
	switch {
	case errors.Is(err, sip.ErrRefused):
		f.Code = health.CodeRegistrationRefused
		f.Found = fmt.Sprintf("extension %s: %v", s.door.Extension, err)
	case isName(err):
		f.Code = health.CodePBXName
	}
	return f
}

// target is an extension that a button calls, for machines.
type target struct {
	Extension string `json:"extension"`
	Name      string `json:"name,omitempty"`
	Known     bool   `json:"in_sip_core"`
	Status    int    `json:"options_status,omitempty"`
}

// targets asks the exchange, by OPTIONS, which of the extensions that are called it would dial. It rings nobody. Whether a telephone is on
// only a call tells.
func (s *Scene) targets(ctx context.Context, say func(check.Finding)) {
	all := s.called()
	if len(all) == 0 {
		say(check.Finding{Outcome: check.Note, Found: "no button calls anybody"})
		return
	}
	q, err := sip.Inquire(ctx, *s.asSIP)
	if err != nil {
		say(s.registrationFailed(err))
		return
	}
	defer q.Close()
	var known, missing []string
	var data []target
	for _, extension := range all {
		t := target{Extension: extension}
		t.Name, t.Known = s.nameOf(extension)
		who := extension
		if t.Name != "" {
			who += " (" + t.Name + ")"
		}
		within, cancel := context.WithTimeout(ctx, targetLimit)
		t.Status, err = q.Knows(within, extension)
		cancel()
		switch {
		case err != nil:
			known = append(known, fmt.Sprintf("%s: the exchange does not say (%v)", who, err))
		case t.Status == 404:
			missing = append(missing, who+": the exchange has no such number (404)")
		case t.Status < 300:
			known = append(known, who+": the exchange has this number")
		default:
			known = append(known, fmt.Sprintf("%s: the exchange answers OPTIONS by %d, which says nothing of calls", who, t.Status))
		}
		data = append(data, t)
	}
	if len(missing) > 0 {
		say(check.Finding{Code: health.CodeTargetMissing, Found: strings.Join(missing, "\n"), Data: data})
	}
	if len(known) > 0 {
		say(check.Finding{Found: strings.Join(known, "\n") + "\nWhether a telephone is on, only a call tells: doorstation check --call " + all[0], Data: data})
	}
}

// targetLimit bounds the question for one extension.
const targetLimit = 4 * time.Second

// called are the extensions that the buttons call, each once.
func (s *Scene) called() []string {
	var all []string
	for _, b := range s.Local.Buttons {
		for _, extension := range slices.Concat(b.Call...) {
			if !slices.Contains(all, extension) {
				all = append(all, extension)
			}
		}
	}
	return all
}

// nameOf is what SIP Core's settings call an extension.
func (s *Scene) nameOf(extension string) (name string, known bool) {
	users := slices.Clone(s.core.Users)
	if s.core.BackupUser != nil {
		users = append(users, *s.core.BackupUser)
	}
	for _, u := range users {
		if u.Extension == extension {
			return orNone(u.DisplayName, u.HAUsername), true
		}
	}
	return "", false
}

// sipConfig is the agent's configuration for asking.
func (s *Scene) sipConfig(e sip.Endpoint) *sip.Config {
	return &sip.Config{
		Extension: s.door.Extension, Password: s.door.Password, DisplayName: s.door.DisplayName, Domain: s.door.Domain,
		UserAgent: "doorstation/" + s.Version, Log: s.Log,
		Locate: func(context.Context) (sip.Endpoint, error) { return e, nil },
	}
}

// ingressCode names the fault of an error on the way through Home Assistant.
func ingressCode(err error) health.Code {
	if code := app.IngressCode(err); code != "" {
		return code
	}
	return app.HomeCode(err)
}
