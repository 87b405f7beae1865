package device

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests of videodev2.h: direction, size, 'V' and number as in asm-generic/ioctl.h.
const (
	vidiocSetFormat    = 3<<30 | 208<<16 | 'V'<<8 | 5
	vidiocSetParameter = 3<<30 | 204<<16 | 'V'<<8 | 22
	vidiocSetControl   = 3<<30 | 8<<16 | 'V'<<8 | 28
	vidiocQueryControl = 3<<30 | 68<<16 | 'V'<<8 | 36

	nextControl = 0x80000000
)

// ioctl hands a structure to a driver and takes it back.
func ioctl(f *os.File, request uint, structure []byte) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var errno unix.Errno
	err = raw.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, uintptr(request), uintptr(unsafe.Pointer(unsafe.SliceData(structure))))
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return err
}

// Control sets one of a camera's controls, called as by v4l2-ctl: for vivid percentage_of_dropped_buffers (100 is silence),
// inject_fatal_streaming_error (EIO), disconnect (ENODEV until all have closed it), inject_vidioc_streamon_error, test_pattern.
func Control(camera, name string, value int) error {
	f, err := os.OpenFile(camera, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = control(f, name, value)
	return errors.Join(err, f.Close())
}

func control(f *os.File, name string, value int) error {
	query := make([]byte, 68) // struct v4l2_queryctrl: id, type, name[32], …
	for id := uint32(0); ; id = binary.NativeEndian.Uint32(query) {
		binary.NativeEndian.PutUint32(query, id|nextControl)
		if err := ioctl(f, vidiocQueryControl, query); err != nil {
			return fmt.Errorf("%s has no control %s: %w", f.Name(), name, err)
		}
		called, _, _ := bytes.Cut(query[8:40], []byte{0})
		if spoken(string(called)) == name {
			break
		}
	}
	set := binary.NativeEndian.AppendUint32(nil, binary.NativeEndian.Uint32(query))
	set = binary.NativeEndian.AppendUint32(set, uint32(int32(value)))
	if err := ioctl(f, vidiocSetControl, set); err != nil {
		return fmt.Errorf("%s: control %s: %w", f.Name(), name, err)
	}
	return nil
}

// spoken is what v4l2-ctl makes of a control's name.
func spoken(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words, "_")
}

// SetControl is [Control] for a test: it stops the test when the camera has no such control.
func SetControl(t testing.TB, camera, name string, value int) {
	t.Helper()
	if err := Control(camera, name, value); err != nil {
		t.Fatal(err)
	}
}
