package homestub

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

const version = "2026.11.0"

// command is what comes in on the WebSocket API: of all commands the fields used.
type command struct {
	ID          int    `json:"id"`
	Type        string `json:"type"`
	AccessToken string `json:"access_token"`
	Endpoint    string `json:"endpoint"`
	Method      string `json:"method"`
	ClientName  string `json:"client_name"`
	Lifespan    int    `json:"lifespan"` // in days
	// RefreshTokenID is the id of an entry of auth/refresh_tokens.
	RefreshTokenID string `json:"refresh_token_id"`
	Data           struct {
		Session string `json:"session"`
	} `json:"data"`
}

// serveAPI serves one connection of the WebSocket API until the client goes or the server is closed.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	defer s.done.Done()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return // Accept has answered
	}
	defer cut(conn)
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	a := api{Server: s, ctx: ctx, conn: conn}
	if !a.login() {
		return
	}
	defer s.watch(a.token, cancel)()
	last := 0
	for {
		c, ok := a.read()
		if !ok {
			return
		}
		if c.ID <= 0 {
			if !a.send(map[string]any{"id": nil, "type": "result", "success": false, "error": map[string]string{
				"code": "invalid_format", "message": "Message incorrectly formatted.",
			}}) {
				return
			}
			continue
		}
		if c.ID <= last {
			if !a.refuse(c.ID, "id_reuse", "Identifier values have to increase.") {
				return
			}
			continue
		}
		last = c.ID
		if !a.serve(c) {
			return
		}
	}
}

// api is one connection of the WebSocket API. Its methods say whether the connection is still good.
type api struct {
	*Server
	ctx   context.Context
	conn  *websocket.Conn
	token string // the access token it was opened with
}

func (a api) read() (command, bool) {
	var c command
	_, data, err := a.conn.Read(a.ctx)
	if err != nil || json.Unmarshal(data, &c) != nil {
		return command{}, false
	}
	return c, true
}

func (a api) send(v any) bool { return wsjson.Write(a.ctx, a.conn, v) == nil }

func (a *api) login() bool {
	if !a.send(map[string]any{"type": "auth_required", "ha_version": version}) {
		return false
	}
	c, ok := a.read()
	if !ok {
		return false
	}
	a.token = c.AccessToken
	if _, _, known := a.whose(c.AccessToken); c.Type != "auth" || !known {
		a.count(func(q *Requests) { q.Refused++ })
		a.wrongLogin()
		a.send(map[string]any{"type": "auth_invalid", "message": "Invalid access token or password"})
		return false
	}
	a.rightLogin()
	return a.send(map[string]any{"type": "auth_ok", "ha_version": version})
}

func (a api) result(id int, result any) bool {
	return a.send(map[string]any{"id": id, "type": "result", "success": true, "result": result})
}

func (a api) refuse(id int, code, message string) bool {
	return a.send(map[string]any{
		"id": id, "type": "result", "success": false, "error": map[string]string{"code": code, "message": message},
	})
}

func (a api) serve(c command) bool {
	o := a.options()
	user, _, known := a.whose(a.token)
	switch {
	case !known:
		return false // its token was deleted just now
	case c.Type == "ping":
		return a.send(map[string]any{"id": c.ID, "type": "pong"})
	case c.Type == "auth/current_user":
		a.count(func(q *Requests) { q.CurrentUser++ })
		return a.result(c.ID, map[string]any{
			"id": user.ID, "name": user.Name, "is_owner": false, "is_admin": user.IsAdmin,
		})
	case c.Type == "auth/long_lived_access_token":
		return a.longLived(c)
	case c.Type == "auth/refresh_tokens":
		return a.refreshTokens(c)
	case c.Type == "auth/delete_refresh_token":
		return a.deleteToken(c)
	case c.Type == "supervisor/api" && !o.NoSupervisor:
		return a.supervisor(c, o, user)
	default:
		return a.refuse(c.ID, "unknown_command", "Unknown command.")
	}
}

// supervisor serves the two endpoints that ingress needs.
func (a api) supervisor(c command, o Options, user User) bool {
	if c.Method != "post" {
		return a.refuse(c.ID, "unknown_error", "405: Method Not Allowed")
	}
	if o.AdminOnly && !user.IsAdmin {
		return a.refuse(c.ID, "unauthorized", "Unauthorized")
	}
	switch c.Endpoint {
	case "/ingress/session":
		session := randomHex(64)
		a.mu.Lock()
		a.sessions[session] = true
		a.requests.Sessions++
		a.mu.Unlock()
		return a.result(c.ID, map[string]string{"session": session})
	case "/ingress/validate_session":
		if !a.valid(c.Data.Session) {
			return a.refuse(c.ID, "unknown_error", "")
		}
		return a.result(c.ID, map[string]any{})
	default:
		if !user.IsAdmin {
			return a.refuse(c.ID, "unauthorized", "Unauthorized")
		}
		return a.refuse(c.ID, "unknown_error", "404: Not Found")
	}
}
