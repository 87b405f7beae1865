package gpio

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel's GPIO character device, version 2 (include/uapi/linux/gpio.h, Linux 5.10 and later), as far as periph does not
// show it: when an edge was, a queue of more than 16 of them, and an output that begins at its own level.

const (
	uapiLinesMax = 64
	uapiAttrsMax = 10
	uapiNameSize = 32

	flagInput        = 1 << 2
	flagOutput       = 1 << 3
	flagEdgeRising   = 1 << 4
	flagEdgeFalling  = 1 << 5
	flagBiasPullUp   = 1 << 8
	flagBiasPullDown = 1 << 9
	flagBiasDisabled = 1 << 10

	attrOutputValues = 2

	eventRising = 1
)

// eventBuffer is how many edges the kernel keeps for a line: the most it allows, 16 for each line of the largest request.
const eventBuffer = 16 * uapiLinesMax

// uapiConsumer is what gpioinfo shows as the user of a line.
const uapiConsumer = "doorstation"

type uapiAttribute struct {
	id      uint32
	padding uint32
	value   uint64
	mask    uint64
}

type uapiConfig struct {
	flags    uint64
	numAttrs uint32
	padding  [5]uint32
	attrs    [uapiAttrsMax]uapiAttribute
}

type uapiRequest struct {
	offsets         [uapiLinesMax]uint32
	consumer        [uapiNameSize]byte
	config          uapiConfig
	numLines        uint32
	eventBufferSize uint32
	padding         [5]uint32
	fd              int32
}

type uapiValues struct{ bits, mask uint64 }

type uapiEvent struct {
	timestamp uint64 // CLOCK_MONOTONIC, in nanoseconds, taken in the interrupt
	id        uint32
	offset    uint32
	seqno     uint32
	lineSeqno uint32
	padding   [6]uint32
}

const uapiEventSize = int(unsafe.Sizeof(uapiEvent{}))

// ioctl numbers are built as in include/uapi/asm-generic/ioctl.h: direction (read and write), size, type 0xB4, number.
func ioctlNumber(number, size uintptr) uintptr { return 3<<30 | size<<16 | 0xB4<<8 | number }

func ioctl(fd int, number uintptr, data unsafe.Pointer, size uintptr) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), ioctlNumber(number, size), uintptr(data)); errno != 0 {
		return errno
	}
	return nil
}

// requestLine takes one line of the chip at path; the result is the request's own file descriptor.
func requestLine(path string, offset int, config uapiConfig) (int, error) {
	chip, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: %w", path, err)
	}
	r := uapiRequest{config: config, numLines: 1}
	r.offsets[0] = uint32(offset)
	copy(r.consumer[:uapiNameSize-1], uapiConsumer)
	if config.flags&flagInput != 0 {
		r.eventBufferSize = eventBuffer
	}
	err = ioctl(chip, 0x07, unsafe.Pointer(&r), unsafe.Sizeof(r))
	closeErr := unix.Close(chip)
	if err == nil && closeErr != nil {
		err = closeErr
	}
	if err != nil {
		return -1, explain(fmt.Errorf("%s line %d: %w", path, offset, err))
	}
	return int(r.fd), nil
}

// configureLine changes a request.
func configureLine(fd int, config uapiConfig) error {
	return ioctl(fd, 0x0D, unsafe.Pointer(&config), unsafe.Sizeof(config))
}

// readLine is the line's level.
func readLine(fd int) (bool, error) {
	v := uapiValues{mask: 1}
	if err := ioctl(fd, 0x0E, unsafe.Pointer(&v), unsafe.Sizeof(v)); err != nil {
		return false, err
	}
	return v.bits&1 != 0, nil
}

// driveLine sets the line's level.
func driveLine(fd int, high bool) error {
	v := uapiValues{mask: 1}
	if high {
		v.bits = 1
	}
	return ioctl(fd, 0x0F, unsafe.Pointer(&v), unsafe.Sizeof(v))
}

// inputConfig is an input with both edges.
func inputConfig(pull Pull) uapiConfig {
	c := uapiConfig{flags: flagInput | flagEdgeRising | flagEdgeFalling}
	switch pull {
	case PullUp:
		c.flags |= flagBiasPullUp
	case PullDown:
		c.flags |= flagBiasPullDown
	default:
		c.flags |= flagBiasDisabled
	}
	return c
}

// outputLine takes a line as an output that has its level from its first moment.
func outputLine(path string, offset int, high bool) (int, error) {
	c := uapiConfig{flags: flagOutput, numAttrs: 1}
	c.attrs[0] = uapiAttribute{id: attrOutputValues, mask: 1}
	if high {
		c.attrs[0].value = 1
	}
	return requestLine(path, offset, c)
}
