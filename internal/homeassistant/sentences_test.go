package homeassistant_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"doorstation/internal/homeassistant"
	"doorstation/test/lab/homestub"
)

// TestEachStrangeAnswerHasItsSentence: what stands in between, or instead, is told apart.
func TestEachStrangeAnswerHasItsSentence(t *testing.T) {
	answer := func(status int, header, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	const page = "<!DOCTYPE html><html>…</html>"
	seen := map[string]string{}
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		is      error
		want    string
	}{
		{"a login page", answer(200, "Content-Type: text/html", page), homeassistant.ErrBadAnswer, "is a web page: either a proxy's login"},
		{"a proxy's own login", answer(401, `WWW-Authenticate: Basic realm="x"`, page), homeassistant.ErrBadAnswer, "asks for a login of its own"},
		{"a revoked token", answer(401, "", "401: Unauthorized"), homeassistant.ErrTokenRefused, "the access token is refused"},
		{"a ban", answer(403, "", "403: Forbidden"), homeassistant.ErrTokenRefused, "banned this machine's address"},
		{"a proxy without its server", answer(502, "Content-Type: text/html", page), homeassistant.ErrUnreachable, "a proxy in front of it answers 502"},
		{"a starting one", answer(503, "", "503"), homeassistant.ErrUnreachable, "it is starting or being restarted"},
		{"another server's page", answer(404, "Content-Type: text/html", page), homeassistant.ErrBadAnswer, "something else than Home Assistant answers"},
		{"not installed", answer(404, "", "404: Not Found"), homeassistant.ErrNotInstalled, "not installed"},
		{"not set up", answer(500, "", `{"error": "No configuration found"}`), homeassistant.ErrNotSetUp, "not set up"},
		{"another error", answer(500, "", "500 Internal Server Error"), homeassistant.ErrUnreachable, "it answers 500"},
		{"torn JSON", answer(200, "", `{"users": [{"extension": "10`), homeassistant.ErrBadAnswer, "breaks off in the middle of its JSON"},
		{"a torn answer", answer(200, "Content-Length: 1000", `{"users":`), homeassistant.ErrBadAnswer, "it breaks off after 9 bytes"},
		{"no JSON", answer(200, "", `users: []`), homeassistant.ErrBadAnswer, "is not JSON"},
		{"nothing", answer(200, "", " \n"), homeassistant.ErrBadAnswer, "is empty"},
		{"too much", answer(200, "", `"`+strings.Repeat("x", 2<<20)+`"`), homeassistant.ErrBadAnswer, "it is longer than"},
		{"elsewhere", answer(302, "Location: https://other.example.com/", ""), homeassistant.ErrUnreachable, "use that as home_assistant.url"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			c, _ := newClient(t, homeassistant.Options{URL: server.URL, Token: token})
			_, err := c.SIPCoreConfig(t.Context())
			if !errors.Is(err, tt.is) || !strings.Contains(fmt.Sprint(err), tt.want) {
				t.Errorf("got %v, want %v: …%s…", err, tt.is, tt.want)
			}
			if other := seen[tt.want]; other != "" {
				t.Errorf("the same sentence as for %s", other)
			}
			seen[tt.want] = tt.name
			leaks(t, fmt.Sprint(err))
		})
	}
}

func TestAnUnchangedAnswerIsNotGivenAgain(t *testing.T) {
	h := newHome(t, homestub.Options{SIPCore: map[string]any{"sip_video": true}})
	raw, mark, err := h.client.PollSIPCoreConfig(t.Context(), homeassistant.Mark{})
	if err != nil || len(raw) == 0 {
		t.Fatal(string(raw), err)
	}
	if raw, mark, err = h.client.PollSIPCoreConfig(t.Context(), mark); err != nil || raw != nil {
		t.Errorf("the same again: %s, %v", raw, err)
	}
	h.stub.SetSIPCore(map[string]any{"sip_video": false})
	if raw, _, err = h.client.PollSIPCoreConfig(t.Context(), mark); err != nil || string(raw) != `{"sip_video":false}` {
		t.Errorf("a change: %s, %v", raw, err)
	}
}

func TestAnETagSavesTheBody(t *testing.T) {
	var bodies atomic.Int32
	tag := `"1"`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		bodies.Add(1)
		fmt.Fprintf(w, `{"pbx_server": %q}`, strings.Trim(tag, `"`))
	}))
	defer server.Close()
	c, _ := newClient(t, homeassistant.Options{URL: server.URL, Token: token})
	_, mark, err := c.PollSIPCoreConfig(t.Context(), homeassistant.Mark{})
	for range 5 {
		if err != nil {
			t.Fatal(err)
		}
		var raw []byte
		if raw, mark, err = c.PollSIPCoreConfig(t.Context(), mark); raw != nil {
			t.Errorf("given again: %s", raw)
		}
	}
	tag = `"2"`
	raw, _, err := c.PollSIPCoreConfig(t.Context(), mark)
	if err != nil || string(raw) != `{"pbx_server": "2"}` || bodies.Load() != 2 {
		t.Errorf("%s, %v, %d bodies", raw, err, bodies.Load())
	}
}
