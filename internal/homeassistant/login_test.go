package homeassistant_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"doorstation/internal/homeassistant"
	"doorstation/test/lab/homestub"
)

const (
	thePassword = `correct "horse" \ bättery`
	theCode     = "123456"
)

// household is a home where Anna logs in with a password, Ben with a code besides and Cleo with one of two.
func household(o homestub.Options) homestub.Options {
	app := homestub.Factor{ID: "totp", Name: "Authenticator app", Code: theCode}
	o.Accounts = []homestub.Account{
		{Username: "anna", Password: thePassword, User: homestub.User{ID: "u-anna", Name: "Anna", IsAdmin: true}},
		{Username: "ben", Password: thePassword, User: homestub.User{ID: "u-ben", Name: "Ben"}, Factors: []homestub.Factor{app}},
		{
			Username: "cleo", Password: thePassword, User: homestub.User{ID: "u-cleo", Name: "Cleo"},
			Factors: []homestub.Factor{app, {ID: "notify", Name: "Notify\x1b[2J", Code: "654321"}},
		},
		{Username: "dan", Password: thePassword, User: homestub.User{ID: "u-dan", Name: "Dan"}, Blocked: "User is not active"},
	}
	return o
}

// door is a client without a token, and what it logs.
func door(t *testing.T, o homestub.Options) (*homestub.Server, *homeassistant.Client, string, *bytes.Buffer) {
	t.Helper()
	stub := homestub.New(household(o))
	server := httptest.NewServer(stub)
	t.Cleanup(func() { stub.Close(); server.Close() })
	c, logged := newClient(t, homeassistant.Options{URL: server.URL})
	return stub, c, server.URL, logged
}

// begin begins a login with user name and password.
func begin(t *testing.T, c *homeassistant.Client) *homeassistant.Login {
	t.Helper()
	providers, err := c.Providers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range providers {
		if p.TakesPassword() {
			l, step, beginErr := c.Begin(t.Context(), p)
			if beginErr != nil || step.Kind != homeassistant.StepPassword {
				t.Fatalf("a login begins with %+v, %v", step, beginErr)
			}
			return l
		}
	}
	t.Fatalf("no login with a password among %+v", providers)
	return nil
}

// TestALoginMakesAToken: user name and password become a token that is listed under the door's name, asks for the settings, and
// leaves no other one behind; neither password nor token is logged.
func TestALoginMakesAToken(t *testing.T) {
	stub, c, url, logged := door(t, homestub.Options{SIPCore: map[string]any{"sip_video": true}})
	l := begin(t, c)
	password := []byte(thePassword)
	step, err := l.Password(t.Context(), " Anna", password)
	if err != nil || step.Kind != homeassistant.StepDone {
		t.Fatalf("the password leads to %+v, %v", step, err)
	}
	if strings.Trim(string(password), "\x00") != "" {
		t.Error("the password is still in memory")
	}
	grant, err := l.Token(t.Context(), "porch")
	if err != nil {
		t.Fatal(err)
	}
	if want := (homeassistant.User{ID: "u-anna", Name: "Anna", IsAdmin: true}); grant.User != want || grant.Name != "doorstation porch" {
		t.Errorf("the token is of %+v and called %q", grant.User, grant.Name)
	}
	tokens := stub.Tokens()
	if len(tokens) != 1 || tokens[0].Name != "doorstation porch" || tokens[0].Access != grant.Token {
		t.Errorf("Home Assistant has %+v", tokens)
	}
	if stub.Flows() != 0 {
		t.Error("the login is still under way")
	}
	d, _ := newClient(t, homeassistant.Options{URL: url, Token: grant.Token})
	if raw, configErr := d.SIPCoreConfig(t.Context()); configErr != nil || !strings.Contains(string(raw), "sip_video") {
		t.Errorf("with the token: %s, %v", raw, configErr)
	}
	shown := fmt.Sprintf("%v %+v %#v %s", grant, grant, grant, logged)
	for _, secret := range []string{thePassword, "horse", grant.Token} {
		if strings.Contains(shown, secret) {
			t.Errorf("%q is shown in %s", secret, shown)
		}
	}
	if _, err = l.Token(t.Context(), "porch"); !errors.Is(err, homeassistant.ErrStep) {
		t.Errorf("a second token of one login: %v", err)
	}
}

// TestWrongPasswords: they are told, tried again, and end in a ban where there is one.
func TestWrongPasswords(t *testing.T) {
	_, c, _, logged := door(t, homestub.Options{BanAfter: 3})
	l := begin(t, c)
	for range 2 {
		step, err := l.Password(t.Context(), "anna", []byte("swordfish"))
		if !errors.Is(err, homeassistant.ErrWrongPassword) || step.Kind != homeassistant.StepPassword {
			t.Fatalf("a wrong password leads to %+v, %v", step, err)
		}
	}
	if step, err := l.Password(t.Context(), "anna", []byte(thePassword)); err != nil || step.Kind != homeassistant.StepDone {
		t.Fatalf("then the right one leads to %+v, %v", step, err)
	}
	l = begin(t, c)
	for range 3 {
		if _, err := l.Password(t.Context(), "nobody", []byte("swordfish")); !errors.Is(err, homeassistant.ErrWrongPassword) {
			t.Fatalf("a wrong user leads to %v", err)
		}
	}
	if _, err := l.Password(t.Context(), "anna", []byte(thePassword)); !errors.Is(err, homeassistant.ErrBanned) {
		t.Errorf("after too many: %v", err)
	}
	if _, err := c.Providers(t.Context()); !errors.Is(err, homeassistant.ErrBanned) {
		t.Errorf("who is banned is told %v", err)
	}
	if strings.Contains(logged.String(), "swordfish") {
		t.Errorf("the password is logged: %s", logged)
	}
}

// TestSecondFactors: one is asked for at once, of several one is chosen; wrong codes are told, and end the login after a few.
func TestSecondFactors(t *testing.T) {
	stub, c, _, _ := door(t, homestub.Options{})
	l := begin(t, c)
	step, err := l.Password(t.Context(), "ben", []byte(thePassword))
	if err != nil || step.Kind != homeassistant.StepCode || step.Module != "Authenticator app" {
		t.Fatalf("the password leads to %+v, %v", step, err)
	}
	if step, err = l.Code(t.Context(), []byte("000000")); !errors.Is(err, homeassistant.ErrWrongCode) || step.Kind != homeassistant.StepCode {
		t.Fatalf("a wrong code leads to %+v, %v", step, err)
	}
	if _, err = l.Password(t.Context(), "ben", []byte(thePassword)); !errors.Is(err, homeassistant.ErrStep) {
		t.Errorf("a password in place of a code: %v", err)
	}
	if step, err = l.Code(t.Context(), []byte(theCode)); err != nil || step.Kind != homeassistant.StepDone {
		t.Fatalf("the right code leads to %+v, %v", step, err)
	}
	if grant, tokenErr := l.Token(t.Context(), "porch"); tokenErr != nil || grant.User.Name != "Ben" {
		t.Errorf("the token: %v, %v", grant, tokenErr)
	}

	l = begin(t, c)
	step, err = l.Password(t.Context(), "cleo", []byte(thePassword))
	if err != nil || step.Kind != homeassistant.StepModule || len(step.Choices) != 2 || step.Choices[1].Name != "Notify[2J" {
		t.Fatalf("two factors lead to %+v, %v", step, err)
	}
	if step, err = l.ChooseModule(t.Context(), step.Choices[1].ID); err != nil || step.Kind != homeassistant.StepCode {
		t.Fatalf("the chosen one leads to %+v, %v", step, err)
	}
	if step, err = l.Code(t.Context(), []byte("654321")); err != nil || step.Kind != homeassistant.StepDone {
		t.Fatalf("its code leads to %+v, %v", step, err)
	}

	l = begin(t, c)
	if _, err = l.Password(t.Context(), "ben", []byte(thePassword)); err != nil {
		t.Fatal(err)
	}
	for errors.Is(err, homeassistant.ErrWrongCode) || err == nil {
		_, err = l.Code(t.Context(), []byte("000000"))
	}
	if !errors.Is(err, homeassistant.ErrTooManyCodes) {
		t.Errorf("many wrong codes end with %v", err)
	}
	if _, err = l.Code(t.Context(), []byte(theCode)); !errors.Is(err, homeassistant.ErrLoginExpired) {
		t.Errorf("after the end: %v", err)
	}
	if stub.Flows() != 0 {
		t.Errorf("%d logins are under way", stub.Flows())
	}
}

// TestATrustedNetwork: where no password is asked, it is chosen who it is.
func TestATrustedNetwork(t *testing.T) {
	_, c, _, _ := door(t, homestub.Options{Trusted: true})
	providers, err := c.Providers(t.Context())
	if err != nil || len(providers) != 2 || providers[0].Type != homeassistant.ProviderTrusted {
		t.Fatalf("the ways to log in are %+v, %v", providers, err)
	}
	l, step, err := c.Begin(t.Context(), providers[0])
	if err != nil || step.Kind != homeassistant.StepUser || len(step.Choices) != 4 || step.Choices[0].Name != "Anna" {
		t.Fatalf("it begins with %+v, %v", step, err)
	}
	if step, err = l.ChooseUser(t.Context(), "u-ben"); err != nil || step.Kind != homeassistant.StepDone {
		t.Fatalf("the user leads to %+v, %v", step, err)
	}
	if grant, tokenErr := l.Token(t.Context(), "porch"); tokenErr != nil || grant.User.Name != "Ben" {
		t.Errorf("the token: %v, %v", grant, tokenErr)
	}
}

// TestLoginsThatEnd: a login that took too long, one that is not allowed, and a home that is new.
func TestLoginsThatEnd(t *testing.T) {
	stub, c, _, _ := door(t, homestub.Options{})
	l := begin(t, c)
	stub.DropFlows()
	if _, err := l.Password(t.Context(), "anna", []byte(thePassword)); !errors.Is(err, homeassistant.ErrLoginExpired) {
		t.Errorf("a login that is gone: %v", err)
	}
	l = begin(t, c)
	if err := l.Cancel(t.Context()); err != nil || stub.Flows() != 0 {
		t.Errorf("a login that is given up: %v, %d are left", err, stub.Flows())
	}
	l = begin(t, c)
	if _, err := l.Password(t.Context(), "dan", []byte(thePassword)); !errors.Is(err, homeassistant.ErrLoginBlocked) ||
		!strings.Contains(err.Error(), "User is not active") {
		t.Errorf("a user that is not active: %v", err)
	}
	stub.Set(func(o *homestub.Options) { o.NotOnboarded = true })
	if _, err := c.Providers(t.Context()); !errors.Is(err, homeassistant.ErrNotOnboarded) {
		t.Errorf("a new home: %v", err)
	}
}

// TestEachTokenHasAName: a second door of the same name gets a number, also where the list of names cannot be read.
func TestEachTokenHasAName(t *testing.T) {
	stub, c, _, _ := door(t, homestub.Options{})
	for _, want := range []string{"doorstation porch", "doorstation porch 2", "doorstation porch 3"} {
		l := begin(t, c)
		if _, err := l.Password(t.Context(), "anna", []byte(thePassword)); err != nil {
			t.Fatal(err)
		}
		grant, err := l.Token(t.Context(), "porch\n")
		if err != nil || grant.Name != want {
			t.Errorf("the token is called %q, %v; expected %q", grant.Name, err, want)
		}
	}
	if n := len(stub.Tokens()); n != 3 {
		t.Errorf("Home Assistant has %d tokens", n)
	}
}

// TestALoginGivenUpLeavesNoToken: the person presses Ctrl-C while the token is made; the login's own is revoked all the same.
func TestALoginGivenUpLeavesNoToken(t *testing.T) {
	stub := homestub.New(household(homestub.Options{}))
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/websocket" {
			cancel()
		}
		stub.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { stub.Close(); server.Close() })
	c, _ := newClient(t, homeassistant.Options{URL: server.URL})
	l := begin(t, c)
	if _, err := l.Password(ctx, "anna", []byte(thePassword)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Token(ctx, "porch"); !errors.Is(err, context.Canceled) {
		t.Errorf("the token: %v", err)
	}
	if tokens := stub.Tokens(); len(tokens) != 0 {
		t.Errorf("Home Assistant has %+v", tokens)
	}
}

// TestStrangersThatAnswerALogin: whatever answers, it is told as what it is, and nothing of it disturbs a terminal.
func TestStrangersThatAnswerALogin(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"a router's page":   {200, "<html>login", homeassistant.ErrBadAnswer},
		"a file server":     {404, "not found", homeassistant.ErrBadAnswer},
		"nothing":           {200, "", homeassistant.ErrBadAnswer},
		"other JSON":        {200, `"hello"`, homeassistant.ErrBadAnswer},
		"an odd list":       {200, `{"providers": [{"type": ""}]}`, homeassistant.ErrBadAnswer},
		"a proxy's error":   {502, "bad gateway", homeassistant.ErrUnreachable},
		"an error":          {500, "{}", homeassistant.ErrUnreachable},
		"a ban":             {403, "403: Forbidden", homeassistant.ErrBanned},
		"an odd complaint":  {400, `{"message": "no \u001b[31m way"}`, homeassistant.ErrLoginBlocked},
		"a list as of 2023": {200, `[{"type": "homeassistant", "id": null, "name": "Local"}]`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			t.Cleanup(server.Close)
			d, _ := newClient(t, homeassistant.Options{URL: server.URL})
			if _, err := d.Providers(t.Context()); !errors.Is(err, c.want) || err != nil && strings.Contains(err.Error(), "\x1b") {
				t.Errorf("the ways to log in: %v", err)
			}
		})
	}
	for name, body := range map[string]string{
		"a step of another kind":  `{"type": "external", "flow_id": "a"}`,
		"a form of other fields":  `{"type": "form", "flow_id": "a", "step_id": "init", "data_schema": [{"name": "pin"}]}`,
		"a form without id":       `{"type": "form", "flow_id": "", "step_id": "init", "data_schema": [{"name": "code"}]}`,
		"an id without an end":    `{"type": "form", "flow_id": "` + strings.Repeat("a", 201) + `", "step_id": "init", "data_schema": [{"name": "code"}]}`,
		"an id that is a path":    `{"type": "form", "flow_id": "../../api", "step_id": "init", "data_schema": [{"name": "code"}]}`,
		"an end without code":     `{"type": "create_entry", "result": null}`,
		"fields of another shape": `{"type": "form", "flow_id": "a", "data_schema": {"a": 1}}`,
		"an abort":                `{"type": "abort", "reason": "\u001b]0;owned"}`,
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
			t.Cleanup(server.Close)
			d, _ := newClient(t, homeassistant.Options{URL: server.URL})
			_, _, err := d.Begin(t.Context(), homeassistant.Provider{Type: homeassistant.ProviderPassword})
			if err == nil || strings.ContainsRune(err.Error(), '\x1b') {
				t.Errorf("the login begins with %v", err)
			}
		})
	}
}
