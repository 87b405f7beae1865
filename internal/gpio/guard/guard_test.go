package guard

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var errGone = errors.New("no such device")

// wire is a line that shows what it is.
type wire struct {
	mu     sync.Mutex
	high   bool
	broken error
}

func (w *wire) Set(high bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken == nil {
		w.high = high
	}
	return w.broken
}

func (w *wire) Close() error { return nil }

func (w *wire) is() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.high
}

// breaks makes it fail, or with nil work again.
func (w *wire) breaks(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = err
}

// ward is a guard that holds a line, and the agent's ends of its pipes.
type ward struct {
	t       *testing.T
	line    wire
	in      *io.PipeWriter
	answers *bufio.Reader
	ended   chan error
}

func newWard(t *testing.T, c Config) *ward {
	t.Helper()
	in, write := io.Pipe()
	read, out := io.Pipe()
	w := &ward{t: t, in: write, answers: bufio.NewReader(read), ended: make(chan error, 1)}
	go func() {
		err := Hold(c, in, out, func() (Line, error) { return &w.line, w.line.Set(c.ActiveLow) })
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
	if got := w.line.is(); got != high {
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
		w := newWard(t, Config{})
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
			w := newWard(t, Config{ActiveLow: activeLow})
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
		w := newWard(t, Config{Limit: 10 * time.Second})
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
		w := newWard(t, Config{})
		w.tell("on 1s", "ok")
		w.line.breaks(errGone)
		time.Sleep(5 * time.Second)
		w.tell("ping", "error no such device")
		w.level(true)
		w.line.breaks(nil)
		time.Sleep(HardPause)
		w.level(false)
		w.tell("ping", "ok")
		w.end()
	})
}

func TestTheGuardTakesNoNonsense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, Config{})
		for _, command := range []string{"", "open", "on", "on -1s", "on 0s", "on often"} {
			w.tell(command, "error ")
			w.level(false)
		}
		w.end()
	})
}

func TestAGuardWithoutALine(t *testing.T) {
	var out strings.Builder
	err := Hold(Config{}, strings.NewReader("on 1s\n"), &out, func() (Line, error) { return nil, errGone })
	if !errors.Is(err, errGone) || out.String() != "error no such device\n" {
		t.Errorf("%v, said %q", err, out.String())
	}
	if err = Run(Config{Device: "/nonexistent"}, strings.NewReader(""), io.Discard); err == nil {
		t.Error("a device that is not there was taken")
	}
}

// TestTheGuardKnowsHowWarmTheCoilIs: one that is started anew is told by the agent.
func TestTheGuardKnowsHowWarmTheCoilIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, Config{Warm: time.Minute})
		w.tell("on 3s", "error gpio: the lock was energised for as long as it may")
		w.level(false)
		time.Sleep(9 * time.Second)
		w.tell("on 3s", "ok")
		w.level(true)
		w.end()
	})
}
