package homeassistant

import (
	"net/http"
	"net/url"
	"testing"

	"doorstation/test/house"
	"doorstation/test/lab"
)

// TestTheStandInSaysWhatHomeAssistantSays: what other tests are done with is like the real one, as far as a door sees it.
func TestTheStandInSaysWhatHomeAssistantSays(t *testing.T) {
	core := house.SIPCore()
	_, _, sides := both(t, lab.HomeAssistantOptions{SIPCore: core})
	alike(t, sides, "the ways to log in", func(s side) []any {
		return []any{s.ask("GET", "/auth/providers", "", nil)}
	})
	alike(t, sides, "a login with a second factor", func(s side) []any {
		flow, shown := s.begin()
		all := []any{shown, s.fill(flow, map[string]string{"username": doorUser, "password": "wrong"})}
		all = append(all,
			s.fill(flow, map[string]string{"username": " " + "DOOR" + " ", "password": doorPassword}),
			s.fill(flow, map[string]string{"code": "000000"}), s.fill(flow, map[string]string{"code": ""}))
		done := s.fill(flow, map[string]string{"code": s.code()})
		tokens := s.exchangeCode(done.get("result"))
		return append(all, done, tokens, s.exchangeCode(done.get("result")),
			s.ask("POST", "/auth/revoke", "", url.Values{"token": {tokens.get("refresh_token")}}),
			s.ask("GET", "/api/sip-core/config", tokens.get("access_token"), nil),
			s.ask("POST", "/auth/revoke", "", url.Values{"token": {"nonsense"}}),
			s.ask("POST", "/auth/revoke", "", url.Values{}),
			s.fill(flow, map[string]string{"code": s.code()}))
	})
	alike(t, sides, "codes that are wrong too often", func(s side) []any {
		flow, _ := s.begin()
		all := []any{s.fill(flow, map[string]string{"username": doorUser, "password": doorPassword})}
		for range 6 {
			all = append(all, s.fill(flow, map[string]string{"code": "000000"}))
		}
		return all
	})
	alike(t, sides, "who is kept out", func(s side) []any {
		flow, _ := s.begin()
		return []any{s.fill(flow, map[string]string{"username": absentUser, "password": absentPassword})}
	})
	alike(t, sides, "logins that are none", func(s side) []any {
		home := s.url + "/"
		begin := func(id, redirect string, handler any) any {
			return s.ask("POST", "/auth/login_flow", "", map[string]any{"client_id": id, "redirect_uri": redirect, "handler": handler})
		}
		ours := []any{"homeassistant", nil}
		flow, _ := s.begin()
		return []any{
			begin(home, home, []any{"nonsense", nil}), begin(home, home, []any{"homeassistant", "other"}), begin(home, home, "homeassistant"),
			begin("nonsense", home, ours), begin("http://doorstation.local/", "http://doorstation.local/", ours),
			begin("http://192.0.2.1/", "http://192.0.2.1/", ours), begin("http://192.168.1.1/", "http://192.168.1.1/", ours),
			s.ask("POST", "/auth/login_flow", "", "{"), s.ask("GET", "/auth/login_flow", "", nil),
			s.ask("POST", "/auth/login_flow/"+flow, "", map[string]string{"username": plainUser, "password": plainPassword}),
			s.fill(flow, map[string]string{"username": plainUser}), s.fill(flow, map[string]string{}),
			s.fill("0123456789abcdef0123456789abcdef", map[string]string{"username": plainUser, "password": plainPassword}),
			s.ask("DELETE", "/auth/login_flow/"+flow, "", nil), s.ask("DELETE", "/auth/login_flow/"+flow, "", nil),
			s.exchangeCode("0123456789abcdef0123456789abcdef"), s.ask("POST", "/auth/token", "", url.Values{"grant_type": {"password"}}),
		}
	})
	alike(t, sides, "SIP Core", func(s side) []any {
		token, _ := s.logIn(plainUser, plainPassword)
		return []any{
			s.ask("GET", "/api/sip-core/config", token, nil), s.ask("GET", "/api/sip-core/config?t=1", token, nil),
			s.ask("POST", "/api/sip-core/config", token, nil), s.ask("GET", "/api/sip-core/config", "", nil),
			s.ask("GET", "/api/sip-core/config", "nonsense", nil), s.ask("GET", "/api/sip-core/config", token+"x", nil),
			s.ask("GET", "/api/sip-core/asterisk-ingress", token, nil), s.ask("GET", "/api/sip-core/asterisk-ingress", "", nil),
			s.ask("GET", "/api/sip-core/nothing", token, nil), s.ask("GET", "/api/hassio_ingress/abc/ws", token, nil),
		}
	})
	alike(t, sides, "the WebSocket API", func(s side) []any {
		token, _ := s.logIn(plainUser, plainPassword)
		conn, all := s.dial(token)
		made := s.do(conn, map[string]any{"id": 5, "type": "auth/long_lived_access_token", "client_name": "doorstation", "lifespan": 3650})
		all = append(all,
			made,
			s.do(conn, map[string]any{"id": 6, "type": "auth/long_lived_access_token", "client_name": "doorstation", "lifespan": 3650}),
			s.do(conn, map[string]any{"id": 7, "type": "auth/long_lived_access_token", "client_name": "doorstation"}),
			s.do(conn, map[string]any{"id": 8, "type": "auth/current_user"}),
			s.do(conn, map[string]any{"id": 8, "type": "auth/current_user"}),
			s.do(conn, map[string]any{"id": 9, "type": "supervisor/api", "endpoint": "/ingress/session", "method": "post"}),
			s.do(conn, map[string]any{"id": 10, "type": "ping"}),
			s.do(conn, map[string]any{"id": 11, "type": "auth/delete_refresh_token", "refresh_token_id": "nonsense"}),
			s.do(conn, map[string]any{"type": "auth/current_user"}),
		)
		result, _ := made.(map[string]any)
		long, _ := result["result"].(string)
		door, hello := s.dial(long)
		all = append(all, hello...)
		all = append(all, s.do(door, map[string]any{"id": 1, "type": "auth/current_user"}))
		tokens, _ := s.do(door, map[string]any{"id": 2, "type": "auth/refresh_tokens"}).(map[string]any)
		all = append(all, tokens)
		id := ""
		list, _ := tokens["result"].([]any)
		for _, entry := range list {
			if e, _ := entry.(map[string]any); e["client_name"] == "doorstation" {
				id, _ = e["id"].(string)
			}
		}
		// The connection of a token that is deleted is closed, and nobody gets in with it any more.
		all = append(all, s.do(conn, map[string]any{"id": 13, "type": "auth/delete_refresh_token", "refresh_token_id": id}),
			s.read(door), s.ask("GET", "/api/sip-core/config", long, nil))
		again, refused := s.dial(long)
		return append(append(all, refused...), s.read(again))
	})
	alike(t, sides, "a token that deletes itself", func(s side) []any {
		token, _ := s.logIn(plainUser, plainPassword)
		conn, _ := s.dial(token)
		made, _ := s.do(conn, map[string]any{"id": 1, "type": "auth/long_lived_access_token", "client_name": "itself", "lifespan": 3650}).(map[string]any)
		long, _ := made["result"].(string)
		door, _ := s.dial(long)
		tokens, _ := s.do(door, map[string]any{"id": 1, "type": "auth/refresh_tokens"}).(map[string]any)
		list, _ := tokens["result"].([]any)
		id := ""
		for _, entry := range list {
			if e, _ := entry.(map[string]any); e["is_current"] == true {
				id, _ = e["id"].(string)
			}
		}
		return []any{s.do(door, map[string]any{"id": 2, "type": "auth/delete_refresh_token", "refresh_token_id": id})}
	})
	alike(t, sides, "the WebSocket API, told something else than a token", func(s side) []any {
		_, all := s.dial("")
		return all
	})
}

// TestAHomeAssistantThatIsNew says the same.
func TestAHomeAssistantThatIsNew(t *testing.T) {
	_, _, sides := both(t, lab.HomeAssistantOptions{NotOnboarded: true, NoIntegration: true})
	alike(t, sides, "nobody has made the first user", func(s side) []any {
		return []any{s.ask("GET", "/auth/providers", "", nil), s.ask("GET", "/api/sip-core/config", "nonsense", nil)}
	})
}

// TestABan: what counts as a wrong login, and what a machine that is banned is told.
func TestABan(t *testing.T) {
	_, _, sides := both(t, lab.HomeAssistantOptions{BanAfter: 4, SIPCore: nil})
	alike(t, sides, "wrong ones of each kind", func(s side) []any {
		token, _ := s.logIn(plainUser, plainPassword)
		all := []any{s.ask("GET", "/api/sip-core/config", token, nil)} // not set up
		wrong := func() {                                              // three, one less than too many
			flow, _ := s.begin()
			all = append(all, s.fill(flow, map[string]string{"username": plainUser, "password": "wrong"}))
			all = append(all, s.ask("GET", "/api/sip-core/config", "nonsense", nil))
			_, refused := s.dial("nonsense")
			all = append(all, refused...)
		}
		wrong()
		// A token that is right takes them back when it opens the WebSocket API; by REST it does not.
		_, hello := s.dial(token)
		all = append(all, hello...)
		wrong()
		all = append(all, s.ask("GET", "/api/sip-core/config", token, nil), s.ask("GET", "/api/sip-core/config", "nonsense", nil))
		for _, path := range []string{"/api/sip-core/config", "/auth/providers", "/api/websocket", "/"} {
			all = append(all, s.ask("GET", path, token, nil))
		}
		if last, _ := all[len(all)-1].(exchange); last.status != http.StatusForbidden {
			s.t.Errorf("%s: a machine that is banned is answered %+v", s.name, last)
		}
		return all
	})
}
