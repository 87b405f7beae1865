package device

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// gpioSim is where the kernel makes simulated chips.
const gpioSim = "/sys/kernel/config/gpio-sim"

// Chip is a simulated GPIO chip.
type Chip struct {
	// Path is its device, like /dev/gpiochip0; Label what it calls itself.
	Path, Label string
	top, sysfs  string
	lines       map[int]*Line
}

// ChipOptions say what a chip is like.
type ChipOptions struct {
	// Label is "pinctrl-bcm2711" (a Raspberry Pi 4) unless it is set; a Pi 5 has "pinctrl-rp1".
	Label string
	// Lines is how many there are; 0 is 58 (a Pi 4's). The first 28 are called ID_SDA, ID_SCL, GPIO2 … GPIO27 as on a Pi.
	Lines int
	// Busy are lines that another driver holds, with its name.
	Busy map[int]string
}

// NewChip makes a chip, for as long as the test runs. All lines are low until somebody asks for a pull.
func NewChip(t testing.TB, opt ChipOptions) *Chip {
	t.Helper()
	c, made, err := makeChip(opt)
	t.Cleanup(func() {
		for _, l := range c.lines {
			_ = l.pull.Close()
		}
		if unmakeErr := unmake(made); unmakeErr != nil {
			t.Errorf("the simulated chip stays: %v", unmakeErr)
		}
	})
	if err != nil {
		t.Fatalf("a simulated chip (there is none outside a guest of test/kernel): %v", err)
	}
	return c
}

// makeChip makes a chip in the kernel's file system for it. What was made comes back even when it failed: directories, each after
// the one that it's in.
func makeChip(opt ChipOptions) (c *Chip, made []string, err error) {
	if opt.Label == "" {
		opt.Label = "pinctrl-bcm2711"
	}
	if opt.Lines == 0 {
		opt.Lines = 58
	}
	c = &Chip{Label: opt.Label, lines: map[int]*Line{}}
	top, err := os.MkdirTemp(gpioSim, "chip")
	if err != nil {
		return c, nil, err
	}
	c.top, made = top, []string{top}
	set := func(dir string, attributes ...string) {
		if err != nil {
			return
		}
		if err = os.Mkdir(dir, 0o755); err != nil {
			return
		}
		made = append(made, dir)
		for i := 0; i < len(attributes) && err == nil; i += 2 {
			err = write(filepath.Join(dir, attributes[i]), attributes[i+1])
		}
	}
	bank := filepath.Join(top, "bank")
	set(bank, "num_lines", strconv.Itoa(opt.Lines), "label", opt.Label)
	for i := range min(opt.Lines, 28) {
		line := filepath.Join(bank, fmt.Sprintf("line%d", i))
		set(line, "name", lineName(i))
		if by, busy := opt.Busy[i]; busy {
			set(filepath.Join(line, "hog"), "name", by, "direction", "input")
		}
	}
	if err == nil {
		err = write(filepath.Join(top, "live"), "1")
	}
	chip, device := attribute(&err, bank, "chip_name"), attribute(&err, top, "dev_name")
	c.Path, c.sysfs = "/dev/"+chip, filepath.Join("/sys/devices/platform", device, chip)
	return c, made, err
}

// attribute reads a file of the kernel's, unless there was an error before.
func attribute(err *error, dir, name string) string {
	if *err != nil {
		return ""
	}
	var text []byte
	text, *err = os.ReadFile(filepath.Join(dir, name))
	return strings.TrimSpace(string(text))
}

// Unplug takes the chip from the kernel until the test ends, as a USB expander that is pulled out.
func (c *Chip) Unplug(t testing.TB) {
	t.Helper()
	live := filepath.Join(c.top, "live")
	if err := write(live, "0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := write(live, "1"); err != nil {
			t.Error(err)
		}
	})
}

// unmake takes away what makeChip made.
func unmake(made []string) error {
	if len(made) == 0 {
		return nil
	}
	if err := write(filepath.Join(made[0], "live"), "0"); err != nil {
		return err
	}
	for i := len(made) - 1; i >= 0; i-- {
		if err := os.Remove(made[i]); err != nil {
			return err
		}
	}
	return nil
}

// lineName is what a Raspberry Pi calls a line.
func lineName(i int) string {
	switch i {
	case 0:
		return "ID_SDA"
	case 1:
		return "ID_SCL"
	}
	return fmt.Sprintf("GPIO%d", i)
}

// Line is one of the chip's lines, seen from outside: a wire with a button between it and ground, say. Only one goroutine may use it
// at a time.
type Line struct {
	t    testing.TB
	dir  string
	pull *os.File
}

// Line returns one of the chip's lines by its number. Only one goroutine may do so at a time.
func (c *Chip) Line(t testing.TB, n int) *Line {
	t.Helper()
	if l, ok := c.lines[n]; ok {
		return l
	}
	dir := filepath.Join(c.sysfs, fmt.Sprintf("sim_gpio%d", n))
	f, err := os.OpenFile(filepath.Join(dir, "pull"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	l := &Line{t: t, dir: dir, pull: f}
	c.lines[n] = l
	return l
}

// Pull makes the line high or low, as what is connected to it does.
func (l *Line) Pull(high bool) {
	l.t.Helper()
	text := "pull-down"
	if high {
		text = "pull-up"
	}
	if _, err := l.pull.WriteAt([]byte(text), 0); err != nil {
		l.t.Fatal(err)
	}
}

// Level is what the line is at, whoever drives it: the door station its lock, say.
func (l *Line) Level() bool {
	l.t.Helper()
	text, err := os.ReadFile(filepath.Join(l.dir, "value"))
	if err != nil {
		l.t.Fatal(err)
	}
	return strings.TrimSpace(string(text)) == "1"
}

// Step is a level that the line is pulled to, and how long it stays there.
type Step struct {
	High bool
	For  time.Duration
}

// Play pulls the line through steps: the bounces of a contact. No step is shorter than asked for, and it's some 60 µs longer at most
// where the guest's clock is not the machine's (time-travel); a sleep of Go's would be a millisecond or more.
func (l *Line) Play(steps ...Step) {
	l.t.Helper()
	for _, s := range steps {
		l.Pull(s.High)
		left := unix.NsecToTimespec(s.For.Nanoseconds())
		for err := error(unix.EINTR); err != nil; { // by the runtime's signals
			if err = unix.Nanosleep(&left, &left); err != nil && !errors.Is(err, unix.EINTR) {
				l.t.Fatal(err)
			}
		}
	}
}
