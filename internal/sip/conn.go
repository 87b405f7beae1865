package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// writeLimit bounds one write; a peer that takes nothing for so long is gone.
const writeLimit = 6 * time.Second

// A conn is one connection to the PBX and the transactions on it. All that arrives is handled by the one goroutine in
// run, in the order of arrival.
type conn struct {
	sock      socket
	log       *slog.Logger
	hop       hop
	onRequest func(*serverTx)
	onSuccess func(*sipmsg.Response) // told of each 2xx to a request of ours before the transaction is; may be nil

	done chan struct{} // closed with err set

	mu      sync.Mutex
	err     error
	clients map[string]*clientTx
	servers map[string]*serverTx // INVITEs not answered yet, which a CANCEL may be for; without reliability all of the last 32 s

	life *life
}

// newConn makes a connection that has no socket yet: see attach.
func newConn(log *slog.Logger, onRequest func(*serverTx)) *conn {
	return &conn{
		log: log, onRequest: onRequest, done: make(chan struct{}),
		clients: map[string]*clientTx{}, servers: map[string]*serverTx{}, life: newLife(),
	}
}

// attach gives the connection its socket, before run.
func (c *conn) attach(sock socket, h hop) { c.sock, c.hop = sock, h }

// malformedEvery spaces out the lines about malformed messages: on UDP whoever can forge an address may send them.
const malformedEvery = time.Minute

// run reads until the connection ends. Whatever was waiting for an answer has been told when it returns.
func (c *conn) run() {
	var told time.Time
	malformed := 0 // since the last line
	for {
		data, from, err := c.read()
		if err != nil {
			c.close(c.life.ended(err))
			break
		}
		c.alive()
		if isKeepAlive(data) {
			continue
		}
		m, err := parse(data)
		if err != nil {
			// The text of err quotes the message, which may hold secrets; its size tells enough.
			if malformed++; told.IsZero() || time.Since(told) >= malformedEvery {
				c.log.Warn("dropped a malformed message", "bytes", len(data), "since_last_told", malformed)
				told, malformed = time.Now(), 0
			}
			continue
		}
		c.life.speaks()
		c.dispatch(m, from)
	}
	c.mu.Lock()
	clients, servers := c.clients, c.servers
	c.clients, c.servers = map[string]*clientTx{}, map[string]*serverTx{}
	err := c.err
	c.mu.Unlock()
	for _, t := range servers {
		t.stop()
	}
	for _, t := range clients {
		t.stop()
		t.fail(err)
	}
}

// read takes one message off the socket, and where it came from if that can differ. Closing the socket ends it.
func (c *conn) read() (data []byte, from netip.AddrPort, err error) {
	if s, ok := c.sock.(datagramSocket); ok {
		return s.ReadFrom()
	}
	data, err = c.sock.Read()
	return data, from, err
}

func (c *conn) dispatch(m sipmsg.Message, from netip.AddrPort) {
	switch m := m.(type) {
	case *sipmsg.Response:
		c.log.Debug("received", "status", m.StatusCode, "cseq", m.CSeq().Value(), "call_id", m.CallID().Value())
		c.mu.Lock()
		t := c.clients[clientKey(m)]
		c.mu.Unlock()
		if t == nil {
			c.log.Debug("answer to nothing we asked", "status", m.StatusCode, "cseq", m.CSeq().Value())
			return
		}
		if c.onSuccess != nil && m.IsSuccess() {
			c.onSuccess(m)
		}
		t.receive(m)
	case *sipmsg.Request:
		c.log.Debug("received", "method", string(m.Method), "cseq", m.CSeq().Value(), "call_id", m.CallID().Value())
		t := newServerTx(c, m, from)
		switch {
		case !c.book(t):
		case m.Method == sipmsg.CANCEL:
			c.cancelled(t)
		default:
			c.onRequest(t)
		}
	}
}

// cancelled answers a CANCEL and the INVITE it is for (RFC 3261 section 9.2).
func (c *conn) cancelled(t *serverTx) {
	c.mu.Lock()
	invite := c.servers[serverKey(t.req, sipmsg.INVITE)]
	c.mu.Unlock()
	if invite == nil {
		t.answer(481, "Call/Transaction Does Not Exist", "", "")
		return
	}
	t.tag = invite.tag
	t.answer(200, "OK", "", "")
	invite.cancelledBy(t.req)
}

// send writes one message to the PBX. An error also ends the connection.
func (c *conn) send(m sipmsg.Message) error { return c.sendTo(m, netip.AddrPort{}) }

// sendTo writes one message; a valid address counts where datagrams can go to several.
func (c *conn) sendTo(m sipmsg.Message, to netip.AddrPort) error {
	if err := c.failure(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeLimit)
	defer cancel()
	var err error
	if s, ok := c.sock.(datagramSocket); ok && to.IsValid() {
		err = s.WriteTo(ctx, []byte(m.String()), to)
	} else {
		err = c.sock.Write(ctx, []byte(m.String()))
	}
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("%w: %w", errStuck, err)
		}
		return c.close(err)
	}
	c.life.wrote()
	switch m := m.(type) {
	case *sipmsg.Request:
		c.log.Debug("sent", "method", string(m.Method), "cseq", m.CSeq().Value(), "call_id", m.CallID().Value())
	case *sipmsg.Response:
		c.log.Debug("sent", "status", m.StatusCode, "cseq", m.CSeq().Value(), "call_id", m.CallID().Value())
	}
	return nil
}

// close ends the connection for the given reason and returns the error that all that waits on it gets.
func (c *conn) close(cause error) error {
	c.mu.Lock()
	if err := c.err; err != nil {
		c.mu.Unlock()
		return err
	}
	lost := fmt.Errorf("%w: %w", ErrConnectionLost, cause)
	c.err = lost
	close(c.done)
	c.mu.Unlock()
	if err := c.sock.Close(); err != nil {
		c.log.Debug("closing the socket", "error", err)
	}
	return lost
}

func (c *conn) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// via makes the Via header of a new transaction.
func (c *conn) via() *sipmsg.ViaHeader {
	params := sipmsg.HeaderParams{{K: "branch", V: sipmsg.RFC3261BranchMagicCookie + newToken()}}
	if c.hop.port != 0 {
		params = append(params, sipmsg.HeaderKV{K: "rport"}) // RFC 3581
	}
	return &sipmsg.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: c.hop.transport, Host: c.hop.host, Port: c.hop.port, Params: params,
	}
}
