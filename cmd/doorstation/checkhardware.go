package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"doorstation/internal/probe"
)

// hardwareFlags say how far check tries the hardware.
type hardwareFlags struct {
	Silent  bool          `help:"Play no tone at the door."`
	Picture string        `placeholder:"FILE" help:"Write the camera's picture there, as JPEG."`
	Press   bool          `help:"Wait for somebody to press each button, and say which line moved."`
	Wait    time.Duration `default:"30s" help:"How long a press is waited for."`
	Click   []string      `enum:"lock,light" placeholder:"OUTPUT" help:"Switch an output (lock, light) on for a moment, after a question."`
	Yes     bool          `help:"Answer the question of --click with yes."`
}

// options are those of the probes.
func (h hardwareFlags) options(e *env) probe.HardwareOptions {
	o := probe.HardwareOptions{
		Silent: h.Silent, Picture: h.Picture, Click: h.Click, Guard: guardCommands(),
		// What cannot be told is no reason to end: it is on the screen's way only.
		Tell: func(text string) { _, _ = fmt.Fprintf(e.stderr, "\r\x1b[K%s\n", text) },
	}
	if !isTerminal(e.stderr) {
		o.Tell = func(text string) { _, _ = fmt.Fprintln(e.stderr, text) }
	}
	if h.Press {
		o.Press = h.Wait
	}
	o.Ask = func(ctx context.Context, question string) bool {
		if h.Yes {
			return true
		}
		o.Tell(question + " [y/N]")
		return yes(ctx, e.stdin)
	}
	return o
}

// yes reads an answer. Without a person there, on a pipe or at its end, it is no.
func yes(ctx context.Context, stdin io.Reader) bool {
	if !isTerminal(stdin) || ctx.Err() != nil {
		return false
	}
	line, err := bufio.NewReader(stdin).ReadString('\n')
	if err != nil {
		return false
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}

// isTerminal reports whether one end of a command is a terminal.
func isTerminal(end any) bool {
	f, ok := end.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
