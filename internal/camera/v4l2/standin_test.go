package v4l2

import (
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// standInDriver is an encoder from memory to memory as the Raspberry Pi's driver shows it: multi-planar, lines padded to 64 bytes,
// levels and profiles by menu, buffers at offsets. What it "encodes" is the beginning of the raw picture's luma.
type standInDriver struct {
	caps     Caps
	fail     map[uintptr]error // by ioctl
	failFrom int               // pictures that are good before fail begins to hold for QBUF and DQBUF
	controls map[ControlID]int32
	silent   bool // encodes nothing
	holds    int  // raw buffers it never gives back
	parts    int  // buffers per picture
	broken   bool
	planes   uint8
	image    uint32 // what it wants for an encoded picture, in bytes
	formats  map[BufType]FourCC

	mu        sync.Mutex
	calls     []uintptr
	sizes     map[BufType]Layout
	memory    map[int64][]byte
	mapped    int
	queued    map[BufType][]int
	done      map[BufType][]standInBuffer
	streaming map[BufType]bool
	pictures  int
	closed    int
	wake      chan struct{}
	drained   bool
}

type standInBuffer struct {
	index     int
	used      uint32
	flags     uint32
	sec, usec int64
}

func newStandInDriver() *standInDriver {
	return &standInDriver{
		caps: CapVideoM2MMPlane | CapStreaming, parts: 1, planes: 1, image: standInImage, fail: map[uintptr]error{},
		controls: map[ControlID]int32{Bitrate: 0, ForceKeyFrame: 0}, formats: map[BufType]FourCC{VideoOutputMPlane: YUV420, VideoCaptureMPlane: H264},
		sizes: map[BufType]Layout{}, memory: map[int64][]byte{}, queued: map[BufType][]int{}, done: map[BufType][]standInBuffer{},
		streaming: map[BufType]bool{}, wake: make(chan struct{}),
	}
}

const standInImage = 4096

func (s *standInDriver) ioctl(request uintptr, arg unsafe.Pointer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, request)
	if err := s.fail[request]; err != nil && (s.pictures >= s.failFrom || request != vidiocQbuf && request != vidiocDqbuf) {
		return err
	}
	switch request {
	case vidiocQuerycap:
		*(*capability)(arg) = capability{card: [32]byte{'s', 't', 'a', 'n', 'd', '-', 'i', 'n'}, deviceCaps: s.caps, capabilities: capDeviceCaps}
	case vidiocSFmt:
		s.setFormat((*format)(arg))
	case vidiocSParm, vidiocSSelection:
	case vidiocSCtrl:
		c := (*control)(arg)
		if _, ok := s.controls[c.id]; !ok {
			return unix.EINVAL
		}
		s.controls[c.id] = c.value
	case vidiocReqbufs:
		r := (*requestBuffers)(arg)
		s.queued[r.typ], s.done[r.typ] = nil, nil
	case vidiocQuerybuf:
		b := (*buffer)(arg)
		offset := uint32(b.typ)<<24 | b.index<<12
		p := *(**plane)(unsafe.Pointer(&b.m))
		p.length = uint32(s.sizes[b.typ].Image)
		*(*uint32)(unsafe.Pointer(&p.m)) = offset
	case vidiocQbuf:
		b := (*buffer)(arg)
		s.queued[b.typ] = append(s.queued[b.typ], int(b.index))
		if b.typ == VideoOutputMPlane {
			s.encode(b)
		}
	case vidiocDqbuf:
		return s.dequeue((*buffer)(arg))
	case vidiocStreamon, vidiocStreamoff:
		typ := *(*BufType)(arg)
		s.streaming[typ] = request == vidiocStreamon
		if !s.streaming[typ] {
			s.queued[typ], s.done[typ] = nil, nil
		}
		s.drained = false
	case vidiocEncoderCmd:
		s.drained = true
	default:
		return unix.ENOTTY
	}
	return nil
}

func (s *standInDriver) setFormat(f *format) {
	p := f.pixMP()
	p.pixelFormat, p.numPlanes = s.formats[f.typ], s.planes
	p.planes[0] = planePixFormat{sizeImage: s.image}
	if f.typ == VideoOutputMPlane {
		stride := (p.width + 63) &^ 63
		p.planes[0] = planePixFormat{bytesPerLine: stride, sizeImage: stride * p.height * 3 / 2}
	}
	s.sizes[f.typ] = Layout{Image: int(p.planes[0].sizeImage)}
}

// encode fills buffers for a raw picture.
func (s *standInDriver) encode(b *buffer) {
	s.pictures++
	raw := s.memory[int64(uint32(b.typ)<<24|b.index<<12)]
	if s.holds > 0 {
		s.holds--
	} else {
		s.queued[b.typ] = s.queued[b.typ][1:]
		s.done[b.typ] = append(s.done[b.typ], standInBuffer{index: int(b.index)})
	}
	if s.silent {
		return
	}
	for range s.parts {
		to := s.queued[VideoCaptureMPlane]
		if len(to) == 0 {
			return
		}
		s.queued[VideoCaptureMPlane] = to[1:]
		d := standInBuffer{index: to[0], used: 16, flags: flagKeyFrame, sec: b.sec, usec: b.usec}
		if s.broken {
			d.flags = flagError
		}
		copy(s.memory[int64(uint32(VideoCaptureMPlane)<<24|uint32(to[0])<<12)][:16], raw)
		s.done[VideoCaptureMPlane] = append(s.done[VideoCaptureMPlane], d)
	}
}

func (s *standInDriver) dequeue(b *buffer) error {
	list := s.done[b.typ]
	switch {
	case !s.streaming[b.typ]:
		return unix.EINVAL
	case len(list) == 0 && s.drained:
		return unix.EPIPE
	case len(list) == 0:
		return unix.EAGAIN
	}
	d := list[0]
	s.done[b.typ] = list[1:]
	b.index, b.flags, b.sec, b.usec = uint32(d.index), d.flags, d.sec, d.usec
	(*(**plane)(unsafe.Pointer(&b.m))).bytesUsed = d.used
	return nil
}

func (s *standInDriver) mmap(offset int64, length int) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory[offset] = make([]byte, length)
	s.mapped++
	return s.memory[offset], nil
}

func (s *standInDriver) munmap([]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mapped--
	return nil
}

func (s *standInDriver) poll(events int16, limit time.Duration) (int16, error) {
	s.mu.Lock()
	got := int16(0)
	if len(s.done[VideoCaptureMPlane]) > 0 || s.drained {
		got |= unix.POLLIN
	}
	if len(s.done[VideoOutputMPlane]) > 0 {
		got |= unix.POLLOUT
	}
	s.mu.Unlock()
	if got&events != 0 {
		return got & events, nil
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-timer.C:
		return 0, nil
	case <-s.wake:
		return 0, ErrInterrupted
	}
}

func (s *standInDriver) interrupt() error {
	close(s.wake)
	return nil
}

func (s *standInDriver) close() error {
	s.closed++
	return nil
}
