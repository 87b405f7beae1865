package homeassistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

const (
	// tokenLifespan is how long the door's token is good for, in days: ten years, as those made in the browser.
	tokenLifespan = 3650
	// maxNames is how many names are tried for the token.
	maxNames = 100
)

// ErrNoFreeName says that Home Assistant has a token of each name that was tried.
var ErrNoFreeName = errors.New("each name for the token is taken: delete old ones on the security page of the user's profile in Home Assistant")

// Grant is what a login is for. Formatting, logging or marshalling it never shows the token.
type Grant struct {
	// Token is the long-lived access token. It is secret.
	Token string
	// Name is what Home Assistant lists it under, on the security page of the user's profile.
	Name string
	// User is whose it is.
	User User
}

// String names all but the token.
func (g Grant) String() string { return fmt.Sprintf("the token %q of %q", g.Name, g.User.Name) }

// Format implements fmt.Formatter, for every verb.
func (g Grant) Format(f fmt.State, _ rune) { fmt.Fprint(f, g.String()) }

// LogValue implements slog.LogValuer.
func (g Grant) LogValue() slog.Value { return slog.StringValue(g.String()) }

// MarshalJSON implements json.Marshaler, which a JSON log uses.
func (g Grant) MarshalJSON() ([]byte, error) { return json.Marshal(g.String()) }

// Token makes the long-lived access token that a login which is done is for, and ends the login: its own token is revoked
// whatever comes. The token is called "doorstation hostname", with a number behind it where there is one of that name. The errors
// are ErrLoginExpired, ErrLoginBlocked, ErrNoFreeName and ErrUnreachable.
//
// The user need not be an administrator: settings and ingress sessions are given to every user. One of the door's own is best: its
// entry in SIP Core's users then names the door, and it can be taken away without touching anybody.
func (l *Login) Token(ctx context.Context, hostname string) (_ Grant, err error) {
	if l.step.Kind != StepDone || l.code == "" {
		return Grant{}, ErrStep
	}
	tokens, err := l.exchange(ctx)
	if err != nil {
		return Grant{}, err
	}
	defer func() {
		// Also when ctx has ended meanwhile: a token that nobody holds would be good for years. The call has its own limit.
		if revokeErr := l.revoke(context.WithoutCancel(ctx), tokens.refresh); revokeErr != nil {
			l.c.log.Warn("the login's own token could not be revoked", slog.Any("error", revokeErr))
		}
	}()
	who := *l.c
	who.token = tokens.access
	user, err := who.CurrentUser(ctx)
	if err != nil {
		return Grant{}, err
	}
	token, name, err := who.longLived(ctx, "doorstation "+printable(hostname))
	if err != nil {
		return Grant{}, err
	}
	return Grant{Token: token, Name: name, User: user}, nil
}

// loginTokens are those of the login itself.
type loginTokens struct{ access, refresh string }

// exchange makes tokens of the authorization code, which is good once (RFC 6749, 4.1.3).
func (l *Login) exchange(ctx context.Context) (loginTokens, error) {
	body := url.Values{"grant_type": {"authorization_code"}, "code": {l.code}, "client_id": {l.clientID}}.Encode()
	l.code, l.flow = "", ""
	got, err := l.c.send(ctx, http.MethodPost, "/auth/token", []byte(body), formType)
	if err != nil {
		return loginTokens{}, err
	}
	var said struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Error   string `json:"error"`
		Why     string `json:"error_description"`
	}
	if err = json.Unmarshal(got.body, &said); err != nil {
		return loginTokens{}, loginRefusal(got)
	}
	switch {
	case got.status == http.StatusForbidden && said.Error != "":
		return loginTokens{}, fmt.Errorf("%w: %s", ErrLoginBlocked, printable(said.Why))
	case got.status == http.StatusBadRequest && said.Error != "":
		return loginTokens{}, ErrLoginExpired // the code: it is good for ten minutes
	case got.status != http.StatusOK:
		return loginTokens{}, loginRefusal(got)
	case said.Access == "" || said.Refresh == "":
		return loginTokens{}, bad("/auth/token gives no tokens")
	}
	return loginTokens{access: said.Access, refresh: said.Refresh}, nil
}

const formType = "application/x-www-form-urlencoded"

// revoke takes a refresh token back, and with it all access tokens made by it. Home Assistant answers 200 whatever was sent
// (RFC 7009, 2.2).
func (l *Login) revoke(ctx context.Context, refresh string) error {
	got, err := l.c.send(ctx, http.MethodPost, "/auth/revoke", []byte(url.Values{"token": {refresh}}.Encode()), formType)
	if err == nil && got.status == http.StatusNotFound { // before 2022.9
		body := url.Values{"token": {refresh}, "action": {"revoke"}}.Encode()
		got, err = l.c.send(ctx, http.MethodPost, "/auth/token", []byte(body), formType)
	}
	if err == nil && got.status != http.StatusOK {
		err = got.refusal()
	}
	return err
}

// longLived makes a token of the first name that is free. Home Assistant wants each user's names to differ, and says of one that is
// taken no more than "unknown_error"; so its list is read first, and an unknown error is taken for a name of the last moment.
func (c *Client) longLived(ctx context.Context, name string) (token, called string, err error) {
	taken, err := c.tokenNames(ctx)
	if err != nil {
		return "", "", err
	}
	const lastMoment = 3
	refusals := 0
	for i := 1; i <= maxNames; i++ {
		called = name
		if i > 1 {
			called = name + " " + strconv.Itoa(i)
		}
		if slices.Contains(taken, called) {
			continue
		}
		err = c.command(ctx, map[string]any{
			"type": "auth/long_lived_access_token", "client_name": called, "lifespan": tokenLifespan,
		}, &token)
		var refused *CommandError
		switch {
		case err == nil && token == "":
			return "", "", bad("the new token is empty")
		case err == nil:
			return token, called, nil
		case !errors.As(err, &refused):
			return "", "", err
		case refused.Code != "unknown_error" || refusals == lastMoment:
			return "", "", fmt.Errorf("%w: it makes no token: %s", ErrUnreachable, printable(refused.Error()))
		}
		refusals++
	}
	return "", "", ErrNoFreeName
}

// tokenNames are the names of the user's long-lived tokens.
func (c *Client) tokenNames(ctx context.Context) ([]string, error) {
	var all []struct {
		Name string `json:"client_name"`
		Type string `json:"type"`
	}
	err := c.command(ctx, map[string]any{"type": "auth/refresh_tokens"}, &all)
	var refused *CommandError
	if errors.As(err, &refused) {
		return nil, nil // then what is taken shows when it is tried
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range all {
		if t.Type == "long_lived_access_token" {
			names = append(names, t.Name)
		}
	}
	return names, nil
}
