package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// lookLimit bounds one look. It leaves time for one more SYN, which the kernel sends after a second.
const lookLimit = 2 * time.Second

// lookFunc tells, at little cost to the server, whether it takes connections: nil means that it does.
type lookFunc func(ctx context.Context, e Endpoint) error

// statusError is an HTTP status other than the one hoped for.
type statusError int

func (e statusError) Error() string {
	return fmt.Sprintf("the server answered the WebSocket handshake with HTTP %d", int(e))
}

func isStatus(err error) bool { return errors.As(err, new(statusError)) }

// A looker has the agent's lookFunc.
type looker struct {
	id     identity
	dialer *dialer
	log    *slog.Logger
}

// look looks.
//
// Of a WebSocket server it asks for the page at the PBX's place, without wanting a WebSocket. That makes no session in
// any PBX, and sees through what stands before it: Home Assistant's ingress and a reverse proxy answer 502 for an add-on or a
// PBX that is down, Home Assistant 404 before it has loaded its parts, Asterisk 404 before it has loaded its own; a PBX
// that is there answers 426 (RFC 9110 section 15.5.22) or whatever else. With a session that has expired ingress answers 401,
// which is an answer: the attempt makes a new one.
//
// Of the others it wants a connection, and over UDP an answer to OPTIONS.
func (k looker) look(ctx context.Context, e Endpoint) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lookLimit, ErrNoAnswer)
	defer cancel()
	u, err := url.Parse(e.URL)
	if err != nil {
		return errors.New("not a URL") // err would quote it
	}
	if strings.HasPrefix(u.Scheme, "ws") {
		return k.lookHTTP(ctx, e, u)
	}
	c := newConn(k.log, func(t *serverTx) { // over UDP it is the port that the PBX knows
		if !t.req.IsAck() {
			t.answer(503, "Service Unavailable", "", "")
		}
	})
	sock, err := k.dialer.dial(ctx, e, func() {})
	if err != nil {
		return err
	}
	c.attach(sock, hopOf(u.Scheme, sock, k.id.contactHost))
	if c.hop.reliable() {
		return sock.Close()
	}
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(c.run)
	defer c.close(errClosing)                                      //nolint:errcheck // what it is given
	defer context.AfterFunc(ctx, func() { c.close(errClosing) })() //nolint:errcheck // as above
	askOptions(c, k.id, lookLimit)
	if c.silent() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return ErrNoAnswer
	}
	return nil
}

func (k looker) lookHTTP(ctx context.Context, e Endpoint, u *url.URL) error {
	place := *u
	place.Scheme = "http" + strings.TrimPrefix(u.Scheme, "ws")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, place.String(), nil)
	if err != nil {
		return errors.New("not a URL")
	}
	req.Header = e.Header.Clone()
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: e.TLS.Clone(), DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) { return k.dialer.connect(ctx, addr) },
	}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport, CheckRedirect: refuseRedirect}).Do(req)
	if err != nil {
		return dialError(nil, err, u.Host)
	}
	defer res.Body.Close() //nolint:errcheck // nothing of it is wanted
	if res.StatusCode == http.StatusNotFound || res.StatusCode >= 500 {
		return statusError(res.StatusCode)
	}
	return nil
}
