package gpio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errGone = errors.New("no such device")

// bench is a board on a simulated chip and the fake clock of synctest.
type bench struct {
	*Board
	sim  *SimulatedChip
	stop func() error

	mu     sync.Mutex
	faults []string
	log    bytes.Buffer
}

func door() Config {
	return Config{
		Simulated: true,
		Buttons: []ButtonConfig{
			{Name: "Front door", Pin: Pin{Name: "GPIO17"}, ActiveLow: true, Debounce: 30 * ms, Hold: 50 * ms},
			{Name: "Garden", Pin: Pin{Chip: "gpiochip0", Line: 22}, Pull: PullDown, Debounce: 30 * ms, Hold: 50 * ms},
		},
		Lock:  &OutputConfig{Pin: Pin{Name: "GPIO27"}},
		Light: &OutputConfig{Pin: Pin{Name: "GPIO5"}, ActiveLow: true},
	}
}

func (b *bench) prepare(c *Config) {
	c.Log = slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.OnFault = func(f Fault) {
		b.mu.Lock()
		defer b.mu.Unlock()
		text := "mended"
		if f.Err != nil {
			text = f.Err.Error()
		}
		b.faults = append(b.faults, fmt.Sprintf("%s %s: %s", f.Part, f.Name, text))
	}
}

func (b *bench) start(t *testing.T) *bench {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	b.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return b
}

func newBench(t *testing.T, c Config) *bench {
	t.Helper()
	b := &bench{}
	b.prepare(&c)
	b.Board = Open(c)
	b.sim = b.Simulated()
	return b.start(t)
}

// pressed takes what was pressed so far.
func (b *bench) pressed() []string {
	synctest.Wait()
	var all []string
	for {
		select {
		case p := <-b.Presses():
			all = append(all, fmt.Sprintf("%d %s %s", p.ID, p.Button, p.Source))
		default:
			return all
		}
	}
}

func (b *bench) told() []string {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.faults
	b.faults = nil
	return f
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// levels asserts what status tells.
func (b *bench) levels(t *testing.T, want Levels) {
	t.Helper()
	synctest.Wait()
	if got := b.Levels(); !reflect.DeepEqual(got, want) {
		t.Errorf("levels %+v, want %+v", got, want)
	}
}

// outputs asserts what status tells of all but the buttons.
func (b *bench) outputs(t *testing.T, want Levels) {
	t.Helper()
	synctest.Wait()
	got := b.Levels()
	got.Buttons = nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("levels %+v, want %+v", got, want)
	}
}

func TestAFingerOnTheButton(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, door())
		time.Sleep(time.Second)
		began := time.Now()
		for range 5 { // contacts bounce
			b.sim.SetLine("GPIO17", false)
			time.Sleep(ms)
			b.sim.SetLine("GPIO17", true)
			time.Sleep(ms)
		}
		b.sim.SetLine("GPIO17", false)
		time.Sleep(60 * ms)
		synctest.Wait()
		select {
		case p := <-b.Presses():
			if p.ID != 1 || p.Button != "Front door" || p.Source != SourceGPIO || !p.At.Equal(began) {
				t.Errorf("press %+v, went down at %v", p, began)
			}
		default:
			t.Error("no press")
		}
		b.sim.SetLine("GPIO17", true)
		time.Sleep(time.Second)
		b.sim.SetLine("gpiochip0:22", true) // high is pressed
		time.Sleep(200 * ms)
		b.sim.SetLine("gpiochip0:22", false)
		time.Sleep(time.Second)
		b.sim.SetLine("GPIO17", false)
		time.Sleep(10 * ms) // a glitch
		b.sim.SetLine("GPIO17", true)
		time.Sleep(time.Second)
		expect(t, "pressed", b.pressed(), "2 Garden gpio")
		expect(t, "faults", b.told())
		b.levels(t, Levels{Chip: "simulated", Lock: LevelOff, Light: LevelOff, Buttons: []InputState{
			{Name: "Front door", Level: LevelOff, Presses: 1, Glitches: 1, Edges: "proven"},
			{Name: "Garden", Level: LevelOff, Presses: 1, Edges: "proven"},
		}})
	})
}

// TestABurstThatFillsTheQueue: more edges than the kernel keeps, unread, do not make or lose a press.
func TestABurstThatFillsTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, door())
		for range 5000 {
			b.sim.SetLine("GPIO17", false)
			b.sim.SetLine("GPIO17", true)
		}
		time.Sleep(time.Second)
		expect(t, "pressed", b.pressed())
		for range 5000 {
			b.sim.SetLine("GPIO17", false)
			b.sim.SetLine("GPIO17", true)
		}
		b.sim.SetLine("GPIO17", false)
		time.Sleep(200 * ms)
		expect(t, "pressed", b.pressed(), "1 Front door gpio")
	})
}

func TestAButtonHeldThroughTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{}
		c := door()
		b.prepare(&c)
		b.Board = Open(c)
		b.sim = b.Simulated()
		b.sim.SetLine("GPIO17", false)
		b.start(t)
		time.Sleep(10 * time.Second)
		b.sim.SetLine("GPIO17", true)
		time.Sleep(time.Second)
		expect(t, "pressed", b.pressed())
		b.sim.SetLine("GPIO17", false)
		time.Sleep(time.Second)
		expect(t, "pressed", b.pressed(), "1 Front door gpio")
	})
}

func TestAStuckButton(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, door())
		b.sim.SetLine("GPIO17", false)
		time.Sleep(29 * time.Second)
		expect(t, "faults", b.told())
		time.Sleep(10 * time.Minute)
		expect(t, "pressed", b.pressed(), "1 Front door gpio")
		expect(t, "faults", b.told(),
			"button Front door: gpio: the button is stuck: it has been held for more than 30 seconds: \"Front door\" on GPIO17")
		b.sim.SetLine("gpiochip0:22", true) // the other one works
		time.Sleep(time.Second)
		expect(t, "pressed", b.pressed(), "2 Garden gpio")
		b.sim.SetLine("GPIO17", true)
		time.Sleep(time.Second)
		expect(t, "faults", b.told(), "button Front door: mended")
		b.sim.SetLine("GPIO17", false)
		time.Sleep(time.Second)
		expect(t, "pressed", b.pressed(), "3 Front door gpio")
	})
}

// TestALineThatGoes: a chip that is unplugged reads low, which is what a pressed button looks like.
func TestALineThatGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, door())
		b.sim.Break("GPIO17", errGone)
		b.sim.SetLine("GPIO17", false)
		time.Sleep(time.Minute)
		expect(t, "pressed", b.pressed())
		expect(t, "faults", b.told(), `button Front door: button "Front door" on GPIO17: no such device`)
		b.sim.SetLine("GPIO17", true)
		b.sim.Break("GPIO17", nil)
		time.Sleep(retryEvery)
		expect(t, "faults", b.told(), "button Front door: mended")
		b.sim.SetLine("GPIO17", false)
		time.Sleep(time.Second)
		expect(t, "pressed", b.pressed(), "1 Front door gpio")
	})
}

func TestInject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, door())
		p, err := b.Inject("Garden")
		if err != nil || p.ID != 1 || p.Button != "Garden" || p.Source != SourceControl || !p.At.Equal(time.Now()) {
			t.Errorf("inject: %+v, %v", p, err)
		}
		if _, err = b.Inject("Attic"); !errors.Is(err, ErrNoSuchButton) {
			t.Errorf("inject: %v", err)
		}
		if _, err = b.Inject(""); err != nil {
			t.Errorf("inject the first: %v", err)
		}
		expect(t, "pressed", b.pressed(), "1 Garden control", "2 Front door control")
		for range pressQueue {
			if _, err = b.Inject("Garden"); err != nil {
				t.Error(err)
			}
		}
		if _, err = b.Inject("Garden"); !errors.Is(err, ErrQueueFull) {
			t.Errorf("one too many: %v", err)
		}
		if got := b.pressed(); len(got) != pressQueue || got[0] != "3 Garden control" {
			t.Errorf("pressed %q", got)
		}
		expect(t, "after that", b.pressed())
	})
}

func TestNoChip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{}
		c := door()
		c.Simulated = false
		b.prepare(&c)
		missing := newHeader(filepath.Join(t.TempDir(), "gpiochip*"), nil)
		sim := newSimulatedChip()
		var there atomic.Bool
		b.Board = newBoard(c, func() (chip, error) {
			if !there.Load() {
				return missing.open()
			}
			return sim, nil
		})
		b.start(t)
		time.Sleep(time.Minute)
		told := b.told()
		if len(told) != 1 || !strings.HasPrefix(told[0], "chip : gpio: no GPIO chip can be used: there is no ") {
			t.Errorf("faults %q", told)
		}
		b.outputs(t, Levels{Chip: "absent", Lock: LevelFault, Light: LevelFault})
		if _, err := b.PulseLock(time.Second); !errors.Is(err, ErrNoChip) {
			t.Errorf("lock: %v", err)
		}
		if err := b.SetLight(true); !errors.Is(err, ErrNoChip) {
			t.Errorf("light: %v", err)
		}
		if _, err := b.Inject(""); err != nil {
			t.Errorf("a press from the socket: %v", err)
		}
		there.Store(true) // a chip turns up
		time.Sleep(retryEvery)
		expect(t, "faults", b.told(), "chip : mended")
		b.outputs(t, Levels{Chip: "header", Lock: LevelOff, Light: LevelOn})
		sim.SetLine("GPIO17", false)
		time.Sleep(time.Second)
		expect(t, "pressed", b.pressed(), "1 Front door control", "2 Front door gpio")
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		if sim.Level("GPIO27") || !sim.Level("GPIO5") {
			t.Error("an output is on at the end")
		}
	})
}

func TestAbsentOutputs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := door()
		c.Lock, c.Light = nil, nil
		b := newBench(t, c)
		if _, err := b.PulseLock(time.Second); !errors.Is(err, ErrAbsent) {
			t.Errorf("lock: %v", err)
		}
		if err := b.SetLight(true); !errors.Is(err, ErrAbsent) {
			t.Errorf("light: %v", err)
		}
		b.outputs(t, Levels{Chip: "simulated", Lock: LevelAbsent, Light: LevelAbsent})
	})
}
