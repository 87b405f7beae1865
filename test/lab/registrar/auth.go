package registrar

import (
	"crypto/rand"
	"crypto/subtle"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

const (
	nonceLife = 5 * time.Minute
	// maxNonces bounds what one connection may make the server remember.
	maxNonces = 32
)

// nonce is a challenge given to one connection. It is worth nothing on another.
type nonce struct {
	until time.Time
	count int // highest nonce count seen: the same one is not taken twice (RFC 7616 section 3.4)
}

// authenticate checks a request's digest credentials (RFC 3261 section 22) and remembers the extension that the
// connection has proved to be. Otherwise it answers with a challenge, or refuses wrong credentials with 403,
// and reports false.
func (s *Server) authenticate(from *flow, req *sip.Request) bool {
	name := "Proxy-Authorization"
	if req.Method == sip.REGISTER {
		name = "Authorization"
	}
	for _, h := range req.GetHeaders(name) {
		cred, err := digest.ParseCredentials(h.Value())
		if err != nil || cred.Realm != s.realm {
			continue
		}
		password, known := s.users[cred.Username]
		switch {
		case !known || !s.proves(cred, req, password):
			s.log.Debug("wrong credentials", "flow", from.id, "user", cred.Username)
			s.reply(from, req, sip.StatusForbidden, "Forbidden")
			return false
		case !from.fresh(cred):
			s.challenge(from, req, true)
			return false
		}
		from.user = cred.Username
		return true
	}
	s.challenge(from, req, false)
	return false
}

// proves tells whether the credentials were made with the password, for this very request.
func (s *Server) proves(cred *digest.Credentials, req *sip.Request, password string) bool {
	if cred.URI != req.Recipient.String() || cred.QOP != "auth" || cred.Nc < 1 {
		return false
	}
	want, err := digest.Digest(s.offer(cred.Nonce, false), digest.Options{
		Method: req.Method.String(), URI: cred.URI, Count: cred.Nc, Cnonce: cred.Cnonce,
		Username: cred.Username, Password: password,
	})
	return err == nil && cred.Cnonce != "" && subtle.ConstantTimeCompare([]byte(want.Response), []byte(cred.Response)) == 1
}

// fresh tells whether a nonce was given to this connection, still lives and has not been used with this count.
func (f *flow) fresh(cred *digest.Credentials) bool {
	n, ok := f.nonces[cred.Nonce]
	if !ok || !time.Now().Before(n.until) || cred.Nc <= n.count {
		return false
	}
	n.count = cred.Nc
	return true
}

// challenge asks for credentials: 401 where this server is the target, 407 where it only passes on.
func (s *Server) challenge(from *flow, req *sip.Request, stale bool) {
	now := time.Now()
	for value, n := range from.nonces {
		if len(from.nonces) >= maxNonces || !now.Before(n.until) {
			delete(from.nonces, value)
		}
	}
	value := rand.Text()
	from.nonces[value] = &nonce{until: now.Add(nonceLife)}

	status, reason, name := sip.StatusProxyAuthRequired, "Proxy Authentication Required", "Proxy-Authenticate"
	if req.Method == sip.REGISTER {
		status, reason, name = sip.StatusUnauthorized, "Unauthorized", "WWW-Authenticate"
	}
	res := sip.NewResponseFromRequest(req, status, reason, nil)
	res.AppendHeader(sip.NewHeader(name, s.offer(value, stale).String()))
	from.send([]byte(res.String()))
}

func (s *Server) offer(value string, stale bool) *digest.Challenge {
	return &digest.Challenge{Realm: s.realm, Nonce: value, Algorithm: "MD5", QOP: []string{"auth"}, Stale: stale}
}
