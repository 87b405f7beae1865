// Package homestub stands in for Home Assistant with the SIP Core integration and the Asterisk add-on, as far as a door
// station sees them: SIP Core's two REST answers, the WebSocket API's login with the commands auth/current_user, ping and
// supervisor/api (ingress sessions), the ingress to the add-on, which passes WebSockets on to a real PBX, and the login of Options.Accounts
// with what is made by it: the flow of the login page (/auth/providers, /auth/login_flow), its tokens (/auth/token, /auth/revoke), and the
// commands auth/long_lived_access_token, auth/refresh_tokens and auth/delete_refresh_token.
//
// It behaves as the real one does where that is a trap: an ingress WebSocket is answered 101 first and closed right after
// when its session is dead or the add-on does not answer, a session is checked only when a connection is opened, a wrong password is
// answered 200, a name that a token has already is refused with no word why, and each refused token counts as a wrong login. Package
// test/homeassistant compares all but the add-on's part with a real Home Assistant.
// It differs in that WebSocket pings are answered by the stub instead of being passed through, in that sessions do not
// expire by themselves (see DropSessions), and in that nothing else of Home Assistant is there.
package homestub

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// User is the Home Assistant user that the token belongs to.
type User struct {
	ID, Name string
	IsAdmin  bool
}

// Options say what kind of home it is.
type Options struct {
	// Token is the access token that is accepted.
	Token string
	User  User
	// SIPCore is what /api/sip-core/config answers; anything that can be marshalled, json.RawMessage included.
	SIPCore any
	// PBX is the add-on's HTTP server, such as http://127.0.0.1:8088. Nil: the add-on does not answer.
	PBX *url.URL
	// NoIntegration: SIP Core is not installed.
	NoIntegration bool
	// NotSetUp: SIP Core is installed and not set up.
	NotSetUp bool
	// NoSupervisor: Home Assistant runs without one, hence without add-ons.
	NoSupervisor bool
	// NoAddon: the Supervisor has no Asterisk add-on.
	NoAddon bool
	// AdminOnly: ingress sessions are given to administrators only, unlike Home Assistant since 2021.12.
	AdminOnly bool

	// Accounts are those who can log in.
	Accounts []Account
	// NotOnboarded: nobody has made the first user yet.
	NotOnboarded bool
	// Trusted: the network is trusted; who it is may be chosen without a password.
	Trusted bool
	// BanAfter is how many wrong passwords, codes and tokens in a row ban whoever asks (http.login_attempts_threshold): whatever is asked
	// then is answered 403. A login that is right takes them back, and so does a token that opens the WebSocket API; 0: never.
	BanAfter int
	// Banned: whoever asks is banned already.
	Banned bool
}

// Requests counts what was asked so far.
type Requests struct {
	// Config and IngressEntry count the REST calls, CurrentUser and Sessions the commands of the WebSocket API that were
	// served, Refused the wrong tokens.
	Config, IngressEntry, CurrentUser, Sessions, Refused int
	// WebSockets counts the handshakes on ingress, Dead those that were closed for their session, an unknown entry or a
	// silent add-on, and Open the connections passed through right now.
	WebSockets, Dead, Open int
}

// Server is the stand-in. It is an http.Handler; serve it with net/http/httptest or net/http, with or without TLS.
type Server struct {
	entry     string // the add-on's id on the ingress
	transport *http.Transport

	ctx    context.Context // ends every connection; made by New, ended by Close
	cancel context.CancelFunc
	done   sync.WaitGroup // connections that net/http has lost sight of

	mu       sync.Mutex
	closed   bool
	opt      Options
	sessions map[string]bool
	flows    map[string]*flow
	codes    map[string]authCode
	tokens   []*issued
	watched  []*watched // connections of the WebSocket API
	wrong    int        // logins in a row
	requests Requests
	drops    map[int]context.CancelFunc // of the open ingress connections
	nextDrop int
}

// New makes a home. Close it when done.
func New(o Options) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	return &Server{
		entry: randomHex(16), transport: &http.Transport{DisableKeepAlives: true},
		ctx: ctx, cancel: cancel,
		opt: o, sessions: make(map[string]bool), flows: make(map[string]*flow), codes: make(map[string]authCode), drops: make(map[int]context.CancelFunc),
	}
}

// randomHex is n random bytes in hexadecimal digits.
func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails, by its documentation
	return hex.EncodeToString(b)
}

// Close ends all connections and waits for them.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.done.Wait()
	s.transport.CloseIdleConnections()
}

// SetSIPCore changes SIP Core's settings, as a person does in Home Assistant.
func (s *Server) SetSIPCore(v any) { s.Set(func(o *Options) { o.SIPCore = v }) }

// Set changes the home. Connections that are up stay, but for those of the WebSocket API whose token is not good any more.
func (s *Server) Set(change func(*Options)) {
	defer s.cutStrangers()
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.opt)
}

// DropSessions makes all ingress sessions invalid, as a restart of the Supervisor does. Connections that are up stay.
func (s *Server) DropSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// DropConnections cuts the ingress connections that are up, as a restart of Home Assistant does. Sessions stay valid.
func (s *Server) DropConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, drop := range s.drops {
		drop()
	}
}

// Requests returns what was asked so far.
func (s *Server) Requests() Requests {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// options returns the home as it is now.
func (s *Server) options() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opt
}

// count changes the counters.
func (s *Server) count(change func(*Requests)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.requests)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.banned():
		http.Error(w, "403: Forbidden", http.StatusForbidden)
	case r.URL.Path == "/api/websocket":
		s.serveAPI(w, r)
	case strings.HasPrefix(r.URL.Path, "/auth/"):
		s.serveAuth(w, r)
	case strings.HasPrefix(r.URL.Path, ingressPrefix):
		s.serveIngress(w, r)
	case r.URL.Path == "/api/sip-core/config" || r.URL.Path == "/api/sip-core/asterisk-ingress":
		s.serveSIPCore(w, r)
	default:
		http.Error(w, "404: Not Found", http.StatusNotFound)
	}
}

// serveSIPCore answers SIP Core's REST calls.
func (s *Server) serveSIPCore(w http.ResponseWriter, r *http.Request) {
	o := s.options()
	config := r.URL.Path == "/api/sip-core/config"
	s.count(func(q *Requests) {
		if config {
			q.Config++
		} else {
			q.IngressEntry++
		}
	})
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	_, _, known := s.whose(token)
	switch {
	case o.NoIntegration:
		http.Error(w, "404: Not Found", http.StatusNotFound)
	case r.Method != http.MethodGet:
		http.Error(w, "405: Method Not Allowed", http.StatusMethodNotAllowed)
	case !known:
		s.count(func(q *Requests) { q.Refused++ })
		s.wrongLogin()
		http.Error(w, "401: Unauthorized", http.StatusUnauthorized)
	case config && o.NotSetUp:
		answer(w, http.StatusInternalServerError, map[string]string{"error": "No configuration found"})
	case config:
		answer(w, http.StatusOK, o.SIPCore)
	case o.NoSupervisor:
		answer(w, http.StatusServiceUnavailable, map[string]string{"error": "supervisor not available"})
	case o.NoAddon:
		answer(w, http.StatusInternalServerError, map[string]string{"error": "Failed to fetch add-on info"})
	default:
		answer(w, http.StatusOK, map[string]string{"ingress_entry": ingressPrefix + s.entry})
	}
}

// same compares secrets; an empty one is never right.
func same(given, wanted string) bool {
	return wanted != "" && subtle.ConstantTimeCompare([]byte(given), []byte(wanted)) == 1
}

// answer writes JSON.
func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "homestub: the answer cannot be marshalled: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err = w.Write(b); err != nil {
		return // the asker is gone
	}
}

// begin takes part in what Close waits for. It says no once Close was called.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.done.Add(1)
	return true
}
