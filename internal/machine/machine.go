// Package machine looks at the computer itself: clock, disk, memory, power, temperature, load, versions. To look costs a few small files
// of the kernel's and changes nothing. It knows no other room.
package machine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrUnknown means that this machine does not tell.
var ErrUnknown = errors.New("this machine does not tell")

// Machine is a computer, by what its kernel shows under /proc and /sys.
type Machine struct {
	// Root is in front of all paths of the kernel's; empty is this machine.
	Root string
}

// largest bounds what is read of a file of the kernel's, in bytes.
const largest = 64 << 10

// read gives a file of the kernel's as text, without the end of its line.
func (m Machine) read(path string) (string, error) {
	f, err := os.Open(filepath.Join(m.root(), path))
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.LimitReader(f, largest))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	return strings.TrimRight(string(data), "\x00\n"), nil
}

// glob gives the paths that fit, without the root.
func (m Machine) glob(pattern string) []string {
	found, err := filepath.Glob(filepath.Join(m.root(), pattern))
	if err != nil {
		return nil
	}
	for i := range found {
		found[i] = strings.TrimPrefix(found[i], strings.TrimSuffix(m.root(), "/"))
	}
	return found
}

func (m Machine) root() string {
	if m.Root == "" {
		return "/"
	}
	return m.Root
}

// Power is how the Raspberry Pi is fed.
type Power struct {
	// UnderVoltage: the supply is too weak now, or was in the last seconds. UnderVoltageSeen: it was at some time since the firmware was
	// last asked, at most since the start.
	UnderVoltage     bool `json:"under_voltage"`
	UnderVoltageSeen bool `json:"under_voltage_seen"`
	// Throttled: the processor is slowed down now, for power or heat. ThrottledSeen: it was.
	Throttled     bool `json:"throttled"`
	ThrottledSeen bool `json:"throttled_seen"`
	// Bits are the firmware's (vcgencmd get_throttled); -1 where only the voltage is known.
	Bits int64 `json:"bits"`
}

// What the firmware's bits mean (Raspberry Pi documentation, vcgencmd get_throttled).
const (
	bitUnderVoltage     = 1 << 0
	bitCapped           = 1 << 1
	bitThrottled        = 1 << 2
	bitUnderVoltageSeen = 1 << 16
	bitCappedSeen       = 1 << 17
	bitThrottledSeen    = 1 << 18
)

// ParseThrottled reads what the firmware says, such as "50005", "0x50005" or "throttled=0x50005".
func ParseThrottled(text string) (Power, error) {
	text = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(text), "throttled="), "0x")
	bits, err := strconv.ParseInt(text, 16, 64)
	if err != nil || bits < 0 {
		return Power{}, fmt.Errorf("get_throttled: %q is no number", text)
	}
	has := func(mask int64) bool { return bits&mask != 0 }
	return Power{
		UnderVoltage: has(bitUnderVoltage), UnderVoltageSeen: has(bitUnderVoltage | bitUnderVoltageSeen),
		Throttled: has(bitCapped | bitThrottled), ThrottledSeen: has(bitCapped | bitThrottled | bitCappedSeen | bitThrottledSeen), Bits: bits,
	}, nil
}

// Power asks the firmware's file and the voltage sensor. [ErrUnknown] on a machine that has neither: all but a Raspberry Pi.
func (m Machine) Power() (Power, error) {
	p, err := Power{Bits: -1}, ErrUnknown
	for _, path := range m.glob("/sys/devices/platform/soc*/soc*firmware/get_throttled") {
		text, readErr := m.read(path)
		if readErr != nil {
			continue
		}
		if p, err = ParseThrottled(text); err == nil {
			break
		}
	}
	for _, path := range m.glob("/sys/class/hwmon/hwmon*/name") {
		if name, readErr := m.read(path); readErr != nil || name != "rpi_volt" {
			continue
		}
		alarm, readErr := m.read(filepath.Join(filepath.Dir(path), "in0_lcrit_alarm"))
		if readErr != nil {
			continue
		}
		low := strings.TrimSpace(alarm) == "1"
		p.UnderVoltage, p.UnderVoltageSeen, err = p.UnderVoltage || low, p.UnderVoltageSeen || low, nil
	}
	return p, err
}

// Temperature is that of the processor in °C. [ErrUnknown] where it has no sensor.
func (m Machine) Temperature() (float64, error) {
	best, found := 0.0, false
	for _, path := range m.glob("/sys/class/thermal/thermal_zone*/temp") {
		kind, err := m.read(filepath.Join(filepath.Dir(path), "type"))
		if err != nil || !strings.Contains(kind, "cpu") && !strings.Contains(kind, "soc") && !strings.Contains(kind, "x86_pkg") {
			continue
		}
		text, err := m.read(path)
		if err != nil {
			continue
		}
		if v, parseErr := strconv.ParseFloat(strings.TrimSpace(text), 64); parseErr == nil {
			best, found = max(best, v/1000), true
		}
	}
	if !found {
		return 0, fmt.Errorf("temperature: %w", ErrUnknown)
	}
	return best, nil
}

// Memory is the machine's, in bytes.
type Memory struct {
	Total     uint64 `json:"total_bytes"`
	Available uint64 `json:"available_bytes"`
	SwapTotal uint64 `json:"swap_total_bytes"`
	SwapFree  uint64 `json:"swap_free_bytes"`
}

// Memory reads /proc/meminfo.
func (m Machine) Memory() (Memory, error) {
	text, err := m.read("/proc/meminfo")
	if err != nil {
		return Memory{}, err
	}
	var mem Memory
	fields := map[string]*uint64{"MemTotal:": &mem.Total, "MemAvailable:": &mem.Available, "SwapTotal:": &mem.SwapTotal, "SwapFree:": &mem.SwapFree}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 || fields[words[0]] == nil {
			continue
		}
		kib, parseErr := strconv.ParseUint(words[1], 10, 53)
		if parseErr != nil {
			return Memory{}, fmt.Errorf("/proc/meminfo: %q", strings.TrimSpace(line))
		}
		*fields[words[0]] = kib << 10
	}
	if mem.Total == 0 {
		return Memory{}, fmt.Errorf("/proc/meminfo: %w", ErrUnknown)
	}
	return mem, nil
}

// Load is how busy the processors are: the mean number of programs that wanted one, over 1, 5 and 15 minutes.
type Load struct {
	One        float64 `json:"one_minute"`
	Five       float64 `json:"five_minutes"`
	Fifteen    float64 `json:"fifteen_minutes"`
	Processors int     `json:"processors"`
}

// Load reads /proc/loadavg.
func (m Machine) Load(processors int) (Load, error) {
	text, err := m.read("/proc/loadavg")
	if err != nil {
		return Load{}, err
	}
	l := Load{Processors: processors}
	if _, err = fmt.Sscan(text, &l.One, &l.Five, &l.Fifteen); err != nil {
		return Load{}, fmt.Errorf("/proc/loadavg: %w", err)
	}
	return l, nil
}

// Disk is the file system of a directory.
type Disk struct {
	Dir    string `json:"dir"`
	Total  uint64 `json:"total_bytes"`
	Free   uint64 `json:"free_bytes"` // for users who are not root
	Inodes uint64 `json:"inodes"`     // 0: the file system has no fixed number
	Left   uint64 `json:"inodes_free"`
	// ReadOnly: nothing can be written on it. Writable: this user may write to the directory.
	ReadOnly bool `json:"read_only"`
	Writable bool `json:"writable"`
}

// Disk looks at the file system of a directory of this machine, or of the nearest one above that is there.
func (m Machine) Disk(dir string) (Disk, error) {
	dir = filepath.Clean(dir)
	var fs unix.Statfs_t
	for {
		err := unix.Statfs(filepath.Join(m.root(), dir), &fs)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.ENOENT) || dir == "/" || dir == "." {
			return Disk{}, fmt.Errorf("%s: %w", dir, err)
		}
		dir = filepath.Dir(dir)
	}
	size := uint64(fs.Bsize) //nolint:unconvert,gosec // its type is another on each processor, and it is never negative
	return Disk{
		Dir: dir, Total: fs.Blocks * size, Free: fs.Bavail * size, Inodes: fs.Files, Left: fs.Ffree,
		ReadOnly: uint64(fs.Flags)&unix.ST_RDONLY != 0, //nolint:unconvert,gosec // as above
		Writable: unix.Access(filepath.Join(m.root(), dir), unix.W_OK) == nil,
	}, nil
}

// DiskErrors are the errors that the kernel has counted on ext4 file systems since they were last repaired, by device: an SD card that
// wears out shows so.
func (m Machine) DiskErrors() map[string]int {
	found := map[string]int{}
	for _, path := range m.glob("/sys/fs/ext4/*/errors_count") {
		text, err := m.read(path)
		if err != nil {
			continue
		}
		if n, parseErr := strconv.Atoi(strings.TrimSpace(text)); parseErr == nil && n > 0 {
			found[filepath.Base(filepath.Dir(path))] = n
		}
	}
	return found
}

// Clock is what the kernel knows of its clock.
type Clock struct {
	// Synchronised: a program such as systemd-timesyncd or chrony keeps it.
	Synchronised bool `json:"synchronised"`
	// MaxError is by how much it may be off then.
	MaxError time.Duration `json:"max_error_ns"`
}

// Clock asks the kernel (adjtimex(2)); it is always this machine's.
func (m Machine) Clock() (Clock, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return Clock{}, fmt.Errorf("clock: %w", err)
	}
	const timeError = 5 // TIME_ERROR
	return Clock{
		Synchronised: state != timeError && t.Status&unix.STA_UNSYNC == 0, MaxError: time.Duration(t.Maxerror) * time.Microsecond,
	}, nil
}

// Uptime is how long the machine has been on.
func (m Machine) Uptime() (time.Duration, error) {
	text, err := m.read("/proc/uptime")
	if err != nil {
		return 0, err
	}
	var seconds float64
	if _, err = fmt.Sscan(text, &seconds); err != nil {
		return 0, fmt.Errorf("/proc/uptime: %w", err)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// Versions are those of what the door runs on; empty is not known.
type Versions struct {
	// Model is "Raspberry Pi 4 Model B Rev 1.4", System "Debian GNU/Linux 13 (trixie)", Kernel "6.12.47+rpt-rpi-v8".
	Model  string `json:"model,omitempty"`
	System string `json:"system,omitempty"`
	Kernel string `json:"kernel,omitempty"`
	// Machine is the processor's kind, such as aarch64.
	Machine string `json:"machine,omitempty"`
}

// Versions reads what there is.
func (m Machine) Versions() Versions {
	var v Versions
	for _, path := range []string{"/proc/device-tree/model", "/sys/devices/virtual/dmi/id/product_name"} {
		if text, err := m.read(path); err == nil && text != "" {
			v.Model = printable(text)
			break
		}
	}
	for _, path := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if text, err := m.read(path); err == nil {
			v.System = printable(prettyName(text))
			break
		}
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err == nil {
		v.Kernel, v.Machine = unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:])
	}
	return v
}

// prettyName is PRETTY_NAME of os-release(5).
func prettyName(text string) string {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			return strings.Trim(value, `"'`)
		}
	}
	return ""
}

// printable leaves out what is not fit for a terminal, and what is beyond a line.
func printable(text string) string {
	const longest = 120
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "")
	}
	return strings.TrimSpace(text)
}

// Holder is a process that has a file open.
type Holder struct {
	PID  int
	Name string
}

// String is how a person finds it.
func (h Holder) String() string { return fmt.Sprintf("%s (process %d)", h.Name, h.PID) }

// mostProcesses bounds how many processes are looked at.
const mostProcesses = 10000

// Holders are the processes that have one of some files open, as far as this user may see that; this process is left out. partial says that
// there are processes whose files it may not see.
func (m Machine) Holders(files ...string) (holders []Holder, partial bool) {
	dirs := m.glob("/proc/[0-9]*/fd")
	for _, dir := range dirs[:min(len(dirs), mostProcesses)] {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		entries, err := os.ReadDir(filepath.Join(m.root(), dir))
		if err != nil {
			partial = partial || errors.Is(err, os.ErrPermission)
			continue
		}
		if slices.ContainsFunc(entries, func(e os.DirEntry) bool {
			to, linkErr := os.Readlink(filepath.Join(m.root(), dir, e.Name()))
			return linkErr == nil && slices.Contains(files, to)
		}) {
			holders = append(holders, Holder{PID: pid, Name: m.processName(pid)})
		}
	}
	return holders, partial
}

// processName is what a process is called.
func (m Machine) processName(pid int) string {
	if text, err := m.read(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
		program, _, _ := strings.Cut(text, "\x00")
		if name := printable(filepath.Base(program)); name != "" && name != "." {
			return name
		}
	}
	text, err := m.read(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return "a process"
	}
	return printable(text)
}

// LineHolders are the processes that have asked the kernel for a line of a GPIO chip ("gpiochip0"), as far as this user may see that (Linux
// 5.19 and later).
func (m Machine) LineHolders(chip string, line int) []Holder {
	var holders []Holder
	for _, path := range m.glob("/proc/[0-9]*/fdinfo/*") {
		text, err := m.read(path)
		if err != nil || !bytes.Contains([]byte(text), []byte("gpio-chip:\t"+chip)) {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(strings.TrimPrefix(path, "/proc/"), "/")[0])
		if err != nil || pid == os.Getpid() {
			continue
		}
		for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
			if lines.Text() == "gpio-line:\t"+strconv.Itoa(line) {
				holders = append(holders, Holder{PID: pid, Name: m.processName(pid)})
				break
			}
		}
	}
	return holders
}
