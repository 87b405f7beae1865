package camera

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// Errors of a byte stream that is not what a camera command should write.
var (
	// ErrNotH264 means that what was read is no H.264 byte stream (ITU-T H.264 Annex B).
	ErrNotH264 = errors.New("not an H.264 byte stream (Annex B)")
	// ErrPictureTooBig means that one picture is larger than any that could be sent.
	ErrPictureTooBig = errors.New("a picture of the H.264 stream is too big")
)

const (
	// maxPicture bounds one encoded picture, in bytes: several times an IDR picture at the highest rate that level 3.1 allows.
	maxPicture = 2 << 20
	// maxJunk is how many bytes may come in front of the first start code.
	maxJunk = 64 << 10
)

// splitter cuts a byte stream, as it comes out of a pipe, into NAL units and hands these to an assembler. A unit ends where
// the next one begins; so that the last unit of a picture does not wait for the next picture, it is taken for complete when
// the writer pauses ([splitter.pause]). A writer that then goes on in the middle of the unit is not trusted with that again.
type splitter struct {
	to assembler

	buf     []byte // from the start code looked for, or from the unit that is not complete yet
	inUnit  bool
	begun   bool // the assembler knows that the unit in buf begins
	seen    int  // bytes at the beginning of buf that hold no start code
	synced  bool // a start code has been seen
	paused  bool // the last unit was taken for complete without a start code behind it
	patient bool // such a unit was not complete, once
}

// write takes what came at a time.
func (s *splitter) write(p []byte, at time.Time) error {
	s.buf = append(s.buf, p...)
	for {
		i := s.findStartCode()
		if i < 0 {
			return s.partial(at)
		}
		if err := s.cut(s.buf[:i], at); err != nil {
			return err
		}
		rest := s.buf[i+3:]
		s.buf = s.buf[:copy(s.buf, rest)]
		s.inUnit, s.begun, s.synced, s.paused, s.seen = true, false, true, false, 0
	}
}

// findStartCode gives where 00 00 01 is in buf, -1 when it isn't.
func (s *splitter) findStartCode() int {
	i := bytes.Index(s.buf[s.seen:], []byte{0, 0, 1})
	if i >= 0 {
		return s.seen + i
	}
	s.seen = max(0, len(s.buf)-2) // which may be the beginning of one
	return -1
}

// cut takes what is in front of a start code: a whole unit, or what does not belong to any.
func (s *splitter) cut(data []byte, at time.Time) error {
	data = bytes.TrimRight(data, "\x00")
	if !s.inUnit {
		if s.paused && len(data) > 0 {
			s.patient = true
		}
		return nil
	}
	if len(data) < 2 {
		return nil // an end of sequence or of the stream
	}
	if err := s.begin(at); err != nil {
		return err
	}
	return s.to.unit(data)
}

// partial looks at what is left in buf without a start code behind it.
func (s *splitter) partial(at time.Time) error {
	switch {
	case s.inUnit && len(s.buf) > maxPicture:
		return ErrPictureTooBig
	case s.inUnit && len(s.buf) >= 2:
		return s.begin(at)
	case s.inUnit:
		return nil
	case !s.synced && len(s.buf) > maxJunk:
		return ErrNotH264
	case s.synced && len(s.buf) > 2:
		if s.paused && len(bytes.Trim(s.buf, "\x00")) > 0 {
			s.patient = true
		}
		s.buf = s.buf[:copy(s.buf, s.buf[len(s.buf)-2:])]
		s.seen = 0
	}
	return nil
}

// begin tells the assembler, once, of the unit whose first two bytes are in buf.
func (s *splitter) begin(at time.Time) error {
	if s.begun {
		return nil
	}
	s.begun = true
	if s.buf[0]&0x80 != 0 { // forbidden_zero_bit
		return fmt.Errorf("%w: a unit has its forbidden bit set", ErrNotH264)
	}
	s.to.begin(h264.NALUType(s.buf[0]&0x1F), s.buf[1], at)
	return nil
}

// waits reports whether a pause would complete a picture.
func (s *splitter) waits() bool {
	if s.patient || s.to.orphans {
		return false
	}
	if s.inUnit {
		return s.begun && isSlice(h264.NALUType(s.buf[0]&0x1F))
	}
	return s.to.slices > 0
}

// pause says that the writer has paused for longer than it does within a picture.
func (s *splitter) pause() error {
	if !s.waits() {
		return nil
	}
	return s.complete()
}

// end says that nothing comes any more.
func (s *splitter) end() error { return s.complete() }

// complete takes the unit in buf for a whole one and delivers the picture.
func (s *splitter) complete() error {
	if s.inUnit && s.begun {
		unit := bytes.TrimRight(s.buf, "\x00")
		if len(unit) >= 2 {
			if err := s.to.unit(unit); err != nil {
				return err
			}
		}
		zeros := min(2, len(s.buf)-len(unit)) // perhaps of the next start code
		s.buf = s.buf[:copy(s.buf, s.buf[len(s.buf)-zeros:])]
		s.inUnit, s.begun, s.paused, s.seen = false, false, true, 0
	}
	s.to.flush()
	return nil
}

// abandon forgets what has come of a picture that is damaged, but not the parameter sets of earlier ones.
func (s *splitter) abandon() {
	s.buf, s.inUnit, s.begun, s.seen = s.buf[:0], false, false, 0
	s.to.inband, s.to.body, s.to.slices, s.to.idr = s.to.inband[:0], s.to.body[:0], 0, false
}
