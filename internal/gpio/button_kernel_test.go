//go:build kernel

package gpio

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"doorstation/test/kernel/device"
)

// finger presses one line of the simulator, with contacts that bounce, and looks at what status tells of its button.
type finger struct {
	t     *testing.T
	line  *device.Line
	state *inputState
	rand  *rand.Rand

	presses, glitches int // made, long or short enough to be judged
	stretched         int // glitches that the machine made longer than 10 ms
	missed, rang      int // presses that did not ring or rang twice, glitches that rang
}

func (f *finger) set(up bool) { f.line.Pull(up) }

// bounce toggles some times within about limit and ends at up.
func (f *finger) bounce(up bool, limit time.Duration) {
	for end := time.Now().Add(limit); time.Now().Before(end) && f.rand.IntN(5) > 0; {
		f.set(up)
		time.Sleep(time.Duration(f.rand.Int64N(int64(1500 * time.Microsecond))))
		f.set(!up)
		time.Sleep(time.Duration(f.rand.Int64N(int64(1500 * time.Microsecond))))
	}
	f.set(up)
}

// counts are the button's counters when it has come to rest.
func (f *finger) counts(at int) InputState {
	eventually(f.t, "a decision", func() bool {
		s := f.state.get()
		return s.Presses+s.Glitches >= at && s.Level == LevelOff
	})
	return f.state.get()
}

func (f *finger) press() {
	before := f.state.get()
	hold := 60*ms + time.Duration(f.rand.Int64N(int64(60*ms)))
	began := time.Now()
	f.bounce(false, 8*ms)
	time.Sleep(time.Until(began.Add(hold)))
	f.bounce(true, 8*ms)
	time.Sleep(45 * ms)
	after := f.counts(before.Presses + before.Glitches + 1)
	f.presses++
	if after.Presses != before.Presses+1 {
		f.missed++
	}
}

func (f *finger) glitch() {
	before := f.state.get()
	began := time.Now()
	if f.rand.IntN(2) == 0 {
		f.bounce(false, 6*ms)
	} else {
		f.set(false)
		time.Sleep(time.Duration(f.rand.Int64N(int64(9 * ms))))
	}
	f.set(true)
	took := time.Since(began)
	time.Sleep(45 * ms)
	if took > 10*ms {
		f.stretched++
		time.Sleep(200 * ms)
		return
	}
	f.glitches++
	// What is too short for the interrupt leaves no trace at all: no decision is waited for.
	if f.state.get().Presses != before.Presses {
		f.rang++
	}
}

// TestTenThousandPresses: of 10,000 presses of 60 to 120 ms each rings once, of 10,000 glitches of 10 ms and less none, all with
// bouncing contacts, on the kernel's own driver. The guest's time must be virtual
// (time-travel=inf-cpu), else a busy machine makes presses and glitches of other lengths than these. DOORSTATION_PRESSES is another number,
// DOORSTATION_SEED another choice of patterns.
func TestKernelTenThousandPresses(t *testing.T) {
	const lines = 25
	want := 10_000
	if n, numberErr := strconv.Atoi(os.Getenv("DOORSTATION_PRESSES")); numberErr == nil {
		want = n
	}
	seed, err := strconv.ParseUint(cmp.Or(os.Getenv("DOORSTATION_SEED"), "1"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	s := device.NewChip(t, device.ChipOptions{})
	var c Config
	for n := range lines {
		c.Buttons = append(c.Buttons, ButtonConfig{
			Name: fmt.Sprint(n), Pin: Pin{Name: fmt.Sprintf("GPIO%d", n)}, ActiveLow: true, Debounce: 30 * ms, Hold: 50 * ms,
		})
	}
	b := newBoard(c, machine().open)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { check(t, b.Run(ctx)) })
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		for {
			select {
			case <-b.Presses():
			case <-ctx.Done():
				return
			}
		}
	})
	var all sync.WaitGroup
	fingers := make([]*finger, lines)
	for n := range lines {
		f := &finger{t: t, line: s.Line(t, n), state: b.buttons[n], rand: rand.New(rand.NewPCG(seed, uint64(n)))}
		fingers[n] = f
		eventually(t, "button "+fmt.Sprint(n), func() bool { return f.state.get().Level == LevelOff })
		if got := f.state.get().Edges; got != "proven" {
			t.Errorf("button %d: edges are %s", n, got)
		}
		all.Go(func() {
			for f.presses < want/lines || f.glitches < want/lines {
				if f.glitches >= want/lines || f.presses < want/lines && f.rand.IntN(2) == 0 {
					f.press()
				} else {
					f.glitch()
				}
			}
		})
	}
	all.Wait()
	var sum finger
	for _, f := range fingers {
		sum.presses += f.presses
		sum.glitches += f.glitches
		sum.stretched += f.stretched
		sum.missed += f.missed
		sum.rang += f.rang
	}
	t.Logf("%d presses: %d missed or double; %d glitches: %d rang; %d glitches were stretched by the machine and not judged",
		sum.presses, sum.missed, sum.glitches, sum.rang, sum.stretched)
	if sum.missed > 0 || sum.rang > 0 {
		t.Error("a press was missed, or a glitch rang")
	}
}

// TestEdgeToPress measures how long after the press has lasted long enough it is delivered.
func TestKernelEdgeToPress(t *testing.T) {
	s := device.NewChip(t, device.ChipOptions{})
	b := newBoard(Config{Buttons: []ButtonConfig{{Name: "bell", Pin: Pin{Name: "GPIO17"}, ActiveLow: true, Debounce: 30 * ms, Hold: 50 * ms}}}, machine().open)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { check(t, b.Run(ctx)) })
	defer running.Wait()
	defer cancel()
	eventually(t, "the button", func() bool { return b.buttons[0].get().Level == LevelOff })
	var took, late []time.Duration
	for range 200 {
		began := time.Now()
		s.Line(t, 17).Pull(false)
		p := <-b.Presses()
		took = append(took, time.Since(began))
		late = append(late, p.At.Sub(began))
		s.Line(t, 17).Pull(true)
		time.Sleep(100 * ms)
	}
	slices.Sort(took)
	slices.Sort(late)
	t.Logf("edge to press, %d presses, hold 50 ms: median %s, p95 %s, longest %s; the edge's own time is %s late (median), %s (longest)",
		len(took), took[len(took)/2], took[len(took)*95/100], took[len(took)-1], late[len(late)/2], late[len(late)-1])
}
