package gpio

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/host/v3/gpioioctl"

	"doorstation/internal/gpio/uapi"
)

// devices is where the kernel shows GPIO chips.
const devices = "/dev/gpiochip*"

// driverName is what periph calls the driver for the character device.
const driverName = "ioctl-gpio"

// header is the machine's GPIO by periph.
//
// periph finds the chips and their lines. Reading and driving a line is done beside it (package uapi), because of three things it does
// not do: its edges have no time, so that after a pause of the processor a press and a spike look alike (both are two edges); it
// leaves the kernel's queue at 16 edges, and a bouncing contact fills that; and its outputs begin low, which is "on" for a lock
// that opens at low.
//
// Of periph only the driver for the character device is linked in, not host.Init with all it knows: the driver for the Pi's
// registers (bcm283x) panics where only a small expander can be read, maps /dev/mem when run as root, and gives nothing here
// that the kernel does not. Chips and lines are found by [find] and not in periph's registry, whose names depend on the board.
type header struct {
	pattern string
	log     *slog.Logger

	mu      sync.Mutex // periph's list of chips has none
	asked   bool       // periph was, at least once
	scanned string     // what the device files looked like when they were read
	chips   []*gpioioctl.GPIOChip
	infos   []chipInfo
}

func newHeader(pattern string, log *slog.Logger) *header {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &header{pattern: pattern, log: log}
}

// open is the chip, or [ErrNoChip] with what is wrong.
func (h *header) open() (chip, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.scan(); err != nil {
		return nil, err
	}
	return h, nil
}

// scan reads the chips, if they have changed since the last time: reading them again costs a file each. It is called with the
// mutex held.
func (h *header) scan() error {
	seen, err := look(h.pattern)
	if err != nil {
		return err
	}
	if seen == h.scanned {
		return nil
	}
	again := h.asked
	h.asked = true
	if err = readChips(again); err != nil {
		return fmt.Errorf("%w: %w", ErrNoChip, err)
	}
	h.chips, h.infos = newest(gpioioctl.Chips), nil
	for _, c := range h.chips {
		h.infos = append(h.infos, describe(c))
	}
	if len(h.chips) == 0 {
		return fmt.Errorf("%w: none of %s could be read", ErrNoChip, h.pattern)
	}
	h.scanned = seen
	h.log.Info("GPIO found", "chips", listed(h.infos))
	return nil
}

// newest leaves out of periph's list what is gone and what has been read again since, and keeps its order (the Pi's own chips
// first).
func newest(all []*gpioioctl.GPIOChip) []*gpioioctl.GPIOChip {
	var chips []*gpioioctl.GPIOChip
	known := map[string]bool{}
	for _, c := range slices.Backward(all) {
		if _, err := os.Stat(c.Path()); err == nil && !known[c.Name()] {
			known[c.Name()] = true
			chips = append(chips, c)
		}
	}
	slices.Reverse(chips)
	return chips
}

// look tells what the device files look like, as a text that differs when one was added, removed or replaced.
func look(pattern string) (string, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoChip, err)
	}
	if len(paths) == 0 {
		return "", fmt.Errorf("%w: there is no %s; is this a machine with GPIO, and is the device handed into the container?", ErrNoChip, pattern)
	}
	var text strings.Builder
	var refused error
	for _, path := range paths {
		if err = unix.Access(path, unix.R_OK); err != nil {
			refused = errors.Join(refused, fmt.Errorf("%s: %w", path, err))
			continue
		}
		var info os.FileInfo
		if info, err = os.Stat(path); err == nil {
			fmt.Fprintf(&text, "%s %s %v\n", path, info.ModTime().Format(time.RFC3339Nano), info.Sys())
		}
	}
	if text.Len() == 0 {
		return "", fmt.Errorf("%w: no permission; is this user in the group gpio? %w", ErrNoChip, refused)
	}
	return text.String(), nil
}

// readChips lets periph read the chips; again reads those that have come since.
func readChips(again bool) error {
	state, err := driverreg.Init() // the first time only; later it gives the same state
	if err != nil {
		return err
	}
	failures := slices.Concat(state.Failed, state.Skipped)
	for _, f := range failures {
		if f.D.String() == driverName && !again {
			err = errors.Join(err, f.Err)
		}
	}
	drivers := slices.Clone(state.Loaded)
	for _, f := range failures {
		drivers = append(drivers, f.D)
	}
	for _, d := range drivers {
		if d.String() == driverName && again {
			_, err = d.Init()
		}
	}
	return errors.Join(err, keepStdin())
}

// keepStdin fills file descriptor 0 if it is free. periph closes it by mistake when two device files are the same chip, as on
// Raspberry Pi OS (gpiochip4), and it takes a line whose descriptor is 0 for one that is not requested.
func keepStdin() error {
	if _, err := unix.FcntlInt(0, unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
		return nil
	}
	fd, err := unix.Open(os.DevNull, unix.O_RDWR, 0) // stays open in place of the standard input
	if err != nil {
		return fmt.Errorf("gpio: replacing the standard input: %w", err)
	}
	if fd != 0 { // somebody was quicker: 0 is in use, which is all that is wanted
		return unix.Close(fd)
	}
	return nil
}

// describe gives a chip's lines the kernel's names: periph puts the chip's name before one that it has seen already.
func describe(c *gpioioctl.GPIOChip) chipInfo {
	info := chipInfo{name: c.Name(), label: c.Label()}
	for _, l := range c.Lines() {
		info.lines = append(info.lines, strings.TrimPrefix(l.Name(), c.Name()+"-"))
	}
	return info
}

// line finds a line, its chip's device file and its offset there, after a look whether chips have come or gone.
func (h *header) line(p Pin) (path string, offset int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err = h.scan(); err != nil {
		return "", 0, err
	}
	i, offset, err := find(p, h.infos)
	if err != nil {
		return "", 0, err
	}
	return h.chips[i].Path(), offset, nil
}

func (h *header) input(p Pin, pull Pull) (input, error) {
	path, offset, err := h.line(p)
	if err != nil {
		return nil, err
	}
	in, err := openInput(path, offset, pull)
	if err != nil {
		return nil, err
	}
	return in, nil
}

func (h *header) output(p Pin, high bool) (output, error) {
	path, offset, err := h.line(p)
	if err != nil {
		return nil, err
	}
	line, err := uapi.TakeOutput(path, offset, high)
	if err != nil {
		return nil, err
	}
	return line, nil
}
