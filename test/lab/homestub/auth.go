package homestub

import (
	"net/http"
	"strings"
	"time"
)

// What is below /auth stands in for Home Assistant's authentication API (developers.home-assistant.io/docs/auth_api) and for the login
// flow its own login page uses.

// codeLife is how long an authorization code is good for.
const codeLife = 10 * time.Minute

// authCode is what a login ends with, good once.
type authCode struct {
	clientID string
	user     User
	made     time.Time
}

// serveAuth serves what needs no token.
func (s *Server) serveAuth(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/auth/")
	r.Body = http.MaxBytesReader(w, r.Body, longestForm)
	switch flow, isFlow := strings.CutPrefix(path, "login_flow/"); {
	case path == "providers" && r.Method == http.MethodGet:
		s.providers(w)
	case path == "login_flow" && r.Method == http.MethodPost:
		s.beginFlow(w, r)
	case path == "login_flow":
		w.WriteHeader(http.StatusMethodNotAllowed)
	case isFlow && r.Method == http.MethodPost:
		s.continueFlow(w, r, flow)
	case isFlow && r.Method == http.MethodDelete:
		s.abortFlow(w, flow)
	case path == "token" && r.Method == http.MethodPost:
		s.grant(w, r)
	case path == "revoke" && r.Method == http.MethodPost:
		s.revoke(w, r)
	default:
		http.Error(w, "404: Not Found", http.StatusNotFound)
	}
}

// longestForm bounds what is posted, in bytes.
const longestForm = 64 << 10

// message is how Home Assistant's views say that something is wrong.
func message(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]string{"message": text})
}

func (s *Server) providers(w http.ResponseWriter) {
	o := s.options()
	if o.NotOnboarded {
		answer(w, http.StatusBadRequest, map[string]string{"message": "Onboarding not finished", "code": "onboarding_required"})
		return
	}
	list := []map[string]any{}
	if o.Trusted {
		list = append(list, map[string]any{"name": "Trusted Networks", "id": nil, "type": "trusted_networks"})
	}
	list = append(list, map[string]any{"name": "Home Assistant Local", "id": nil, "type": "homeassistant"})
	answer(w, http.StatusOK, map[string]any{"providers": list, "preselect_remember_me": true})
}

// grant exchanges an authorization code for tokens (RFC 6749, 4.1.3).
func (s *Server) grant(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		message(w, http.StatusBadRequest, err.Error())
		return
	}
	if r.PostForm.Get("action") == "revoke" {
		s.revoke(w, r)
		return
	}
	if r.PostForm.Get("grant_type") != "authorization_code" {
		s.wrongLogin()
		answer(w, http.StatusBadRequest, map[string]string{"error": "unsupported_grant_type"})
		return
	}
	id, key := r.PostForm.Get("client_id"), r.PostForm.Get("code")
	s.mu.Lock()
	code, ok := s.codes[key]
	delete(s.codes, key)
	s.mu.Unlock()
	if !ok || code.clientID != id || time.Since(code.made) > codeLife {
		s.wrongLogin()
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_request", "error_description": "Invalid code"})
		return
	}
	t := s.issue(code.user, "", id)
	answer(w, http.StatusOK, map[string]any{
		"access_token": t.access, "token_type": "Bearer", "refresh_token": t.refresh, "expires_in": 1800,
		"ha_auth_provider": "homeassistant",
	})
}

// revoke answers 200 whatever was sent (RFC 7009, 2.2).
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err == nil {
		s.forget(func(t *issued) bool { return same(r.PostForm.Get("token"), t.refresh) })
	}
	w.WriteHeader(http.StatusOK)
}

// wrongLogin counts a login, or a token, that is wrong. One that is right takes them back.
func (s *Server) wrongLogin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong++
}

// rightLogin takes the wrong ones back.
func (s *Server) rightLogin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = 0
}

// banned says whether so many logins and tokens were wrong that nothing more is answered. The one asking is not told apart: there is one door.
func (s *Server) banned() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opt.Banned || s.opt.BanAfter > 0 && s.wrong >= s.opt.BanAfter
}
