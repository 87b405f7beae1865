package homeassistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// What can come of a login. None of these errors holds a password, a code or a token.
var (
	// ErrNotOnboarded says that this Home Assistant has no user yet: somebody has to open it in a browser first.
	ErrNotOnboarded = errors.New("this Home Assistant is new: open it in a browser and make its first user")
	// ErrNoPasswordLogin says that this Home Assistant has no login that can be done in a terminal.
	ErrNoPasswordLogin = errors.New("this Home Assistant has no login with user name and password")
	// ErrWrongPassword says that user name or password is wrong (invalid_auth). The step is asked again.
	ErrWrongPassword = errors.New("the user name or the password is wrong")
	// ErrWrongCode says that the code of the second factor is wrong (invalid_code). The step is asked again.
	ErrWrongCode = errors.New("the code is wrong")
	// ErrTooManyCodes says that so many codes were wrong that the login begins anew (too_many_retry).
	ErrTooManyCodes = errors.New("too many wrong codes: the login has to begin anew")
	// ErrLoginExpired says that the login took too long (login_expired, or a flow that is gone) and has to begin anew.
	ErrLoginExpired = errors.New("the login took too long and has to begin anew")
	// ErrLoginBlocked says that Home Assistant lets this user not log in, or not from here, with its reason.
	ErrLoginBlocked = errors.New("this login is not allowed by Home Assistant")
	// ErrBanned says that Home Assistant answers this machine nothing more after too many wrong passwords
	// (http.ip_ban_enabled). Its ip_bans.yaml lists the address.
	ErrBanned = errors.New("this machine is banned by Home Assistant after too many wrong passwords: " +
		"take its address out of ip_bans.yaml beside Home Assistant's configuration.yaml and restart Home Assistant")
	// ErrStep says that the login is not where this answer belongs.
	ErrStep = errors.New("this is not the step the login is at")
)

// The kinds of login that a door can do.
const (
	// ProviderPassword is Home Assistant's own, by user name and password.
	ProviderPassword = "homeassistant"
	// ProviderTrusted lets machines of certain networks choose a user; it is listed only for these.
	ProviderTrusted = "trusted_networks"
	// ProviderCommand asks a program of the owner's for user name and password.
	ProviderCommand = "command_line"
)

// Provider is a way to log in.
type Provider struct {
	// Type is one of the Provider constants, or one that a terminal cannot do.
	Type string
	// ID tells several of one type apart; nil for the only one.
	ID *string
	// Name is for people.
	Name string
}

// TakesPassword says whether the provider asks for user name and password.
func (p Provider) TakesPassword() bool {
	return p.Type == ProviderPassword || p.Type == ProviderCommand
}

// Providers lists the ways to log in. It needs no token, and so tells as well whether a Home Assistant is there at all. The
// errors are ErrNotOnboarded, ErrBanned and ErrUnreachable.
func (c *Client) Providers(ctx context.Context) ([]Provider, error) {
	got, err := c.send(ctx, http.MethodGet, "/auth/providers", nil, "")
	if err != nil {
		return nil, err
	}
	if got.status != http.StatusOK {
		return nil, loginRefusal(got)
	}
	if err = got.json("/auth/providers"); err != nil {
		return nil, err
	}
	type entry struct {
		Type string  `json:"type"`
		ID   *string `json:"id"`
		Name string  `json:"name"`
	}
	var now struct {
		Providers []entry `json:"providers"`
	}
	// Before 2024 the list stood alone.
	if json.Unmarshal(got.body, &now) != nil && json.Unmarshal(got.body, &now.Providers) != nil {
		return nil, bad("/auth/providers lists no providers")
	}
	var all []Provider
	for _, e := range now.Providers {
		if e.Type != "" {
			all = append(all, Provider{Type: e.Type, ID: e.ID, Name: printable(e.Name)})
		}
	}
	if len(all) == 0 {
		return nil, bad("/auth/providers lists no providers")
	}
	return all, nil
}

// StepKind says what a login wants next.
type StepKind string

// The steps of a login.
const (
	// StepPassword wants Login.Password.
	StepPassword StepKind = "password"
	// StepUser wants Login.ChooseUser: the network is trusted, and only who it is is asked.
	StepUser StepKind = "user"
	// StepModule wants Login.ChooseModule: there are several second factors.
	StepModule StepKind = "module"
	// StepCode wants Login.Code: the second factor.
	StepCode StepKind = "code"
	// StepDone wants Login.Token.
	StepDone StepKind = "done"
)

// Step is what a login wants next.
type Step struct {
	Kind StepKind
	// Choices are the users of StepUser or the second factors of StepModule.
	Choices []Choice
	// Module is the second factor that the code of StepCode is of, for people; it may be empty.
	Module string
}

// Choice is one of several.
type Choice struct{ ID, Name string }

// Login is a login that is under way. It is used by one goroutine.
type Login struct {
	c        *Client
	clientID string
	flow     string
	step     Step
	code     string // the authorization code of StepDone
}

// Begin begins a login. The errors are ErrNotOnboarded, ErrLoginBlocked, ErrBanned and ErrUnreachable.
func (c *Client) Begin(ctx context.Context, p Provider) (*Login, Step, error) {
	l := &Login{c: c, clientID: clientID(c.base)}
	// The redirection is never followed; it has to be of the client's own origin (IndieAuth).
	body, err := json.Marshal(map[string]any{
		"client_id": l.clientID, "redirect_uri": l.clientID, "handler": []any{p.Type, p.ID}, "type": "authorize",
	})
	if err != nil {
		return nil, Step{}, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	step, err := l.advance(ctx, flowPath, body)
	if err != nil {
		return nil, Step{}, err
	}
	return l, step, nil
}

// Password answers StepPassword. It overwrites password. Beside Begin's errors there are ErrWrongPassword, after which it may
// be called again, and ErrLoginExpired.
func (l *Login) Password(ctx context.Context, username string, password []byte) (Step, error) {
	defer clear(password)
	if l.step.Kind != StepPassword {
		return l.step, ErrStep
	}
	return l.answer(ctx, []field{{"username", []byte(username)}, {"password", password}})
}

// ChooseUser answers StepUser with the id of one of its choices. The errors are Begin's and ErrLoginExpired.
func (l *Login) ChooseUser(ctx context.Context, id string) (Step, error) {
	if l.step.Kind != StepUser {
		return l.step, ErrStep
	}
	return l.answer(ctx, []field{{"user", []byte(id)}})
}

// ChooseModule answers StepModule with the id of one of its choices. The errors are Begin's and ErrLoginExpired.
func (l *Login) ChooseModule(ctx context.Context, id string) (Step, error) {
	if l.step.Kind != StepModule {
		return l.step, ErrStep
	}
	return l.answer(ctx, []field{{"multi_factor_auth_module", []byte(id)}})
}

// Code answers StepCode. It overwrites code. Beside Begin's errors there are ErrWrongCode, after which it may be called again,
// ErrTooManyCodes and ErrLoginExpired.
func (l *Login) Code(ctx context.Context, code []byte) (Step, error) {
	defer clear(code)
	if l.step.Kind != StepCode {
		return l.step, ErrStep
	}
	return l.answer(ctx, []field{{"code", code}})
}

// Step is where the login is.
func (l *Login) Step() Step { return l.step }

// Cancel gives up a login that is not done, so that Home Assistant need not remember it.
func (l *Login) Cancel(ctx context.Context) error {
	if l.flow == "" || l.step.Kind == StepDone {
		return nil
	}
	_, err := l.c.send(ctx, http.MethodDelete, flowPath+"/"+l.flow, nil, "")
	l.flow = ""
	return err
}

// clientID is the address that stands for the door in Home Assistant's list of logins. It has to be a URL (IndieAuth), whose host is a
// name or an address of a private network; Home Assistant's own fits but for a public address.
func clientID(base *url.URL) string {
	u := url.URL{Scheme: base.Scheme, Host: base.Host, Path: "/"}
	host := strings.Trim(base.Hostname(), "[]")
	if a, err := netip.ParseAddr(host); err == nil && !a.IsPrivate() && !a.IsLoopback() {
		u.Host = "doorstation.local"
	}
	return u.String()
}
