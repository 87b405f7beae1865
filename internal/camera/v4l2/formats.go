package v4l2

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxListed bounds what is asked of a device that never ends its lists.
const maxListed = 256

// PixelFormat is one that a device has.
type PixelFormat struct {
	FourCC     FourCC
	Compressed bool
	// Name is the kernel's, for people.
	Name string
}

// Size is a picture size that a device has: one, or a range in steps.
type Size struct {
	Width, Height int
	// MaxWidth, MaxHeight, StepWidth and StepHeight are 0 for a single size; else Width and Height are the least.
	MaxWidth, MaxHeight, StepWidth, StepHeight int
	// Framerates are the rates at this size (at the largest of a range), in pictures per second; empty when the device
	// does not tell. A range is its two ends.
	Framerates []float64
}

// Formats lists the pixel formats of a kind of queue (VIDIOC_ENUM_FMT).
func (d *Device) Formats(typ BufType) ([]PixelFormat, error) {
	var list []PixelFormat
	for i := range uint32(maxListed) {
		f := fmtDesc{index: i, typ: typ}
		err := d.driver.ioctl(vidiocEnumFmt, unsafe.Pointer(&f))
		if endsList(err) {
			break
		}
		if err != nil {
			return nil, failed("VIDIOC_ENUM_FMT", err)
		}
		list = append(list, PixelFormat{FourCC: f.pixelFormat, Compressed: f.flags&flagCompressed != 0, Name: text(f.description[:])})
	}
	return list, nil
}

// endsList reports whether an enumeration is over, or the device has none.
func endsList(err error) bool { return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY) }

// Sizes lists the sizes of a pixel format with their rates (VIDIOC_ENUM_FRAMESIZES, VIDIOC_ENUM_FRAMEINTERVALS).
func (d *Device) Sizes(f FourCC) ([]Size, error) {
	var list []Size
	for i := range uint32(maxListed) {
		e := frameSizeEnum{index: i, pixelFormat: f}
		err := d.driver.ioctl(vidiocEnumFramesizes, unsafe.Pointer(&e))
		if endsList(err) {
			break
		}
		if err != nil {
			return nil, failed("VIDIOC_ENUM_FRAMESIZES", err)
		}
		s := Size{Width: int(e.size[0]), Height: int(e.size[1])}
		w, h := e.size[0], e.size[1]
		if e.typ != typeDiscrete {
			w, h = e.size[1], e.size[4]
			s = Size{
				Width: int(e.size[0]), MaxWidth: int(e.size[1]), StepWidth: int(e.size[2]),
				Height: int(e.size[3]), MaxHeight: int(e.size[4]), StepHeight: int(e.size[5]),
			}
		}
		if s.Framerates, err = d.framerates(f, w, h); err != nil {
			return nil, err
		}
		list = append(list, s)
		if e.typ != typeDiscrete {
			break // a range is the only entry
		}
	}
	return list, nil
}

// framerates lists the rates of a size.
func (d *Device) framerates(f FourCC, width, height uint32) ([]float64, error) {
	var list []float64
	for i := range uint32(maxListed) {
		e := frameIntervalEnum{index: i, pixelFormat: f, width: width, height: height}
		err := d.driver.ioctl(vidiocEnumFrameintervals, unsafe.Pointer(&e))
		switch {
		case endsList(err):
			return list, nil
		case err != nil:
			return nil, failed("VIDIOC_ENUM_FRAMEINTERVALS", err)
		case e.typ != typeDiscrete:
			return []float64{e.interval[1].rate(), e.interval[0].rate()}, nil
		}
		list = append(list, e.interval[0].rate())
	}
	return list, nil
}

// Layout is the format of a queue's pictures.
type Layout struct {
	FourCC        FourCC
	Width, Height int
	// Stride is the length of a line of the first plane in bytes, 0 for a compressed format. The chroma lines of
	// [YUV420] are half as long, those of [NV12] as long.
	Stride int
	// Image is the size of a buffer in bytes.
	Image int
}

// SetFormat asks for a format (VIDIOC_S_FMT) and returns what the device chose instead, which may differ in everything but the
// kind of queue. Stride and Image of the wish may be 0.
func (d *Device) SetFormat(typ BufType, want Layout) (Layout, error) {
	f := format{typ: typ}
	if typ.multi() {
		p := f.pixMP()
		p.width, p.height, p.pixelFormat, p.field, p.numPlanes = uint32(want.Width), uint32(want.Height), want.FourCC, fieldNone, 1
		p.planes[0] = planePixFormat{sizeImage: uint32(want.Image), bytesPerLine: uint32(want.Stride)}
	} else {
		p := f.pix()
		p.width, p.height, p.pixelFormat, p.field = uint32(want.Width), uint32(want.Height), want.FourCC, fieldNone
		p.sizeImage, p.bytesPerLine = uint32(want.Image), uint32(want.Stride)
	}
	if err := d.driver.ioctl(vidiocSFmt, unsafe.Pointer(&f)); err != nil {
		return Layout{}, failed("VIDIOC_S_FMT", err)
	}
	return f.layout()
}

// Format gives the format that a queue has now (VIDIOC_G_FMT).
func (d *Device) Format(typ BufType) (Layout, error) {
	f := format{typ: typ}
	if err := d.driver.ioctl(vidiocGFmt, unsafe.Pointer(&f)); err != nil {
		return Layout{}, failed("VIDIOC_G_FMT", err)
	}
	return f.layout()
}

// layout reads what a device answered.
func (f *format) layout() (Layout, error) {
	if !f.typ.multi() {
		p := f.pix()
		return Layout{FourCC: p.pixelFormat, Width: int(p.width), Height: int(p.height), Stride: int(p.bytesPerLine), Image: int(p.sizeImage)}, nil
	}
	p := f.pixMP()
	if p.numPlanes != 1 {
		return Layout{}, fmt.Errorf("%w: %v comes in %d planes of memory; only one is known here", ErrFormat, p.pixelFormat, p.numPlanes)
	}
	return Layout{
		FourCC: p.pixelFormat, Width: int(p.width), Height: int(p.height),
		Stride: int(p.planes[0].bytesPerLine), Image: int(p.planes[0].sizeImage),
	}, nil
}
