package sip

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

const (
	// maxMessage is the largest SIP message taken, in bytes. Asterisk's own limit is the same.
	maxMessage = 64 << 10
	// dialLimit bounds TCP, TLS and the WebSocket handshake together.
	dialLimit = 10 * time.Second
	// leaveLimit is how long the far end may take to return the close frame.
	leaveLimit = 500 * time.Millisecond
)

// A socket carries whole SIP messages in order. Read is called from one goroutine, the rest from any.
type socket interface {
	Read() ([]byte, error)
	Write(ctx context.Context, message []byte) error
	Ping(ctx context.Context) error // returns when answered, which may be never
	Leave()                         // says goodbye; the far end closes, or the socket does after leaveLimit
	Close() error                   // at once; makes Read and Write return
}

// A datagramSocket is a socket whose messages come from, and may go to, more than one address of the PBX.
type datagramSocket interface {
	socket
	ReadFrom() ([]byte, netip.AddrPort, error)
	WriteTo(ctx context.Context, message []byte, to netip.AddrPort) error
}

// dialFunc opens a socket. alive is called whenever the far end showed a sign of life below SIP, from any goroutine.
type dialFunc func(ctx context.Context, e Endpoint, alive func()) (socket, error)

type webSocket struct {
	*websocket.Conn
	raw net.Conn // under it; closing it ends whatever the WebSocket waits for
}

// dialWebSocket opens a SIP WebSocket (RFC 7118). The handshake's header is a secret (session cookie) and the path of
// ingress is half of one, so errors name neither.
func (d *dialer) dialWebSocket(ctx context.Context, e Endpoint, host string, alive func()) (socket, error) {
	var raw atomic.Pointer[net.Conn]
	transport := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: e.TLS.Clone(),
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			c, err := d.connect(ctx, addr)
			if err == nil {
				raw.Store(&c)
			}
			return c, err
		},
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: refuseRedirect}
	sock, resp, err := websocket.Dial(ctx, e.URL, &websocket.DialOptions{
		HTTPClient:   client,
		HTTPHeader:   e.Header.Clone(),
		Subprotocols: []string{"sip"},
		OnPingReceived: func(context.Context, []byte) bool {
			alive()
			return true
		},
		OnPongReceived: func(context.Context, []byte) { alive() },
	})
	if err != nil {
		return nil, dialError(resp, err, host)
	}
	sock.SetReadLimit(maxMessage)
	return webSocket{Conn: sock, raw: *raw.Load()}, nil
}

// refuseRedirect keeps the session cookie at the host it was meant for.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func dialError(resp *http.Response, err error, host string) error {
	if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		return statusError(resp.StatusCode)
	}
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err // without the URL
	}
	return explain(err, host)
}

func (s webSocket) Read() ([]byte, error) {
	_, data, err := s.Conn.Read(context.Background()) // text and binary alike (RFC 7118 section 5)
	return data, err
}

func (s webSocket) Write(ctx context.Context, message []byte) error {
	return s.Conn.Write(ctx, websocket.MessageText, message)
}

// Leave spares the PBX a line in its log about a socket that closed abruptly.
func (s webSocket) Leave() {
	limit := time.AfterFunc(leaveLimit, func() { _ = s.raw.Close() })
	defer limit.Stop()
	_ = s.Conn.Close(websocket.StatusNormalClosure, "") // an error says that it is closed, one way or the other
}

// Close closes what is under TLS first, which would else wait for a far end that takes nothing to take its goodbye.
func (s webSocket) Close() error {
	_ = s.raw.Close() // the next says whether it ended
	return s.CloseNow()
}
