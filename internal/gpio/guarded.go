package gpio

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"doorstation/internal/gpio/guard"
)

const (
	// guardLimit is how long the guard may take to answer. One that does not is killed, and the line taken anew, off.
	guardLimit = time.Second
	// guardStartLimit is how long it may take to begin.
	guardStartLimit = 5 * time.Second
)

var (
	// ErrGuard says that the process that holds the lock's line is gone or does not answer.
	ErrGuard = errors.New("gpio: the lock's guard is gone or does not answer")
	// ErrGuardHangs says that it was killed and does not end, which is the kernel's doing: the process waits in a driver. Nobody else can take
	// the line before it ends.
	ErrGuardHangs = errors.New("gpio: the lock's guard hangs in the kernel's driver and cannot be ended: if it stays so, restart the machine")
)

// guards starts the guards of one line, one after the other. The zero guards with commands and a log is ready; one goroutine at a time may use it.
type guards struct {
	commands GuardCommands
	log      *slog.Logger
	next     int           // the command that is tried next
	last     *guardedRelay // nil: none was started
	told     bool          // that a command is of no use: once, as a line is tried each second
}

// start starts one, unless the one before still hangs ([ErrGuardHangs]): no more of them may pile up behind the driver that holds it.
// A command that gives no guard makes room for the next; what a guard says of its line is final. Each start prefers the first command again.
func (s *guards) start(c guard.Config, onEnd func()) (relay, error) {
	if s.last.hanging() {
		return nil, ErrGuardHangs
	}
	var err error
	for range s.commands {
		command := s.commands[s.next]
		if s.last, err = guarded(command, c, onEnd); err == nil {
			s.next = 0
			return s.last, nil
		}
		if !errors.Is(err, ErrGuard) {
			break
		}
		s.next = (s.next + 1) % len(s.commands)
		if len(s.commands) > 1 && !s.told {
			s.log.Warn("the lock's guard does not begin, another program takes its place", "command", command[0], "error", err)
			s.told = true
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break // the machine has far too much to do, and whoever waits has waited long enough: the other one's turn is the next time
		}
	}
	return nil, err
}

// guardedRelay is a line that a guard holds.
type guardedRelay struct {
	cmd     *exec.Cmd
	in      *os.File // commands
	out     *os.File // answers
	answers *bufio.Reader
	ended   chan struct{} // closed when the process has ended
	kill    func() error
	hangs   bool // it was killed and has not ended in time
}

// guarded starts a guard: command with the flags of its configuration. onEnd is told, from another goroutine, when it has ended. With an error
// the guard, not nil once its process was started, is for knowing whether it has ended.
func guarded(command []string, c guard.Config, onEnd func()) (*guardedRelay, error) {
	cmd := exec.Command(command[0], slices.Concat(command[1:], c.Args())...)
	cmd.Stderr = os.Stderr
	// The agent's terminal must not end the guard before the agent.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirIn.Close(), in.Close())
	}
	cmd.Stdin, cmd.Stdout = theirIn, theirOut
	err = cmd.Start()
	err = errors.Join(err, theirIn.Close(), theirOut.Close())
	g := &guardedRelay{cmd: cmd, in: in, out: out, answers: bufio.NewReader(io.LimitReader(out, 1<<40)), ended: make(chan struct{})}
	g.kill = func() error { return cmd.Process.Kill() }
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrGuard, err), in.Close(), out.Close())
	}
	go func() {
		// How it ended is told by its answers, or by their end.
		_ = cmd.Wait()
		close(g.ended) // before it is told: whoever looks then has to see it
		onEnd()
	}()
	if err = g.answer(guardStartLimit); err != nil {
		return g, errors.Join(err, g.close())
	}
	return g, nil
}

// tell gives a command and waits for its answer.
func (g *guardedRelay) tell(command string) error {
	err := g.in.SetWriteDeadline(time.Now().Add(guardLimit))
	if err == nil {
		_, err = io.WriteString(g.in, command+"\n")
	}
	if err != nil {
		return g.broken(err)
	}
	return g.answer(guardLimit)
}

func (g *guardedRelay) answer(limit time.Duration) error {
	err := g.out.SetReadDeadline(time.Now().Add(limit))
	var line []byte
	if err == nil {
		line, err = g.answers.ReadSlice('\n')
	}
	if err != nil {
		return g.broken(err)
	}
	verb, text, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	switch verb {
	case guard.OK:
		return nil
	case guard.Error:
		return errors.New(text)
	default:
		return g.broken(fmt.Errorf("no guard's answer: %s", strconv.Quote(string(line))))
	}
}

// broken ends a guard that cannot be relied on. Whoever has it takes the line anew. What hangs in the kernel outlives being killed, and is not
// waited for.
func (g *guardedRelay) broken(err error) error {
	if killErr := g.kill(); killErr != nil && !errors.Is(killErr, os.ErrProcessDone) {
		err = errors.Join(err, killErr)
	}
	patience := time.NewTimer(guardLimit)
	defer patience.Stop()
	select {
	case <-g.ended:
		return fmt.Errorf("%w: %w", ErrGuard, err)
	case <-patience.C:
		g.hangs = true
		return fmt.Errorf("%w: %w", ErrGuardHangs, err)
	}
}

// hanging tells whether it was killed and is still there.
func (g *guardedRelay) hanging() bool {
	if g == nil || !g.hangs {
		return false
	}
	select {
	case <-g.ended:
		return false
	default:
		return true
	}
}

func (g *guardedRelay) on(limit time.Duration) error { return g.tell(guard.On + " " + limit.String()) }
func (g *guardedRelay) off() error                   { return g.tell(guard.Off) }

func (g *guardedRelay) failed() error {
	select {
	case <-g.ended:
		return ErrGuard
	default:
	}
	if g.hangs {
		return ErrGuardHangs
	}
	return nil
}

// close lets the guard end, which switches off.
func (g *guardedRelay) close() error {
	err := g.in.Close()
	if g.hanging() {
		return errors.Join(err, g.out.Close())
	}
	ctx, cancel := context.WithTimeout(context.Background(), guardStartLimit)
	defer cancel()
	select {
	case <-g.ended:
	case <-ctx.Done():
		err = errors.Join(err, g.broken(ctx.Err()))
	}
	return errors.Join(err, g.out.Close())
}
