package gpio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"doorstation/internal/gpio/uapi"
)

// LineInfo is a line as the kernel describes it to everybody who may open its chip. To ask changes nothing.
type LineInfo struct {
	// Device is the chip's file, such as /dev/gpiochip0, Chip its name and Label what its driver calls it.
	Device, Chip, Label string
	// Offset is the line's number on the chip, Name the kernel's name of it, which may be empty.
	Offset int
	Name   string
	// Used: somebody holds it. Consumer is who, as that program calls itself; it may be empty all the same.
	Used     bool
	Consumer string
	// Output: it is driven and not read.
	Output bool
	// Bias is the resistor that was asked for last: "up", "down", "none", or empty where nobody knows.
	Bias string
	// Level is that of a free line; nil where it was not asked for or cannot be read.
	Level *bool
}

// Header reports whether the line is one of the 40 pins of a Raspberry Pi.
func (l LineInfo) Header() bool {
	return slices.Contains(headerLabels(), l.Label) && l.Offset < headerLines
}

// Pin is how the local file names the line: as GPIO17 on a Raspberry Pi's header, else by chip and number.
func (l LineInfo) Pin() Pin {
	if l.Header() {
		return Pin{Name: "GPIO" + strconv.Itoa(l.Offset)}
	}
	return Pin{Chip: l.Chip, Line: l.Offset}
}

// ListLines lists the lines of all chips of this machine, the Raspberry Pi's header first. A chip that cannot be opened is left out, and
// the error says why; [ErrNoChip] when there is none at all.
func ListLines() ([]LineInfo, error) { return listLines(devices) }

func listLines(pattern string) ([]LineInfo, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoChip, err)
	}
	if len(paths) == 0 {
		_, err = look(pattern)
		return nil, err
	}
	var all []LineInfo
	var failed error
	seen := map[string]bool{}
	for _, path := range paths {
		lines, chipErr := chipLines(path)
		if chipErr != nil {
			failed = errors.Join(failed, chipErr)
			continue
		}
		// On Raspberry Pi OS two files may be one chip.
		if len(lines) == 0 || seen[lines[0].Chip] {
			continue
		}
		seen[lines[0].Chip] = true
		all = append(all, lines...)
	}
	if len(all) == 0 {
		if _, lookErr := look(pattern); lookErr != nil {
			return nil, lookErr
		}
		return nil, fmt.Errorf("%w: %w", ErrNoChip, failed)
	}
	slices.SortStableFunc(all, func(a, b LineInfo) int { return chipRank(a) - chipRank(b) })
	return all, failed
}

// chipRank puts the header's chip in front.
func chipRank(l LineInfo) int {
	if i := slices.Index(headerLabels(), l.Label); i >= 0 {
		return i
	}
	return len(headerLabels())
}

// FindLine finds the line of a pin among those that were listed; [ErrNoPin].
func FindLine(lines []LineInfo, p Pin) (LineInfo, error) {
	var infos []chipInfo
	var firsts []int
	for i, l := range lines {
		if l.Offset == 0 {
			infos, firsts = append(infos, chipInfo{name: l.Chip, label: l.Label}), append(firsts, i)
		}
		last := &infos[len(infos)-1]
		last.lines = append(last.lines, l.Name)
	}
	chip, offset, err := find(p, infos)
	if err != nil {
		return LineInfo{}, err
	}
	return lines[firsts[chip]+offset], nil
}

type uapiChipInfo struct {
	name, label [uapi.NameSize]byte
	lines       uint32
}

type uapiLineInfo struct {
	name, consumer [uapi.NameSize]byte
	offset         uint32
	numAttrs       uint32
	flags          uint64
	attrs          [uapi.AttrsMax]struct {
		id, padding uint32
		value       uint64
	}
	padding [4]uint32
}

// mostLines bounds what is listed of one chip.
const mostLines = 512

// chipLines lists the lines of one chip.
func chipLines(path string) (lines []LineInfo, err error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	var chip uapiChipInfo
	const read = 2 << 30
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), read|unsafe.Sizeof(chip)<<16|0xB4<<8|0x01, uintptr(unsafe.Pointer(&chip))); errno != 0 {
		return nil, fmt.Errorf("%s: %w", path, errno)
	}
	for i := range min(chip.lines, mostLines) {
		info := uapiLineInfo{offset: i}
		if err = uapi.Ioctl(fd, 0x05, unsafe.Pointer(&info), unsafe.Sizeof(info)); err != nil {
			return nil, fmt.Errorf("%s line %d: %w", path, i, err)
		}
		lines = append(lines, LineInfo{
			Device: path, Chip: text(chip.name[:]), Label: text(chip.label[:]), Offset: int(i), Name: text(info.name[:]),
			Used: info.flags&uapi.FlagUsed != 0, Consumer: text(info.consumer[:]), Output: info.flags&uapi.FlagOutput != 0, Bias: biasOf(info.flags),
		})
	}
	return lines, nil
}

func biasOf(flags uint64) string {
	switch {
	case flags&uapi.FlagBiasPullUp != 0:
		return "up"
	case flags&uapi.FlagBiasPullDown != 0:
		return "down"
	case flags&uapi.FlagBiasDisabled != 0:
		return "none"
	default:
		return ""
	}
}

// text is what stands in a field of fixed length.
func text(field []byte) string {
	s, _, _ := bytes.Cut(field, []byte{0})
	return strings.ToValidUTF8(string(s), "?")
}

// ReadLevel reads a free line as it is: neither its direction nor its resistor is changed.
func ReadLevel(l LineInfo) (high bool, err error) {
	fd, err := uapi.Request(l.Device, l.Offset, uapi.Config{})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	return uapi.Read(fd)
}

// LetGo makes a free line an input, with the resistor that it has: what drove it may have left it driven, as some chips keep an output
// whose program has ended.
func LetGo(l LineInfo) error {
	fd, err := uapi.Request(l.Device, l.Offset, uapi.Config{Flags: uapi.FlagInput})
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// Moved is a line that has moved and come back, or stays.
type Moved struct {
	// Index is the line's place among those that are watched.
	Index int
	// High is the level that it moved to, At when it did.
	High bool
	At   time.Time
	// For is how long it stayed; Held says that it stays longer than anybody presses, and has not come back yet.
	For  time.Duration
	Held bool
	// Bounces is how many edges there were beyond one there and one back.
	Bounces int
	// Lost: there were more edges than the kernel keeps.
	Lost bool
}

// Watched is a line to watch.
type Watched struct {
	Device string
	Offset int
	Pull   Pull
}

// WatchLines takes free lines as inputs and tells each time that one of them moves, until ctx ends; then the lines are given back, as
// inputs, and the channel is closed. Lines that cannot be taken are an error, and none is watched then.
func WatchLines(ctx context.Context, lines []Watched) (<-chan Moved, error) {
	taken, rest := make([]*lineInput, 0, len(lines)), make([]bool, len(lines))
	for i, l := range lines {
		in, err := openInput(l.Device, l.Offset, l.Pull)
		if err == nil {
			taken = append(taken, in)
			rest[i], err = in.settled(l.Pull)
		}
		if err != nil {
			for _, t := range taken {
				err = errors.Join(err, t.close())
			}
			return nil, err
		}
	}
	moves := make(chan Moved)
	var all sync.WaitGroup
	for i, in := range taken {
		all.Go(func() { followLine(ctx, i, in, rest[i], moves) })
	}
	go func() {
		all.Wait()
		close(moves)
	}()
	return moves, nil
}

const (
	// moveQuiet is how long a line must be still for its movement to be over.
	moveQuiet = 80 * time.Millisecond
	// moveHeld is how long a line may stay away until that is told without waiting for its return.
	moveHeld = 5 * time.Second
)

// settled is a line's level at rest, and forgets the edges by which it came there: its pull takes a moment on a long cable.
func (i *lineInput) settled(pull Pull) (bool, error) {
	if pull != PullNone {
		if _, err := i.reaches(pull == PullUp); err != nil {
			return false, err
		}
	}
	_, edgesErr := i.edges()
	high, err := i.level()
	return high, errors.Join(edgesErr, err)
}

// followLine watches one line.
func followLine(ctx context.Context, index int, in *lineInput, rest bool, moves chan<- Moved) {
	defer func() { _ = in.close() }() // nothing is left to do about it
	f := follower{index: index, rest: rest}
	for ctx.Err() == nil {
		if err := in.wait(moveQuiet / 4); err != nil {
			return
		}
		edges, edgesErr := in.edges()
		high, levelErr := in.level()
		if errors.Join(edgesErr, levelErr) != nil {
			return
		}
		m, told := f.step(time.Now(), edges, high)
		if !told {
			continue
		}
		select {
		case moves <- m:
		case <-ctx.Done():
		}
	}
}

// follower makes movements of a line's edges.
type follower struct {
	index int
	rest  bool
	// The movement that is on; edges is 0 when there is none.
	edges       int
	first, last time.Time
	lost, held  bool
}

// step takes what has come by now.
func (f *follower) step(now time.Time, edges []edge, high bool) (Moved, bool) {
	for _, e := range edges {
		if f.edges == 0 {
			f.first = e.at
		}
		f.edges++
		f.last, f.lost = e.at, f.lost || e.lost
	}
	if f.edges == 0 || now.Sub(f.last) < moveQuiet {
		return Moved{}, false
	}
	m := Moved{Index: f.index, High: !f.rest, At: f.first, For: f.last.Sub(f.first), Bounces: max(0, f.edges-2), Lost: f.lost}
	switch {
	case high == f.rest:
		told := !f.held
		*f = follower{index: f.index, rest: f.rest}
		return m, told
	case !f.held && now.Sub(f.first) >= moveHeld:
		f.held, m.Held, m.For = true, true, now.Sub(f.first)
		m.Bounces = max(0, f.edges-1)
		return m, true
	default:
		return Moved{}, false
	}
}

// Tried is how a free line was found that is to be an input.
type Tried struct {
	// High is its level at rest, with its pull.
	High bool
	// Edges is "proven" when an edge was made without a finger and arrived, "unproven" when none could be made, "polled" when the level
	// changed and no edge was told.
	Edges string
}

// TryInput takes a free line as an input for a moment, and finds out its level and whether its edges arrive.
func TryInput(device string, offset int, pull Pull) (t Tried, err error) {
	in, err := openInput(device, offset, pull)
	if err != nil {
		return Tried{}, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	if t.High, err = in.settled(pull); err != nil {
		return Tried{}, err
	}
	p, err := in.prove()
	t.Edges = p.String()
	return t, err
}
