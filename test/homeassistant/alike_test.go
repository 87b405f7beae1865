package homeassistant

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"doorstation/test/lab"
	"doorstation/test/lab/homestub"
)

// The users of both.
const (
	doorUser, doorPassword     = "door", "garden-gate-7"
	plainUser, plainPassword   = "plain", "garden-gate-8"
	absentUser, absentPassword = "absent", "garden-gate-9"
)

// side is one of the two that are compared.
type side struct {
	name, url string
	// code is a code of the door's second factor that is right now.
	code func() string
	// forgotten lets a test look at whoever asks as if nothing had been wrong before.
	t *testing.T
}

// exchange is a question by HTTP and what came back.
type exchange struct {
	status int
	body   any // of JSON, else a text
}

// ask asks by HTTP. A body is a form, or becomes JSON.
func (s side) ask(method, path, token string, body any) exchange {
	s.t.Helper()
	var text []byte
	kind := ""
	switch b := body.(type) {
	case nil:
	case url.Values:
		kind, text = "application/x-www-form-urlencoded", []byte(b.Encode())
	case string:
		kind, text = "application/json", []byte(b)
	default:
		kind = "application/json"
		var err error
		if text, err = json.Marshal(b); err != nil {
			s.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatalf("%s: %v", s.name, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s: %v", s.name, err)
	}
	e := exchange{status: resp.StatusCode, body: strings.TrimSpace(string(answer))}
	var v any
	if json.Unmarshal(answer, &v) == nil {
		e.body = v
	}
	return e
}

// get is a text of an answer, by the names that lead to it.
func (e exchange) get(names ...string) string {
	v := e.body
	for _, n := range names {
		m, _ := v.(map[string]any)
		v = m[n]
	}
	text, _ := v.(string)
	return text
}

// dial opens the WebSocket API with a token, and returns what it says before the first command.
func (s side) dial(token string) (*websocket.Conn, []any) {
	s.t.Helper()
	conn, _, err := websocket.Dial(s.t.Context(), "ws"+strings.TrimPrefix(s.url, "http")+"/api/websocket", nil)
	if err != nil {
		s.t.Fatalf("%s: %v", s.name, err)
	}
	s.t.Cleanup(func() { _ = conn.CloseNow() }) // over either way
	conn.SetReadLimit(1 << 20)
	said := []any{s.read(conn)}
	if err = wsjson.Write(s.t.Context(), conn, map[string]string{"type": "auth", "access_token": token}); err != nil {
		s.t.Fatalf("%s: %v", s.name, err)
	}
	return conn, append(said, s.read(conn))
}

// read is the next message, "closed" after the last one.
func (s side) read(conn *websocket.Conn) any {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	var v any
	if err := wsjson.Read(ctx, conn, &v); err != nil {
		if ctx.Err() != nil {
			s.t.Fatalf("%s: nothing came within a minute", s.name)
		}
		return "closed"
	}
	return v
}

// do gives a command.
func (s side) do(conn *websocket.Conn, command map[string]any) any {
	s.t.Helper()
	if err := wsjson.Write(s.t.Context(), conn, command); err != nil {
		return "closed"
	}
	return s.read(conn)
}

// begin begins a login and returns its id.
func (s side) begin() (flow string, shown exchange) {
	s.t.Helper()
	shown = s.ask("POST", "/auth/login_flow", "", map[string]any{
		"client_id": s.url + "/", "redirect_uri": s.url + "/", "handler": []any{"homeassistant", nil}, "type": "authorize",
	})
	return shown.get("flow_id"), shown
}

// fill answers a step.
func (s side) fill(flow string, fields map[string]string) exchange {
	s.t.Helper()
	fields["client_id"] = s.url + "/"
	return s.ask("POST", "/auth/login_flow/"+flow, "", fields)
}

// exchangeCode makes tokens of an authorization code.
func (s side) exchangeCode(code string) exchange {
	s.t.Helper()
	return s.ask("POST", "/auth/token", "", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {s.url + "/"}})
}

// logIn is a login without a second factor.
func (s side) logIn(user, password string) (access, refresh string) {
	s.t.Helper()
	flow, _ := s.begin()
	done := s.fill(flow, map[string]string{"username": user, "password": password})
	tokens := s.exchangeCode(done.get("result"))
	if tokens.status != http.StatusOK {
		s.t.Fatalf("%s: %+v after %+v", s.name, tokens, done)
	}
	return tokens.get("access_token"), tokens.get("refresh_token")
}

// both are a real Home Assistant and the stand-in, of the same users and settings.
func both(t *testing.T, o lab.HomeAssistantOptions) (real *lab.HomeAssistant, stub *homestub.Server, sides [2]side) {
	t.Helper()
	real = lab.StartHomeAssistant(t, o)
	stubs := homestub.Options{
		SIPCore: o.SIPCore, NotSetUp: o.SIPCore == nil, NoIntegration: o.NoIntegration, NoSupervisor: true, NotOnboarded: o.NotOnboarded,
		BanAfter: o.BanAfter,
	}
	secret := ""
	if !o.NotOnboarded {
		door := real.AddUser(t, "The door", doorUser, doorPassword)
		secret = real.LogIn(t, door).SetFactor(t)
		plain := real.AddUser(t, "No factor", plainUser, plainPassword)
		absent := real.AddUser(t, "Not there", absentUser, absentPassword)
		real.SetActive(t, absent, false)
		stubs.Accounts = []homestub.Account{
			{
				Username: doorUser, Password: doorPassword, User: homestub.User{ID: door.ID, Name: door.Name},
				Factors: []homestub.Factor{{ID: "totp", Name: "Authenticator app", Code: "424242"}},
			},
			{Username: plainUser, Password: plainPassword, User: homestub.User{ID: plain.ID, Name: plain.Name}},
			{
				Username: absentUser, Password: absentPassword, User: homestub.User{ID: absent.ID, Name: absent.Name},
				Blocked: "User is not active",
			},
		}
	}
	stub = homestub.New(stubs)
	t.Cleanup(stub.Close)
	server := httptest.NewServer(stub)
	t.Cleanup(server.Close)
	return real, stub, [2]side{
		{name: "Home Assistant", url: real.URL, code: func() string { return lab.Code(t, secret, time.Now()) }},
		{name: "the stand-in", url: server.URL, code: func() string { return "424242" }},
	}
}

// alike has the same done with both, and compares what came back: everything that the stand-in says is what Home Assistant says.
func alike(t *testing.T, sides [2]side, name string, do func(s side) []any) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		var said [2][]any
		for i, s := range sides {
			s.t = t
			said[i] = do(s)
		}
		if len(said[0]) != len(said[1]) {
			t.Fatalf("%d answers and %d:\n%v\n%v", len(said[0]), len(said[1]), said[0], said[1])
		}
		for n := range said[0] {
			for _, difference := range differences(fmt.Sprintf("answer %d", n+1), said[0][n], said[1][n]) {
				t.Error(difference)
			}
			if t.Failed() {
				t.Logf("Home Assistant: %v", said[0][n])
				t.Logf("the stand-in:   %v", said[1][n])
			}
		}
	})
}

// differences are where the stand-in says something that Home Assistant says otherwise or not at all.
func differences(where string, real, stub any) []string {
	if e, ok := stub.(exchange); ok {
		r, _ := real.(exchange)
		var all []string
		if r.status != e.status {
			all = append(all, fmt.Sprintf("%s: status %d, the stand-in's %d", where, r.status, e.status))
		}
		return append(all, differences(where, r.body, e.body)...)
	}
	switch s := stub.(type) {
	case map[string]any:
		r, ok := real.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: %v, the stand-in's %v", where, real, stub)}
		}
		var all []string
		for k, v := range s {
			if _, has := r[k]; !has {
				all = append(all, fmt.Sprintf("%s.%s: not there, the stand-in's %v", where, k, v))
				continue
			}
			all = append(all, differences(where+"."+k, r[k], v)...)
		}
		return all
	case []any:
		r, ok := real.([]any)
		if !ok || len(r) != len(s) {
			return []string{fmt.Sprintf("%s: %v, the stand-in's %v", where, real, stub)}
		}
		var all []string
		for i := range s {
			all = append(all, differences(fmt.Sprintf("%s[%d]", where, i), r[i], s[i])...)
		}
		return all
	default:
		if reflect.DeepEqual(real, stub) || made(where, real, stub) {
			return nil
		}
		return []string{fmt.Sprintf("%s: %v, the stand-in's %v", where, real, stub)}
	}
}

// made says whether a text is one that each makes by itself, such as an id, and both made one of the same length or kind.
func made(where string, real, stub any) bool {
	r, isText := real.(string)
	s, isTextToo := stub.(string)
	if !isText || !isTextToo || r == "" || s == "" {
		return false
	}
	name := where[strings.LastIndex(where, ".")+1:]
	switch name {
	case "flow_id", "refresh_token", "id", "refresh_token_id":
		return len(r) == len(s)
	case "result":
		return len(r) == len(s) || strings.Count(r, ".") == 2 && strings.Count(s, ".") == 2 // a code, or a token
	case "access_token":
		return strings.Count(r, ".") == strings.Count(s, ".")
	case "ha_version", "client_id":
		return true
	}
	return false
}
