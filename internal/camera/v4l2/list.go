package v4l2

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Listed is a video device as it is shown to people.
type Listed struct {
	// Path is the device file, Identity what the device says of itself.
	Path     string
	Identity Identity
	// Formats are what it captures, an encoder's what it makes.
	Formats []ListedFormat
	// Err is why nothing more is known, such as [os.ErrPermission] or [ErrBusy].
	Err error
}

// ListedFormat is a pixel format with its sizes.
type ListedFormat struct {
	PixelFormat
	Sizes []Size
}

// Camera reports whether the device captures pictures.
func (l Listed) Camera() bool {
	_, ok := captureQueue(l.Identity.Caps)
	return ok && len(l.Formats) > 0
}

// List lists the video devices in a directory, /dev as a rule, in the order of their numbers. A device that cannot be opened is
// listed with the error.
func List(dir string) ([]Listed, error) {
	paths, err := devices(dir)
	if err != nil {
		return nil, err
	}
	list := make([]Listed, 0, len(paths))
	for _, path := range paths {
		l := Listed{Path: path}
		dev, openErr := Open(path)
		if errors.Is(openErr, os.ErrNotExist) {
			continue // unplugged meanwhile
		}
		if openErr != nil {
			l.Err = openErr
		} else {
			l.Err = errors.Join(l.ask(dev), dev.Close())
		}
		list = append(list, l)
	}
	return list, nil
}

// devices are the device files in a directory, by their numbers.
func devices(dir string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "video[0-9]*"))
	if err != nil {
		return nil, fmt.Errorf("video devices: %w", err)
	}
	slices.SortFunc(paths, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	return paths, nil
}

// number is that of a device file.
func number(path string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(path), "video"))
	if err != nil {
		return -1
	}
	return n
}

// ask asks a device what it is and what it delivers.
func (l *Listed) ask(d *Device) error {
	var err error
	if l.Identity, err = d.Identity(); err != nil {
		if errors.Is(err, unix.ENOTTY) {
			return fmt.Errorf("%w: no video device: %w", ErrFormat, err)
		}
		return err
	}
	typ, ok := captureQueue(l.Identity.Caps)
	if !ok {
		if _, typ, ok = encoderQueues(l.Identity.Caps); !ok {
			return nil // radio, metadata and the like
		}
	}
	formats, err := d.Formats(typ)
	if err != nil {
		return err
	}
	for _, f := range formats {
		sizes, sizesErr := d.Sizes(f.FourCC)
		if sizesErr != nil {
			return sizesErr
		}
		l.Formats = append(l.Formats, ListedFormat{PixelFormat: f, Sizes: sizes})
	}
	return nil
}

// FindEncoder gives the first device in a directory that makes a format out of raw pictures from memory to memory; ok is false when
// there is none.
func FindEncoder(dir string, coded FourCC) (path string, ok bool, err error) {
	paths, err := devices(dir)
	if err != nil {
		return "", false, err
	}
	for _, path = range paths {
		d, openErr := Open(path)
		if openErr != nil {
			continue
		}
		encodes := d.encodes(coded)
		if closeErr := d.Close(); closeErr == nil && encodes {
			return path, true, nil
		}
	}
	return "", false, nil
}

// encodes reports whether the device makes a format out of raw pictures. One that takes encoded pictures is a decoder.
func (d *Device) encodes(coded FourCC) bool {
	id, err := d.Identity()
	if err != nil {
		return false
	}
	in, out, ok := encoderQueues(id.Caps)
	if !ok {
		return false
	}
	made, madeErr := d.Formats(out)
	taken, takenErr := d.Formats(in)
	is := func(f FourCC) func(PixelFormat) bool { return func(p PixelFormat) bool { return p.FourCC == f } }
	return madeErr == nil && takenErr == nil && slices.ContainsFunc(made, is(coded)) &&
		(slices.ContainsFunc(taken, is(YUV420)) || slices.ContainsFunc(taken, is(NV12)))
}
