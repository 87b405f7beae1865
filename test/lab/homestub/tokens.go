package homestub

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
)

// issued is a token that the stand-in made: a "refresh token" of Home Assistant's, with the access token made by it.
type issued struct {
	id      string
	refresh string // what /auth/revoke takes; empty for a long-lived one
	access  string
	// clientName is that of a long-lived one, clientID that of a login.
	clientName, clientID string
	user                 User
}

// issue makes a token of a login or, with a name, a long-lived one. The access token is a JSON web token whose issuer is the entry's id,
// as Home Assistant's; nothing checks its signature here.
func (s *Server) issue(user User, clientName, clientID string) *issued {
	t := &issued{id: randomHex(16), clientName: clientName, clientID: clientID, user: user}
	if clientName == "" {
		t.refresh = randomHex(64)
	}
	segment := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			return "" // a map of texts can always be marshalled
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	t.access = segment(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + segment(map[string]string{"iss": t.id}) + "." + randomHex(32)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = append(s.tokens, t)
	return t
}

// whose says who an access token belongs to, and the id of its entry, which is empty for the one of Options.
func (s *Server) whose(access string) (user User, id string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if same(access, s.opt.Token) {
		return s.opt.User, "", true
	}
	for _, t := range s.tokens {
		if same(access, t.access) {
			return t.user, t.id, true
		}
	}
	return User{}, "", false
}

// forget deletes the tokens that match, and closes the connections that were opened with them. It says whether there were any.
func (s *Server) forget(match func(*issued) bool) bool {
	defer s.cutStrangers()
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.tokens)
	s.tokens = slices.DeleteFunc(s.tokens, match)
	return len(s.tokens) < before
}

// watched is a connection of the WebSocket API.
type watched struct {
	token string // it was opened with
	cut   context.CancelFunc
}

// watch makes a connection one that ends with its token. The result takes it back.
func (s *Server) watch(token string, cut context.CancelFunc) func() {
	w := &watched{token, cut}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched = append(s.watched, w)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watched = slices.DeleteFunc(s.watched, func(other *watched) bool { return other == w })
	}
}

// cutStrangers ends the connections of the WebSocket API whose tokens are not good any more, as Home Assistant does at once.
func (s *Server) cutStrangers() {
	s.mu.Lock()
	all := slices.Clone(s.watched)
	s.mu.Unlock()
	for _, w := range all {
		if _, _, known := s.whose(w.token); !known {
			w.cut()
		}
	}
}

// Token is an entry of a user's list of tokens.
type Token struct {
	// Name is that of a long-lived one, Login the client id of a login's own.
	Name, Login string
	User        User
	Access      string
}

// Tokens are those that were made here and are good.
func (s *Server) Tokens() []Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Token
	for _, t := range s.tokens {
		all = append(all, Token{Name: t.clientName, Login: t.clientID, User: t.user, Access: t.access})
	}
	return all
}

// longLived makes a long-lived token. Each name is good once for each user; Home Assistant refuses the second one with no word why.
func (a api) longLived(c command) bool {
	if c.Lifespan == 0 {
		return a.refuse(c.ID, "invalid_format", "required key not provided at 'lifespan'. Got None")
	}
	user, _, _ := a.whose(a.token)
	for _, t := range a.Tokens() {
		if t.User.ID == user.ID && t.Name == c.ClientName {
			return a.refuse(c.ID, "unknown_error", "Unknown error")
		}
	}
	return a.result(c.ID, a.issue(user, c.ClientName, "").access)
}

// refreshTokens lists the user's tokens.
func (a api) refreshTokens(c command) bool {
	user, self, _ := a.whose(a.token)
	list := []map[string]any{}
	a.mu.Lock()
	for _, t := range a.tokens {
		if t.user.ID != user.ID {
			continue
		}
		entry := map[string]any{"id": t.id, "client_name": nil, "client_id": t.clientID, "type": "normal", "is_current": t.id == self}
		if t.clientName != "" {
			entry["client_name"], entry["client_id"], entry["type"] = t.clientName, nil, "long_lived_access_token"
		}
		list = append(list, entry)
	}
	a.mu.Unlock()
	return a.result(c.ID, list)
}

// deleteToken deletes one of the user's tokens. Its own connection is closed before the answer.
func (a api) deleteToken(c command) bool {
	user, self, _ := a.whose(a.token)
	if !a.forget(func(t *issued) bool { return t.id == c.RefreshTokenID && t.user.ID == user.ID }) {
		return a.refuse(c.ID, "invalid_token_id", "Received invalid token")
	}
	return c.RefreshTokenID != self && a.result(c.ID, map[string]any{})
}
