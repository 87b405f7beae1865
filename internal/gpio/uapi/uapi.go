// Package uapi is the kernel's GPIO character device, version 2 (include/uapi/linux/gpio.h, Linux 5.10 and later), as far as periph does not
// show it: when an edge was, a queue of more than 16 of them, and an output that begins at its own level. It needs nothing but system calls, so
// that the lock's guard may be small.
package uapi

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	linesMax = 64
	// AttrsMax is how many attributes the kernel's structures have room for, NameSize how many bytes a name has.
	AttrsMax = 10
	NameSize = 32

	// FlagUsed and the others are a line's flags.
	FlagUsed         = 1 << 0
	FlagInput        = 1 << 2
	FlagOutput       = 1 << 3
	FlagEdgeRising   = 1 << 4
	FlagEdgeFalling  = 1 << 5
	FlagBiasPullUp   = 1 << 8
	FlagBiasPullDown = 1 << 9
	FlagBiasDisabled = 1 << 10

	attrOutputValues = 2

	// EventRising is an [Event] whose line is high after it.
	EventRising = 1
)

// EventBuffer is how many edges the kernel keeps for a line: the most it allows, 16 for each line of the largest request.
const EventBuffer = 16 * linesMax

// consumer is what gpioinfo shows as the user of a line.
const consumer = "doorstation"

type attribute struct {
	id      uint32
	padding uint32
	value   uint64
	mask    uint64
}

// Config is how a line is requested.
type Config struct {
	Flags    uint64
	numAttrs uint32
	padding  [5]uint32
	attrs    [AttrsMax]attribute
}

type request struct {
	offsets         [linesMax]uint32
	consumer        [NameSize]byte
	config          Config
	numLines        uint32
	eventBufferSize uint32
	padding         [5]uint32
	fd              int32
}

type values struct{ bits, mask uint64 }

// Event is an edge as it is read from a line's file descriptor.
type Event struct {
	Timestamp uint64 // CLOCK_MONOTONIC, in nanoseconds, taken in the interrupt
	ID        uint32
	Offset    uint32
	Seqno     uint32
	LineSeqno uint32
	_         [6]uint32
}

// EventSize is how many bytes an [Event] has.
const EventSize = int(unsafe.Sizeof(Event{}))

// number is built as in include/uapi/asm-generic/ioctl.h: direction (read and write), size, type 0xB4, number.
func number(n, size uintptr) uintptr { return 3<<30 | size<<16 | 0xB4<<8 | n }

// Ioctl asks the kernel's driver of a chip or a line, with data of size bytes that goes both ways.
func Ioctl(fd int, n uintptr, data unsafe.Pointer, size uintptr) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), number(n, size), uintptr(data)); errno != 0 {
		return errno
	}
	return nil
}

// Request takes one line of the chip at path; the result is the request's own file descriptor.
func Request(path string, offset int, config Config) (int, error) {
	chip, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: %w", path, err)
	}
	r := request{config: config, numLines: 1}
	r.offsets[0] = uint32(offset)
	copy(r.consumer[:NameSize-1], consumer)
	if config.Flags&FlagInput != 0 {
		r.eventBufferSize = EventBuffer
	}
	err = Ioctl(chip, 0x07, unsafe.Pointer(&r), unsafe.Sizeof(r))
	closeErr := unix.Close(chip)
	if err == nil && closeErr != nil {
		err = closeErr
	}
	if err != nil {
		return -1, explain(fmt.Errorf("%s line %d: %w", path, offset, err))
	}
	return int(r.fd), nil
}

// explain says what the kernel's refusals mean.
func explain(err error) error {
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("the line is in use by another program: %w", err)
	}
	return err
}

// Configure changes a request.
func Configure(fd int, config Config) error {
	return Ioctl(fd, 0x0D, unsafe.Pointer(&config), unsafe.Sizeof(config))
}

// Read is the line's level.
func Read(fd int) (bool, error) {
	v := values{mask: 1}
	if err := Ioctl(fd, 0x0E, unsafe.Pointer(&v), unsafe.Sizeof(v)); err != nil {
		return false, err
	}
	return v.bits&1 != 0, nil
}

// Output drives a line.
type Output struct{ fd int }

// TakeOutput takes a line as an output that has its level from its first moment.
func TakeOutput(path string, offset int, high bool) (*Output, error) {
	c := Config{Flags: FlagOutput, numAttrs: 1}
	c.attrs[0] = attribute{id: attrOutputValues, mask: 1}
	if high {
		c.attrs[0].value = 1
	}
	fd, err := Request(path, offset, c)
	if err != nil {
		return nil, err
	}
	return &Output{fd}, nil
}

// Set sets the line's level.
func (o *Output) Set(high bool) error {
	v := values{mask: 1}
	if high {
		v.bits = 1
	}
	return Ioctl(o.fd, 0x0F, unsafe.Pointer(&v), unsafe.Sizeof(v))
}

// Close gives the line back.
func (o *Output) Close() error { return unix.Close(o.fd) }
