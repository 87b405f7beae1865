package e2e

import (
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"

	"doorstation/config"
	"doorstation/internal/discover"
	"doorstation/internal/homeassistant"
	"doorstation/internal/settings"
	"doorstation/test/house"
	"doorstation/test/lab"
	"doorstation/test/lab/homestub"
)

// TestFromTheNetworkToALocalFile: a home is found by its announcement, somebody logs in with a second factor, the token and a new
// local file are written, and what is read of them again is enough to be given SIP Core's settings.
func TestFromTheNetworkToALocalFile(t *testing.T) {
	network := lab.NewNetwork(t, "porch")
	stub := homestub.New(homestub.Options{
		SIPCore: house.SIPCore(),
		Accounts: []homestub.Account{{
			Username: "frontdoor", Password: "open sesame", User: homestub.User{ID: house.UserID, Name: house.UserName},
			Factors: []homestub.Factor{{ID: "totp", Name: "Authenticator app", Code: "123456"}},
		}},
	})
	listener, err := net.Listen("tcp", net.JoinHostPort(network.Gateway, "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: stub}}
	server.Start() // its URL is the address it listens at
	t.Cleanup(func() { stub.Close(); server.Close() })
	lab.AnnounceHome(t, nil, lab.Announcement{
		Name: "Home", UUID: "u-home", Version: "2026.10.0", Port: listener.Addr().(*net.TCPAddr).Port,
	})

	// Found by its address, as no URL is set. It is announced by IPv6, too, where nobody listens.
	where := server.URL
	found := find(t, network, func(f map[string]discover.Instance) bool { return slices.Contains(f["u-home"].URLs, where) })
	if first := found["u-home"].URLs[0]; first != where {
		t.Errorf("%s is tried first, expected %s", first, where)
	}
	client, err := homeassistant.New(homeassistant.Options{URL: where})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	providers, err := client.Providers(t.Context())
	if err != nil {
		t.Fatalf("nobody answers at %s: %v", where, err)
	}
	login, step, err := client.Begin(t.Context(), providers[0])
	if err == nil && step.Kind == homeassistant.StepPassword {
		step, err = login.Password(t.Context(), "frontdoor", []byte("open sesame"))
	}
	if err == nil && step.Kind == homeassistant.StepCode {
		step, err = login.Code(t.Context(), []byte("123456"))
	}
	if err != nil || step.Kind != homeassistant.StepDone {
		t.Fatalf("the login leads to %+v, %v", step, err)
	}
	grant, err := login.Token(t.Context(), "porch")
	if err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	path, tokenFile := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "token")
	want, err := settings.ParseLocal("example", config.Example())
	if err != nil {
		t.Fatal(err)
	}
	want.HomeAssistant.URL, want.HomeAssistant.TokenFile, want.Lock = where, tokenFile, nil
	text, err := settings.Render(path, nil, config.Example(), want)
	if err != nil {
		t.Fatal(err)
	}
	if err = (settings.Install{Path: path, Text: text.Text, TokenFile: tokenFile, Token: grant.Token}).Write(); err != nil {
		t.Fatal(err)
	}

	local, err := settings.LoadLocal(path)
	if err != nil {
		t.Fatal(err)
	}
	token, err := settings.ReadToken(local, func(string) string { return "" })
	if err != nil || settings.TokenFileTooOpen(tokenFile) {
		t.Fatalf("the token: %v; too open: %t", err, settings.TokenFileTooOpen(tokenFile))
	}
	door, err := homeassistant.New(homeassistant.Options{URL: local.HomeAssistant.URL, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(door.Close)
	raw, err := door.SIPCoreConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	household, err := settings.DescribeSIPCore(raw, settings.Identity{ID: grant.User.ID, Name: grant.User.Name})
	if err != nil || household.Door == nil || household.Door.Extension != lab.DoorExtension || len(household.Callable(lab.DoorExtension)) != 2 {
		t.Errorf("the household is %+v, %v", household, err)
	}
}
