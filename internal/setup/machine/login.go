package machine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"doorstation/internal/homeassistant"
	"doorstation/internal/setup"
)

// Login implements setup.Home.
func (h *Home) Login(ctx context.Context, at setup.Address, user, password string, ask setup.Further) (setup.Made, error) {
	var made setup.Made
	err := h.ask(at, "", func(c *homeassistant.Client) error {
		grant, err := h.login(ctx, c, user, password, ask)
		made = setup.Made{Token: grant.Token, Name: grant.Name}
		return err
	})
	for _, typed := range []error{homeassistant.ErrWrongPassword, homeassistant.ErrWrongCode, homeassistant.ErrTooManyCodes} {
		if errors.Is(err, typed) {
			return made, fmt.Errorf("%w (%w)", setup.ErrLoginRefused, err)
		}
	}
	return made, err
}

func (h *Home) login(ctx context.Context, c *homeassistant.Client, user, password string, ask setup.Further) (homeassistant.Grant, error) {
	providers, err := c.Providers(ctx)
	if err != nil {
		return homeassistant.Grant{}, err
	}
	i := slices.IndexFunc(providers, homeassistant.Provider.TakesPassword)
	if i < 0 {
		return homeassistant.Grant{}, homeassistant.ErrNoPasswordLogin
	}
	login, step, err := c.Begin(ctx, providers[i])
	if err != nil {
		return homeassistant.Grant{}, err
	}
	if err = follow(ctx, login, step, user, password, ask); err != nil {
		// What is left of it Home Assistant forgets by itself after ten minutes.
		_ = login.Cancel(context.WithoutCancel(ctx))
		return homeassistant.Grant{}, err
	}
	return login.Token(ctx, h.Hostname)
}

// mostSteps bounds a login: a server that never says done is none.
const mostSteps = 12

// follow answers what the login asks, step by step.
func follow(ctx context.Context, login *homeassistant.Login, step homeassistant.Step, user, password string, ask setup.Further) error {
	wrongCode := false
	for range mostSteps {
		var err error
		var next homeassistant.Step
		switch step.Kind {
		case homeassistant.StepDone:
			return nil
		case homeassistant.StepPassword:
			next, err = login.Password(ctx, user, []byte(password))
		case homeassistant.StepCode:
			var code string
			if code, err = ask.Code(ctx, step.Module, wrongCode); err != nil {
				return err
			}
			next, err = login.Code(ctx, []byte(code))
			if wrongCode = errors.Is(err, homeassistant.ErrWrongCode); wrongCode {
				continue
			}
		case homeassistant.StepModule, homeassistant.StepUser:
			next, err = choose(ctx, login, step, ask)
		default:
			return homeassistant.ErrStep
		}
		if err != nil {
			return err
		}
		step = next
	}
	return homeassistant.ErrStep
}

// choose lets one of the second factors, or of the users, be chosen.
func choose(ctx context.Context, login *homeassistant.Login, step homeassistant.Step, ask setup.Further) (homeassistant.Step, error) {
	names := make([]string, len(step.Choices))
	for i, c := range step.Choices {
		names[i] = c.Name
	}
	i, err := ask.Which(ctx, names)
	if err != nil {
		return homeassistant.Step{}, err
	}
	if i < 0 || i >= len(step.Choices) {
		return homeassistant.Step{}, homeassistant.ErrStep
	}
	if step.Kind == homeassistant.StepUser {
		return login.ChooseUser(ctx, step.Choices[i].ID)
	}
	return login.ChooseModule(ctx, step.Choices[i].ID)
}
