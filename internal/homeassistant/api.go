package homeassistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

// User is the Home Assistant user a token belongs to.
type User struct {
	ID, Name string
	// IsAdmin says that the user may change Home Assistant; a door needs no such user. IsOwner says that it is the first one.
	IsAdmin, IsOwner bool
}

// CurrentUser asks who the token belongs to. The errors are ErrTokenRefused and ErrUnreachable.
func (c *Client) CurrentUser(ctx context.Context) (User, error) {
	user, _, err := c.Greeting(ctx)
	return user, err
}

// Greeting asks who the token belongs to, and takes note of Home Assistant's version, which it says before anybody has logged in. The
// errors are CurrentUser's; the version may be known in spite of one.
func (c *Client) Greeting(ctx context.Context) (who User, version string, err error) {
	who, err = c.currentUser(ctx, &version)
	return who, version, err
}

func (c *Client) currentUser(ctx context.Context, version *string) (User, error) {
	var who struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		IsAdmin bool   `json:"is_admin"`
		IsOwner bool   `json:"is_owner"`
	}
	if err := c.commandTelling(ctx, version, map[string]any{"type": "auth/current_user"}, &who); err != nil {
		return User{}, err
	}
	if who.ID == "" {
		return User{}, fmt.Errorf("%w: %w: the user has no id", ErrUnreachable, ErrBadAnswer)
	}
	return User{ID: who.ID, Name: who.Name, IsAdmin: who.IsAdmin, IsOwner: who.IsOwner}, nil
}

// message is what comes in on the WebSocket API: of each type the fields used.
type message struct {
	ID      int             `json:"id"`
	Type    string          `json:"type"`
	Success bool            `json:"success"`
	Result  json.RawMessage `json:"result"`
	Error   *CommandError   `json:"error"`
	Version string          `json:"ha_version"`
	// Message is the reason of auth_invalid.
	Message string `json:"message"`
}

// CommandError is how Home Assistant's WebSocket API refuses a command.
type CommandError struct {
	// Code is such as "unknown_command" or "unauthorized".
	Code string `json:"code"`
	// Message is Home Assistant's sentence.
	Message string `json:"message"`
}

func (e *CommandError) Error() string { return fmt.Sprintf("%s (%s)", e.Message, e.Code) }

// commandID is the id of the only command sent on a connection; the API wants them positive and ascending.
const commandID = 1

// command logs in on the WebSocket API, gives one command and reads its result into out.
func (c *Client) command(ctx context.Context, cmd map[string]any, out any) error {
	return c.commandTelling(ctx, new(string), cmd, out)
}

// commandTelling is command, and tells Home Assistant's version.
func (c *Client) commandTelling(ctx context.Context, version *string, cmd map[string]any, out any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, errSlow)
	defer cancel()
	u := *c.base.JoinPath("/api/websocket")
	u.Scheme = webSocketScheme(u.Scheme)
	conn, resp, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{HTTPClient: c.http})
	if err != nil {
		if resp != nil && ctx.Err() == nil {
			return refusedUpgrade(resp.StatusCode)
		}
		return unreachable(ctx, err)
	}
	// Nothing more is expected of the connection: its closing handshake would only cost time.
	defer func() {
		if closeErr := conn.CloseNow(); closeErr != nil {
			c.log.Debug("closing the WebSocket API", slog.Any("error", closeErr))
		}
	}()
	conn.SetReadLimit(maxBody)

	s := session{conn}
	if *version, err = s.login(ctx, c.token); err != nil {
		return err
	}
	cmd["id"] = commandID
	result, err := s.call(ctx, cmd)
	if err != nil {
		return err
	}
	c.log.Debug("asked Home Assistant", slog.Any("command", cmd["type"]), slog.Any("endpoint", cmd["endpoint"]))
	if err = json.Unmarshal(result, out); err != nil {
		return fmt.Errorf("%w: %w: the result of %v", ErrUnreachable, ErrBadAnswer, cmd["type"])
	}
	return nil
}

// refusedUpgrade is an answer other than 101 to the WebSocket API's address, which every Home Assistant has.
func refusedUpgrade(status int) error {
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return refusal(status)
	}
	if status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout {
		return answer{status: status}.refusal()
	}
	return bad("%d instead of a WebSocket on /api/websocket: a proxy in between may not pass WebSockets on", status)
}

func webSocketScheme(scheme string) string {
	if scheme == "https" {
		return "wss"
	}
	return "ws"
}

// session is one connection to the WebSocket API.
type session struct{ conn *websocket.Conn }

// maxVersion bounds what a server may call its version.
const maxVersion = 40

// login answers auth_required, which tells the server's version, with the token.
func (s session) login(ctx context.Context, token string) (version string, err error) {
	required, err := s.await(ctx, "auth_required")
	if err != nil {
		return "", err
	}
	if len(required.Version) <= maxVersion {
		version = required.Version
	}
	if err = s.send(ctx, map[string]any{"type": "auth", "access_token": token}); err != nil {
		return version, err
	}
	answer, err := s.await(ctx, "auth_ok", "auth_invalid")
	if err != nil {
		return version, err
	}
	if answer.Type == "auth_invalid" {
		return version, refusedToken(answer.Message)
	}
	return version, nil
}

// refusedToken is ErrTokenRefused, with Home Assistant's reason where it has one, such as that the user is not active.
func refusedToken(reason string) error {
	if reason = printable(reason); reason == "" || strings.HasPrefix(reason, "Invalid access token") {
		return ErrTokenRefused
	}
	return fmt.Errorf("%w: %s", ErrTokenRefused, reason)
}

// call sends a command and waits for its result.
func (s session) call(ctx context.Context, cmd map[string]any) (json.RawMessage, error) {
	if err := s.send(ctx, cmd); err != nil {
		return nil, err
	}
	for {
		answer, err := s.await(ctx, "result")
		if err != nil {
			return nil, err
		}
		if answer.ID != commandID {
			continue
		}
		if answer.Success {
			return answer.Result, nil
		}
		if answer.Error == nil {
			return nil, fmt.Errorf("%w: %w: a refusal without a reason", ErrUnreachable, ErrBadAnswer)
		}
		return nil, answer.Error
	}
}

func (s session) send(ctx context.Context, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if err = s.conn.Write(ctx, websocket.MessageText, b); err != nil {
		return unreachable(ctx, err)
	}
	return nil
}

// maxSkipped bounds the messages of other types passed over, so that a chatty stranger does not hold a call until its time
// is up.
const maxSkipped = 100

// await reads messages until one of the given types.
func (s session) await(ctx context.Context, types ...string) (message, error) {
	for range maxSkipped {
		_, data, err := s.conn.Read(ctx)
		if err != nil {
			if errors.Is(err, websocket.ErrMessageTooBig) {
				return message{}, fmt.Errorf("%w: %w: a message is longer than %d bytes", ErrUnreachable, ErrBadAnswer, maxBody)
			}
			return message{}, unreachable(ctx, err)
		}
		var m message
		if err = json.Unmarshal(data, &m); err != nil {
			return message{}, fmt.Errorf("%w: %w: a message is not JSON", ErrUnreachable, ErrBadAnswer)
		}
		for _, t := range types {
			if m.Type == t {
				return m, nil
			}
		}
	}
	return message{}, fmt.Errorf("%w: %w: no %v came", ErrUnreachable, ErrBadAnswer, types)
}
