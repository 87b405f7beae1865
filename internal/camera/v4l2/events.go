package v4l2

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// EventType is what an event is about (V4L2_EVENT_*).
type EventType uint32

// Events.
const (
	EventEOS          EventType = 2 // V4L2_EVENT_EOS: an encoder has been drained
	EventSourceChange EventType = 5 // V4L2_EVENT_SOURCE_CHANGE: what a camera delivers has another format now
)

// Subscribe asks for events (VIDIOC_SUBSCRIBE_EVENT). It reports whether the device has them.
func (d *Device) Subscribe(e EventType) bool {
	s := eventSubscription{typ: uint32(e)}
	return d.driver.ioctl(vidiocSubscribeEvent, unsafe.Pointer(&s)) == nil
}

// Event takes an event that was subscribed to (VIDIOC_DQEVENT). It does not wait: ok is false when there is none.
func (d *Device) Event() (e EventType, ok bool, err error) {
	var ev event
	err = d.driver.ioctl(vidiocDqevent, unsafe.Pointer(&ev))
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EAGAIN) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, failed("VIDIOC_DQEVENT", err)
	}
	return EventType(ev.typ), true, nil
}
