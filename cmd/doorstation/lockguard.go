package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
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
// The watchdog's SIGABRT goes to all processes, too; it says that the agent hangs, which would not close the lock any more.
func (c *lockGuardCmd) Run(e *env) error {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	abort := make(chan os.Signal, 1)
	signal.Notify(abort, syscall.SIGABRT)
	defer signal.Stop(abort)
	debug.FreeOSMemory() // what the other commands' packages made at the start: the guard is there for as long as the door
	err := gpio.Guard(gpio.GuardConfig{Device: c.Device, Line: c.Line, ActiveLow: c.Active == "low", Limit: c.Limit}, untilSignal(e.stdin, abort), e.stdout)
	if errors.Is(err, gpio.ErrNotTaken) {
		return toldError{err} // a line in the journal each second that the agent tries would wear the SD card out
	}
	return err
}

// untilSignal is in, which ends early when there is a signal. Whoever waits for in itself is left behind then, to the end of the process.
func untilSignal(in io.Reader, signals <-chan os.Signal) io.Reader {
	r, w := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, err := io.Copy(w, in)
		_ = w.CloseWithError(err) // never fails
	}()
	go func() {
		select {
		case <-signals:
			_ = w.Close() // never fails
		case <-ended:
		}
	}()
	return r
}

// urgent is what closes the lock, without what the whole command line costs: on a busy machine the lock waits for it, and the guard keeps the
// memory. nil: it is another command, or not typed as systemd and the agent do; then the whole command line sees to it.
func urgent(args []string) func(*env) error {
	if len(args) == 0 {
		return nil
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	switch args[0] {
	case "lock-guard":
		c := &lockGuardCmd{}
		flags.StringVar(&c.Device, "device", "", "")
		flags.IntVar(&c.Line, "line", -1, "")
		flags.StringVar(&c.Active, "active", "", "")
		flags.DurationVar(&c.Limit, "limit", 0, "")
		if flags.Parse(args[1:]) == nil && flags.NArg() == 0 && c.Device != "" && c.Line >= 0 && (c.Active == "low" || c.Active == "high") && c.Limit > 0 {
			return c.Run
		}
	case "safe":
		c := &safeCmd{}
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
