package homestub_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"go.uber.org/goleak"

	"doorstation/test/lab/homestub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves a home on loopback.
func start(t *testing.T, o homestub.Options) (*homestub.Server, string) {
	t.Helper()
	o.Token = "right"
	stub := homestub.New(o)
	server := httptest.NewServer(stub)
	t.Cleanup(func() { stub.Close(); server.Close() })
	return stub, server.URL
}

// pbx is an add-on whose WebSocket connections the test holds the far ends of.
func pbx(t *testing.T) (*url.URL, <-chan *websocket.Conn) {
	t.Helper()
	conns := make(chan *websocket.Conn, 4)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ws" || r.URL.RawQuery != "x=1" {
			t.Errorf("the add-on is asked for %s", r.URL)
		}
		if r.Header.Get("Cookie") != "" {
			t.Error("the add-on gets the session's cookie")
		}
		if r.Header.Get("Upgrade") == "" {
			http.Error(w, "upgrade", http.StatusUpgradeRequired)
			return
		}
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"sip"}})
		if err != nil {
			t.Error(err)
			return
		}
		if conn.Subprotocol() != "sip" {
			t.Errorf("the add-on is offered %q", conn.Subprotocol())
		}
		conns <- conn
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u, conns
}

// api logs in on the WebSocket API and returns how to give a command.
func api(t *testing.T, base string) func(cmd map[string]any) map[string]any {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), base+"/api/websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	exchange := func(cmd map[string]any) map[string]any {
		t.Helper()
		if cmd != nil {
			if writeErr := wsjson.Write(t.Context(), conn, cmd); writeErr != nil {
				t.Fatal(writeErr)
			}
		}
		var got map[string]any
		if readErr := wsjson.Read(t.Context(), conn, &got); readErr != nil {
			t.Fatal(readErr)
		}
		return got
	}
	if got := exchange(nil); got["type"] != "auth_required" {
		t.Fatalf("the API greets with %v", got)
	}
	if got := exchange(map[string]any{"type": "auth", "access_token": "right"}); got["type"] != "auth_ok" {
		t.Fatalf("the API answers the right token with %v", got)
	}
	return exchange
}

func session(t *testing.T, base string) string {
	t.Helper()
	got := api(t, base)(map[string]any{"id": 1, "type": "supervisor/api", "endpoint": "/ingress/session", "method": "post"})
	result, ok := got["result"].(map[string]any)
	if !ok {
		t.Fatalf("no session: %v", got)
	}
	return result["session"].(string)
}

func get(t *testing.T, target string, header http.Header) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(body))
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

func cookie(session string) http.Header { return http.Header{"Cookie": {"ingress_session=" + session}} }

func entry(t *testing.T, base string) string {
	t.Helper()
	_, body := get(t, base+"/api/sip-core/asterisk-ingress", bearer("right"))
	var answer struct {
		Entry string `json:"ingress_entry"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || !strings.HasPrefix(answer.Entry, "/api/hassio_ingress/") {
		t.Fatalf("entry: %s, %v", body, err)
	}
	return answer.Entry
}

func TestRESTAnswersOfTheContract(t *testing.T) {
	const config, ingress = "/api/sip-core/config", "/api/sip-core/asterisk-ingress"
	for _, tt := range []struct {
		name, path, token string
		home              homestub.Options
		status            int
		body              string
	}{
		{"config", config, "right", homestub.Options{SIPCore: map[string]any{"a": 1}}, 200, `{"a":1}`},
		{"wrong token", config, "wrong", homestub.Options{}, 401, "401: Unauthorized"},
		{"no token", config, "", homestub.Options{}, 401, "401: Unauthorized"},
		{"no integration", config, "right", homestub.Options{NoIntegration: true}, 404, "404: Not Found"},
		{"not set up", config, "right", homestub.Options{NotSetUp: true}, 500, `{"error":"No configuration found"}`},
		{"no Supervisor", ingress, "right", homestub.Options{NoSupervisor: true}, 503, `{"error":"supervisor not available"}`},
		{"no add-on", ingress, "right", homestub.Options{NoAddon: true}, 500, `{"error":"Failed to fetch add-on info"}`},
		{"elsewhere", "/api/states", "right", homestub.Options{}, 404, "404: Not Found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, base := start(t, tt.home)
			status, body := get(t, base+tt.path+"?t=1", bearer(tt.token))
			if status != tt.status || body != tt.body {
				t.Errorf("got %d %s, want %d %s", status, body, tt.status, tt.body)
			}
		})
	}
}

func TestWebSocketAPI(t *testing.T) {
	stub, base := start(t, homestub.Options{User: homestub.User{ID: "0123", Name: "Door"}})
	do := api(t, base)
	code := func(got map[string]any) any {
		refused, ok := got["error"].(map[string]any)
		if !ok {
			return got
		}
		return refused["code"]
	}
	who := do(map[string]any{"id": 3, "type": "auth/current_user"})["result"].(map[string]any)
	if who["id"] != "0123" || who["name"] != "Door" || who["is_admin"] != false {
		t.Errorf("current user: %v", who)
	}
	if got := do(map[string]any{"id": 3, "type": "ping"}); code(got) != "id_reuse" {
		t.Errorf("an id used twice: %v", got)
	}
	if got := do(map[string]any{"id": 4, "type": "ping"}); got["type"] != "pong" {
		t.Errorf("ping: %v", got)
	}
	if got := do(map[string]any{"id": 5, "type": "get_states"}); code(got) != "unknown_command" {
		t.Errorf("an unknown command: %v", got)
	}
	if got := do(map[string]any{"id": 6, "type": "supervisor/api", "endpoint": "/addons", "method": "post"}); code(got) != "unauthorized" {
		t.Errorf("an administrator's endpoint: %v", got)
	}
	valid := session(t, base)
	validate := func(id int, s string) map[string]any {
		return do(map[string]any{
			"id": id, "type": "supervisor/api", "endpoint": "/ingress/validate_session", "method": "post", "data": map[string]any{"session": s},
		})
	}
	if got := validate(7, valid); got["success"] != true {
		t.Errorf("a valid session: %v", got)
	}
	stub.DropSessions()
	if got := validate(8, valid); got["success"] != false {
		t.Errorf("a dropped session: %v", got)
	}
	stub.Set(func(o *homestub.Options) { o.NoSupervisor = true })
	if got := do(map[string]any{"id": 9, "type": "supervisor/api", "endpoint": "/ingress/session", "method": "post"}); code(got) != "unknown_command" {
		t.Errorf("without a Supervisor: %v", got)
	}
	if q := stub.Requests(); q.CurrentUser != 1 || q.Sessions != 1 || q.Refused != 0 {
		t.Errorf("counted %+v", q)
	}
}

func TestWebSocketAPIRefusesAWrongToken(t *testing.T) {
	stub, base := start(t, homestub.Options{})
	conn, _, err := websocket.Dial(t.Context(), base+"/api/websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	var got map[string]any
	if err = wsjson.Read(t.Context(), conn, &got); err != nil {
		t.Fatal(err)
	}
	if err = wsjson.Write(t.Context(), conn, map[string]any{"type": "auth", "access_token": ""}); err != nil {
		t.Fatal(err)
	}
	if err = wsjson.Read(t.Context(), conn, &got); err != nil || got["type"] != "auth_invalid" {
		t.Errorf("got %v, %v", got, err)
	}
	if err = wsjson.Read(t.Context(), conn, &got); err == nil {
		t.Error("the connection stays open")
	}
	if q := stub.Requests(); q.Refused != 1 {
		t.Errorf("counted %+v", q)
	}
}

// dial opens a WebSocket on ingress, as a door does.
func dial(t *testing.T, base, session string) *websocket.Conn {
	t.Helper()
	conn, resp, err := websocket.Dial(t.Context(), base+entry(t, base)+"/ws?x=1", &websocket.DialOptions{
		HTTPHeader: cookie(session), Subprotocols: []string{"sip"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	if resp.StatusCode != http.StatusSwitchingProtocols || conn.Subprotocol() != "sip" {
		t.Fatalf("status %d, subprotocol %q", resp.StatusCode, conn.Subprotocol())
	}
	return conn
}

func TestIngressPassesMessagesAndTheirEnd(t *testing.T) {
	target, conns := pbx(t)
	stub, base := start(t, homestub.Options{PBX: target})
	near := dial(t, base, session(t, base))
	far := <-conns
	defer far.CloseNow()
	pass := func(from, to *websocket.Conn, kind websocket.MessageType, text string) {
		t.Helper()
		if err := from.Write(t.Context(), kind, []byte(text)); err != nil {
			t.Fatal(err)
		}
		gotKind, got, err := to.Read(t.Context())
		if err != nil || gotKind != kind || string(got) != text {
			t.Errorf("sent %v %q, came %v %q, %v", kind, text, gotKind, got, err)
		}
	}
	long := strings.Repeat("x", 30_000)
	pass(near, far, websocket.MessageText, "REGISTER")
	pass(far, near, websocket.MessageText, "SIP/2.0 200 OK")
	pass(near, far, websocket.MessageBinary, "\x00\x01")
	pass(far, near, websocket.MessageText, long)
	pass(near, far, websocket.MessageText, "\r\n\r\n")

	pinged := make(chan error, 1)
	ctx := near.CloseRead(t.Context()) // reads the pong
	go func() { pinged <- near.Ping(ctx) }()
	if err := <-pinged; err != nil {
		t.Errorf("ping: %v", err)
	}
	stub.DropSessions() // a session is checked at the handshake alone
	if q := stub.Requests(); q.Open != 1 || q.WebSockets != 1 {
		t.Errorf("counted %+v", q)
	}
	if err := near.Close(websocket.StatusGoingAway, "bye"); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, _, err := far.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the add-on sees %v, want the door's close code", err)
	}
}

func TestTheAddonsEndReachesTheDoor(t *testing.T) {
	target, conns := pbx(t)
	_, base := start(t, homestub.Options{PBX: target})
	s := session(t, base)
	for name, end := range map[string]func(far *websocket.Conn) error{
		"closed": func(far *websocket.Conn) error { return far.Close(websocket.StatusNormalClosure, "") },
		"cut":    func(far *websocket.Conn) error { return far.CloseNow() },
	} {
		near := dial(t, base, s)
		far := <-conns
		ended := make(chan error, 1)
		go func() { ended <- end(far) }()
		if _, _, err := near.Read(t.Context()); err == nil || name == "closed" && websocket.CloseStatus(err) != websocket.StatusNormalClosure {
			t.Errorf("%s: the door sees %v", name, err)
		}
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDropConnections(t *testing.T) {
	target, conns := pbx(t)
	stub, base := start(t, homestub.Options{PBX: target})
	s := session(t, base)
	near := dial(t, base, s)
	far := <-conns
	defer far.CloseNow()
	stub.DropConnections()
	if _, _, err := near.Read(t.Context()); err == nil {
		t.Error("the door's connection stands")
	}
	if _, _, err := far.Read(t.Context()); err == nil {
		t.Error("the add-on's connection stands")
	}
	dial(t, base, s) // the session is still valid
	defer (<-conns).CloseNow()
}

// TestAShutWayOpensAndCloses: never an HTTP status, as with the real one; the plain request says why.
func TestAShutWayOpensAndCloses(t *testing.T) {
	target, _ := pbx(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	silent, parseErr := url.Parse(gone.URL)
	if parseErr != nil {
		t.Fatal(parseErr)
	}
	for _, tt := range []struct {
		name   string
		change func(*homestub.Server)
		status int
	}{
		{"dead session", (*homestub.Server).DropSessions, http.StatusUnauthorized},
		{"add-on removed", func(s *homestub.Server) { s.Set(func(o *homestub.Options) { o.NoAddon = true }) }, http.StatusServiceUnavailable},
		{"add-on not there", func(s *homestub.Server) { s.Set(func(o *homestub.Options) { o.PBX = nil }) }, http.StatusBadGateway},
		{"add-on not listening", func(s *homestub.Server) { s.Set(func(o *homestub.Options) { o.PBX = silent }) }, http.StatusBadGateway},
		{"open", func(*homestub.Server) {}, http.StatusUpgradeRequired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stub, base := start(t, homestub.Options{PBX: target})
			path, s := entry(t, base)+"/ws?x=1", session(t, base)
			tt.change(stub)
			if status, body := get(t, base+path, cookie(s)); status != tt.status {
				t.Errorf("a plain request is answered %d %s, want %d", status, body, tt.status)
			}
			if tt.name == "open" {
				return
			}
			conn, _, err := websocket.Dial(t.Context(), base+path, &websocket.DialOptions{HTTPHeader: cookie(s), Subprotocols: []string{"sip"}})
			if err != nil {
				t.Fatalf("the handshake fails: %v", err)
			}
			defer conn.CloseNow()
			if _, _, err = conn.Read(t.Context()); err == nil {
				t.Error("the connection stands")
			}
			if q := stub.Requests(); q.Dead != 1 || q.Open != 0 {
				t.Errorf("counted %+v", q)
			}
		})
	}
}

// TestCloseEndsEverything, also connections whose peers are silent.
func TestCloseEndsEverything(t *testing.T) {
	target, conns := pbx(t)
	stub := homestub.New(homestub.Options{Token: "right", PBX: target})
	server := httptest.NewServer(stub)
	defer server.Close()
	near := dial(t, server.URL, session(t, server.URL))
	far := <-conns
	defer far.CloseNow()
	idle, _, err := websocket.Dial(t.Context(), server.URL+"/api/websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.CloseNow()
	stub.Close()
	for name, conn := range map[string]*websocket.Conn{"ingress": near, "add-on": far, "API": idle} {
		for err = nil; err == nil; {
			_, _, err = conn.Read(context.Background())
		}
		if websocket.CloseStatus(err) == websocket.StatusNormalClosure {
			t.Errorf("%s: %v", name, err)
		}
	}
	if q := stub.Requests(); q.Open != 0 {
		t.Errorf("counted %+v", q)
	}
	if _, resp, dialErr := websocket.Dial(t.Context(), server.URL+"/api/websocket", nil); dialErr == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after Close a connection opens: %v", dialErr)
	}
}
