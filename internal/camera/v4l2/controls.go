package v4l2

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ControlID names a control (V4L2_CID_*).
type ControlID uint32

// Controls of codecs (linux/v4l2-controls.h).
const (
	BFrames           ControlID = 0x009909ca // V4L2_CID_MPEG_VIDEO_B_FRAMES
	GOPSize           ControlID = 0x009909cb // V4L2_CID_MPEG_VIDEO_GOP_SIZE: pictures from one key frame to the next
	BitrateMode       ControlID = 0x009909ce // V4L2_CID_MPEG_VIDEO_BITRATE_MODE
	Bitrate           ControlID = 0x009909cf // V4L2_CID_MPEG_VIDEO_BITRATE: bit/s
	HeaderMode        ControlID = 0x009909d8 // V4L2_CID_MPEG_VIDEO_HEADER_MODE
	RepeatSeqHeader   ControlID = 0x009909e2 // V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER: SPS and PPS in front of each key frame
	ForceKeyFrame     ControlID = 0x009909e5 // V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME: a button
	H264IPeriod       ControlID = 0x00990a66 // V4L2_CID_MPEG_VIDEO_H264_I_PERIOD
	H264Level         ControlID = 0x00990a67 // V4L2_CID_MPEG_VIDEO_H264_LEVEL
	H264Profile       ControlID = 0x00990a6b // V4L2_CID_MPEG_VIDEO_H264_PROFILE
	codecControlClass           = 0x00990000 // V4L2_CTRL_CLASS_CODEC
)

// Values of controls.
const (
	BitrateModeCBR                 = 1  // V4L2_MPEG_VIDEO_BITRATE_MODE_CBR
	HeaderModeJoined               = 1  // V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME
	H264ProfileBaseline            = 0  // V4L2_MPEG_VIDEO_H264_PROFILE_BASELINE
	H264ProfileConstrainedBaseline = 1  // V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE
	H264Level40                    = 11 // V4L2_MPEG_VIDEO_H264_LEVEL_4_0
)

// ControlInfo is what a control can be.
type ControlInfo struct {
	Name                   string
	Min, Max, Step, Preset int32
	// ReadOnly: it tells but cannot be set.
	ReadOnly bool
}

// Control asks for a control's range (VIDIOC_QUERYCTRL). The error is [ErrNoControl] when the device does not have it.
func (d *Device) Control(id ControlID) (ControlInfo, error) {
	q := queryCtrl{id: id}
	err := d.driver.ioctl(vidiocQueryctrl, unsafe.Pointer(&q))
	if endsList(err) || err == nil && q.flags&ctrlFlagDisabled != 0 {
		return ControlInfo{}, fmt.Errorf("%w: 0x%08x", ErrNoControl, uint32(id))
	}
	if err != nil {
		return ControlInfo{}, failed("VIDIOC_QUERYCTRL", err)
	}
	return ControlInfo{
		Name: text(q.name[:]), Min: q.minimum, Max: q.maximum, Step: q.step, Preset: q.defaultValue,
		ReadOnly: q.flags&ctrlFlagReadOnly != 0,
	}, nil
}

// HasControl reports whether a control can be set.
func (d *Device) HasControl(id ControlID) bool {
	info, err := d.Control(id)
	return err == nil && !info.ReadOnly
}

// Value gives a control's value (VIDIOC_G_CTRL).
func (d *Device) Value(id ControlID) (int32, error) {
	c := control{id: id}
	if err := d.driver.ioctl(vidiocGCtrl, unsafe.Pointer(&c)); err != nil {
		return 0, controlFailed("VIDIOC_G_CTRL", id, err)
	}
	return c.value, nil
}

// SetControl sets a control (VIDIOC_S_CTRL). Drivers bring numbers into the control's range; a value of a menu that the driver
// lacks is an error. It may be called from any goroutine while the device is open.
func (d *Device) SetControl(id ControlID, value int32) error {
	c := control{id: id, value: value}
	if err := d.driver.ioctl(vidiocSCtrl, unsafe.Pointer(&c)); err != nil {
		return controlFailed("VIDIOC_S_CTRL", id, err)
	}
	return nil
}

// Setting is a control and its value.
type Setting struct {
	ID    ControlID
	Value int32
}

// SetControls sets controls of codecs together (VIDIOC_S_EXT_CTRLS): all of them or, when the device does not have one, none.
func (d *Device) SetControls(settings ...Setting) error {
	if len(settings) == 0 {
		return nil
	}
	list := make([]extControl, len(settings))
	for i, s := range settings {
		list[i] = extControl{id: s.ID, value: s.Value}
	}
	var pin runtime.Pinner
	pin.Pin(&list[0])
	defer pin.Unpin()
	e := extControls{which: codecControlClass, count: uint32(len(list)), controls: uintptr(unsafe.Pointer(&list[0]))}
	if err := d.driver.ioctl(vidiocSExtCtrls, unsafe.Pointer(&e)); err != nil {
		id := ControlID(0)
		if int(e.errorIdx) < len(list) {
			id = list[e.errorIdx].id
		}
		return controlFailed("VIDIOC_S_EXT_CTRLS", id, err)
	}
	return nil
}

// controlFailed names the control of an error.
func controlFailed(what string, id ControlID, err error) error {
	what = fmt.Sprintf("%s of control 0x%08x", what, uint32(id))
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY) {
		return fmt.Errorf("%w: %s: %w", ErrNoControl, what, err)
	}
	return failed(what, err)
}
