package homeassistant_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"doorstation/internal/homeassistant"
	"doorstation/test/lab/homestub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "eyJhbGciOiJIUzI1NiJ9.s3cret-token"

// home is a Home Assistant on loopback and a client of it.
type home struct {
	stub   *homestub.Server
	server *httptest.Server
	client *homeassistant.Client
	logged *bytes.Buffer
}

func newHome(t *testing.T, o homestub.Options) home {
	t.Helper()
	if o.Token == "" {
		o.Token = token
	}
	stub := homestub.New(o)
	server := httptest.NewServer(stub)
	t.Cleanup(func() { stub.Close(); server.Close() })
	client, logged := newClient(t, homeassistant.Options{URL: server.URL, Token: token})
	return home{stub, server, client, logged}
}

// newClient makes a client; what it logged is looked through for secrets at the end.
func newClient(t *testing.T, o homeassistant.Options) (*homeassistant.Client, *bytes.Buffer) {
	t.Helper()
	var logged bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, err := homeassistant.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		leaks(t, logged.String())
	})
	return c, &logged
}

func leaks(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{token, "s3cret", "ingress_session="} {
		if strings.Contains(text, secret) {
			t.Errorf("shows %q:\n%s", secret, text)
		}
	}
}

// echo is the add-on in these tests: it sends each message back.
func echo(t *testing.T) *url.URL {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			w.WriteHeader(http.StatusUpgradeRequired)
			return
		}
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"sip"}})
		if err != nil {
			return
		}
		defer conn.CloseNow()
		for {
			kind, data, readErr := conn.Read(r.Context())
			if readErr != nil || conn.Write(r.Context(), kind, data) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestSIPCoreConfig(t *testing.T) {
	h := newHome(t, homestub.Options{SIPCore: map[string]any{"sip_video": true}})
	raw, err := h.client.SIPCoreConfig(t.Context())
	if err != nil || string(raw) != `{"sip_video":true}` {
		t.Fatalf("got %s, %v", raw, err)
	}
	h.stub.SetSIPCore(json.RawMessage(`{"sip_video": false}`))
	raw, err = h.client.SIPCoreConfig(t.Context())
	if err != nil || string(raw) != `{"sip_video":false}` {
		t.Errorf("after a change: %s, %v", raw, err)
	}
}

func TestSIPCoreConfigRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		home homestub.Options
		want error
	}{
		{"wrong token", homestub.Options{Token: "another"}, homeassistant.ErrTokenRefused},
		{"no integration", homestub.Options{NoIntegration: true}, homeassistant.ErrNotInstalled},
		{"not set up", homestub.Options{NotSetUp: true}, homeassistant.ErrNotSetUp},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newHome(t, tt.home).client.SIPCoreConfig(t.Context())
			if !errors.Is(err, tt.want) || errors.Is(err, homeassistant.ErrUnreachable) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestCurrentUser(t *testing.T) {
	h := newHome(t, homestub.Options{User: homestub.User{ID: "0123abc", Name: "Door", IsAdmin: true}})
	got, err := h.client.CurrentUser(t.Context())
	if want := (homeassistant.User{ID: "0123abc", Name: "Door", IsAdmin: true}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	h.stub.Set(func(o *homestub.Options) { o.Token = "changed" })
	if _, err = h.client.CurrentUser(t.Context()); !errors.Is(err, homeassistant.ErrTokenRefused) {
		t.Errorf("with a withdrawn token: %v", err)
	}
}

func TestIngressOpensTheWayToTheAddon(t *testing.T) {
	h := newHome(t, homestub.Options{PBX: echo(t)})
	ing, err := h.client.Ingress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{
		fmt.Sprint(ing), fmt.Sprintf("%+v %#v %d", ing, ing, ing), ing.String(),
	} {
		if strings.Contains(shown, "hassio_ingress") || strings.Contains(shown, "ingress_session") {
			t.Errorf("formatting shows the way: %s", shown)
		}
	}
	if b, jsonErr := json.Marshal(ing); jsonErr != nil || strings.Contains(string(b), "session=") {
		t.Errorf("JSON shows the way: %s, %v", b, jsonErr)
	}
	conn, resp, err := websocket.Dial(t.Context(), ing.URL, &websocket.DialOptions{HTTPHeader: ing.Header, Subprotocols: []string{"sip"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if resp.StatusCode != http.StatusSwitchingProtocols || conn.Subprotocol() != "sip" {
		t.Errorf("status %d, subprotocol %q", resp.StatusCode, conn.Subprotocol())
	}
	if err = conn.Write(t.Context(), websocket.MessageText, []byte("REGISTER")); err != nil {
		t.Fatal(err)
	}
	if _, got, readErr := conn.Read(t.Context()); readErr != nil || string(got) != "REGISTER" {
		t.Errorf("through ingress came %q, %v", got, readErr)
	}
	if err = h.client.CheckIngress(t.Context(), ing); err != nil {
		t.Errorf("CheckIngress of an open way: %v", err)
	}

	second, err := h.client.Ingress(t.Context())
	if err != nil || second.Header.Get("Cookie") == ing.Header.Get("Cookie") {
		t.Errorf("a second way has the same session, %v", err)
	}
}

func TestIngressRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		home homestub.Options
		want error
	}{
		{"wrong token", homestub.Options{Token: "another"}, homeassistant.ErrTokenRefused},
		{"no integration", homestub.Options{NoIntegration: true}, homeassistant.ErrNotInstalled},
		{"no Supervisor", homestub.Options{NoSupervisor: true}, homeassistant.ErrNoSupervisor},
		{"no add-on", homestub.Options{NoAddon: true}, homeassistant.ErrNoAddon},
		{"not an administrator", homestub.Options{AdminOnly: true}, homeassistant.ErrNotAdmin},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newHome(t, tt.home).client.Ingress(t.Context())
			if !errors.Is(err, tt.want) || errors.Is(err, homeassistant.ErrUnreachable) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestCheckIngressSaysWhyTheWayIsShut(t *testing.T) {
	h := newHome(t, homestub.Options{PBX: echo(t)})
	ing, err := h.client.Ingress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	check := func(why string, want error) {
		t.Helper()
		if got := h.client.CheckIngress(t.Context(), ing); !errors.Is(got, want) {
			t.Errorf("%s: got %v, want %v", why, got, want)
		}
	}
	h.stub.Set(func(o *homestub.Options) { o.PBX = nil })
	check("add-on stopped", homeassistant.ErrAddonDown)
	h.stub.Set(func(o *homestub.Options) { o.NoAddon = true })
	check("add-on removed", homeassistant.ErrIngressToken)
	h.stub.DropSessions()
	check("session dropped", homeassistant.ErrIngressSession)
	h.server.Close()
	check("nobody there", homeassistant.ErrUnreachable)
}

func TestTLS(t *testing.T) {
	stub := homestub.New(homestub.Options{Token: token, PBX: echo(t), User: homestub.User{ID: "1"}})
	server := httptest.NewUnstartedServer(stub)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug) // refused handshakes are expected
	server.StartTLS()
	t.Cleanup(func() { stub.Close(); server.Close() })
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())

	trusting, _ := newClient(t, homeassistant.Options{URL: server.URL + "/", Token: token, TLS: &tls.Config{RootCAs: pool}})
	if _, err := trusting.SIPCoreConfig(t.Context()); err != nil {
		t.Errorf("with its own authority: %v", err)
	}
	ing, err := trusting.Ingress(t.Context())
	if err != nil || !strings.HasPrefix(ing.URL, "wss://") || !strings.HasPrefix(ing.HTTPURL, "https://") {
		t.Errorf("ingress over TLS: %s %s, %v", ing.URL, ing.HTTPURL, err)
	}
	if err = trusting.CheckIngress(t.Context(), ing); err != nil {
		t.Errorf("CheckIngress over TLS: %v", err)
	}

	strange, _ := newClient(t, homeassistant.Options{URL: server.URL, Token: token})
	for name, ask := range asks(strange) {
		if err = ask(t.Context()); !errors.Is(err, homeassistant.ErrTLS) || !errors.Is(err, homeassistant.ErrUnreachable) {
			t.Errorf("%s with an unknown authority: %v, want ErrTLS", name, err)
		}
	}
	plain := httptest.NewServer(stub)
	t.Cleanup(plain.Close)
	wrong, _ := newClient(t, homeassistant.Options{URL: strings.Replace(plain.URL, "http:", "https:", 1), Token: token})
	for name, ask := range asks(wrong) {
		if err = ask(t.Context()); !errors.Is(err, homeassistant.ErrTLS) {
			t.Errorf("%s with https to an http port: %v, want ErrTLS", name, err)
		}
	}
}

// asks are the three questions.
func asks(c *homeassistant.Client) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"config":  func(ctx context.Context) error { _, err := c.SIPCoreConfig(ctx); return err },
		"user":    func(ctx context.Context) error { _, err := c.CurrentUser(ctx); return err },
		"ingress": func(ctx context.Context) error { _, err := c.Ingress(ctx); return err },
	}
}

// TestStrangeAnswers: whatever answers at the address, the error says so, without the token and without a panic.
func TestStrangeAnswers(t *testing.T) {
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	huge := func(w http.ResponseWriter, _ *http.Request) {
		block := bytes.Repeat([]byte(" "), 64<<10)
		for range 64 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
	says := func(messages ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/websocket" {
				fmt.Fprint(w, `{"ingress_entry": "/api/hassio_ingress/abc"}`)
				return
			}
			conn, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer conn.CloseNow()
			for _, m := range messages {
				if conn.Write(r.Context(), websocket.MessageText, []byte(m)) != nil {
					return
				}
			}
			for err == nil { // until the client has had enough
				_, _, err = conn.Read(r.Context())
			}
		}
	}
	const required, ok = `{"type":"auth_required"}`, `{"type":"auth_ok"}`
	result := func(r string) string { return `{"id":1,"type":"result","success":true,"result":` + r + `}` }
	refused := `{"id":1,"type":"result","success":false,"error":{"code":"unknown_error","message":"Supervisor is starting"}}`

	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		asked   []string
		want    error
	}{
		{"a web page", text(200, "<html>login</html>"), []string{"config", "user", "ingress"}, homeassistant.ErrBadAnswer},
		{"nothing", text(200, ""), []string{"config", "user", "ingress"}, homeassistant.ErrBadAnswer},
		{"a huge body", huge, []string{"config", "ingress"}, homeassistant.ErrBadAnswer},
		{"starting up", text(503, "x"), []string{"config", "user"}, homeassistant.ErrUnreachable},
		{"a proxy without its server", text(502, "Bad Gateway"), []string{"config", "user", "ingress"}, homeassistant.ErrUnreachable},
		{"another server error", text(500, `{"error": ["x"]}`), []string{"config", "user"}, homeassistant.ErrUnreachable},
		{"banned", text(403, "403: Forbidden"), []string{"config", "user", "ingress"}, homeassistant.ErrTokenRefused},

		{"entry on another host", text(200, `{"ingress_entry": "//evil.example.com/"}`), []string{"ingress"}, homeassistant.ErrBadAnswer},
		{"entry elsewhere", text(200, `{"ingress_entry": "/api/hassio_ingress/../config"}`), []string{"ingress"}, homeassistant.ErrBadAnswer},
		{"entry with a query", text(200, `{"ingress_entry": "/api/hassio_ingress/a?b"}`), []string{"ingress"}, homeassistant.ErrBadAnswer},
		{"entry of a wrong type", text(200, `{"ingress_entry": 1}`), []string{"ingress"}, homeassistant.ErrBadAnswer},

		{"not JSON", says("hello"), []string{"user", "ingress"}, homeassistant.ErrBadAnswer},
		{"a huge message", says(`"` + strings.Repeat("x", 2<<20) + `"`), []string{"user", "ingress"}, homeassistant.ErrBadAnswer},
		{"chatter", says(strings.Split(strings.Repeat(`{"type":"event"} `, 200), " ")...), []string{"user"}, homeassistant.ErrBadAnswer},
		{"refused without a reason", says(required, ok, `{"id":1,"type":"result"}`), []string{"user", "ingress"}, homeassistant.ErrBadAnswer},
		{"another result", says(required, ok, result(`[]`)), []string{"user", "ingress"}, homeassistant.ErrBadAnswer},
		{"no result", says(required, ok, result(`null`)), []string{"user", "ingress"}, homeassistant.ErrBadAnswer},
		{"session with a line break", says(required, ok, result(`{"session":"a\r\nX: y"}`)), []string{"ingress"}, homeassistant.ErrBadAnswer},
		{"session without an end", says(required, ok, result(`{"session":"`+strings.Repeat("a", 1001)+`"}`)), []string{"ingress"}, homeassistant.ErrBadAnswer},
		{"session with a second cookie", says(required, ok, result(`{"session":"a; b=c"}`)), []string{"ingress"}, homeassistant.ErrBadAnswer},
		{"the Supervisor refuses", says(required, ok, refused), []string{"ingress"}, homeassistant.ErrUnreachable},
		{"token refused", says(required, `{"type":"auth_invalid"}`), []string{"user", "ingress"}, homeassistant.ErrTokenRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			c, _ := newClient(t, homeassistant.Options{URL: server.URL, Token: token})
			for _, name := range tt.asked {
				err := asks(c)[name](t.Context())
				if !errors.Is(err, tt.want) {
					t.Errorf("%s: got %v, want %v", name, err, tt.want)
					continue
				}
				leaks(t, err.Error())
			}
		})
	}
}

// TestTheCallersContextEndsACall with a server that takes the request and is silent.
func TestTheCallersContextEndsACall(t *testing.T) {
	arrived := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	c, _ := newClient(t, homeassistant.Options{URL: server.URL, Token: token})
	stop := errors.New("the agent ends")
	for name, ask := range asks(c) {
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			<-arrived
			cancel(stop)
		}()
		if err := ask(ctx); !errors.Is(err, homeassistant.ErrUnreachable) || !errors.Is(err, stop) {
			t.Errorf("%s: got %v, want ErrUnreachable with the cause", name, err)
		}
		cancel(nil)
	}
}

// TestASilentWebSocketAPI: the connection stands and nobody speaks.
func TestASilentWebSocketAPI(t *testing.T) {
	opened := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		close(opened)
		conn.Read(r.Context()) //nolint:errcheck // until the client goes
	}))
	defer server.Close()
	c, _ := newClient(t, homeassistant.Options{URL: server.URL, Token: token})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-opened
		cancel()
	}()
	if _, err := c.CurrentUser(ctx); !errors.Is(err, homeassistant.ErrUnreachable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want ErrUnreachable", err)
	}
}

// TestTheTokenStaysHome: a redirect to another origin is not followed, one within is.
func TestTheTokenStaysHome(t *testing.T) {
	strangerAsked := false
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangerAsked = true }))
	defer stranger.Close()
	target := stranger.URL
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/inside":
			_, err := io.WriteString(w, `{"asked": "inside"}`)
			if err != nil {
				t.Error(err)
			}
		default:
			http.Redirect(w, r, target, http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	c, _ := newClient(t, homeassistant.Options{URL: server.URL, Token: token})
	for name, ask := range asks(c) {
		err := ask(t.Context())
		if !errors.Is(err, homeassistant.ErrUnreachable) || strangerAsked {
			t.Errorf("%s: got %v, the stranger was asked: %v", name, err, strangerAsked)
		}
		if !strings.Contains(fmt.Sprint(err), "use that as home_assistant.url") {
			t.Errorf("%s: %v does not say what to do", name, err)
		}
	}
	target = "/inside"
	if raw, err := c.SIPCoreConfig(t.Context()); err != nil || !strings.Contains(string(raw), "inside") {
		t.Errorf("a redirect within the origin: %s, %v", raw, err)
	}
	target = "/round"
	if _, err := c.SIPCoreConfig(t.Context()); !errors.Is(err, homeassistant.ErrUnreachable) {
		t.Errorf("a redirect without an end: %v", err)
	}
}

func TestNewRefusesWhatIsNoAddress(t *testing.T) {
	for _, bad := range []string{"", "homeassistant.local:8123", "ftp://ha", "http://", "http://door:s3cret@ha", "http://h\x00s3cret"} {
		_, err := homeassistant.New(homeassistant.Options{URL: bad})
		if err == nil {
			t.Errorf("%q is accepted", bad)
			continue
		}
		leaks(t, err.Error())
	}
}
