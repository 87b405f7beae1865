package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"doorstation/internal/app"
	"doorstation/internal/gpio"
	"doorstation/internal/settings"
)

// guardCommand is how the agent starts its lock's guard: this very program.
func guardCommand() []string {
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	return []string{program, "lock-guard"}
}

// lockGuardCmd is the process that holds the lock's line for the agent. Nobody types it.
type lockGuardCmd struct {
	Device string        `required:"" help:"The chip's device file."`
	Line   int           `required:"" help:"The line's offset."`
	Active string        `required:"" enum:"low,high" help:"The level that opens."`
	Limit  time.Duration `required:"" help:"The longest time at a stretch."`
}

// Run holds the line until the agent ends. systemd and a terminal tell all processes to end at once: the guard has to be the last.
func (c *lockGuardCmd) Run(e *env) error {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	debug.FreeOSMemory() // what the other commands' packages made at the start: the guard is there for as long as the door
	err := gpio.Guard(gpio.GuardConfig{Device: c.Device, Line: c.Line, ActiveLow: c.Active == "low", Limit: c.Limit}, e.stdin, e.stdout)
	if errors.Is(err, gpio.ErrNotTaken) {
		return toldError{err} // a line in the journal each second that the agent tries would wear the SD card out
	}
	return err
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
