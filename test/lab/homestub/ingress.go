package homestub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/coder/websocket"
)

const (
	ingressPrefix = "/api/hassio_ingress/"
	sessionCookie = "ingress_session"
	// longestMessage is Home Assistant's limit on an ingress WebSocket, in bytes.
	longestMessage = 16 << 20
)

// valid says whether a session is known.
func (s *Server) valid(session string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[session]
}

// serveIngress passes a request or a WebSocket to the add-on.
func (s *Server) serveIngress(w http.ResponseWriter, r *http.Request) {
	target, status := s.pass(r)
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		s.serveWebSocket(w, r, target, status)
		return
	}
	if status != 0 {
		http.Error(w, fmt.Sprintf("%d: %s", status, http.StatusText(status)), status)
		return
	}
	proxy := httputil.ReverseProxy{
		Transport: s.transport,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL = target
			p.Out.Host = ""
			p.Out.Header.Del("Cookie")
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "502: Bad Gateway", http.StatusBadGateway)
		},
	}
	proxy.ServeHTTP(w, r)
}

// pass checks the session and the entry, in the Supervisor's order, and returns the add-on's address for the request, or
// the status that refuses it.
func (s *Server) pass(r *http.Request) (target *url.URL, status int) {
	o := s.options()
	entry, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, ingressPrefix), "/")
	cookie, err := r.Cookie(sessionCookie)
	switch {
	case o.NoSupervisor:
		return nil, http.StatusNotFound
	case err != nil || !s.valid(cookie.Value):
		return nil, http.StatusUnauthorized
	case o.NoAddon || entry != s.entry:
		return nil, http.StatusServiceUnavailable
	case o.PBX == nil:
		return nil, http.StatusBadGateway
	}
	return &url.URL{
		Scheme: o.PBX.Scheme, Host: o.PBX.Host,
		Path: strings.TrimSuffix(o.PBX.Path, "/") + "/" + path, RawQuery: r.URL.RawQuery,
	}, 0
}

// serveWebSocket answers 101 whatever comes after it, as Home Assistant does, and then passes messages both ways.
func (s *Server) serveWebSocket(w http.ResponseWriter, r *http.Request, target *url.URL, status int) {
	if !s.begin() {
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	defer s.done.Done()
	s.count(func(q *Requests) { q.WebSockets++ })
	var protocols []string
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			protocols = append(protocols, strings.TrimSpace(p))
		}
	}
	near, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: protocols, InsecureSkipVerify: true})
	if err != nil {
		return // Accept has answered
	}
	defer cut(near)
	if status != 0 {
		s.count(func(q *Requests) { q.Dead++ })
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	defer s.droppable(cancel)()
	far, resp, err := websocket.Dial(ctx, target.String(), &websocket.DialOptions{
		Subprotocols: protocols, HTTPClient: &http.Client{Transport: s.transport},
	})
	if err != nil {
		if resp != nil && resp.Body != nil {
			_ = resp.Body.Close() // why the add-on refuses is not the door's to know
		}
		s.count(func(q *Requests) { q.Dead++ })
		return
	}
	defer cut(far)
	s.count(func(q *Requests) { q.Open++ })
	defer s.count(func(q *Requests) { q.Open-- })

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		relay(ctx, far, near)
		cancel()
	}()
	relay(ctx, near, far)
	cancel()
	<-ended
}

// droppable makes a connection one that DropConnections cuts. The result takes it back.
func (s *Server) droppable(cut context.CancelFunc) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.nextDrop
	s.nextDrop++
	s.drops[id] = cut
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.drops, id)
	}
}

// relay passes messages from one connection to the other until one of them ends, and a close with its code.
func relay(ctx context.Context, from, to *websocket.Conn) {
	from.SetReadLimit(longestMessage)
	for {
		kind, data, err := from.Read(ctx)
		if err != nil {
			var closed websocket.CloseError
			if errors.As(err, &closed) && ctx.Err() == nil {
				_ = to.Close(closed.Code, closed.Reason) // over either way
			}
			return
		}
		if err = to.Write(ctx, kind, data); err != nil {
			return
		}
	}
}

// cut ends a connection that is over either way, so that there is nothing to do about an error.
func cut(c *websocket.Conn) { _ = c.CloseNow() }
