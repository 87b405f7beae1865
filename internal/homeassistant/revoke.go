package homeassistant

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Revoke deletes the client's own long-lived access token from Home Assistant; nobody gets in with it afterwards. The errors are
// ErrTokenRefused (it is gone already) and ErrUnreachable.
//
// Home Assistant's access tokens are JSON web tokens whose issuer is the id of the entry in the user's profile; the connection that asks
// is closed with it, so that no answer is the usual answer, and a token that is not accepted any more is the proof.
func (c *Client) Revoke(ctx context.Context) error {
	id, err := issuer(c.token)
	if err != nil {
		return err
	}
	var nothing json.RawMessage
	err = c.command(ctx, map[string]any{"type": "auth/delete_refresh_token", "refresh_token_id": id}, &nothing)
	if err == nil || errors.Is(err, ErrTokenRefused) { // asked once more, it would be one more wrong login
		return err
	}
	if _, again := c.CurrentUser(ctx); errors.Is(again, ErrTokenRefused) {
		return nil
	}
	return err
}

// issuer is the "iss" of a JSON web token (RFC 7519, 4.1.1). Errors do not hold the token.
func issuer(token string) (string, error) {
	parts := strings.Split(token, ".")
	const segments = 3
	if len(parts) != segments {
		return "", fmt.Errorf("%w: it is no JSON web token", ErrTokenRefused)
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", fmt.Errorf("%w: it is no JSON web token", ErrTokenRefused)
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(body, &claims) != nil || claims.Issuer == "" {
		return "", fmt.Errorf("%w: it does not say which one it is", ErrTokenRefused)
	}
	return claims.Issuer, nil
}
