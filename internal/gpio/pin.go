package gpio

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// chipInfo is what is to know of a chip to find lines on it.
type chipInfo struct {
	name  string   // gpiochip0
	label string   // pinctrl-bcm2711
	lines []string // names by offset, empty: has none
}

// headerLabels are the chips behind the 40 pins of a Raspberry Pi, whose line numbers are the BCM numbers: Pi 5, Pi 4, the
// ones before, by the labels of their kernel drivers.
func headerLabels() []string {
	return []string{"pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2712", "pinctrl-bcm2835"}
}

// headerLines is how many BCM numbers lead to the header (GPIO0 to GPIO27).
const headerLines = 28

// find finds a line: its chip's index and its offset. GPIO17 is the header's BCM 17 on every Pi, whatever the kernel calls its
// lines; elsewhere, and for every other name, it is the line the kernel calls so.
func find(p Pin, chips []chipInfo) (chipIndex, offset int, err error) {
	if p.Name == "" {
		for i, c := range chips {
			if c.name != p.Chip && c.label != p.Chip {
				continue
			}
			if p.Line < 0 || p.Line >= len(c.lines) {
				return 0, 0, fmt.Errorf("%w: %s (%s) has %d lines, there is no line %d", ErrNoPin, c.name, c.label, len(c.lines), p.Line)
			}
			return i, p.Line, nil
		}
		return 0, 0, fmt.Errorf("%w: no chip has the name or label %q; the chips are %s", ErrNoPin, p.Chip, listed(chips))
	}
	if n, ok := bcm(p.Name); ok {
		for _, label := range headerLabels() {
			i := slices.IndexFunc(chips, func(c chipInfo) bool { return c.label == label && len(c.lines) >= headerLines })
			if i >= 0 {
				return i, n, nil
			}
		}
	}
	for i, c := range chips {
		if offset = slices.Index(c.lines, p.Name); offset >= 0 {
			return i, offset, nil
		}
	}
	return 0, 0, fmt.Errorf("%w: no line has the name %q; the chips are %s", ErrNoPin, p.Name, listed(chips))
}

// bcm reads GPIO0 to GPIO27.
func bcm(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, "GPIO")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n >= 0 && n < headerLines && strconv.Itoa(n) == digits
}

// listed names the chips for a person who looks for the right one.
func listed(chips []chipInfo) string {
	if len(chips) == 0 {
		return "none"
	}
	each := make([]string, len(chips))
	for i, c := range chips {
		each[i] = fmt.Sprintf("%s (%s, %d lines)", c.name, c.label, len(c.lines))
	}
	return strings.Join(each, ", ")
}
