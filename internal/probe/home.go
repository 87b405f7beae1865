package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"

	"doorstation/internal/app"
	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/internal/homeassistant"
	"doorstation/internal/settings"
	"doorstation/internal/sip"
)

// homeLinks are those of Home Assistant.
func (s *Scene) homeLinks() []check.Link {
	return []check.Link{
		{Name: linkHome, Title: "Home Assistant", Needs: []string{linkFile}, Run: s.homeAssistant},
		{Name: linkAPI, Title: "Login", Needs: []string{linkToken, linkHome}, Run: s.api},
		{Name: linkIntegration, Title: "SIP Core", Needs: []string{linkAPI}, Run: s.integration},
	}
}

// homeAssistant finds Home Assistant's address, connects to it, and judges its certificate. It asks nothing: a request without a token
// would count as a failed login there.
func (s *Scene) homeAssistant(ctx context.Context, say func(check.Finding)) {
	u, err := url.Parse(s.Local.HomeAssistant.URL)
	if err != nil {
		say(check.Finding{Code: health.CodeHomeAssistantUnreachable, Found: "home_assistant.url is no address"})
		return
	}
	addrs, err := resolve(ctx, u)
	if err != nil {
		say(check.Finding{Code: health.CodeHomeAssistantName, Found: refusal(err, u.Host)})
		return
	}
	c, err := connect(ctx, addrs)
	if err != nil {
		say(check.Finding{Code: health.CodeHomeAssistantUnreachable, Found: refusal(err, u.Host), Data: c})
		return
	}
	say(check.Finding{Found: fmt.Sprintf("%s connects to %s in %.1f ms", u.Host, c.Address, c.ConnectMS), Data: c})
	if u.Scheme != "https" {
		return
	}
	cfg, err := s.Local.HomeAssistant.TLS.Config()
	if err != nil {
		say(check.Finding{Link: "home_assistant.tls", Title: "  its certificate", Code: health.CodeHomeAssistantUnreachable, Found: "home_assistant.tls: " + err.Error()})
		return
	}
	f := tlsFinding(ctx, c.Address, u.Hostname(), cfg, s.Now(), health.CodeHomeAssistantUnreachable)
	f.Link, f.Title = "home_assistant.tls", "  its certificate"
	say(f)
}

// resolve finds the addresses of an http, https, ws or wss URL.
func resolve(ctx context.Context, u *url.URL) ([]netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	if port := u.Port(); port == "" && (u.Scheme == "http" || u.Scheme == "https") {
		with := *u
		with.Host = net.JoinHostPort(u.Hostname(), strconv.Itoa(map[string]int{"http": 80, "https": 443}[u.Scheme]))
		u = &with
	}
	return sip.Addresses(ctx, nil, u)
}

// account is who the token belongs to, for machines.
type account struct {
	Version string `json:"home_assistant_version"`
	UserID  string `json:"user_id"`
	User    string `json:"user"`
	Admin   bool   `json:"admin"`
}

// api logs in with the token. It is tried once: a wrong one counts as a failed login there.
func (s *Scene) api(ctx context.Context, say func(check.Finding)) {
	if err := s.openHome(); err != nil {
		say(check.Finding{Code: app.HomeCode(err), Found: err.Error()})
		return
	}
	user, version, err := s.home.Greeting(ctx)
	if err != nil {
		found := err.Error()
		if version != "" {
			found = fmt.Sprintf("Home Assistant %s: %v", version, err)
		}
		say(check.Finding{Code: app.HomeCode(err), Found: found})
		return
	}
	s.who = settings.Identity{ID: user.ID, Name: user.Name}
	rights := "no administrator"
	if user.IsAdmin {
		rights = "an administrator"
	}
	say(check.Finding{
		Found: fmt.Sprintf("Home Assistant %s takes the token; it belongs to %q (id %s), %s", version, user.Name, user.ID, rights),
		Data:  account{Version: version, UserID: user.ID, User: user.Name, Admin: user.IsAdmin},
	})
}

// openHome makes the client, as the agent does.
func (s *Scene) openHome() error {
	token, err := settings.ReadToken(s.tokenSource().local, s.Getenv)
	if err != nil {
		return fmt.Errorf("read the token: %w", err)
	}
	cfg, err := s.Local.HomeAssistant.TLS.Config()
	if err != nil {
		return fmt.Errorf("home_assistant.tls: %w", err)
	}
	s.home, err = homeassistant.New(homeassistant.Options{URL: s.Local.HomeAssistant.URL, Token: token, TLS: cfg, Log: s.Log})
	if err != nil {
		return fmt.Errorf("home_assistant.url: %w", err)
	}
	return nil
}

// integration asks for SIP Core's settings.
func (s *Scene) integration(ctx context.Context, say func(check.Finding)) {
	raw, err := s.home.SIPCoreConfig(ctx)
	if err != nil {
		say(check.Finding{Code: app.HomeCode(err), Found: err.Error()})
		return
	}
	s.fresh = raw
	say(check.Finding{Found: fmt.Sprintf("it is installed and set up, and gives its settings (%d bytes)", len(raw))})
}
