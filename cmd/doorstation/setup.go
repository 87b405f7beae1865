package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"doorstation/internal/probe"
	"doorstation/internal/settings"
	"doorstation/internal/setup"
	"doorstation/internal/setup/machine"
	console "doorstation/internal/setup/terminal"
)

// defaultConfig is the service's local file.
const defaultConfig = "/etc/doorstation/config.yaml"

// setupCmd is the way from an unknown machine to a door that rings. No flag takes a secret: the list of processes shows command lines.
type setupCmd struct {
	configFlag
	socketFlag
	stateFlag
	Unattended bool `help:"Ask nothing: what is not said here stays as it is, and what is missing is an error."`
	DryRun     bool `help:"Write nothing and start nothing: print the local file."`
	Plain      bool `help:"Ask by numbered lines, without arrow keys and colours."`

	HomeAssistant string `placeholder:"URL" help:"The address of Home Assistant (default: found in the network)."`
	CAFile        string `name:"ca-file" placeholder:"FILE" help:"The certificate authority of Home Assistant's https address (PEM)."`
	TokenFile     string `placeholder:"FILE" help:"A file that holds the access token; - is the standard input. Without it, the environment's DOORSTATION_TOKEN."`

	Extension string        `placeholder:"NUMBER" help:"The door's extension among SIP Core's users (default: the one that belongs to the token's user)."`
	Call      []string      `placeholder:"NUMBER" help:"The extensions that ring (comma between them)."`
	Ring      time.Duration `placeholder:"45s" help:"How long it rings."`

	Camera string `placeholder:"CAMERA" help:"auto, none, test, rpicam, or a USB camera by its file or a part of its name."`
	Sound  string `placeholder:"DEVICE" help:"auto, none, test, or a sound device by its name or a part of it."`

	Button       []string `placeholder:"PIN" help:"The bell button's pin, such as GPIO17 or gpiochip0:17 (comma between several)."`
	ButtonName   string   `placeholder:"NAME" help:"What the first button is called."`
	ButtonActive string   `enum:",low,high" default:"" placeholder:"LEVEL" help:"The level of a pressed button: low (to ground) or high (to 3.3 V)."`
	Simulated    bool     `help:"No pins: the bell is pressed with doorstation press."`

	Lock          string `placeholder:"PIN" xor:"lock" help:"The pin of the relay that opens the door."`
	NoLock        bool   `xor:"lock" help:"Nothing opens the door."`
	LockActive    string `enum:",low,high" default:"" placeholder:"LEVEL" help:"The level that opens: low or high."`
	CodeFromPopup bool   `help:"The digits that open are those of the dtmf buttons in SIP Core's popup."`
	CodeFile      string `placeholder:"FILE" help:"A file with the digits that open, a code a line; - is the standard input."`
	Light         string `placeholder:"PIN" xor:"light" help:"The pin of the bell's light."`
	NoLight       bool   `xor:"light" help:"There is no light."`
	LightActive   string `enum:",low,high" default:"" placeholder:"LEVEL" help:"The level of a lit light: low or high."`

	Start bool `help:"With --unattended: start the service, now and whenever the machine starts."`
}

var (
	errNeedsRoot = errors.New("setup writes " + defaultConfig + " and starts the service: run it with sudo, " +
		"or name a local file of your own with --config")
	errNeedsTerminal = errors.New("setup asks questions and needs a terminal; without one, say everything with flags and --unattended")
	errStdinTwice    = errors.New("the standard input can't be both the token and the codes")
)

// Run has the conversation, or does without.
func (c *setupCmd) Run(e *env) (err error) {
	if os.Geteuid() != 0 && c.Config == defaultConfig && !c.DryRun {
		return usageError{errNeedsRoot}
	}
	given, err := c.given(e)
	if err != nil {
		return usageError{err}
	}
	person, err := c.person(e)
	if err != nil {
		return usageError{err}
	}
	// A connection that drops sends SIGHUP; it ends the setup as Ctrl-C does, and so does Ctrl-\: the terminal is to be as it was, and the agent to run.
	ctx, stop := signal.NotifyContext(e.ctx, syscall.SIGHUP, syscall.SIGQUIT)
	defer stop()
	// A pipe that nobody reads any more would end the process at once; its writing fails instead, and ends the conversation. Nobody takes the signal.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	defer signal.Stop(pipe)
	files := &machine.Files{Config: c.Config, Getenv: e.getenv}
	defer func() { err = errors.Join(err, files.Close()) }()

	hostname, hostErr := os.Hostname()
	if hostErr != nil {
		hostname = "door" // a machine without a name has a door all the same
	}
	chain := &machine.Chain{Out: e.stdout, Style: style(e), Options: probe.Options{
		Config: c.Config, StateDir: c.dir(e), Socket: c.path(e), Version: version, Getenv: e.getenv, Now: time.Now,
	}}
	err = setup.Run(ctx, setup.Parts{
		Person: person, Files: files, Exchange: chain, Checker: chain,
		Home:     &machine.Home{Hostname: hostname},
		Hardware: &machine.Hardware{Guard: guardCommands()},
		Agent:    &machine.Agent{Socket: c.path(e), Own: c.Config != defaultConfig || os.Geteuid() != 0},
	}, setup.Options{Given: given, Unattended: c.Unattended, DryRun: c.DryRun})
	switch {
	case errors.Is(err, setup.ErrMissing):
		return usageError{err}
	case errors.Is(err, setup.ErrStopped):
		return toldError{err}
	}
	return err
}

// person is who answers.
func (c *setupCmd) person(e *env) (setup.Person, error) {
	if c.Unattended {
		return setup.Unattended{Show: func(style setup.Style, text string) { c.tell(e, style, text) }}, nil
	}
	in, ok := e.stdin.(*os.File)
	out, isFile := e.stdout.(*os.File)
	if !ok || !isFile {
		return nil, errNeedsTerminal
	}
	able := console.Look(in, out, e.getenv)
	if c.Plain {
		able.Keys, able.Colours = false, 0
	}
	return console.New(in, out, able, os.Environ()), nil
}

// tell prints what an unattended setup has to say: the local file of a dry run alone on the standard output, for a program to take.
func (c *setupCmd) tell(e *env, style setup.Style, text string) {
	out := e.stdout
	if c.DryRun && style != setup.Copy {
		out = e.stderr
	}
	if style == setup.Faint || style == setup.Heading {
		return
	}
	// Where nothing can be printed the status still says how it went.
	_, _ = fmt.Fprintln(out, strings.TrimRight(text, "\n"))
}

// given is what was said on the command line, and in the files that it names.
func (c *setupCmd) given(e *env) (setup.Given, error) {
	g := setup.Given{
		HomeAssistant: c.HomeAssistant, Extension: c.Extension, Call: c.Call, Ring: c.Ring,
		ButtonName: c.ButtonName, ButtonActive: c.ButtonActive, LockActive: c.LockActive, LightActive: c.LightActive,
		NoLock: c.NoLock, NoLight: c.NoLight, CodeFromPopup: c.CodeFromPopup, Camera: c.Camera, Sound: c.Sound,
		Simulated: c.Simulated, Start: c.Start,
	}
	if c.TokenFile == "-" && c.CodeFile == "-" {
		return g, errStdinTwice
	}
	var err error
	for _, p := range []struct {
		text string
		into **settings.Pin
	}{{c.Lock, &g.Lock}, {c.Light, &g.Light}} {
		if p.text == "" {
			continue
		}
		pin, pinErr := setup.ParsePin(p.text)
		*p.into, err = &pin, errors.Join(err, pinErr)
	}
	for _, text := range c.Button {
		pin, pinErr := setup.ParsePin(text)
		g.Buttons, err = append(g.Buttons, pin), errors.Join(err, pinErr)
	}
	if c.CAFile != "" {
		var caErr error
		g.Trust, caErr = os.ReadFile(c.CAFile)
		err = errors.Join(err, caErr)
	}
	if c.CodeFile != "" {
		text, codeErr := c.secret(e, c.CodeFile)
		g.Codes, err = strings.Fields(strings.ToUpper(text)), errors.Join(err, codeErr)
	}
	token, tokenErr := c.token(e)
	g.Token = token
	return g, errors.Join(err, tokenErr)
}

// token is what was handed over; empty: nothing was.
func (c *setupCmd) token(e *env) (string, error) {
	if c.TokenFile == "" || c.TokenFile == "-" {
		getenv := e.getenv
		if c.TokenFile == "-" {
			text, err := c.secret(e, "-")
			if err != nil {
				return "", err
			}
			getenv = func(name string) string { return map[string]string{"DOORSTATION_TOKEN": text}[name] }
		}
		token, err := settings.ReadToken(settings.Local{}, getenv)
		if errors.Is(err, settings.ErrNoToken) && c.TokenFile == "" && getenv("DOORSTATION_TOKEN") == "" {
			return "", nil
		}
		return token, err
	}
	l := settings.Local{HomeAssistant: settings.HomeAssistant{TokenFile: c.TokenFile}}
	return settings.ReadToken(l, func(string) string { return "" })
}

// mostSecret bounds what is read of a secret, in bytes.
const mostSecret = 16 << 10

// secret reads a file or the standard input.
func (c *setupCmd) secret(e *env, name string) (text string, err error) {
	in := e.stdin
	if name != "-" {
		file, openErr := os.Open(name)
		if openErr != nil {
			return "", openErr
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, mostSecret))
	return strings.TrimSpace(string(data)), err
}
