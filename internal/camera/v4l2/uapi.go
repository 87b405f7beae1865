package v4l2

import "unsafe"

// The structures of linux/videodev2.h. A union is a field of bytes, or of the members that are used. Alignment that C adds for
// 64-bit members is written out: Go aligns them to four bytes on 32-bit ARM, C to eight.

const pointerSize = unsafe.Sizeof(uintptr(0))

// capability is struct v4l2_capability.
type capability struct {
	driver       [16]byte
	card         [32]byte
	busInfo      [32]byte
	version      uint32
	capabilities Caps
	deviceCaps   Caps
	_            [3]uint32
}

// fmtDesc is struct v4l2_fmtdesc.
type fmtDesc struct {
	index       uint32
	typ         BufType
	flags       uint32
	description [32]byte
	pixelFormat FourCC
	_           uint32 // mbus_code
	_           [3]uint32
}

// flagCompressed is V4L2_FMT_FLAG_COMPRESSED.
const flagCompressed = 1

// typeDiscrete is V4L2_FRMSIZE_TYPE_DISCRETE and V4L2_FRMIVAL_TYPE_DISCRETE: one value, not a range.
const typeDiscrete = 1

// frameSizeEnum is struct v4l2_frmsizeenum.
type frameSizeEnum struct {
	index       uint32
	pixelFormat FourCC
	typ         uint32
	// size is {width, height}, or {min_width, max_width, step_width, min_height, max_height, step_height}.
	size [6]uint32
	_    [2]uint32
}

// fraction is struct v4l2_fract.
type fraction struct{ numerator, denominator uint32 }

// frameIntervalEnum is struct v4l2_frmivalenum.
type frameIntervalEnum struct {
	index         uint32
	pixelFormat   FourCC
	width, height uint32
	typ           uint32
	// interval is the one value, or {min, max, step}.
	interval [3]fraction
	_        [2]uint32
}

// pixFormat is struct v4l2_pix_format.
type pixFormat struct {
	width, height uint32
	pixelFormat   FourCC
	field         uint32
	bytesPerLine  uint32
	sizeImage     uint32
	colorspace    uint32
	priv          uint32
	flags         uint32
	ycbcrEnc      uint32
	quantization  uint32
	xferFunc      uint32
}

// planePixFormat is struct v4l2_plane_pix_format.
type planePixFormat struct {
	sizeImage    uint32
	bytesPerLine uint32
	_            [6]uint16
}

// pixFormatMPlane is struct v4l2_pix_format_mplane.
type pixFormatMPlane struct {
	width, height uint32
	pixelFormat   FourCC
	field         uint32
	colorspace    uint32
	planes        [8]planePixFormat
	numPlanes     uint8
	flags         uint8
	ycbcrEnc      uint8
	quantization  uint8
	xferFunc      uint8
	_             [7]uint8
}

// format is struct v4l2_format; its union begins where a pointer may.
type format struct {
	typ BufType
	_   [pointerSize - 4]byte
	raw [200]byte
}

// pix is the union's member of the single-planar interface.
func (f *format) pix() *pixFormat { return (*pixFormat)(unsafe.Pointer(&f.raw)) }

// pixMP is the union's member of the multi-planar interface.
func (f *format) pixMP() *pixFormatMPlane { return (*pixFormatMPlane)(unsafe.Pointer(&f.raw)) }

// fieldNone is V4L2_FIELD_NONE: whole pictures, not every second line.
const fieldNone = 1

// streamParm is struct v4l2_streamparm; capture and output have the interval at the same place.
type streamParm struct {
	typ          BufType
	capability   uint32
	mode         uint32
	timePerFrame fraction
	_            [184]byte
}

// capTimePerFrame is V4L2_CAP_TIMEPERFRAME.
const capTimePerFrame = 0x1000

// requestBuffers is struct v4l2_requestbuffers.
type requestBuffers struct {
	count        uint32
	typ          BufType
	memory       uint32
	capabilities uint32
	flags        uint8
	_            [3]uint8
}

// memoryMMAP is V4L2_MEMORY_MMAP.
const memoryMMAP = 1

// plane is struct v4l2_plane.
type plane struct {
	bytesUsed  uint32
	length     uint32
	m          uintptr // mem_offset
	dataOffset uint32
	_          [11]uint32
}

// memOffset is mem_offset of the union, which is 32 bits wide.
func (p *plane) memOffset() uint32 { return *(*uint32)(unsafe.Pointer(&p.m)) }

// timecode is struct v4l2_timecode.
type timecode struct {
	_ [2]uint32
	_ [8]uint8
}

// buffer is struct v4l2_buffer with 64-bit times.
type buffer struct {
	index     uint32
	typ       BufType
	bytesUsed uint32
	flags     uint32
	field     uint32
	_         uint32
	sec, usec int64
	_         timecode
	sequence  uint32
	memory    uint32
	m         uintptr // offset, or planes
	length    uint32
	_         uint32
	_         uint32 // request_fd
}

// memOffset is offset of the union, which is 32 bits wide.
func (b *buffer) memOffset() uint32 { return *(*uint32)(unsafe.Pointer(&b.m)) }

// Flags of buffers (V4L2_BUF_FLAG_*).
const (
	flagKeyFrame           = 0x00000008
	flagError              = 0x00000040
	flagTimestampMask      = 0x0000e000
	flagTimestampMonotonic = 0x00002000
	flagLast               = 0x00100000
)

// control is struct v4l2_control.
type control struct {
	id    ControlID
	value int32
}

// queryCtrl is struct v4l2_queryctrl.
type queryCtrl struct {
	id           ControlID
	typ          uint32
	name         [32]byte
	minimum      int32
	maximum      int32
	step         int32
	defaultValue int32
	flags        uint32
	_            [2]uint32
}

const (
	ctrlFlagDisabled = 0x0001 // V4L2_CTRL_FLAG_DISABLED
	ctrlFlagReadOnly = 0x0004 // V4L2_CTRL_FLAG_READ_ONLY
)

// extControl is struct v4l2_ext_control, which is packed; value is the union's low half, which s32 is on these machines.
type extControl struct {
	id    ControlID
	size  uint32
	_     uint32
	value int32
	_     uint32
}

// extControls is struct v4l2_ext_controls.
type extControls struct {
	which     uint32
	count     uint32
	errorIdx  uint32
	requestFD int32
	_         uint32
	_         [pointerSize - 4]byte
	controls  uintptr
}

// eventSubscription is struct v4l2_event_subscription.
type eventSubscription struct {
	typ   uint32
	id    uint32
	flags uint32
	_     [5]uint32
}

// event is struct v4l2_event with 64-bit times.
type event struct {
	typ       uint32
	_         uint32
	u         [64]byte
	pending   uint32
	sequence  uint32
	sec, nsec int64
	id        uint32
	_         [8]uint32
	_         uint32
}

// encoderCmd is struct v4l2_encoder_cmd.
type encoderCmd struct {
	cmd   uint32
	flags uint32
	_     [8]uint32
}

// encCmdStop is V4L2_ENC_CMD_STOP.
const encCmdStop = 1

// selection is struct v4l2_selection.
type selection struct {
	typ                      BufType
	target                   uint32
	flags                    uint32
	left, top, width, height int32
	_                        [9]uint32
}

// selTgtCrop is V4L2_SEL_TGT_CROP.
const selTgtCrop = 0
