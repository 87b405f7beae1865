package v4l2

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Parts of ioctl numbers (asm-generic/ioctl.h): the direction as the kernel sees a program, the group, and where the
// structure's size is.
const (
	iow     = 1<<30 | 'V'<<8
	ior     = 2<<30 | 'V'<<8
	iowr    = iow | ior
	iocSize = 1 << 16
)

// The ioctls. Their numbers hold the sizes of the structures, which differ between machines.
const (
	vidiocQuerycap           = ior | unsafe.Sizeof(capability{})*iocSize
	vidiocEnumFmt            = iowr | unsafe.Sizeof(fmtDesc{})*iocSize | 2
	vidiocGFmt               = iowr | unsafe.Sizeof(format{})*iocSize | 4
	vidiocSFmt               = iowr | unsafe.Sizeof(format{})*iocSize | 5
	vidiocReqbufs            = iowr | unsafe.Sizeof(requestBuffers{})*iocSize | 8
	vidiocQuerybuf           = iowr | unsafe.Sizeof(buffer{})*iocSize | 9
	vidiocQbuf               = iowr | unsafe.Sizeof(buffer{})*iocSize | 15
	vidiocDqbuf              = iowr | unsafe.Sizeof(buffer{})*iocSize | 17
	vidiocStreamon           = iow | 4*iocSize | 18
	vidiocStreamoff          = iow | 4*iocSize | 19
	vidiocGParm              = iowr | unsafe.Sizeof(streamParm{})*iocSize | 21
	vidiocSParm              = iowr | unsafe.Sizeof(streamParm{})*iocSize | 22
	vidiocGCtrl              = iowr | unsafe.Sizeof(control{})*iocSize | 27
	vidiocSCtrl              = iowr | unsafe.Sizeof(control{})*iocSize | 28
	vidiocQueryctrl          = iowr | unsafe.Sizeof(queryCtrl{})*iocSize | 36
	vidiocSExtCtrls          = iowr | unsafe.Sizeof(extControls{})*iocSize | 72
	vidiocEnumFramesizes     = iowr | unsafe.Sizeof(frameSizeEnum{})*iocSize | 74
	vidiocEnumFrameintervals = iowr | unsafe.Sizeof(frameIntervalEnum{})*iocSize | 75
	vidiocEncoderCmd         = iowr | unsafe.Sizeof(encoderCmd{})*iocSize | 77
	vidiocDqevent            = ior | unsafe.Sizeof(event{})*iocSize | 89
	vidiocSubscribeEvent     = iow | unsafe.Sizeof(eventSubscription{})*iocSize | 90
	vidiocSSelection         = iowr | unsafe.Sizeof(selection{})*iocSize | 95
)

// kernel is a device file. It is non-blocking and kept out of Go's poller: to be added to an epoll set starts the read(2)
// emulation of a capture device, which then has no buffers for anybody else.
type kernel struct {
	fd   int
	wake int // eventfd

	mu     sync.Mutex
	closed bool
}

// openKernel opens a device file.
func openKernel(path string) (*kernel, error) {
	fd, err := retry(func() (int, error) { return unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("eventfd: %w", err), unix.Close(fd))
	}
	return &kernel{fd: fd, wake: wake}, nil
}

// retry repeats a system call that a signal has interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

func (k *kernel) ioctl(request uintptr, arg unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(k.fd), request, uintptr(arg))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

func (k *kernel) mmap(offset int64, length int) ([]byte, error) {
	return unix.Mmap(k.fd, offset, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func (k *kernel) munmap(data []byte) error { return unix.Munmap(data) }

func (k *kernel) poll(events int16, limit time.Duration) (int16, error) {
	fds := []unix.PollFd{{Fd: int32(k.fd), Events: events}, {Fd: int32(k.wake), Events: unix.POLLIN}}
	began := time.Now()
	for {
		timeout := -1
		if limit >= 0 {
			left := max(0, limit-time.Since(began))
			timeout = int(min((left+time.Millisecond-1)/time.Millisecond, math.MaxInt32))
		}
		_, err := unix.Poll(fds, timeout)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("poll: %w", err)
		case fds[1].Revents != 0:
			return 0, ErrInterrupted
		default:
			return fds[0].Revents, nil
		}
	}
}

// interrupt may be called from any goroutine, also after close.
func (k *kernel) interrupt() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil
	}
	one := [8]byte{1}
	if _, err := unix.Write(k.wake, one[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("eventfd: %w", err)
	}
	return nil
}

func (k *kernel) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil
	}
	k.closed = true
	return errors.Join(unix.Close(k.fd), unix.Close(k.wake))
}
