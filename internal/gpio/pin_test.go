package gpio

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"periph.io/x/conn/v3/driver/driverreg"
)

// named are lines GPIO0, GPIO1 … as most kernels call them.
func named(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("GPIO%d", i)
	}
	return lines
}

func TestFind(t *testing.T) {
	pi3 := chipInfo{"gpiochip0", "pinctrl-bcm2835", append([]string{"ID_SDA", "ID_SCL", "SDA1"}, make([]string, 51)...)}
	pi4 := chipInfo{"gpiochip0", "pinctrl-bcm2711", named(58)}
	rp1 := chipInfo{"gpiochip0", "pinctrl-rp1", named(54)}
	expander := chipInfo{"gpiochip1", "raspberrypi-exp-gpio", []string{"BT_ON", "WL_ON", "", "", "", "", "", ""}}
	brcm := chipInfo{"gpiochip10", "gpio-brcmstb@107d508500", []string{"-", "2712_BOOT_CS_N", "GPIO17"}}
	sim := chipInfo{"gpiochip2", "gpio-sim.0-node0", []string{"", "GPIO17", "bell"}}
	for _, ca := range []struct {
		name  string
		pin   Pin
		chips []chipInfo
		want  string // chip:line, or part of the error
	}{
		{"Pi 4", Pin{Name: "GPIO17"}, []chipInfo{pi4, expander}, "gpiochip0:17"},
		{"Pi 5", Pin{Name: "GPIO17"}, []chipInfo{brcm, rp1}, "gpiochip0:17"},
		{"Pi 3, whose kernel calls GPIO2 otherwise", Pin{Name: "GPIO2"}, []chipInfo{expander, pi3}, "gpiochip0:2"},
		{"the kernel's name of a line", Pin{Name: "SDA1"}, []chipInfo{expander, pi3}, "gpiochip0:2"},
		{"a simulated chip of the kernel", Pin{Name: "GPIO17"}, []chipInfo{expander, sim}, "gpiochip2:1"},
		{"a small chip with the header's label", Pin{Name: "GPIO17"}, []chipInfo{{"gpiochip9", "pinctrl-rp1", named(8)}, sim}, "gpiochip2:1"},
		{"an own name", Pin{Name: "bell"}, []chipInfo{pi4, sim}, "gpiochip2:2"},
		{"chip by name", Pin{Chip: "gpiochip1", Line: 7}, []chipInfo{pi4, expander}, "gpiochip1:7"},
		{"chip by label", Pin{Chip: "pinctrl-rp1", Line: 0}, []chipInfo{brcm, rp1}, "gpiochip0:0"},
		{"beyond the header", Pin{Name: "GPIO40"}, []chipInfo{rp1, sim}, "gpiochip0:40"},
		{"another way to write it", Pin{Name: "GPIO017"}, []chipInfo{pi4}, `no line has the name "GPIO017"; the chips are gpiochip0 (pinctrl-bcm2711, 58 lines)`},
		{"no such name", Pin{Name: "doorbell"}, []chipInfo{pi4, sim}, `no line has the name "doorbell"; the chips are gpiochip0 (pinctrl-bcm2711, 58 lines), gpiochip2`},
		{"no such chip", Pin{Chip: "gpiochip4", Line: 3}, []chipInfo{rp1}, `no chip has the name or label "gpiochip4"`},
		{"no such line", Pin{Chip: "gpiochip1", Line: 8}, []chipInfo{rp1, expander}, "gpiochip1 (raspberrypi-exp-gpio) has 8 lines"},
		{"a line below zero", Pin{Chip: "gpiochip1", Line: -1}, []chipInfo{expander}, "there is no line -1"},
		{"nothing at all", Pin{}, []chipInfo{expander}, `no chip has the name or label ""`},
		{"no chips", Pin{Name: "GPIO17"}, nil, "the chips are none"},
	} {
		t.Run(ca.name, func(t *testing.T) {
			i, offset, err := find(ca.pin, ca.chips)
			if err != nil {
				if !errors.Is(err, ErrNoPin) || !strings.Contains(err.Error(), ca.want) {
					t.Errorf("error %q, want %q", err, ca.want)
				}
				return
			}
			if got := fmt.Sprintf("%s:%d", ca.chips[i].name, offset); got != ca.want {
				t.Errorf("found %s, want %s", got, ca.want)
			}
		})
	}
}

func TestPinAsText(t *testing.T) {
	if a, b := (Pin{Name: "GPIO17"}).String(), (Pin{Chip: "gpiochip0", Line: 17}).String(); a != "GPIO17" || b != "gpiochip0:17" {
		t.Errorf("%s, %s", a, b)
	}
}

// TestNoDevices tells a person what is missing.
func TestNoDevices(t *testing.T) {
	pattern := filepath.Join(t.TempDir(), "gpiochip*")
	_, err := newHeader(pattern, nil).open()
	if !errors.Is(err, ErrNoChip) || !strings.Contains(err.Error(), "there is no "+pattern) {
		t.Errorf("open: %v", err)
	}
	if _, err = newHeader("[", nil).open(); !errors.Is(err, ErrNoChip) {
		t.Errorf("open: %v", err)
	}
}

// TestDeviceFilesThatChange: a chip that came, went or was replaced is noticed.
func TestDeviceFilesThatChange(t *testing.T) {
	dir := t.TempDir()
	pattern := filepath.Join(dir, "gpiochip*")
	seen := map[string]bool{}
	step := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		text, err := look(pattern)
		if err != nil || seen[text] {
			t.Errorf("%s: not noticed (%v)", what, err)
		}
		seen[text] = true
	}
	zero, one := filepath.Join(dir, "gpiochip0"), filepath.Join(dir, "gpiochip1")
	step("a chip", os.WriteFile(zero, nil, 0o600))
	step("another chip", os.WriteFile(one, nil, 0o600))
	step("a chip replaced", errors.Join(os.WriteFile(filepath.Join(dir, "new"), nil, 0o600), os.Rename(filepath.Join(dir, "new"), zero)))
	step("a chip gone", os.Remove(zero))
}

// TestOnlyTheCharacterDevice keeps periph's driver for the Pi's registers out of the binary: it can panic and map /dev/mem.
func TestOnlyTheCharacterDevice(t *testing.T) {
	state, err := driverreg.Init()
	if err != nil {
		t.Fatal(err)
	}
	n := len(state.Loaded) + len(state.Failed) + len(state.Skipped)
	for _, d := range state.Loaded {
		if d.String() != driverName {
			t.Errorf("driver %s is linked in", d)
		}
	}
	for _, f := range append(state.Failed, state.Skipped...) {
		if f.D.String() != driverName {
			t.Errorf("driver %s is linked in", f.D)
		}
	}
	if n != 1 {
		t.Errorf("%d drivers", n)
	}
}
