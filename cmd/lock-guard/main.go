// Command lock-guard is the lock's guard (package guard) and nothing else. The agent starts it; nobody types it.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"doorstation/internal/gpio/guard"
)

func main() { os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// execute holds a line until stdin ends: args are the agent's protocol and the flags. It returns the exit status. An agent that this guard can't
// serve is told by its silence, and guards its lock otherwise.
func execute(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c, err := configOf(args)
	if err == nil {
		err = guard.Process(c, stdin, stdout)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, guard.ErrNotTaken):
		return 1 // a line in the journal each second that the agent tries would wear the SD card out
	default:
		_, _ = fmt.Fprintf(stderr, "lock-guard: %v\n", err)
		return 1
	}
}

func configOf(args []string) (guard.Config, error) {
	if len(args) == 0 || args[0] != guard.Protocol {
		return guard.Config{}, errors.New("this is a part of doorstation that its agent starts; its protocol is " + strconv.Quote(guard.Protocol))
	}
	return guard.Parse(args[1:])
}
