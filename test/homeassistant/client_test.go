package homeassistant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"doorstation/internal/discover"
	"doorstation/internal/homeassistant"
	"doorstation/test/lab"
)

// TestTheDoorsQuestions: each of them, put to a Home Assistant in a network.
func TestTheDoorsQuestions(t *testing.T) {
	house := lab.NewNetwork(t, "house")
	home := lab.StartHomeAssistant(t, lab.HomeAssistantOptions{Name: "Villa. Kunterbunt", Network: house})
	user := home.AddUser(t, "The door", doorUser, doorPassword)
	page := home.LogIn(t, user)
	secret := page.SetFactor(t)
	var log bytes.Buffer
	client := func(t *testing.T, token string) *homeassistant.Client {
		t.Helper()
		c, err := homeassistant.New(homeassistant.Options{
			URL: home.URL, Token: token, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	begin := func(t *testing.T, c *homeassistant.Client) *homeassistant.Login {
		t.Helper()
		ways, err := c.Providers(t.Context())
		if err != nil || len(ways) != 1 || !ways[0].TakesPassword() {
			t.Fatalf("%+v, %v", ways, err)
		}
		l, step, err := c.Begin(t.Context(), ways[0])
		if err != nil || step.Kind != homeassistant.StepPassword {
			t.Fatalf("%+v, %v", step, err)
		}
		return l
	}
	logIn := func(t *testing.T) homeassistant.Grant {
		t.Helper()
		l := begin(t, client(t, ""))
		if _, err := l.Password(t.Context(), doorUser, []byte("wrong")); !errors.Is(err, homeassistant.ErrWrongPassword) {
			t.Fatalf("a wrong password: %v", err)
		}
		step, err := l.Password(t.Context(), doorUser, []byte(doorPassword))
		if err != nil || step.Kind != homeassistant.StepCode || step.Module != "Authenticator app" {
			t.Fatalf("%+v, %v", step, err)
		}
		if _, err = l.Code(t.Context(), []byte("000000")); !errors.Is(err, homeassistant.ErrWrongCode) {
			t.Fatalf("a wrong code: %v", err)
		}
		if step, err = l.Code(t.Context(), []byte(lab.Code(t, secret, time.Now()))); err != nil || step.Kind != homeassistant.StepDone {
			t.Fatalf("%+v, %v", step, err)
		}
		grant, err := l.Token(t.Context(), "porch")
		if err != nil {
			t.Fatal(err)
		}
		return grant
	}

	t.Run("it is found by multicast DNS", func(t *testing.T) {
		wire, err := net.InterfaceByName(house.Interface())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var found discover.Instance
		if err = discover.Find(ctx, discover.Options{Interfaces: []net.Interface{*wire}}, func(i discover.Instance) {
			found = i
			cancel()
		}); err != nil {
			t.Fatal(err)
		}
		if found.Name != "Villa  Kunterbunt" || found.Version == "" || len(found.Key) != 32 || !slices.Contains(found.URLs, home.URL) {
			t.Errorf("found %+v, want one at %s", found, home.URL)
		}
	})

	t.Run("a login with a second factor", func(t *testing.T) {
		before := len(page.Tokens(t))
		grants := []homeassistant.Grant{logIn(t), logIn(t)}
		for i, want := range []string{"doorstation porch", "doorstation porch 2"} {
			if g := grants[i]; g.Name != want || g.User.ID != user.ID || g.User.Name != "The door" || g.User.IsAdmin || g.User.IsOwner {
				t.Errorf("%+v", g)
			}
			door := client(t, grants[i].Token)
			who, version, err := door.Greeting(t.Context())
			if err != nil || who.ID != user.ID || !strings.HasPrefix(version, "20") {
				t.Errorf("%+v %s, %v", who, version, err)
			}
		}
		if now := page.Tokens(t); len(now) != before+2 {
			t.Errorf("there are %d tokens, want the door's two and the %d of before: %+v", len(now), before, now)
		}
		for _, g := range grants {
			door := client(t, g.Token)
			if err := door.Revoke(t.Context()); err != nil {
				t.Errorf("revoking: %v", err)
			}
			if err := door.Revoke(t.Context()); !errors.Is(err, homeassistant.ErrTokenRefused) {
				t.Errorf("revoking again: %v", err)
			}
			if _, err := door.SIPCoreConfig(t.Context()); !errors.Is(err, homeassistant.ErrTokenRefused) {
				t.Errorf("the settings, with a token that is gone: %v", err)
			}
		}
		if now := page.Tokens(t); len(now) != before {
			t.Errorf("there are %d tokens, want the %d of before: %+v", len(now), before, now)
		}
		for _, secret := range []string{doorPassword, grants[0].Token} {
			if strings.Contains(log.String(), secret) {
				t.Error("the log has a secret")
			}
		}
	})

	t.Run("too many wrong codes", func(t *testing.T) {
		l := begin(t, client(t, ""))
		_, err := l.Password(t.Context(), doorUser, []byte(doorPassword))
		tries := 0
		for ; err == nil || errors.Is(err, homeassistant.ErrWrongCode); tries++ {
			_, err = l.Code(t.Context(), []byte("000000"))
		}
		if !errors.Is(err, homeassistant.ErrTooManyCodes) || tries != 5 {
			t.Errorf("after %d: %v", tries, err)
		}
	})

	t.Run("SIP Core", func(t *testing.T) {
		door := client(t, page.LongLived(t, "SIP Core"))
		if _, err := door.SIPCoreConfig(t.Context()); !errors.Is(err, homeassistant.ErrNotSetUp) {
			t.Errorf("not set up: %v", err)
		}
		home.SetSIPCore(t, map[string]any{"sip_video": true})
		raw, mark, err := door.PollSIPCoreConfig(t.Context(), homeassistant.Mark{})
		var got map[string]any
		if err != nil || json.Unmarshal(raw, &got) != nil || got["sip_video"] != true {
			t.Errorf("%s, %v", raw, err)
		}
		if raw, mark, err = door.PollSIPCoreConfig(t.Context(), mark); raw != nil || err != nil {
			t.Errorf("the same again: %s, %v", raw, err)
		}
		home.SetSIPCore(t, map[string]any{"sip_video": false})
		if raw, _, err = door.PollSIPCoreConfig(t.Context(), mark); raw == nil || err != nil {
			t.Errorf("a change: %s, %v", raw, err)
		}
		if _, err = door.Ingress(t.Context()); !errors.Is(err, homeassistant.ErrNoSupervisor) {
			t.Errorf("ingress: %v", err)
		}
		if _, err = client(t, "nonsense").SIPCoreConfig(t.Context()); !errors.Is(err, homeassistant.ErrTokenRefused) {
			t.Errorf("a token that is none: %v", err)
		}
	})

	t.Run("a user who was made inactive", func(t *testing.T) {
		door := client(t, page.LongLived(t, "inactive"))
		home.SetActive(t, user, false)
		if _, err := door.CurrentUser(t.Context()); !errors.Is(err, homeassistant.ErrTokenRefused) {
			t.Errorf("%v", err)
		}
		l := begin(t, client(t, ""))
		_, err := l.Password(t.Context(), doorUser, []byte(doorPassword))
		if err == nil {
			_, err = l.Code(t.Context(), []byte(lab.Code(t, secret, time.Now())))
		}
		if !errors.Is(err, homeassistant.ErrLoginBlocked) || !strings.Contains(err.Error(), "not active") {
			t.Errorf("a login: %v", err)
		}
		home.SetActive(t, user, true)
		if _, err = door.CurrentUser(t.Context()); !errors.Is(err, homeassistant.ErrTokenRefused) {
			t.Errorf("active again, whose tokens are gone for good: %v", err)
		}
	})
}
