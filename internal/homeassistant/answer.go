package homeassistant

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// answer is what came back by REST.
type answer struct {
	status int
	body   []byte
	etag   string
	page   bool // a web page, not the API's JSON or plain text
	login  bool // a proxy's own login is wanted
}

// looksLikePage recognises a web page that does not say it is one.
func looksLikePage(body []byte) bool {
	const enough = 256
	start := bytes.ToLower(bytes.TrimSpace(body[:min(len(body), enough)]))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// bad wraps what is wrong with an answer that is not Home Assistant's API's.
func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %w: %w", ErrUnreachable, ErrBadAnswer, fmt.Errorf(format, args...))
}

// json says what keeps a successful answer from being JSON, nil when it is.
func (a answer) json(path string) error {
	switch {
	case a.page:
		return bad("%s is a web page: either a proxy's login is in between, or Home Assistant is still starting", path)
	case len(bytes.TrimSpace(a.body)) == 0:
		return bad("%s is empty", path)
	}
	var syntax *json.SyntaxError
	var value json.RawMessage
	err := json.Unmarshal(a.body, &value)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(a.body)):
		return bad("%s breaks off in the middle of its JSON, after %d bytes", path, len(a.body))
	default:
		return bad("%s is not JSON", path)
	}
}

// refusal turns the status of an answer that is no success into an error.
func (a answer) refusal() error {
	switch {
	case a.status == http.StatusUnauthorized && a.login:
		return bad("a proxy in front of Home Assistant asks for a login of its own (401)")
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return refusal(a.status)
	case a.status == http.StatusBadGateway || a.status == http.StatusGatewayTimeout:
		return fmt.Errorf("%w: a proxy in front of it answers %d %s: Home Assistant itself does not run, or the proxy leads elsewhere",
			ErrUnreachable, a.status, http.StatusText(a.status))
	case a.status == http.StatusServiceUnavailable:
		return fmt.Errorf("%w: it answers 503 Service Unavailable: it is starting or being restarted", ErrUnreachable)
	case a.page:
		return bad("a web page with status %d: something else than Home Assistant answers, or it is still starting", a.status)
	default:
		return refusal(a.status)
	}
}

// refusal turns a status into an error.
func refusal(status int) error {
	switch status {
	case http.StatusUnauthorized:
		return ErrTokenRefused
	case http.StatusForbidden:
		return fmt.Errorf("%w (%w)", ErrTokenRefused, ErrForbidden)
	case http.StatusNotFound:
		return ErrNotInstalled
	default:
		return fmt.Errorf("%w: it answers %d %s", ErrUnreachable, status, http.StatusText(status))
	}
}

// errorText is the error of a JSON answer, or nothing.
func errorText(body []byte) string {
	var answer struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "" // a server error in other words
	}
	return answer.Error
}
