package v4l2

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxBuffers bounds how many buffers of a queue are used (VIDEO_MAX_FRAME).
const maxBuffers = 32

// Queue is one way of a device's pictures, in buffers that the driver has allocated and that are mapped into this process
// (V4L2_MEMORY_MMAP).
type Queue struct {
	dev     *Device
	typ     BufType
	mapped  [][]byte
	asked   *asked
	pin     runtime.Pinner
	started bool
}

// asked is what is passed to the kernel. It is kept at one place, as one structure points to the other.
type asked struct {
	buffer buffer
	plane  plane
}

// Picture is a buffer that came back from the device.
type Picture struct {
	// Index is the buffer's number.
	Index int
	// Data is what the device has written, up to [Queue.Enqueue] of the buffer. Of a queue of output it is empty.
	Data []byte
	// Full reports whether the buffer is filled to its end, so that more may follow in the next.
	Full bool
	// Key, Broken and Last are V4L2_BUF_FLAG_KEYFRAME, _ERROR and _LAST.
	Key, Broken, Last bool
	// Stamp is the time given to the picture: of an encoder that of the raw picture; else, if Monotonic, when the picture
	// was taken on CLOCK_MONOTONIC.
	Stamp     time.Duration
	Monotonic bool
	// Sequence counts the device's pictures.
	Sequence uint32
}

// NewQueue makes a queue of count buffers, or of what the driver makes of that number (VIDIOC_REQBUFS, VIDIOC_QUERYBUF, mmap).
func (d *Device) NewQueue(typ BufType, count int) (_ *Queue, err error) {
	q := &Queue{dev: d, typ: typ, asked: &asked{}}
	r := requestBuffers{count: uint32(count), typ: typ, memory: memoryMMAP}
	if err = d.driver.ioctl(vidiocReqbufs, unsafe.Pointer(&r)); err != nil {
		return nil, failed("VIDIOC_REQBUFS", err)
	}
	q.pin.Pin(q.asked)
	defer func() {
		if err != nil {
			err = errors.Join(err, q.Free())
		}
	}()
	if r.count == 0 {
		return nil, fmt.Errorf("VIDIOC_REQBUFS: %w: no buffers", ErrStopped)
	}
	for i := range min(int(r.count), maxBuffers) {
		if err = q.mapBuffer(i); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// mapBuffer maps a buffer into this process.
func (q *Queue) mapBuffer(index int) error {
	a := q.prepare(index)
	if err := q.dev.driver.ioctl(vidiocQuerybuf, unsafe.Pointer(&a.buffer)); err != nil {
		return failed("VIDIOC_QUERYBUF", err)
	}
	offset, length := a.buffer.memOffset(), a.buffer.length
	if q.typ.multi() {
		offset, length = a.plane.memOffset(), a.plane.length
	}
	data, err := q.dev.driver.mmap(int64(offset), int(length))
	if err != nil {
		return fmt.Errorf("mmap of %d bytes: %w", length, err)
	}
	q.mapped = append(q.mapped, data)
	return nil
}

// prepare clears what is passed to the kernel for a buffer.
func (q *Queue) prepare(index int) *asked {
	*q.asked = asked{buffer: buffer{index: uint32(index), typ: q.typ, memory: memoryMMAP}}
	if q.typ.multi() {
		q.asked.buffer.m = uintptr(unsafe.Pointer(&q.asked.plane))
		q.asked.buffer.length = 1
	}
	return q.asked
}

// Len is the number of buffers.
func (q *Queue) Len() int { return len(q.mapped) }

// Memory is a buffer's memory; it is the driver's between Enqueue and Dequeue.
func (q *Queue) Memory(index int) []byte { return q.mapped[index] }

// Enqueue gives a buffer to the driver (VIDIOC_QBUF): a picture of used bytes that was taken at stamp, or of a queue of capture, an
// empty one.
func (q *Queue) Enqueue(index, used int, stamp time.Duration) error {
	a := q.prepare(index)
	if q.typ == VideoOutput || q.typ == VideoOutputMPlane {
		a.buffer.field = fieldNone
		a.buffer.sec, a.buffer.usec = int64(stamp/time.Second), int64(stamp%time.Second/time.Microsecond)
		a.buffer.bytesUsed, a.plane.bytesUsed = uint32(used), uint32(used)
	}
	if q.typ.multi() {
		a.buffer.bytesUsed = 0
		a.plane.length = uint32(len(q.mapped[index]))
	}
	return failed("VIDIOC_QBUF", q.dev.driver.ioctl(vidiocQbuf, unsafe.Pointer(&a.buffer)))
}

// Dequeue takes a buffer back (VIDIOC_DQBUF). It does not wait: ok is false when there is none. The error is [ErrStopped] behind
// the last picture of a drained encoder.
func (q *Queue) Dequeue() (p Picture, ok bool, err error) {
	a := q.prepare(0)
	err = q.dev.driver.ioctl(vidiocDqbuf, unsafe.Pointer(&a.buffer))
	switch {
	case errors.Is(err, unix.EAGAIN):
		return Picture{}, false, nil
	case errors.Is(err, unix.EPIPE):
		return Picture{}, false, ErrStopped
	case err != nil:
		return Picture{}, false, failed("VIDIOC_DQBUF", err)
	case int(a.buffer.index) >= len(q.mapped):
		return Picture{}, false, fmt.Errorf("VIDIOC_DQBUF: %w: buffer %d of %d", ErrFormat, a.buffer.index, len(q.mapped))
	}
	b := &a.buffer
	memory := q.mapped[b.index]
	begin, end := 0, int(b.bytesUsed)
	if q.typ.multi() {
		begin, end = int(a.plane.dataOffset), int(a.plane.bytesUsed)
	}
	end = min(end, len(memory))
	p = Picture{
		Index: int(b.index), Data: memory[min(begin, end):end:end], Full: end == len(memory),
		Key: b.flags&flagKeyFrame != 0, Broken: b.flags&flagError != 0, Last: b.flags&flagLast != 0,
		Stamp:     time.Duration(b.sec)*time.Second + time.Duration(b.usec)*time.Microsecond,
		Monotonic: b.flags&flagTimestampMask == flagTimestampMonotonic, Sequence: b.sequence,
	}
	if q.typ == VideoOutput || q.typ == VideoOutputMPlane {
		p.Data = nil
	}
	return p, true, nil
}

// Start begins (VIDIOC_STREAMON).
func (q *Queue) Start() error {
	typ := q.typ
	if err := q.dev.driver.ioctl(vidiocStreamon, unsafe.Pointer(&typ)); err != nil {
		return failed("VIDIOC_STREAMON", err)
	}
	q.started = true
	return nil
}

// Stop ends (VIDIOC_STREAMOFF). All buffers are this process's again, and what they held is lost.
func (q *Queue) Stop() error {
	typ := q.typ
	q.started = false
	return failed("VIDIOC_STREAMOFF", q.dev.driver.ioctl(vidiocStreamoff, unsafe.Pointer(&typ)))
}

// Free stops the queue, unmaps its buffers and gives them back to the kernel. A device that is gone has done so itself.
func (q *Queue) Free() error {
	var errs []error
	if q.started {
		errs = append(errs, unlessGone(q.Stop()))
	}
	for _, m := range q.mapped {
		if err := q.dev.driver.munmap(m); err != nil {
			errs = append(errs, fmt.Errorf("munmap: %w", err))
		}
	}
	q.mapped = nil
	r := requestBuffers{typ: q.typ, memory: memoryMMAP}
	errs = append(errs, unlessGone(failed("VIDIOC_REQBUFS", q.dev.driver.ioctl(vidiocReqbufs, unsafe.Pointer(&r)))))
	q.pin.Unpin()
	return errors.Join(errs...)
}

// unlessGone drops the error of a device that needs no tidying any more.
func unlessGone(err error) error {
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}
