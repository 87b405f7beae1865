package guard

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Protocol is what the agent and a guard that is a program of its own have to agree on: commands, answers and flags. After an upgrade an agent that
// has not ended yet may start a guard that is newer than itself; such a guard refuses to begin if its protocol is another one.
const Protocol = "1"

// Config is the line that a guard holds.
type Config struct {
	// Device is the chip's device file, Line the line's offset there.
	Device string
	Line   int
	// ActiveLow: the line is low while the lock is energised.
	ActiveLow bool
	// Limit is the longest time at a stretch; not positive: a minute.
	Limit time.Duration
	// Warm is how long the lock was energised before this guard, less what it has cooled since.
	Warm time.Duration
}

// Args are the flags that [Parse] understands.
func (c Config) Args() []string {
	active := "high"
	if c.ActiveLow {
		active = "low"
	}
	return []string{"--device", c.Device, "--line", strconv.Itoa(c.Line), "--active", active, "--limit", c.Limit.String(), "--warm", c.Warm.String()}
}

// Parse reads a guard's flags; all of them have to be there.
func Parse(args []string) (Config, error) {
	var c Config
	var active string
	flags := flag.NewFlagSet("lock-guard", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.Device, "device", "", "")
	flags.IntVar(&c.Line, "line", -1, "")
	flags.StringVar(&active, "active", "", "")
	flags.DurationVar(&c.Limit, "limit", 0, "")
	flags.DurationVar(&c.Warm, "warm", -1, "")
	if err := flags.Parse(args); err != nil {
		return Config{}, err
	}
	switch {
	case flags.NArg() > 0:
		return Config{}, fmt.Errorf("not a flag of a lock's guard: %s", strconv.Quote(flags.Arg(0)))
	case c.Device == "" || c.Line < 0 || c.Limit <= 0 || c.Warm < 0:
		return Config{}, errors.New("a lock's guard needs --device, --line, --active, --limit and --warm")
	case active != "low" && active != "high":
		return Config{}, errors.New("a lock's guard needs --active low or --active high")
	}
	c.ActiveLow = active == "low"
	return c, nil
}
