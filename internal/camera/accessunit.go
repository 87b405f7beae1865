package camera

import (
	"bytes"
	"slices"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// maxPPS is how many picture parameter sets are remembered; encoders of one stream have one or two.
const maxPPS = 8

// picture is one access unit, ready to be sent.
type picture struct {
	data []byte
	idr  bool
	// arrived is when its first slice began to come.
	arrived time.Time
}

// assembler makes access units of NAL units, by the rules of ITU-T H.264 section 7.4.1.2.3 for streams without arbitrary
// slice order: the first slice of a picture is the one with the first macroblock. Parameter sets are remembered and stand in
// front of each IDR picture. What helps no decoder on the far side is left out: delimiters, SEI, filler. Pictures in
// front of the first IDR, and IDR pictures without parameter sets, are dropped.
type assembler struct {
	// out takes the pictures.
	out func(picture)
	// check is told of each sequence parameter set that differs from the one before; it returns what to send in its place.
	check func(sps []byte) []byte

	raw, sps []byte // the one that came last, as it came and as it is sent
	pps      [][]byte

	inband  []byte // parameter sets that came with this picture, with start codes
	body    []byte // its slices, with start codes
	slices  int
	idr     bool
	arrived time.Time

	started bool // the first IDR has been delivered
	dropped int  // pictures in front of it
	orphans bool // after it, slices came whose picture had been delivered already
}

// isSlice reports whether a unit is a slice of a picture, as it occurs in the baseline, main and high profiles.
func isSlice(t h264.NALUType) bool { return t == h264.NALUTypeNonIDR || t == h264.NALUTypeIDR }

// begin is told of a unit before it is complete, and delivers the picture that it ends.
func (a *assembler) begin(t h264.NALUType, second byte, at time.Time) {
	if a.slices > 0 && endsPicture(t, second) {
		a.flush()
	}
	if a.slices == 0 && isSlice(t) {
		a.arrived = at
	}
}

// endsPicture reports whether a unit that follows a slice belongs to the next picture.
func endsPicture(t h264.NALUType, second byte) bool {
	if isSlice(t) {
		return firstSlice(second)
	}
	return t >= h264.NALUTypeSEI && t <= h264.NALUTypeAccessUnitDelimiter || t >= 14 && t <= 18
}

// firstSlice reports whether a slice begins at macroblock 0: first_mb_in_slice, the first field behind the unit's header, is
// then the single bit 1 (section 9.1).
func firstSlice(second byte) bool { return second&0x80 != 0 }

// unit takes a whole unit of two bytes or more.
func (a *assembler) unit(nal []byte) error {
	switch t := h264.NALUType(nal[0] & 0x1F); {
	case t == h264.NALUTypeSPS:
		a.takeSPS(nal)
		a.inband = appendUnit(a.inband, a.sps)
	case t == h264.NALUTypePPS:
		a.takePPS(nal)
		a.inband = appendUnit(a.inband, nal)
	case isSlice(t):
		if a.slices == 0 && !firstSlice(nal[1]) {
			a.orphans = a.orphans || a.started
			return nil // the beginning of its picture is lost
		}
		a.slices++
		a.idr = a.idr || t == h264.NALUTypeIDR
		a.body = appendUnit(a.body, nal)
	}
	if len(a.body)+len(a.inband) > maxPicture {
		return ErrPictureTooBig
	}
	return nil
}

// takeSPS remembers a sequence parameter set. The picture parameter sets belong to it: with a new one they come anew.
func (a *assembler) takeSPS(nal []byte) {
	if bytes.Equal(a.raw, nal) {
		return
	}
	a.raw, a.pps = slices.Clone(nal), nil
	a.sps = a.check(a.raw)
}

// takePPS remembers a picture parameter set behind those that came before: where two have the same id, a decoder takes the
// last.
func (a *assembler) takePPS(nal []byte) {
	a.pps = slices.DeleteFunc(a.pps, func(p []byte) bool { return bytes.Equal(p, nal) })
	if len(a.pps) == maxPPS {
		a.pps = slices.Delete(a.pps, 0, 1)
	}
	a.pps = append(a.pps, slices.Clone(nal))
}

// flush delivers the picture, if there is one.
func (a *assembler) flush() {
	if a.slices == 0 {
		return
	}
	if p := (picture{data: a.assemble(), idr: a.idr, arrived: a.arrived}); p.data != nil {
		a.started = true
		a.out(p)
	} else {
		a.dropped++
	}
	a.inband, a.body = a.inband[:0], a.body[:0]
	a.slices, a.idr = 0, false
}

// assemble gives the picture's bytes, nil when nobody could decode it.
func (a *assembler) assemble() []byte {
	switch {
	case a.idr && (a.sps == nil || len(a.pps) == 0), !a.idr && !a.started:
		return nil
	case !a.idr:
		return slices.Concat(a.inband, a.body)
	}
	size := len(a.body) + startCode + len(a.sps)
	for _, p := range a.pps {
		size += startCode + len(p)
	}
	data := appendUnit(make([]byte, 0, size), a.sps)
	for _, p := range a.pps {
		data = appendUnit(data, p)
	}
	return append(data, a.body...)
}

// startCode is the length of a start code as it is written here.
const startCode = 4

// appendUnit appends a unit with its start code.
func appendUnit(to, nal []byte) []byte {
	to = append(to, 0, 0, 0, 1)
	return append(to, nal...)
}
