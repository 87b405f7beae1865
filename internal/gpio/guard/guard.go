// Package guard is the process that holds the lock's line for the agent, so that the lock closes whatever becomes of the
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
//
// The guard is there for as long as the door and does next to nothing: the package imports little, so that a program with nothing but a guard
// (cmd/lock-guard) starts at once and needs little memory.
package guard

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"doorstation/internal/gpio/uapi"
)

// ErrNotTaken says that a guard could not take its line. Whoever started it has been told why.
var ErrNotTaken = errors.New("gpio: the lock's line could not be taken")

// Commands and answers of the guard. Whoever changes them, what they mean or the flags, changes [Protocol].
const (
	On   = "on"
	Off  = "off"
	Ping = "ping"

	OK    = "ok"
	Error = "error"
)

const (
	// HardPause and HardTries: a write that failed is repeated this often, first quickly, because a lock may stand open.
	HardPause = 50 * time.Millisecond
	HardTries = 20
)

// Line is a line that is driven.
type Line interface {
	Set(high bool) error
	Close() error
}

// Run holds the lock's line until in ends. It returns an error when the line could not be taken ([ErrNotTaken]), or not be switched off at last.
func Run(c Config, in io.Reader, out io.Writer) error {
	return Hold(c, in, out, func() (Line, error) { return uapi.TakeOutput(c.Device, c.Line, c.ActiveLow) })
}

// Hold is [Run] with a line that take gives, switched off.
func Hold(c Config, in io.Reader, out io.Writer, take func() (Line, error)) error {
	line, err := take()
	answer(out, err)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotTaken, err)
	}
	g := &guard{line: line, activeLow: c.ActiveLow, burn: NewBurn(c.Limit)}
	g.burn.Recall(max(0, c.Warm), time.Now())
	err = g.serve(in, out)
	return errors.Join(err, line.Close())
}

// guard is the guard's only goroutine besides the one that reads.
type guard struct {
	line      Line
	activeLow bool
	burn      Burn
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
		return HardPause
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
	err := g.line.Set(g.on != g.activeLow)
	g.failed = err != nil
	if err == nil && !g.on {
		g.burn.End(time.Now())
	}
	return err
}

func (g *guard) obey(command string) error {
	verb, rest, _ := strings.Cut(command, " ")
	switch verb {
	case On:
		d, err := time.ParseDuration(rest)
		if err != nil || d <= 0 {
			return fmt.Errorf("not a length of time: %s", strconv.Quote(rest))
		}
		until, err := g.burn.Begin(time.Now(), d)
		if err != nil {
			return err
		}
		g.on, g.until = true, until
		if err = g.drive(); err != nil {
			g.on = false // it may have moved all the same: failed switches it off
		}
		return err
	case Off:
		g.on = false
		return g.drive()
	case Ping:
		return errors.Join(g.due(), g.drive())
	default:
		return fmt.Errorf("no such command: %s", strconv.Quote(verb))
	}
}

// end switches off, as often as it takes within a second.
func (g *guard) end() error {
	g.on = false
	var err error
	for range HardTries {
		if err = g.drive(); err == nil {
			return nil
		}
		time.Sleep(HardPause)
	}
	return err
}

// answer tells the agent. That nobody listens any more is told by the input's end.
func answer(out io.Writer, err error) {
	text := OK
	if err != nil {
		text = Error + " " + strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	_, _ = fmt.Fprintln(out, text)
}
