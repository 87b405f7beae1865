package gpio

import (
	"testing"
	"testing/synctest"
	"time"
)

// lone is a watcher of a simulated line, for tests that say themselves when it is read.
type lone struct {
	*watcher
	chip *SimulatedChip
}

func newLone(t *testing.T) *lone {
	t.Helper()
	sim := newSimulatedChip()
	in, err := sim.input(Pin{Name: "GPIO17"}, PullUp)
	if err != nil {
		t.Fatal(err)
	}
	l := &lone{&watcher{in: in, activeLow: true, d: newDebouncer(30*ms, 50*ms)}, sim}
	if err = l.begin(); err != nil {
		t.Fatal(err)
	}
	return l
}

// read reads for a while, and gives what was decided besides nothing.
func (l *lone) read(t *testing.T, d time.Duration) (all []verdict) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		if err := l.step(func(v verdict) {
			if v != nothing {
				all = append(all, v)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// down holds the button for a while; nobody reads meanwhile.
func (l *lone) down(d time.Duration) {
	l.chip.SetLine("GPIO17", false)
	time.Sleep(d)
	l.chip.SetLine("GPIO17", true)
}

// TestNobodyReadsForAWhile: a processor that is busy elsewhere makes no ring of a spike, and loses no press, also when both were
// over long before.
func TestNobodyReadsForAWhile(t *testing.T) {
	for _, ca := range []struct {
		name    string
		holds   []time.Duration
		presses int
	}{
		{"the shortest press", []time.Duration{60 * ms}, 1},
		{"the longest glitch", []time.Duration{10 * ms}, 0},
		{"a spike", []time.Duration{1}, 0},
		{"a glitch, a press, a glitch", []time.Duration{10 * ms, 60 * ms, 10 * ms}, 1},
		{"three presses", []time.Duration{60 * ms, 200 * ms, 61 * ms}, 3},
	} {
		t.Run(ca.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLone(t)
				time.Sleep(time.Second)
				for _, d := range ca.holds {
					l.down(d)
					time.Sleep(100 * ms)
				}
				time.Sleep(5 * time.Second)
				presses := 0
				for _, v := range l.read(t, time.Second) {
					if v == pressed {
						presses++
					}
				}
				if presses != ca.presses {
					t.Errorf("%d presses, want %d", presses, ca.presses)
				}
			})
		})
	}
}

// TestTheReaderWakesInTheMiddle: the button is still held when somebody looks again.
func TestTheReaderWakesInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone(t)
		time.Sleep(time.Second)
		l.chip.SetLine("GPIO17", false)
		began := time.Now()
		time.Sleep(500 * ms)
		if all := l.read(t, ms); len(all) != 1 || all[0] != pressed || !l.d.(*debouncer).began().Equal(began) {
			t.Errorf("%v, since %v, want a press since %v", all, l.d.(*debouncer).began(), began)
		}
	})
}

// deaf tells no edges.
type deaf struct{ input }

func (d deaf) edges() ([]edge, error) {
	_, err := d.input.edges()
	return nil, err
}

func (d deaf) wait(limit time.Duration) error {
	time.Sleep(limit)
	return nil
}

// TestALineWithoutEdges: where no edge arrives the line is read often enough, and a line that was believed to tell them is not
// believed for ever.
func TestALineWithoutEdges(t *testing.T) {
	for _, ca := range []struct {
		name     string
		sampling bool
		hold     time.Duration
	}{
		{"known", true, 65 * ms},
		{"not known", false, 400 * ms},
	} {
		t.Run(ca.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLone(t)
				l.in, l.sampling = deaf{l.in}, ca.sampling
				var all []verdict
				done := make(chan struct{})
				go func() {
					defer close(done)
					all = l.read(t, 10*time.Second)
				}()
				time.Sleep(time.Second + 2*ms)
				l.down(ca.hold)
				time.Sleep(time.Second)
				l.down(8 * ms)
				<-done
				presses := 0
				for _, v := range all {
					if v == pressed {
						presses++
					}
				}
				if presses != 1 {
					t.Errorf("decided %v, want one press", all)
				}
			})
		})
	}
}

// TestALineThatOscillates is told as a fault and costs no processor: it is read some times a second only.
func TestALineThatOscillates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, door())
		for range 20_000 {
			b.sim.SetLine("GPIO17", false)
			time.Sleep(50 * time.Microsecond)
			b.sim.SetLine("GPIO17", true)
			time.Sleep(50 * time.Microsecond)
		}
		expect(t, "faults", b.told(),
			"button Front door: gpio: the line changes thousands of times a second: a cable without its pull, or a source of interference: \"Front door\" on GPIO17")
		expect(t, "pressed", b.pressed())
		time.Sleep(3 * time.Second)
		expect(t, "faults", b.told(), "button Front door: mended")
		b.sim.SetLine("GPIO17", false)
		time.Sleep(time.Second)
		expect(t, "pressed", b.pressed(), "1 Front door gpio")
	})
}
