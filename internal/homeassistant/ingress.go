package homeassistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
)

const (
	ingressPrefix = "/api/hassio_ingress/"
	sessionCookie = "ingress_session"
	entryPath     = "/api/sip-core/asterisk-ingress"
)

// Ingress is a way through Home Assistant to the PBX add-on's WebSocket. It holds a session that lives for 15 minutes and
// is checked when a connection is opened: ask for a fresh one before each.
type Ingress struct {
	// URL is ws(s)://host[:port]<entry>/ws.
	URL string
	// Header is to be sent with the handshake: the session's cookie. It is secret.
	Header http.Header
	// HTTPURL is the same place for a plain GET (see CheckIngress).
	HTTPURL string
}

// String names the host alone: entry and session together open the add-on.
func (i Ingress) String() string {
	u, err := url.Parse(i.URL)
	if err != nil {
		return "ingress"
	}
	return "ingress of " + u.Host
}

// Format implements fmt.Formatter, for every verb.
func (i Ingress) Format(f fmt.State, _ rune) { fmt.Fprint(f, i.String()) }

// MarshalJSON implements json.Marshaler, which a JSON log uses.
func (i Ingress) MarshalJSON() ([]byte, error) { return json.Marshal(i.String()) }

// Ingress asks for the add-on's entry and makes a session. The errors are ErrTokenRefused, ErrNotInstalled,
// ErrNoSupervisor, ErrNoAddon, ErrNotAdmin and ErrUnreachable.
func (c *Client) Ingress(ctx context.Context) (Ingress, error) {
	entry, err := c.ingressEntry(ctx)
	if err != nil {
		return Ingress{}, err
	}
	cookie, err := c.ingressSession(ctx)
	if err != nil {
		return Ingress{}, err
	}
	plain := *c.base.JoinPath(entry, "ws")
	socket := plain
	socket.Scheme = webSocketScheme(plain.Scheme)
	return Ingress{
		URL:     socket.String(),
		HTTPURL: plain.String(),
		Header:  http.Header{"Cookie": {sessionCookie + "=" + cookie}},
	}, nil
}

// ingressEntry asks SIP Core for the path of the add-on.
func (c *Client) ingressEntry(ctx context.Context) (string, error) {
	got, err := c.get(ctx, entryPath, "")
	if err != nil {
		return "", err
	}
	switch {
	case got.status == http.StatusOK:
		if err = got.json(entryPath); err != nil {
			return "", err
		}
	case got.status == http.StatusServiceUnavailable && errorText(got.body) != "": // else a Home Assistant that starts
		return "", ErrNoSupervisor
	case got.status == http.StatusInternalServerError && !got.page:
		return "", ErrNoAddon
	default:
		return "", got.refusal()
	}
	var answer struct {
		Entry string `json:"ingress_entry"`
	}
	if err = json.Unmarshal(got.body, &answer); err != nil || !isEntry(answer.Entry) {
		return "", bad("%s has no ingress_entry", entryPath)
	}
	return answer.Entry, nil
}

var entryID = regexp.MustCompile(`^[A-Za-z0-9_.~-]+(/[A-Za-z0-9_.~-]+)*/?$`)

// isEntry accepts a path below the ingress of this very host, and nothing that leads elsewhere.
func isEntry(s string) bool {
	id, ok := strings.CutPrefix(s, ingressPrefix)
	return ok && entryID.MatchString(id) && path.Clean(s) == strings.TrimSuffix(s, "/")
}

var cookieValue = regexp.MustCompile(`^[0-9A-Za-z._~+/=-]+$`)

// isCookieValue accepts what a session may be: hexadecimal digits today, and nothing that changes the header around it. Its length is no part of the
// pattern, which would be compiled a thousand times as long, at each start.
func isCookieValue(s string) bool { return len(s) <= 1000 && cookieValue.MatchString(s) }

// ingressSession asks the Supervisor, through Home Assistant, for a session.
func (c *Client) ingressSession(ctx context.Context) (string, error) {
	var answer struct {
		Session string `json:"session"`
	}
	err := c.command(ctx, map[string]any{"type": "supervisor/api", "endpoint": "/ingress/session", "method": "post"}, &answer)
	var refused *CommandError
	switch {
	case errors.As(err, &refused) && refused.Code == "unknown_command":
		return "", ErrNoSupervisor
	case errors.As(err, &refused) && refused.Code == "unauthorized":
		return "", ErrNotAdmin
	case refused != nil:
		return "", fmt.Errorf("%w: the Supervisor gives no ingress session: %w", ErrUnreachable, err)
	case err != nil:
		return "", err
	case !isCookieValue(answer.Session):
		return "", fmt.Errorf("%w: %w: no ingress session", ErrUnreachable, ErrBadAnswer)
	}
	return answer.Session, nil
}

// CheckIngress says why a WebSocket through ing was closed right after its opening. Home Assistant answers 101 before it
// asks the Supervisor, so the reason is seen only by a plain request to the same place: ErrIngressSession, ErrIngressToken,
// ErrAddonDown or ErrUnreachable. Nil says that the way is open.
func (c *Client) CheckIngress(ctx context.Context, ing Ingress) error {
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, errSlow)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ing.HTTPURL, nil)
	if err != nil {
		return unreachable(ctx, err)
	}
	req.Header = ing.Header.Clone() // the session alone: this request needs no token
	got, err := c.do(ctx, req)
	if err != nil {
		return err
	}
	switch got.status {
	case http.StatusUnauthorized:
		return ErrIngressSession
	case http.StatusServiceUnavailable:
		return ErrIngressToken
	case http.StatusBadGateway:
		return ErrAddonDown
	default:
		return nil // whatever the add-on itself answers, Asterisk 426
	}
}
