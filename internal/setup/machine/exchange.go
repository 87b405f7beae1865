package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"doorstation/internal/check"
	"doorstation/internal/probe"
	"doorstation/internal/settings"
	"doorstation/internal/setup"
)

// Chain walks the chain that doorstation check walks.
type Chain struct {
	// Options are those of the real local file.
	Options probe.Options
	// Out and Style are where and how findings are shown.
	Out   io.Writer
	Style check.Style
}

var (
	_ setup.Checker  = (*Chain)(nil)
	_ setup.Exchange = (*Chain)(nil)
)

// Check implements setup.Checker.
func (c *Chain) Check(ctx context.Context) (wrong, warnings int, err error) {
	printer := check.NewPrinter(c.Out, c.Style)
	report := check.Walk(ctx, probe.New(c.Options).Links(), c.Options.Now, printer.Show)
	return report.Errors, report.Warnings, ctx.Err()
}

// The links that registering needs, beside those that they need.
const (
	linkIntegration  = "integration"
	linkRegistration = "registration"
)

// ErrRegistration says that the door could not register.
var ErrRegistration = errors.New("the door can't register at the telephone exchange")

// Register implements setup.Exchange: check's own link, with a local file that lives as long as the trial. It holds no secret: the token
// goes beside it, and codes are left out.
func (c *Chain) Register(ctx context.Context, l settings.Local, at setup.Address, token string) (found, remedy string, err error) {
	dir, err := os.MkdirTemp("", "doorstation-setup-")
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	options, err := c.trial(dir, l, at, token)
	if err != nil {
		return "", "", err
	}
	links, err := check.Select(probe.New(options).Links(), []string{linkIntegration, linkRegistration}, nil)
	if err != nil {
		return "", "", err
	}
	report := check.Walk(ctx, links, options.Now, nil)
	if ctx.Err() != nil {
		return "", "", ctx.Err()
	}
	for _, f := range report.Findings {
		if f.Outcome == check.Error {
			return "", f.Remedy, fmt.Errorf("%w: %s: %s", ErrRegistration, f.Problem, f.Found)
		}
	}
	for _, f := range report.Of(linkRegistration) {
		if f.Outcome == check.Skipped {
			return "", "", fmt.Errorf("%w: %s", ErrRegistration, f.Found)
		}
		found = strings.TrimSpace(found + " " + f.Found)
	}
	return found, "", nil
}

// trial are the options of a walk with a local file that has what a registration needs and nothing else.
func (c *Chain) trial(dir string, l settings.Local, at setup.Address, token string) (probe.Options, error) {
	small := settings.Defaults()
	small.HomeAssistant, small.SIP = l.HomeAssistant, l.SIP
	small.HomeAssistant.URL, small.HomeAssistant.TokenFile = at.URL, ""
	small.GPIO = "simulated"
	small.Buttons = []settings.Button{{
		Name: "setup", Pin: settings.Pin{Name: "GPIO17"}, Active: "low", Pull: "up",
		Debounce: 30 * time.Millisecond, Hold: 50 * time.Millisecond, Step: 15 * time.Second, KeepRinging: true, Ring: 45 * time.Second,
	}}
	if at.Trust != nil {
		small.HomeAssistant.TLS.CAFile = filepath.Join(dir, "ca.pem")
		if err := os.WriteFile(small.HomeAssistant.TLS.CAFile, at.Trust, 0o600); err != nil {
			return probe.Options{}, err
		}
	}
	o := c.Options
	o.Config, o.StateDir, o.Socket = filepath.Join(dir, "config.yaml"), filepath.Join(dir, "state"), filepath.Join(dir, "none.sock")
	text, err := render(o.Config, nil, small)
	if err != nil {
		return probe.Options{}, err
	}
	o.Getenv = func(name string) string {
		switch name {
		case "DOORSTATION_TOKEN":
			return token
		case "CREDENTIALS_DIRECTORY":
			return ""
		}
		return c.Options.Getenv(name)
	}
	return o, os.WriteFile(o.Config, text, 0o600)
}
