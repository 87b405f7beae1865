package gpio

import (
	"errors"
	"fmt"
	"os"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/host/v3/gpioioctl"
)

// errLineGone says that a line stopped answering without saying why.
var errLineGone = errors.New("the line cannot be read any more")

// setInput reads a line as a set of one: unlike a single line, a set tells errors, so that a chip that was unplugged is not
// taken for a button held down.
type setInput struct{ set *gpioioctl.LineSet }

func (i *setInput) wait(limit time.Duration) (bool, error) {
	_, _, err := i.set.WaitForEdge(max(limit, time.Millisecond)) // 0 would be for ever
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false, nil
	default:
		return false, fmt.Errorf("%w: %w", errLineGone, err)
	}
}

func (i *setInput) level() (bool, error) {
	bits, err := i.set.Read(1)
	if err != nil {
		return false, fmt.Errorf("%w: %w", errLineGone, err)
	}
	return bits&1 != 0, nil
}

func (i *setInput) close() error { return i.set.Close() }

// lineInput reads a line that has no name of its own, which cannot be put into a set. Its driver answers low when it fails and
// "no edge" at once when waiting fails; so before low is believed, and after a wait that was too short, the line is asked by
// another request, which does tell errors. That one leaves the pull as it is and keeps the edges that wait.
type lineInput struct{ line *gpioioctl.GPIOLine }

func (i *lineInput) request(pull gpio.Pull) error {
	if err := i.line.In(pull, gpio.BothEdges); err != nil {
		i.line.Close()
		return err
	}
	return nil
}

// alive tells whether the line still answers.
func (i *lineInput) alive() error {
	if err := i.line.In(gpio.PullNoChange, gpio.BothEdges); err != nil {
		return fmt.Errorf("%w: %w", errLineGone, err)
	}
	return nil
}

func (i *lineInput) wait(limit time.Duration) (bool, error) {
	limit = max(limit, time.Millisecond)
	begin := time.Now()
	if i.line.WaitForEdge(limit) {
		return true, nil
	}
	if rest := limit - time.Since(begin); rest > limit/2 {
		if err := i.alive(); err != nil {
			return false, err
		}
		time.Sleep(rest) // never a loop without a pause
	}
	return false, nil
}

func (i *lineInput) level() (bool, error) {
	if i.line.Read() {
		return true, nil
	}
	if err := i.alive(); err != nil {
		return false, err
	}
	return bool(i.line.Read()), nil
}

func (i *lineInput) close() error {
	i.line.Close()
	return nil
}

// lineOutput drives a line.
type lineOutput struct{ line *gpioioctl.GPIOLine }

func (o *lineOutput) set(high bool) error { return o.line.Out(gpio.Level(high)) }

func (o *lineOutput) close() error {
	o.line.Close()
	return nil
}
