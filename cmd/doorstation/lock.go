package main

import (
	"fmt"

	"doorstation/internal/control"
)

type lockCmd struct {
	socketFlag
	Order string `arg:"" enum:"open,hold,release,block" help:"open, hold, release or block."`
}

// Run gives the running agent an order for the lock.
func (c *lockCmd) Run(e *env) error {
	if err := control.NewClient(c.path(e)).Lock(e.ctx, c.Order); err != nil {
		return err
	}
	_, err := fmt.Fprintln(e.stdout, map[string]string{
		"open": "the lock is open", "hold": "the lock is held open", "release": "codes open the door", "block": "nothing opens the door",
	}[c.Order])
	return err
}

type alarmCmd struct {
	Clear alarmClearCmd `cmd:"" help:"Clear the alarms."`
}

type alarmClearCmd struct{ socketFlag }

// Run clears the running agent's alarms.
func (c *alarmClearCmd) Run(e *env) error {
	if err := control.NewClient(c.path(e)).ClearAlarms(e.ctx); err != nil {
		return err
	}
	_, err := fmt.Fprintln(e.stdout, "the alarms are cleared")
	return err
}
