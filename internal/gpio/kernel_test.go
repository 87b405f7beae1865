//go:build kernel

package gpio

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// These tests run as root on a Linux of their own with the driver gpio-sim (test/kernel makes one). They make the chip by
// themselves.

// simulator is a chip of the kernel's gpio-sim that looks like a Raspberry Pi's.
type simulator struct {
	t     *testing.T
	lines string // sysfs directory with one directory a line
}

// machine is the one header of the process: periph reads the chips for all.
var machine = sync.OnceValue(func() *header { return newHeader(devices, nil) })

const simulatorRoot = "/sys/kernel/config/gpio-sim"

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// newSimulator makes a chip with the label and 54 lines; that of line n is "GPIOn", as on a Pi 5.
func newSimulator(t *testing.T, name, label string) *simulator {
	t.Helper()
	dir := filepath.Join(simulatorRoot, name)
	bank := filepath.Join(dir, "bank0")
	if err := os.MkdirAll(bank, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(bank, "num_lines"), "54")
	put(t, filepath.Join(bank, "label"), label)
	for n := range 28 {
		line := filepath.Join(bank, fmt.Sprintf("line%d", n))
		if err := os.Mkdir(line, 0o755); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(line, "name"), fmt.Sprintf("GPIO%d", n))
	}
	put(t, filepath.Join(dir, "live"), "1")
	t.Cleanup(func() {
		put(t, filepath.Join(dir, "live"), "0")
		for n := range 28 {
			check(t, os.Remove(filepath.Join(bank, fmt.Sprintf("line%d", n))))
		}
		check(t, os.Remove(bank))
		check(t, os.Remove(dir))
	})
	chip := text(t, filepath.Join(bank, "chip_name"))
	s := &simulator{t, filepath.Join("/sys/devices/platform", text(t, filepath.Join(dir, "dev_name")), chip)}
	eventually(t, "the device file", func() bool {
		_, err := os.Stat("/dev/" + chip)
		return err == nil
	})
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// eventually waits for something that must come.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(2 * ms) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func (s *simulator) line(n int, file string) string {
	return filepath.Join(s.lines, fmt.Sprintf("sim_gpio%d", n), file)
}

// pull draws a line from outside: that is a finger on the button.
func (s *simulator) pull(n int, up bool) {
	s.t.Helper()
	word := "pull-down"
	if up {
		word = "pull-up"
	}
	put(s.t, s.line(n, "pull"), word)
}

// level is what a meter at the line would show.
func (s *simulator) level(n int) bool {
	s.t.Helper()
	return text(s.t, s.line(n, "value")) == "1"
}

// TestEveryPiHasItsChip: GPIO17 is the line 17 of the chip with the Pi's label, whichever other chips there are.
func TestKernelEveryPiHasItsChip(t *testing.T) {
	for _, label := range headerLabels() {
		t.Run(label, func(t *testing.T) {
			other := newSimulator(t, "other", "raspberrypi-exp-gpio")
			s := newSimulator(t, "header", label)
			in, err := machine().input(Pin{Name: "GPIO17"}, PullUp)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { check(t, in.close()) }()
			if high, levelErr := in.level(); levelErr != nil || !high {
				t.Errorf("at rest %v, %v", high, levelErr)
			}
			other.pull(17, false)
			if high, levelErr := in.level(); levelErr != nil || !high {
				t.Errorf("the other chip's line is read: %v, %v", high, levelErr)
			}
			s.pull(17, false)
			if high, levelErr := in.level(); levelErr != nil || high {
				t.Errorf("pressed %v, %v", high, levelErr)
			}
		})
	}
}

// TestTheStartProvesThatAnEdgeArrives without a finger, and leaves the line as it was.
func TestKernelTheStartProvesThatAnEdgeArrives(t *testing.T) {
	s := newSimulator(t, "header", "pinctrl-rp1")
	h := machine()
	for _, ca := range []struct {
		name string
		pull Pull
		held bool
		want proof
	}{
		{"pull up", PullUp, false, proofGiven},
		{"pull down", PullDown, false, proofGiven},
		{"a resistor of its own", PullNone, false, proofOpen},
	} {
		t.Run(ca.name, func(t *testing.T) {
			in, err := h.input(Pin{Name: "GPIO17"}, ca.pull)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { check(t, in.close()) }()
			before := s.level(17)
			got, err := in.prove()
			if err != nil || got != ca.want {
				t.Errorf("%s, %v, want %s", got, err, ca.want)
			}
			if s.level(17) != before {
				t.Error("the line has another level than before")
			}
			if edges, edgesErr := in.edges(); edgesErr != nil || len(edges) > 0 {
				t.Errorf("edges are left: %v, %v", edges, edgesErr)
			}
		})
	}
}

// TestALineInUse tells who is in the way, in words.
func TestKernelALineInUse(t *testing.T) {
	newSimulator(t, "header", "pinctrl-rp1")
	h := machine()
	in, err := h.input(Pin{Name: "GPIO17"}, PullUp)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { check(t, in.close()) }()
	_, err = machine().input(Pin{Name: "GPIO17"}, PullUp)
	if err == nil || !strings.Contains(err.Error(), "in use by another program") {
		t.Errorf("a second user: %v", err)
	}
}

// TestAChipThatIsUnplugged is an error at once and no press.
func TestKernelAChipThatIsUnplugged(t *testing.T) {
	newSimulator(t, "header", "pinctrl-rp1")
	in, err := machine().input(Pin{Name: "GPIO17"}, PullUp)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { check(t, in.close()) }()
	put(t, filepath.Join(simulatorRoot, "header", "live"), "0")
	if _, err = in.level(); !errors.Is(err, errLineGone) {
		t.Errorf("level: %v", err)
	}
	if err = in.wait(time.Second); !errors.Is(err, errLineGone) {
		t.Errorf("wait: %v", err)
	}
	put(t, filepath.Join(simulatorRoot, "header", "live"), "1")
}
