package house

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"doorstation/test/lab"
	"doorstation/test/lab/homestub"
)

// Mood is how Home Assistant behaves.
type Mood int32

// Moods of Home Assistant.
const (
	// Well: as its options say.
	Well Mood = iota
	// Slow: every answer takes longer than anybody waits.
	Slow
	// HTML: every answer is a page for people, as a proxy's or a captive portal's.
	HTML
)

// homeServer is Home Assistant's stand-in with the troubles that a server has.
type homeServer struct {
	stub   *homestub.Server
	mood   atomic.Int32
	server *httptest.Server
	addr   string
}

// serveHome serves the stand-in at an address until the test ends.
func serveHome(t lab.T, stub *homestub.Server, host string) *homeServer {
	t.Helper()
	s := &homeServer{stub: stub}
	s.listen(t, net.JoinHostPort(host, "0"))
	s.addr = s.server.Listener.Addr().String()
	t.Cleanup(func() { s.server.Close() })
	return s
}

func (s *homeServer) listen(t lab.T, addr string) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("house: %v", err)
	}
	s.server = &httptest.Server{Listener: l, Config: &http.Server{Handler: s}}
	s.server.Start()
}

// ServeHTTP implements http.Handler.
func (s *homeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch Mood(s.mood.Load()) {
	case Slow:
		select {
		case <-time.After(time.Minute):
		case <-r.Context().Done():
			return
		}
	case HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		// Whoever does not read it is gone.
		_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please log in.</body></html>")
		return
	}
	s.stub.ServeHTTP(w, r)
}

// HomeMood changes how Home Assistant behaves from the next request on.
func (h *House) HomeMood(m Mood) { h.served.mood.Store(int32(m)) }

// HomeStops ends Home Assistant: its connections break, with those through its ingress, and nothing listens there any more.
func (h *House) HomeStops() {
	h.Home.DropConnections()
	h.served.server.CloseClientConnections()
	h.served.server.Close()
}

// HomeStarts starts Home Assistant again at its old address. Sessions of its ingress are not valid any more.
func (h *House) HomeStarts() {
	h.t.Helper()
	h.Home.DropSessions()
	h.served.listen(h.t, h.served.addr)
}
