package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"doorstation/internal/app"
	"doorstation/internal/gpio"
	"doorstation/internal/gpio/guard"
	"doorstation/internal/settings"
)

// guardProgram is where the package has the lock's guard as a program of its own (cmd/lock-guard), which starts sooner and needs a tenth of the
// memory. It is set by the build: -ldflags "-X main.guardProgram=…"; a build that names none does without.
var guardProgram = ""

// guardCommands are how the lock's guard is started: as a program of its own, or else as this very program, even if its file has been replaced
// meanwhile.
func guardCommands() gpio.GuardCommands {
	self := []string{"/proc/self/exe", "lock-guard"}
	if guardProgram == "" {
		return gpio.GuardCommands{self}
	}
	return gpio.GuardCommands{{guardProgram, guard.Protocol}, self}
}

// lockGuardCmd is the process that holds the lock's line for the agent. Nobody types it.
type lockGuardCmd struct {
	Device string        `required:"" help:"The chip's device file."`
	Line   int           `required:"" help:"The line's offset."`
	Active string        `required:"" enum:"low,high" help:"The level that opens."`
	Limit  time.Duration `required:"" help:"The longest time at a stretch."`
	Warm   time.Duration `help:"How long it was energised before, less what it has cooled."`
}

// Run holds the line until the agent ends.
func (c *lockGuardCmd) Run(e *env) error {
	return guardLine(guard.Config{Device: c.Device, Line: c.Line, ActiveLow: c.Active == "low", Limit: c.Limit, Warm: c.Warm}, e)
}

func guardLine(c guard.Config, e *env) error {
	debug.FreeOSMemory() // what the other commands' packages made at the start: the guard is there for as long as the door
	err := guard.Process(c, e.stdin, e.stdout)
	if errors.Is(err, guard.ErrNotTaken) {
		return toldError{err} // a line in the journal each second that the agent tries would wear the SD card out
	}
	return err
}

// urgent is what closes the lock, without what the whole command line costs: on a busy machine the lock waits for it, and the guard keeps the
// memory. nil: it is another command, or not typed as systemd and the agent do; then the whole command line sees to it.
func urgent(args []string) func(*env) error {
	if len(args) == 0 {
		return nil
	}
	switch args[0] {
	case "lock-guard":
		if c, err := guard.Parse(args[1:]); err == nil {
			return func(e *env) error { return guardLine(c, e) }
		}
	case "safe":
		c := &safeCmd{}
		flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		flags.StringVar(&c.Config, "config", defaultConfig, "")
		if flags.Parse(args[1:]) == nil && flags.NArg() == 0 {
			return c.Run
		}
	}
	return nil
}

// safeCmd is what systemd runs after the agent has ended, however it did.
type safeCmd struct{ configFlag }

// Run drives every output to its safe level.
func (c *safeCmd) Run(e *env) error {
	local, err := settings.LoadLocal(c.Config)
	if err != nil {
		return usageError{err}
	}
	if local.GPIO == "simulated" {
		_, err = fmt.Fprintln(e.stdout, "gpio is simulated: there is nothing to do")
		return err
	}
	return gpio.Safe(app.Outputs(local))
}
