package registrar

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/coder/websocket"
)

const (
	messageLimit = 64 << 10
	// queueLength is how many messages may wait for a slow client before it is dropped: one that does not
	// read must not hold up the others.
	queueLength  = 256
	writeTimeout = 10 * time.Second
)

// flow is one client's connection. Everything but out is guarded by Server.mu.
type flow struct {
	id     string
	source string // the client's address, for received/rport (RFC 3581)
	user   string // the extension it has proved to be; "" before
	nonces map[string]*nonce
	out    chan []byte
	drop   context.CancelCauseFunc
	gone   bool
}

var (
	errSlow   = errors.New("registrar: the client does not read what it is sent")
	errClosed = errors.New("registrar: the server is closing")
)

// send queues a message; a client that has let the queue fill up is dropped.
func (f *flow) send(message []byte) {
	if f.gone {
		return
	}
	select {
	case f.out <- message:
	default:
		f.drop(errSlow)
	}
}

// ServeHTTP accepts a WebSocket (subprotocol "sip") and serves it until it closes. Any path will do; the demo
// mounts it at /ws. A client that asks for another subprotocol gets 400, as from Asterisk.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		http.Error(w, "closing", http.StatusServiceUnavailable)
		return
	}
	s.wg.Add(1)
	s.mu.Unlock()
	defer s.wg.Done()

	asked := websocketProtocols(r.Header)
	if len(asked) > 0 && !slices.Contains(asked, "sip") {
		http.Error(w, "the WebSocket subprotocol must be sip", http.StatusBadRequest)
		return
	}
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{"sip"},
		// Extensions authenticate by digest, not by cookie: where the page came from does not matter.
		InsecureSkipVerify: true,
	})
	if err != nil {
		s.log.Debug("no WebSocket", "error", err)
		return
	}
	socket.SetReadLimit(messageLimit)
	s.serve(socket, r.RemoteAddr)
}

// serve reads one client's messages and owns its writer.
func (s *Server) serve(socket *websocket.Conn, remote string) {
	ctx, drop := context.WithCancelCause(s.ctx)
	defer drop(errClosed)
	f := &flow{source: remote, id: remote, out: make(chan []byte, queueLength), drop: drop, nonces: map[string]*nonce{}}
	s.connect(f)

	written := make(chan struct{})
	go func() {
		defer close(written)
		if err := write(ctx, socket, f.out); err != nil {
			drop(err)
		}
	}()

	var err error
	for err == nil {
		var data []byte
		if _, data, err = socket.Read(ctx); err == nil {
			s.receive(f, data)
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	drop(err)
	s.disconnect(f)
	<-written
	if cerr := socket.CloseNow(); cerr != nil {
		s.log.Debug("closing a connection", "flow", f.id, "error", cerr)
	}
	s.log.Debug("connection closed", "flow", f.id, "reason", err)
}

// write sends what is queued until the context ends or the client stops taking it.
func write(ctx context.Context, socket *websocket.Conn, out <-chan []byte) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case message := <-out:
			wctx, cancel := context.WithTimeout(ctx, writeTimeout)
			err := socket.Write(wctx, websocket.MessageText, message)
			cancel()
			if err != nil {
				return err
			}
		}
	}
}

func (s *Server) connect(f *flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flows[f] = struct{}{}
	s.log.Debug("connection opened", "flow", f.id)
}

// disconnect forgets a client: its contacts, what it was asked and what it had asked.
func (s *Server) disconnect(f *flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.gone = true
	delete(s.flows, f)
	s.dropBindings(f)
	s.dropTransactions(f)
	s.dropDialogs()
}
