//go:build kernel

package gpio

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"doorstation/test/kernel/device"
)

// These tests run on a Linux of their own with the driver gpio-sim (make test-kernel).

// machine is the one header of the process: periph reads the chips for all.
var machine = sync.OnceValue(func() *header { return newHeader(devices, nil) })

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

// TestEveryPiHasItsChip: GPIO17 is the line 17 of the chip with the Pi's label, whichever other chips there are.
func TestKernelEveryPiHasItsChip(t *testing.T) {
	for _, label := range headerLabels() {
		t.Run(label, func(t *testing.T) {
			other := device.NewChip(t, device.ChipOptions{Label: "raspberrypi-exp-gpio", Lines: 28})
			s := device.NewChip(t, device.ChipOptions{Label: label})
			in, err := machine().input(Pin{Name: "GPIO17"}, PullUp)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { check(t, in.close()) }()
			if high, levelErr := in.level(); levelErr != nil || !high {
				t.Errorf("at rest %v, %v", high, levelErr)
			}
			other.Line(t, 17).Pull(false)
			if high, levelErr := in.level(); levelErr != nil || !high {
				t.Errorf("the other chip's line is read: %v, %v", high, levelErr)
			}
			s.Line(t, 17).Pull(false)
			if high, levelErr := in.level(); levelErr != nil || high {
				t.Errorf("pressed %v, %v", high, levelErr)
			}
		})
	}
}

// TestTheStartProvesThatAnEdgeArrives without a finger, and leaves the line as it was.
func TestKernelTheStartProvesThatAnEdgeArrives(t *testing.T) {
	s := device.NewChip(t, device.ChipOptions{Label: "pinctrl-rp1"})
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
			before := s.Line(t, 17).Level()
			got, err := in.prove()
			if err != nil || got != ca.want {
				t.Errorf("%s, %v, want %s", got, err, ca.want)
			}
			if s.Line(t, 17).Level() != before {
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
	device.NewChip(t, device.ChipOptions{Label: "pinctrl-rp1"})
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
	chip := device.NewChip(t, device.ChipOptions{Label: "pinctrl-rp1"})
	in, err := machine().input(Pin{Name: "GPIO17"}, PullUp)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { check(t, in.close()) }()
	chip.Unplug(t)
	if _, err = in.level(); !errors.Is(err, errLineGone) {
		t.Errorf("level: %v", err)
	}
	if err = in.wait(time.Second); !errors.Is(err, errLineGone) {
		t.Errorf("wait: %v", err)
	}
}
