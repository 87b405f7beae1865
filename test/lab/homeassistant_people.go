package lab

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238 as Home Assistant's module totp has it
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// HomeSession is somebody who is logged in to a Home Assistant.
type HomeSession struct {
	h *HomeAssistant
	// Token is an access token that is good for half an hour.
	Token string
}

// HomeUser is a user of a Home Assistant who can log in with a password.
type HomeUser struct{ ID, Name, Username, Password string }

// HomeToken is an entry of a user's list of tokens.
type HomeToken struct {
	ID         string `json:"id"`
	Type       string `json:"type"` // "normal" or "long_lived_access_token"
	ClientName string `json:"client_name"`
	ClientID   string `json:"client_id"`
}

// Owner is the first user, who may do everything.
func (h *HomeAssistant) Owner() *HomeSession { return h.owner }

// onboard does what its first page asks for.
func (h *HomeAssistant) onboard(t T) {
	t.Helper()
	var made struct {
		Code string `json:"auth_code"`
	}
	h.post(t, "/api/onboarding/users", "", map[string]string{
		"client_id": h.clientID(), "name": h.opt.OwnerIs, "username": OwnerName, "password": OwnerPassword, "language": "en",
	}, &made)
	h.owner = h.session(t, made.Code)
	for _, step := range []string{"core_config", "analytics"} {
		h.post(t, "/api/onboarding/"+step, h.owner.Token, map[string]string{}, nil)
	}
	h.post(t, "/api/onboarding/integration", h.owner.Token, map[string]string{"client_id": h.clientID(), "redirect_uri": h.clientID()}, nil)
}

func (h *HomeAssistant) clientID() string { return h.URL + "/" }

// post posts JSON, or a form, and reads what comes back.
func (h *HomeAssistant) post(t T, path, token string, body, out any) {
	t.Helper()
	var text []byte
	kind := "application/json"
	if form, ok := body.(url.Values); ok {
		kind, text = "application/x-www-form-urlencoded", []byte(form.Encode())
	} else {
		var err error
		if text, err = json.Marshal(body); err != nil {
			t.Fatalf("lab: Home Assistant: %s: %v", path, err)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+path, bytes.NewReader(text))
	if err != nil {
		t.Fatalf("lab: Home Assistant: %s: %v", path, err)
	}
	req.Header.Set("Content-Type", kind)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("lab: Home Assistant: %s: %v", path, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 == 2 && out != nil {
		err = json.Unmarshal(answer, out)
	}
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("lab: Home Assistant: %s: %d %s %v", path, resp.StatusCode, answer, err)
	}
}

// session makes tokens of an authorization code.
func (h *HomeAssistant) session(t T, code string) *HomeSession {
	t.Helper()
	var tokens struct {
		Access string `json:"access_token"`
	}
	h.post(t, "/auth/token", "", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {h.clientID()}}, &tokens)
	return &HomeSession{h, tokens.Access}
}

// LogIn logs a user in who has no second factor.
func (h *HomeAssistant) LogIn(t T, u HomeUser) *HomeSession {
	t.Helper()
	var flow struct {
		ID     string `json:"flow_id"`
		Result string `json:"result"`
	}
	h.post(t, "/auth/login_flow", "", map[string]any{
		"client_id": h.clientID(), "redirect_uri": h.clientID(), "handler": []any{"homeassistant", nil},
	}, &flow)
	h.post(t, "/auth/login_flow/"+flow.ID, "", map[string]string{
		"client_id": h.clientID(), "username": u.Username, "password": u.Password,
	}, &flow)
	return h.session(t, flow.Result)
}

// Do gives a command of the WebSocket API and reads its result into out, if that is not nil.
func (s *HomeSession) Do(t T, command map[string]any, out any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.h.URL, "http")+"/api/websocket", nil)
	if err != nil {
		t.Fatalf("lab: Home Assistant: %v: %v", command["type"], err)
	}
	defer func() { _ = conn.CloseNow() }() // over either way
	conn.SetReadLimit(1 << 20)
	command["id"] = 1
	var got struct {
		Type    string          `json:"type"`
		Success bool            `json:"success"`
		Result  json.RawMessage `json:"result"`
		Error   json.RawMessage `json:"error"`
	}
	err = wsjson.Write(ctx, conn, map[string]string{"type": "auth", "access_token": s.Token})
	if err == nil {
		err = wsjson.Write(ctx, conn, command)
	}
	for err == nil && got.Type != "result" && got.Type != "auth_invalid" {
		err = wsjson.Read(ctx, conn, &got)
	}
	if err == nil && got.Success && out != nil {
		err = json.Unmarshal(got.Result, out)
	}
	if err != nil || !got.Success {
		t.Fatalf("lab: Home Assistant: %v: %s %s %v", command["type"], got.Type, got.Error, err)
	}
}

// AddUser makes a user, no administrator, who can log in.
func (h *HomeAssistant) AddUser(t T, name, username, password string) HomeUser {
	t.Helper()
	var made struct {
		User struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	h.owner.Do(t, map[string]any{"type": "config/auth/create", "name": name, "group_ids": []string{"system-users"}}, &made)
	h.owner.Do(t, map[string]any{
		"type": "config/auth_provider/homeassistant/create", "user_id": made.User.ID, "username": username, "password": password,
	}, nil)
	return HomeUser{ID: made.User.ID, Name: name, Username: username, Password: password}
}

// SetFactor sets the second factor up for whoever is logged in, and returns its secret, of which [Code] makes codes.
func (s *HomeSession) SetFactor(t T) (secret string) {
	t.Helper()
	var step struct {
		FlowID string `json:"flow_id"`
		Type   string `json:"type"`
		Shown  struct {
			Secret string `json:"code"`
		} `json:"description_placeholders"`
	}
	// Its steps come as one message each; the flow is kept between connections.
	s.Do(t, map[string]any{"type": "auth/setup_mfa", "mfa_module_id": "totp"}, &step)
	secret = step.Shown.Secret
	s.Do(t, map[string]any{
		"type": "auth/setup_mfa", "flow_id": step.FlowID, "user_input": map[string]string{"code": Code(t, secret, time.Now())},
	}, &step)
	if step.Type != "create_entry" {
		t.Fatalf("lab: Home Assistant sets no second factor up: %s", step.Type)
	}
	return secret
}

// Code is the code of a second factor (RFC 6238: SHA-1, six digits, 30 seconds).
func Code(t T, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(secret, "="))
	if err != nil {
		t.Fatalf("lab: the secret of a second factor: %v", err)
	}
	const period, digits = 30, 1_000_000
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(at.Unix()/period)))
	sum := mac.Sum(nil)
	from := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[from:])&0x7fffffff)%digits)
}

// LongLived makes a long-lived access token, as on the user's security page.
func (s *HomeSession) LongLived(t T, name string) string {
	t.Helper()
	var token string
	s.Do(t, map[string]any{"type": "auth/long_lived_access_token", "client_name": name, "lifespan": 3650}, &token)
	return token
}

// Tokens are the user's.
func (s *HomeSession) Tokens(t T) []HomeToken {
	t.Helper()
	var all []HomeToken
	s.Do(t, map[string]any{"type": "auth/refresh_tokens"}, &all)
	return all
}

// Delete deletes the user's token of a name, as on the user's security page.
func (s *HomeSession) Delete(t T, name string) {
	t.Helper()
	for _, token := range s.Tokens(t) {
		if token.ClientName == name {
			s.Do(t, map[string]any{"type": "auth/delete_refresh_token", "refresh_token_id": token.ID}, nil)
			return
		}
	}
	t.Fatalf("lab: Home Assistant has no token %q", name)
}

// SetActive lets a user in or keeps them out.
func (h *HomeAssistant) SetActive(t T, u HomeUser, active bool) {
	t.Helper()
	h.owner.Do(t, map[string]any{"type": "config/auth/update", "user_id": u.ID, "is_active": active}, nil)
}
