package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"

	"doorstation/internal/app"
	"doorstation/internal/control"
	"doorstation/internal/settings"
)

// Exit statuses.
const (
	exitOK = 0
	// exitFailed: the command could not do its work.
	exitFailed = 1
	// exitUsage: the command line or the local file is wrong; a restart would not help, and systemd is told so by this number. It is
	// EX_CONFIG of sysexits.h(3head): 2, which programs usually end with, is Go's own after a panic or the watchdog's SIGABRT.
	exitUsage = 78
)

// cli is the command line.
type cli struct {
	Setup   setupCmd   `cmd:"" help:"Set this machine up as a door station: find Home Assistant, camera, sound and pins, and write the local file."`
	Run     runCmd     `cmd:"" help:"Run the door station until it is stopped."`
	Press   pressCmd   `cmd:"" help:"Press the bell: the running agent rings the household as if the button had been pressed."`
	Status  statusCmd  `cmd:"" help:"Show what the running agent does, and every fault with its remedy."`
	Visits  visitsCmd  `cmd:"" help:"Show the last visits, since the agent's start: when, who was called, who answered, who opened the door."`
	Check   checkCmd   `cmd:"" help:"Walk the chain from the local file to the picture, and say what is wrong and what to do."`
	Version versionCmd `cmd:"" help:"Print the version."`
	Lock    lockCmd    `cmd:"" help:"Open the door (open), hold it open for at most lock.max_open (hold), let nothing open it (block), end both (release)."`
	Alarm   alarmCmd   `cmd:"" help:"Clear the alarms of door, tamper switch and wrong codes, after somebody has looked after them."`
	Page    pageCmd    `cmd:"" help:"The status page that the local file's page.listen serves."`
	Code    codeCmd    `cmd:"" help:"The codes of persons, in the file named by lock.codes_file."`
	Safe    safeCmd    `cmd:"" help:"Drive the lock, the light and the LEDs to their safe level; the agent must not run."`
	Mute    muteCmd    `cmd:"" help:"Mute the microphone or the loudspeaker for the call that is up; it ends with the call."`
	Volume  volumeCmd  `cmd:"" help:"Change the loudspeaker's volume for the call that is up; it ends with the call."`
	Restart restartCmd `cmd:"" help:"Restart the running agent as soon as no call is up."`

	LockGuard lockGuardCmd `cmd:"" hidden:"" help:"Hold the lock's line for the agent."`

	Completion kongcompletion.Completion `cmd:"" help:"Print how the shell completes doorstation's commands."`
	Man        manCmd                    `cmd:"" hidden:"" help:"Print the manual page."`
}

// env is what every command may use of its surroundings.
type env struct {
	ctx            context.Context
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
}

type configFlag struct {
	Config string `help:"The local file (default: ${default})." default:"/etc/doorstation/config.yaml" placeholder:"FILE"`
}

type socketFlag struct {
	Socket string `help:"The agent's control socket (default: in the runtime directory)." placeholder:"PATH"`
}

func (s socketFlag) path(e *env) string {
	if s.Socket != "" {
		return s.Socket
	}
	return control.DefaultSocket(e.getenv)
}

type runCmd struct {
	configFlag
	socketFlag
	stateFlag
}

type stateFlag struct {
	StateDir string `help:"Where the last good settings are kept (default: in the state directory)." placeholder:"DIR"`
}

func (s stateFlag) dir(e *env) string {
	if s.StateDir != "" {
		return s.StateDir
	}
	return settings.DefaultStateDir(e.getenv)
}

// Run starts the agent.
func (c *runCmd) Run(e *env) error {
	local, err := settings.LoadLocal(c.Config)
	if err != nil {
		return usageError{err}
	}
	log, err := newLogger(e.stderr, local.Log, toJournal())
	if err != nil {
		return usageError{err}
	}
	return app.Run(e.ctx, app.Options{
		Local: local, Socket: c.path(e), StateDir: c.dir(e), Version: version, Log: log, Getenv: e.getenv, Now: time.Now,
		Service: service(e.getenv), Guard: guardCommands(),
	})
}

type pressCmd struct {
	socketFlag
	Button string `arg:"" optional:"" help:"Name of the button; the first one of the local file when left out."`
}

// Run presses the bell of the running agent.
func (c *pressCmd) Run(e *env) error {
	reply, err := control.NewClient(c.path(e)).Press(e.ctx, c.Button)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "pressed %s (press %d)\n", reply.Button, reply.ID)
	return err
}

type statusCmd struct {
	socketFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints the status of the running agent.
func (c *statusCmd) Run(e *env) error {
	s, err := control.NewClient(c.path(e)).Status(e.ctx)
	if err != nil {
		return err
	}
	if !c.JSON {
		_, err = fmt.Fprint(e.stdout, s.Text())
		return err
	}
	enc := json.NewEncoder(e.stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(s)
}

type restartCmd struct{ socketFlag }

// Run asks the agent to end when it is idle; the service manager starts it again.
func (c *restartCmd) Run(e *env) error {
	reply, err := control.NewClient(c.path(e)).Restart(e.ctx)
	if err != nil {
		return err
	}
	text := "doorstation restarts"
	if reply.Waiting {
		text = "doorstation restarts when the call that is up has ended"
	}
	_, err = fmt.Fprintln(e.stdout, text)
	return err
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(e *env) error {
	_, err := fmt.Fprintln(e.stdout, version)
	return err
}

// usageError is an error that a restart would not mend.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// toldError is an error that whoever has to know has been told.
type toldError struct{ error }

func (t toldError) Unwrap() error { return t.error }

// statusError is an exit status that has been explained already.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// execute runs the command line and returns the exit status.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	e := &env{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, getenv: getenv}
	if run := urgent(args); run != nil {
		return finish(stderr, run(e))
	}
	var commands cli
	status, exited := 0, false
	parser, err := kong.New(&commands,
		kong.Name("doorstation"),
		kong.Description("A front-door station for Home Assistant: rings the household's tablets and phones, shows the visitor, talks, opens the door."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { status, exited = code, true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return complain(stderr, err, exitFailed)
	}
	kongcompletion.Register(parser, kongcompletion.WithExitFunc(func(code int) { status, exited = code, true }))
	if exited { // the shell has been told
		return status
	}
	parsed, err := parser.Parse(args)
	if exited { // --help has been printed
		return status
	}
	if err != nil {
		return complain(stderr, err, exitUsage)
	}
	return finish(stderr, parsed.Run(e))
}

// finish prints what a command came to, if it has not been told, and gives the exit status.
func finish(stderr io.Writer, err error) int {
	var usage usageError
	var told toldError
	var found statusError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &told):
		return exitFailed
	case errors.As(err, &found):
		return int(found)
	case errors.As(err, &usage):
		return complain(stderr, err, exitUsage)
	default:
		return complain(stderr, err, exitFailed)
	}
}

// complain prints an error and returns the exit status. Where nothing can be printed the status still says what it was.
func complain(stderr io.Writer, err error, status int) int {
	_, _ = fmt.Fprintf(stderr, "doorstation: %v\n", err)
	return status
}
