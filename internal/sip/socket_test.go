package sip

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// serveWS runs a WebSocket server for one test.
func serveWS(t *testing.T, withTLS bool, handle func(c *websocket.Conn, r *http.Request)) (*httptest.Server, string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"sip"}, InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer c.CloseNow() //nolint:errcheck // the end of a test
		handle(c, r)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // refused certificates are part of the test
	if withTLS {
		srv.EnableHTTP2 = true
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv, "ws" + strings.TrimPrefix(srv.URL, "http") + "/api/hassio_ingress/s3cr3t-path/ws"
}

func TestWebSocketCarriesEveryKindOfFrame(t *testing.T) {
	big := strings.Repeat("x", 40<<10)
	_, url := serveWS(t, false, func(c *websocket.Conn, r *http.Request) {
		ctx := r.Context()
		steps := []func() error{
			func() error { return c.Write(ctx, websocket.MessageBinary, []byte("binary")) },
			func() error {
				w, err := c.Writer(ctx, websocket.MessageText)
				if err != nil {
					return err
				}
				for _, part := range []string{"in ", "three ", "fragments"} {
					if _, err = w.Write([]byte(part)); err != nil {
						return err
					}
				}
				return w.Close()
			},
			func() error { return c.Write(ctx, websocket.MessageText, []byte(big)) },
			func() error { return c.Write(ctx, websocket.MessageText, []byte("\r\n\r\n")) },
		}
		for _, step := range steps {
			if err := step(); err != nil {
				t.Error(err)
			}
		}
		reading := c.CloseRead(ctx)
		if err := c.Ping(ctx); err != nil { // answered while the door reads
			t.Errorf("ping: %v", err)
		}
		<-reading.Done()
	})
	alive := make(chan struct{}, 10)
	s, err := dialTest(t.Context(), Endpoint{URL: url}, func() { alive <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"binary", "in three fragments", big, "\r\n\r\n"} {
		got, failed := s.Read()
		if failed != nil || string(got) != want {
			t.Fatalf("read %.40q, %v, want %.40q", got, failed, want)
		}
	}
	ended := make(chan error, 1)
	go func() {
		_, failed := s.Read()
		ended <- failed
	}()
	receive(t, alive)
	if err = s.Ping(t.Context()); err != nil { // while Read goes on
		t.Errorf("ping: %v", err)
	}
	receive(t, alive)
	s.Close() //nolint:errcheck // a second close is allowed
	if err = receive(t, ended); err == nil {
		t.Error("read after the end")
	}
}

func TestTooLargeMessageEndsTheConnection(t *testing.T) {
	w := newWorld(t, loopback, nil)
	l := w.registered()
	l.send(strings.Repeat("x", maxMessage+1))
	if r := w.registration(Unreachable); !errors.Is(r.Err, ErrConnectionLost) {
		t.Errorf("registration %+v", r)
	}
	w.registered() // and it comes back
}

func TestHandshake(t *testing.T) {
	got := make(chan *http.Request, 1)
	srv, url := serveWS(t, true, func(_ *websocket.Conn, r *http.Request) { got <- r })
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	e := Endpoint{URL: url, Header: http.Header{"Cookie": {"ingress_session=abc"}, "Origin": {"https://home"}}, TLS: &tls.Config{RootCAs: roots}}
	s, err := dialTest(t.Context(), e, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // the end of a test
	r := receive(t, got)
	if r.Header.Get("Cookie") != "ingress_session=abc" || r.Header.Get("Sec-WebSocket-Protocol") != "sip" || r.Header.Get("Origin") != "https://home" {
		t.Errorf("handshake %v", r.Header)
	}
	e.TLS = nil // the system's roots do not know the server
	_, err = dialTest(t.Context(), e, func() {})
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		t.Errorf("unknown certificate: %v", err)
	}
}

func TestDialErrorsSayWhatWasAnsweredAndNoSecret(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close() //nolint:errcheck // to have a port that refuses
	refused := "ws://" + closed.Addr().String() + "/api/hassio_ingress/s3cr3t-path/ws"
	for status, want := range map[int]string{401: "HTTP 401", 404: "HTTP 404", 502: "HTTP 502", 200: "HTTP 200", 302: "HTTP 302", 0: "refused"} {
		url := refused
		if status != 0 {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "http://elsewhere.invalid/")
				w.WriteHeader(status)
			}))
			defer srv.Close()
			url = "ws" + strings.TrimPrefix(srv.URL, "http") + "/api/hassio_ingress/s3cr3t-path/ws"
		}
		_, err = dialTest(t.Context(), Endpoint{URL: url, Header: http.Header{"Cookie": {"ingress_session=abc"}}}, func() {})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", status, err)
			continue
		}
		for _, secret := range []string{"s3cr3t-path", "abc"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%d: the error tells a secret: %v", status, err)
			}
		}
	}
}

func TestDialIsGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	reached := make(chan struct{})
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(reached)
		<-release
	}))
	defer srv.Close()
	defer close(release)
	failed := make(chan error, 1)
	go func() {
		_, err := dialTest(ctx, Endpoint{URL: "ws" + strings.TrimPrefix(srv.URL, "http")}, func() {})
		failed <- err
	}()
	<-reached
	cancel(errChanged)
	if err := receive(t, failed); err == nil {
		t.Error("no error")
	}
}

func TestGoodbyeIsSaid(t *testing.T) {
	w := newWorld(t, loopback, nil)
	l := w.registered()
	w.stop()
	<-l.gone
	if s := websocket.CloseStatus(l.lost); s != websocket.StatusNormalClosure {
		t.Errorf("the PBX saw %v", l.lost)
	}
}

// A far end that never returns the close frame does not hold the door up.
func TestGoodbyeIsNotAnswered(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	_, url := serveWS(t, false, func(*websocket.Conn, *http.Request) { <-release })
	s, err := dialTest(t.Context(), Endpoint{URL: url}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, failed := s.Read()
		ended <- failed
	}()
	s.Leave()
	if err = receive(t, ended); err == nil {
		t.Error("Read goes on")
	}
}

// Asterisk sends the keep-alive of RFC 5626 every 90 s, and its 200 with the re-INVITE right behind.
func TestSeveralMessagesAtOnce(t *testing.T) {
	w := newWorld(t, loopback, nil)
	l := w.registered()
	h := newWitness()
	done := w.call(t.Context(), h)
	far := l.invited()
	for range 50 {
		l.send("\r\n\r\n")
		far.answer(180, "Ringing", "")
	}
	far.ok()
	for range 100 {
		far.send("INFO", typeDTMF, "1")
	}
	far.send("BYE", "", "")
	l.next("ACK")
	for range 100 {
		l.next("200 INFO")
	}
	l.next("200 BYE")
	if o := receive(t, done); o.err != nil {
		t.Fatal(o.err)
	}
	receive(t, h.ended)
	if len(h.progress) != 50 || len(h.digits) != 100 {
		t.Errorf("%d times ringing, %d digits", len(h.progress), len(h.digits))
	}
}
