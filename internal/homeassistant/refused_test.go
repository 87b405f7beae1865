package homeassistant_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"doorstation/internal/homeassistant"
	"doorstation/test/lab/homestub"
)

// TestWhyATokenIsRefused: Home Assistant has a reason where it is not the token.
func TestWhyATokenIsRefused(t *testing.T) {
	for _, c := range []struct{ said, want string }{
		{"Invalid access token or password", "the access token is refused by Home Assistant"},
		{"User is not active", "the access token is refused by Home Assistant: User is not active"},
		{"User cannot authenticate\x1b[2J remotely", "the access token is refused by Home Assistant: User cannot authenticate[2J remotely"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer conn.CloseNow()
			for _, m := range []map[string]string{{"type": "auth_required"}, {"type": "auth_invalid", "message": c.said}} {
				if wsjson.Write(r.Context(), conn, m) != nil {
					return
				}
			}
			conn.Read(r.Context()) //nolint:errcheck // until the client goes
		}))
		client, _ := newClient(t, homeassistant.Options{URL: server.URL, Token: token})
		if _, err := client.CurrentUser(t.Context()); !errors.Is(err, homeassistant.ErrTokenRefused) || err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.said, err, c.want)
		}
		server.Close()
	}
}

// TestRevokingAsksOnce: what is gone already is not asked for twice, which would count as two wrong logins.
func TestRevokingAsksOnce(t *testing.T) {
	stub, c, url, _ := door(t, homestub.Options{})
	l := begin(t, c)
	if _, err := l.Password(t.Context(), "anna", []byte(thePassword)); err != nil {
		t.Fatal(err)
	}
	grant, err := l.Token(t.Context(), "porch")
	if err != nil {
		t.Fatal(err)
	}
	own, _ := newClient(t, homeassistant.Options{URL: url, Token: grant.Token})
	if err = own.Revoke(t.Context()); err != nil {
		t.Errorf("revoking: %v", err)
	}
	before := stub.Requests().Refused
	if err = own.Revoke(t.Context()); !errors.Is(err, homeassistant.ErrTokenRefused) {
		t.Errorf("revoking again: %v", err)
	}
	if n := stub.Requests().Refused - before; n != 1 {
		t.Errorf("a token that is gone was shown %d times", n)
	}
}
