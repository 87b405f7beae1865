package gpio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// The guard is a process of its own that holds the lock's line for the agent, so that the lock closes whatever becomes of the
// agent: the Raspberry Pi's kernel leaves a line driven as it was when the process that drove it dies. It switches off when its time is
// over, by its own clock, and when its standard input ends, which is when the agent ends in any way.
//
// It is told one command a line, and answers each with one line, "ok" or "error" and a reason:
//
//	on 3s    energise for so long from now, within the limit
//	off      switch off
//	ping     nothing; the line is driven anew as it is
//
// Before the first command it says whether it has taken the line.

// GuardConfig is the line that a guard holds.
type GuardConfig struct {
	// Device is the chip's device file, Line the line's offset there.
	Device string
	Line   int
	// ActiveLow: the line is low while the lock is energised.
	ActiveLow bool
	// Limit is the longest time at a stretch; not positive: a minute.
	Limit time.Duration
}

// ErrNotTaken says that a guard could not take its line. Whoever started it has been told why.
var ErrNotTaken = errors.New("gpio: the lock's line could not be taken")

// Guard holds the lock's line until in ends. It returns an error when the line could not be taken ([ErrNotTaken]), or not be switched off at last.
func Guard(c GuardConfig, in io.Reader, out io.Writer) error {
	return runGuard(c, in, out, func() (output, error) {
		fd, err := outputLine(c.Device, c.Line, c.ActiveLow)
		if err != nil {
			return nil, err
		}
		return &lineOutput{fd}, nil
	})
}

// Commands and answers of the guard.
const (
	guardOn   = "on"
	guardOff  = "off"
	guardPing = "ping"

	guardOK    = "ok"
	guardError = "error"
)

func runGuard(c GuardConfig, in io.Reader, out io.Writer, take func() (output, error)) error {
	line, err := take()
	answer(out, err)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotTaken, err)
	}
	g := &guard{line: line, activeLow: c.ActiveLow, burn: newBurn(c.Limit)}
	err = g.serve(in, out)
	return errors.Join(err, line.close())
}

// guard is the guard's only goroutine besides the one that reads.
type guard struct {
	line      output
	activeLow bool
	burn      burn
	on        bool
	until     time.Time
	failed    bool // the line may not be as wanted
}

// serve obeys until in ends; then the line is off.
func (g *guard) serve(in io.Reader, out io.Writer) error {
	commands := make(chan string)
	go func() {
		defer close(commands)
		lines := bufio.NewScanner(io.LimitReader(in, 1<<40)) // a line is 64 KiB at most
		for lines.Scan() {
			commands <- lines.Text()
		}
	}()
	for {
		t := time.NewTimer(g.rest())
		select {
		case command, open := <-commands:
			t.Stop()
			if !open {
				return g.end()
			}
			answer(out, g.obey(command))
		case <-t.C:
			// What fails is repeated: rest is short then.
			_ = g.due()
		}
	}
}

// rest is how long nothing has to be done.
func (g *guard) rest() time.Duration {
	switch {
	case g.failed:
		return hardPause
	case g.on:
		return max(0, time.Until(g.until))
	default:
		return time.Hour
	}
}

// due does what the time demands.
func (g *guard) due() error {
	if g.on && !time.Now().Before(g.until) {
		g.on = false
	}
	if g.on && !g.failed {
		return nil
	}
	return g.drive()
}

// drive makes the line what is wanted.
func (g *guard) drive() error {
	err := g.line.set(g.on != g.activeLow)
	g.failed = err != nil
	if err == nil && !g.on {
		g.burn.end(time.Now())
	}
	return err
}

func (g *guard) obey(command string) error {
	verb, rest, _ := strings.Cut(command, " ")
	switch verb {
	case guardOn:
		d, err := time.ParseDuration(rest)
		if err != nil || d <= 0 {
			return fmt.Errorf("not a length of time: %s", strconv.Quote(rest))
		}
		until, err := g.burn.begin(time.Now(), d)
		if err != nil {
			return err
		}
		g.on, g.until = true, until
		if err = g.drive(); err != nil {
			g.on = false // it may have moved all the same: failed switches it off
		}
		return err
	case guardOff:
		g.on = false
		return g.drive()
	case guardPing:
		return errors.Join(g.due(), g.drive())
	default:
		return fmt.Errorf("no such command: %s", strconv.Quote(verb))
	}
}

// end switches off, as often as it takes within a second.
func (g *guard) end() error {
	g.on = false
	var err error
	for range hardTries {
		if err = g.drive(); err == nil {
			return nil
		}
		time.Sleep(hardPause)
	}
	return err
}

// answer tells the agent. That nobody listens any more is told by the input's end.
func answer(out io.Writer, err error) {
	text := guardOK
	if err != nil {
		text = guardError + " " + strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	_, _ = fmt.Fprintln(out, text)
}

// Safe drives outputs of the machine's GPIO off, once. What another program holds, the agent for instance, is left alone and is an error,
// as is whatever else went wrong; the others are off all the same.
func Safe(outputs []OutputConfig) error {
	if len(outputs) == 0 {
		return nil
	}
	c, err := newHeader(devices, nil).open()
	if err != nil {
		return err
	}
	for _, o := range outputs {
		line, takeErr := c.output(o.Pin, o.ActiveLow)
		if takeErr == nil {
			takeErr = line.close()
		}
		if takeErr != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", o.Pin, takeErr))
		}
	}
	return err
}
