package gpio

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"doorstation/internal/gpio/uapi"
)

// errLineGone says that a line stopped answering.
var errLineGone = errors.New("the line cannot be read any more")

// lineInput is a line of the kernel's, with the edges it has seen and the moment of each.
type lineInput struct {
	file *os.File
	raw  syscall.RawConn
	pull Pull
	// base and baseTicks are the same moment, by Go and by the clock of the events.
	base      time.Time
	baseTicks time.Duration
	seqno     uint32
	pending   []edge
}

// ticks is CLOCK_MONOTONIC.
func ticks() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}

func openInput(path string, offset int, pull Pull) (*lineInput, error) {
	fd, err := uapi.Request(path, offset, inputConfig(pull))
	if pull == PullNone && errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
		// A chip that has no resistors: the circuit has its own.
		c := inputConfig(PullNone)
		c.Flags &^= uapi.FlagBiasDisabled
		fd, err = uapi.Request(path, offset, c)
	}
	if err != nil {
		return nil, err
	}
	in := &lineInput{pull: pull, base: time.Now()}
	in.baseTicks, err = ticks()
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	in.file = os.NewFile(uintptr(fd), "gpio line")
	if in.raw, err = in.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, in.file.Close())
	}
	return in, nil
}

// wait returns as soon as there are edges, at the latest after limit.
func (i *lineInput) wait(limit time.Duration) error {
	if len(i.pending) > 0 {
		return nil
	}
	if err := i.file.SetReadDeadline(time.Now().Add(max(limit, time.Millisecond))); err != nil {
		return fmt.Errorf("%w: %w", errLineGone, err)
	}
	var failed error
	err := i.raw.Read(func(fd uintptr) bool {
		failed = i.take(int(fd))
		return failed != nil || len(i.pending) > 0
	})
	switch {
	case failed != nil:
		return fmt.Errorf("%w: %w", errLineGone, failed)
	case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	default:
		return fmt.Errorf("%w: %w", errLineGone, err)
	}
}

// edges are those that were queued when it was called, without waiting.
func (i *lineInput) edges() ([]edge, error) {
	var failed error
	// Not Read: that would look at the deadline of the last wait first.
	err := i.raw.Control(func(fd uintptr) {
		for before := -1; failed == nil && before != len(i.pending) && len(i.pending) < uapi.EventBuffer; {
			before = len(i.pending)
			failed = i.take(int(fd))
		}
	})
	if err = errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("%w: %w", errLineGone, err)
	}
	all := i.pending
	i.pending = nil
	return all, nil
}

// take reads what is queued, without waiting, as much as fits.
func (i *lineInput) take(fd int) error {
	var events [64]uapi.Event
	n, err := unix.Read(fd, unsafe.Slice((*byte)(unsafe.Pointer(&events[0])), len(events)*uapi.EventSize))
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range events[:n/uapi.EventSize] {
		i.pending = append(i.pending, edge{
			at:   i.base.Add(time.Duration(e.Timestamp) - i.baseTicks),
			high: e.ID == uapi.EventRising,
			lost: i.seqno != 0 && e.LineSeqno != i.seqno+1,
		})
		i.seqno = e.LineSeqno
	}
	return nil
}

func (i *lineInput) level() (bool, error) {
	var high bool
	var failed error
	err := i.raw.Control(func(fd uintptr) { high, failed = uapi.Read(int(fd)) })
	if err = errors.Join(err, failed); err != nil {
		return false, fmt.Errorf("%w: %w", errLineGone, err)
	}
	return high, nil
}

func (i *lineInput) configure(pull Pull) error {
	var failed error
	err := i.raw.Control(func(fd uintptr) { failed = uapi.Configure(int(fd), inputConfig(pull)) })
	return errors.Join(err, failed)
}

func (i *lineInput) close() error { return i.file.Close() }

const (
	// proofSettles is how long a line may take to follow its resistor: a long cable and a small capacitor are slow.
	proofSettles = 30 * time.Millisecond
	// proofArrives is how long the edge may take to be told after the level has been seen to change.
	proofArrives = 500 * time.Millisecond
)

// prove makes an edge without a finger: the resistor is turned round for a moment, which an open line follows. What is at rest
// because of a resistor outside, or held down, does not, and proves nothing. The line is as before when it returns.
func (i *lineInput) prove() (proof, error) {
	if i.pull == PullNone {
		return proofOpen, nil
	}
	rest := i.pull == PullUp
	other := PullDown
	if !rest {
		other = PullUp
	}
	if at, err := i.level(); err != nil || at != rest {
		return proofOpen, err
	}
	if err := i.configure(other); err != nil {
		return proofOpen, errors.Join(err, i.configure(i.pull))
	}
	moved, err := i.reaches(!rest)
	came := false
	if err == nil && moved {
		err = i.wait(proofArrives)
		came = len(i.pending) > 0
	}
	if err = errors.Join(err, i.configure(i.pull)); err != nil {
		return proofOpen, err
	}
	if moved {
		if _, err = i.reaches(rest); err == nil {
			err = i.wait(proofSettles) // for the edge back
		}
	}
	if err == nil {
		_, err = i.edges() // of the proof, none of a finger's
	}
	switch {
	case err != nil || !moved:
		return proofOpen, err
	case came:
		return proofGiven, nil
	default:
		return proofFailed, nil
	}
}

// reaches waits until the line has a level, as long as a line may take to settle.
func (i *lineInput) reaches(high bool) (bool, error) {
	for end := time.Now().Add(proofSettles); ; time.Sleep(time.Millisecond) {
		if at, err := i.level(); err != nil || at == high {
			return err == nil, err
		}
		if time.Now().After(end) {
			return false, nil
		}
	}
}

// inputConfig is an input with both edges.
func inputConfig(pull Pull) uapi.Config {
	c := uapi.Config{Flags: uapi.FlagInput | uapi.FlagEdgeRising | uapi.FlagEdgeFalling}
	switch pull {
	case PullUp:
		c.Flags |= uapi.FlagBiasPullUp
	case PullDown:
		c.Flags |= uapi.FlagBiasPullDown
	default:
		c.Flags |= uapi.FlagBiasDisabled
	}
	return c
}
