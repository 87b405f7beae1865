package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"

	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/internal/settings"
	"doorstation/internal/sip"
)

// way goes the way to the exchange up to where SIP begins: through ingress, or by a WebSocket's handshake. What is left for plain SIP is
// nothing.
func (s *Scene) way(ctx context.Context, say func(check.Finding)) {
	switch {
	case s.door.PBX.Kind == settings.PBXIngress:
		s.ingress(ctx, say)
	default:
		cfg, err := s.Local.SIP.TLS.Config()
		if err != nil {
			say(check.Finding{Code: health.CodePBXUnreachable, Found: "sip.tls: " + err.Error()})
			return
		}
		e := sip.Endpoint{URL: s.door.PBX.URL, TLS: cfg}
		s.asSIP = s.sipConfig(e)
		u, err := url.Parse(e.URL)
		if err == nil && u.Scheme != "ws" && u.Scheme != "wss" {
			say(check.Finding{Found: "plain SIP by " + u.Scheme})
			return
		}
		say(s.handshake(ctx, e, u.Host))
	}
}

// ingress makes a session of Home Assistant's ingress and goes through to the add-on.
func (s *Scene) ingress(ctx context.Context, say func(check.Finding)) {
	if s.home == nil {
		if err := s.openHome(); err != nil {
			say(check.Finding{Code: ingressCode(err), Found: err.Error()})
			return
		}
	}
	began := time.Now()
	in, err := s.home.Ingress(ctx)
	if err == nil {
		err = s.home.CheckIngress(ctx, in) // a WebSocket would open, whatever is behind it
	}
	if err != nil {
		say(check.Finding{Code: ingressCode(err), Found: err.Error()})
		return
	}
	took := time.Since(began)
	cfg, err := s.Local.HomeAssistant.TLS.Config()
	if err != nil {
		say(check.Finding{Code: health.CodeHomeAssistantUnreachable, Found: "home_assistant.tls: " + err.Error()})
		return
	}
	e := sip.Endpoint{URL: in.URL, Header: in.Header, TLS: cfg, Via: settings.PBXIngress}
	s.asSIP = s.sipConfig(e)
	f := s.handshake(ctx, e, "Home Assistant's ingress")
	f.Found = fmt.Sprintf("ingress gives a session and leads to the add-on (%.0f ms)\n%s", milliseconds(took), f.Found)
	say(f)
}

// opened is a WebSocket's handshake, for machines.
type opened struct {
	Subprotocol string  `json:"subprotocol"`
	HandshakeMS float64 `json:"handshake_ms"`
}

// handshake opens a SIP WebSocket (RFC 7118) and closes it. place names it without its path, which is half of a secret.
func (s *Scene) handshake(ctx context.Context, e sip.Endpoint, place string) check.Finding {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: e.TLS.Clone(), TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
	defer transport.CloseIdleConnections()
	began := time.Now()
	conn, resp, err := websocket.Dial(ctx, e.URL, &websocket.DialOptions{
		HTTPClient: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		HTTPHeader: e.Header.Clone(), Subprotocols: []string{"sip"},
	})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			return check.Finding{
				Code:  health.CodeWebSocketRefused,
				Found: fmt.Sprintf("%s answers the WebSocket's handshake by %d %s", place, resp.StatusCode, http.StatusText(resp.StatusCode)),
			}
		}
		if inside := (*url.Error)(nil); errors.As(err, &inside) {
			err = inside.Err // without the URL
		}
		return check.Finding{Code: health.CodePBXUnreachable, Found: refusal(err, place)}
	}
	defer conn.Close(websocket.StatusNormalClosure, "") //nolint:errcheck // a goodbye spares the exchange a line in its log
	data := opened{Subprotocol: conn.Subprotocol(), HandshakeMS: milliseconds(time.Since(began))}
	if data.Subprotocol != "sip" {
		return check.Finding{
			Code: health.CodeWebSocketRefused, Outcome: check.Warning, Data: data,
			Found: place + " opens a WebSocket and does not say that it speaks SIP on it (Sec-WebSocket-Protocol)",
		}
	}
	return check.Finding{Found: fmt.Sprintf("a SIP WebSocket opens in %.1f ms", data.HandshakeMS), Data: data}
}
