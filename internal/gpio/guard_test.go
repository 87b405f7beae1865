package gpio

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// ward is a guard that holds a line of a simulated chip, and the agent's ends of its pipes.
type ward struct {
	t       *testing.T
	chip    *SimulatedChip
	in      *io.PipeWriter
	answers *bufio.Reader
	ended   chan error
}

func newWard(t *testing.T, c GuardConfig) *ward {
	t.Helper()
	in, write := io.Pipe()
	read, out := io.Pipe()
	w := &ward{t: t, chip: newSimulatedChip(), in: write, answers: bufio.NewReader(read), ended: make(chan error, 1)}
	go func() {
		err := runGuard(c, in, out, func() (output, error) { return w.chip.output(Pin{Name: "lock"}, c.ActiveLow) })
		w.ended <- errors.Join(err, in.Close(), out.Close())
	}()
	w.said("ok")
	return w
}

func (w *ward) said(want string) {
	w.t.Helper()
	line, err := w.answers.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, want) {
		w.t.Errorf("the guard said %q, %v; want %q", line, err, want)
	}
}

func (w *ward) tell(command, want string) {
	w.t.Helper()
	if _, err := io.WriteString(w.in, command+"\n"); err != nil {
		w.t.Fatal(err)
	}
	w.said(want)
}

func (w *ward) level(high bool) {
	w.t.Helper()
	synctest.Wait()
	if got := w.chip.Level("lock"); got != high {
		w.t.Errorf("the line is high: %v, want %v", got, high)
	}
}

func (w *ward) end() {
	w.t.Helper()
	if err := errors.Join(w.in.Close(), <-w.ended); err != nil {
		w.t.Error(err)
	}
}

// TestTheGuardClosesByItsOwnClock: an agent that says nothing more, because it stands still, leaves no door open.
func TestTheGuardClosesByItsOwnClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, GuardConfig{})
		w.level(false)
		w.tell("on 3s", "ok")
		w.level(true)
		time.Sleep(3*time.Second - 1)
		w.level(true)
		time.Sleep(time.Nanosecond)
		w.level(false)
		w.tell("on 5s", "ok")
		w.tell("off", "ok")
		w.level(false)
		w.end()
	})
}

// TestTheGuardClosesWhenTheAgentDies in the middle of a pulse.
func TestTheGuardClosesWhenTheAgentDies(t *testing.T) {
	for _, activeLow := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWard(t, GuardConfig{ActiveLow: activeLow})
			w.level(activeLow)
			w.tell("on 30s", "ok")
			w.level(!activeLow)
			w.end()
			w.level(activeLow)
		})
	}
}

// TestTheGuardHasALimit, whatever it is told.
func TestTheGuardHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, GuardConfig{Limit: 10 * time.Second})
		began := time.Now()
		for range 9 {
			w.tell("on 24h", "ok")
			time.Sleep(time.Second)
			w.level(true)
		}
		time.Sleep(time.Until(began.Add(10 * time.Second)))
		w.level(false)
		w.tell("on 1s", "error gpio: the lock was energised")
		w.level(false)
		time.Sleep(limitRest)
		w.tell("on 1s", "ok")
		w.level(true)
		w.end()
	})
}

// TestTheGuardRepeatsWhatFails: a line that cannot be driven for a moment is off at last.
func TestTheGuardRepeatsWhatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, GuardConfig{})
		w.tell("on 1s", "ok")
		w.chip.Break("lock", errGone)
		time.Sleep(5 * time.Second)
		w.tell("ping", "error no such device")
		w.level(true)
		w.chip.Break("lock", nil)
		time.Sleep(hardPause)
		w.level(false)
		w.tell("ping", "ok")
		w.end()
	})
}

func TestTheGuardTakesNoNonsense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, GuardConfig{})
		for _, command := range []string{"", "open", "on", "on -1s", "on 0s", "on often"} {
			w.tell(command, "error ")
			w.level(false)
		}
		w.end()
	})
}

func TestAGuardWithoutALine(t *testing.T) {
	var out strings.Builder
	err := runGuard(GuardConfig{}, strings.NewReader("on 1s\n"), &out, func() (output, error) { return nil, errGone })
	if !errors.Is(err, errGone) || out.String() != "error no such device\n" {
		t.Errorf("%v, said %q", err, out.String())
	}
	if err = Guard(GuardConfig{Device: "/nonexistent"}, strings.NewReader(""), io.Discard); err == nil {
		t.Error("a device that is not there was taken")
	}
}
