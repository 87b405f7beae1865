// Package homeassistant asks Home Assistant what a door station needs of it: SIP Core's settings, who the token belongs
// to, and a way through ingress to the PBX add-on. For a door that has no token yet, Login makes one.
//
// The REST calls and the WebSocket commands used are those of Home Assistant's own frontend and of the SIP Core card.
// REST questions share a connection that is kept alive, so that polling costs Home Assistant no handshakes; each command has a
// WebSocket of its own. Every question is answered within callTimeout.
package homeassistant

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// callTimeout bounds each question, name lookup to last byte.
	callTimeout = 10 * time.Second
	// maxBody bounds an answer in bytes. SIP Core's settings are a few kilobytes.
	maxBody = 1 << 20
	// maxRedirects bounds redirects, which are followed on the same scheme, host and port only.
	maxRedirects = 3
)

// Options says where Home Assistant is.
type Options struct {
	// URL is http or https://host[:port].
	URL string
	// Token is the long-lived access token. It is sent to URL's host and never logged.
	Token string
	// TLS is the client configuration for https; nil: the system's authorities.
	TLS *tls.Config
	// Log may be nil.
	Log *slog.Logger
}

// Client asks one Home Assistant. Its methods may be called from any goroutine.
type Client struct {
	base      *url.URL
	token     string
	http      *http.Client
	transport *http.Transport
	log       *slog.Logger
}

// errBadURL says that Options.URL cannot be used.
var errBadURL = errors.New("expected http:// or https:// and a host")

// New makes a client. It connects to nothing yet.
func New(o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(o.URL, "/"))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil {
		return nil, fmt.Errorf("the address of Home Assistant: %w", errBadURL)
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     o.TLS.Clone(), // also stops HTTP/2, which knows no WebSocket upgrade
		TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{},
		TLSHandshakeTimeout: callTimeout,
		IdleConnTimeout:     30 * time.Second,
		MaxIdleConnsPerHost: 1,
	}
	c := &Client{
		base: base, token: o.Token, transport: transport, log: log,
		http: &http.Client{Transport: transport, CheckRedirect: stayHome},
	}
	return c, nil
}

// errElsewhere says that Home Assistant's address redirects to another one.
var errElsewhere = errors.New("it redirects")

// stayHome follows redirects within one origin only: the token must not be handed to another host, nor over plain HTTP.
func stayHome(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	if req.URL.Scheme != first.Scheme || req.URL.Host != first.Host {
		return fmt.Errorf("%w to %s://%s: use that as home_assistant.url", errElsewhere, req.URL.Scheme, req.URL.Host)
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("%w again and again", errElsewhere)
	}
	return nil
}

// Close gives up idle connections. Calls that are under way end with their context.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// get asks by REST. The answer's error is nil whatever its status.
func (c *Client) get(ctx context.Context, path, etag string) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, errSlow)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath(path).String(), nil)
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Cache-Control", "no-cache")
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	return c.do(ctx, req)
}

// do sends a request and reads the answer within the limits.
func (c *Client) do(ctx context.Context, req *http.Request) (answer, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, unreachable(ctx, err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) && ctx.Err() == nil {
			return answer{}, fmt.Errorf("%w: %w: it breaks off after %d bytes", ErrUnreachable, ErrBadAnswer, len(body))
		}
		return answer{}, unreachable(ctx, err)
	}
	if len(body) > maxBody {
		return answer{}, fmt.Errorf("%w: %w: it is longer than %d bytes", ErrUnreachable, ErrBadAnswer, maxBody)
	}
	c.log.Debug("asked Home Assistant",
		slog.String("path", logPath(req.URL.Path)), slog.Int("status", resp.StatusCode), slog.Int("bytes", len(body)))
	return answer{
		status: resp.StatusCode, body: body, etag: resp.Header.Get("ETag"),
		page:  strings.Contains(resp.Header.Get("Content-Type"), "html") || looksLikePage(body),
		login: strings.HasPrefix(strings.ToLower(resp.Header.Get("WWW-Authenticate")), "basic"),
	}, nil
}

// logPath leaves the id of an ingress path out, which together with a session opens the add-on, and that of a login.
func logPath(path string) string {
	if strings.HasPrefix(path, flowPath+"/") {
		return flowPath + "/…"
	}
	if rest, ok := strings.CutPrefix(path, ingressPrefix); ok {
		if _, tail, found := strings.Cut(rest, "/"); found {
			return ingressPrefix + "…/" + tail
		}
		return ingressPrefix + "…"
	}
	return path
}

// send asks below /auth, where no token is wanted. The answer's error is nil whatever its status.
func (c *Client) send(ctx context.Context, method, path string, body []byte, kind string) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, errSlow)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	req.Header.Set("Accept", "application/json")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	return c.do(ctx, req)
}
