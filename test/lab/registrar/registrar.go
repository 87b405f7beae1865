// Package registrar is a small SIP registrar and proxy over WebSocket (RFC 7118): a stand-in for the
// household's PBX, so that the demo rings a browser without an Asterisk. Extensions register with
// digest authentication, calls fork to every browser of an extension and the first answer wins.
//
// It is not a PBX. There is no media in it (the two ends talk directly), no voicemail, no dialplan, no
// other transport and no other domain: whatever host a request names, its user part is taken for one of
// the extensions. In one thing it behaves like a PBX rather than a plain proxy: a branch that
// answers after another one has won is acknowledged and hung up here, because callers in this project
// know PBXs and expect one answer. The project's tests of the door station use a real Asterisk.
package registrar

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

const (
	// transactionLimit is how long a request may wait for its final response, and how long a finished
	// INVITE is remembered (64*T1, RFC 3261 section 17).
	transactionLimit = 32 * time.Second
	// ringLimit ends an INVITE that nobody answers nor refuses (Timer C, RFC 3261 section 16.6).
	ringLimit = 3*time.Minute + time.Second

	// maxContacts is how many browsers may be registered at one extension; another pushes out the oldest.
	maxContacts = 6
)

// Options configure a Server.
type Options struct {
	// Realm of the digest challenges. Empty: "doorstation".
	Realm string
	// Users maps extensions to their passwords.
	Users map[string]string
	// Log receives what happens, without credentials. Nil: nothing is logged.
	Log *slog.Logger
}

// Server is the registrar and proxy. It is an http.Handler that takes WebSockets with the subprotocol
// "sip"; its zero value is not usable, see New.
type Server struct {
	realm string
	users map[string]string
	log   *slog.Logger

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	// mu guards everything below and everything that hangs off it: messages are handled one at a time.
	mu       sync.Mutex
	closed   bool
	flows    map[*flow]struct{}
	bindings map[string][]*binding
	invites  map[string]*invite // by the caller's transaction
	branches map[string]*branch // by our own branch parameter
	relays   map[string]*relay  // by our own branch parameter
	dialogs  map[dialogID]*dialog
}

// Interface guard.
var _ http.Handler = (*Server)(nil)

// New makes a server. Close ends it.
func New(o Options) *Server {
	if o.Realm == "" {
		o.Realm = "doorstation"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	users := make(map[string]string, len(o.Users))
	for extension, password := range o.Users {
		users[extension] = password
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Server{
		realm: o.Realm, users: users, log: o.Log, ctx: ctx, cancel: cancel,
		flows:    map[*flow]struct{}{},
		bindings: map[string][]*binding{},
		invites:  map[string]*invite{},
		branches: map[string]*branch{},
		relays:   map[string]*relay{},
		dialogs:  map[dialogID]*dialog{},
	}
}

// Close drops every connection and waits until nothing of the server runs any more.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()

	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tx := range s.invites {
		tx.timer.Stop()
	}
	for _, r := range s.relays {
		r.timer.Stop()
	}
}

// Registered is the number of live contacts of an extension.
func (s *Server) Registered(extension string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.contacts(extension))
}

// receive handles one WebSocket message from a flow. Whatever it holds, it ends neither the connection nor
// the server: what cannot be read is logged and dropped.
func (s *Server) receive(from *flow, data []byte) {
	if isKeepAlive(data) {
		if len(data) >= len("\r\n\r\n") { // RFC 5626 section 3.5.1: a double CRLF is answered with one
			s.mu.Lock()
			from.send([]byte("\r\n"))
			s.mu.Unlock()
		}
		return
	}
	msg, err := sip.ParseMessage(data)
	if err != nil {
		// The parser's error quotes the message, which may hold credentials.
		s.log.Debug("unreadable message dropped", "flow", from.id, "bytes", len(data))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if from.gone {
		return
	}
	switch m := msg.(type) {
	case *sip.Request:
		if why := defect(m); why != "" {
			s.log.Debug("request dropped", "flow", from.id, "method", m.Method.String(), "why", why)
			return
		}
		m.SetSource(from.source)
		m.SetTransport("WS")
		s.request(from, m)
	case *sip.Response:
		if m.Via() == nil || m.CSeq() == nil || m.To() == nil || m.StatusCode < 100 || m.StatusCode > 699 {
			s.log.Debug("response dropped", "flow", from.id, "status", m.StatusCode)
			return
		}
		s.response(from, m)
	}
}

// request sorts a request by what it is for: this server, a call that is up, or another extension.
func (s *Server) request(from *flow, req *sip.Request) {
	switch {
	case req.Method == sip.REGISTER:
		s.register(from, req)
	case req.IsCancel():
		s.cancelInvite(from, req)
	case req.IsAck():
		s.ack(from, req)
	case req.MaxForwards() != nil && req.MaxForwards().Val() == 0:
		s.reply(from, req, sip.StatusTooManyHops, "Too Many Hops")
	case tag(req.To().Params) != "":
		s.inDialog(from, req)
	case req.Method == sip.OPTIONS && req.Recipient.User == "":
		s.options(from, req)
	case !s.authenticate(from, req):
		// answered with a challenge or a refusal
	case req.From().Address.User != from.user:
		s.reply(from, req, sip.StatusForbidden, "Forbidden")
	case req.IsInvite():
		s.newInvite(from, req)
	default:
		s.relayToExtension(from, req)
	}
}

// options answers a client that only asks whether the server is there.
func (s *Server) options(from *flow, req *sip.Request) {
	res := sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil)
	res.AppendHeader(sip.NewHeader("Allow", allowed))
	from.send([]byte(res.String()))
}

// allowed lists what the proxy passes on.
const allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, MESSAGE, NOTIFY, REFER, REGISTER"

// reply sends a response of the server's own.
func (s *Server) reply(to *flow, req *sip.Request, status int, reason string) {
	s.log.Debug("answered", "flow", to.id, "method", req.Method.String(), "status", status)
	to.send([]byte(sip.NewResponseFromRequest(req, status, reason, nil).String()))
}
