package camera

import (
	"bytes"
	"errors"
	"image"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"doorstation/internal/camera/v4l2"
)

// manners are the ways in which drivers give what they have encoded.
type manners struct {
	// once: parameter sets come with the first IDR picture only; never: not at all.
	once, never bool
	// apart: parameter sets have a buffer of their own.
	apart bool
	// pieces: a picture fills buffers of this many bytes; 0: it has one buffer.
	pieces int
	// level is written into the parameter sets; 0 leaves it.
	level byte
	// profile is written into the parameter sets; 0 leaves it.
	profile byte
	// broken tells which pictures are damaged, skipped which come to nothing, late which have a buffer of the one before in front.
	broken, skipped, late func(n int) bool
	// stuck tells from which picture on nothing comes; 0: none.
	stuck int
}

// standInCodec is openh264 with the manners of a driver.
type standInCodec struct {
	t      *testing.T
	m      manners
	enc    *encoder
	n      int
	sets   bool // have been given
	set    map[v4l2.ControlID]int32
	lacks  v4l2.ControlID
	forced int
	closed int
}

var errStandIn = errors.New("the stand-in fails")

func newStandInCodec(t *testing.T, p Params, m manners) *standInCodec {
	t.Helper()
	enc, err := newEncoder(p)
	if err != nil {
		t.Fatal(err)
	}
	return &standInCodec{t: t, m: m, enc: enc, set: map[v4l2.ControlID]int32{}}
}

func (s *standInCodec) Has(id v4l2.ControlID) bool { return id != s.lacks }

func (s *standInCodec) Close() error {
	s.closed++
	return s.enc.close()
}

func (s *standInCodec) Set(id v4l2.ControlID, value int32) error {
	s.set[id] = value
	if id == v4l2.ForceKeyFrame {
		s.forced++
		return s.enc.forceIDR()
	}
	if value == 666_000 {
		return errStandIn
	}
	return s.enc.setBitrate(int(value))
}

func (s *standInCodec) Encode(img *image.YCbCr, stamp time.Duration, take func(v4l2.Picture) bool) error {
	n := s.n
	s.n++
	if s.m.stuck > 0 && n >= s.m.stuck {
		return v4l2.ErrStuck
	}
	if s.m.skipped != nil && s.m.skipped(n) {
		take(v4l2.Picture{Stamp: stamp})
		return nil
	}
	var data []byte
	for len(data) == 0 {
		var err error
		if data, err = s.enc.encode(img); err != nil {
			return err
		}
	}
	if s.m.late != nil && s.m.late(n) && take(v4l2.Picture{Data: data, Stamp: stamp - time.Millisecond}) {
		s.t.Error("a buffer of an earlier picture was taken for this one")
	}
	for _, b := range s.buffers(data) {
		b.Stamp, b.Broken = stamp, s.m.broken != nil && s.m.broken(n)
		if take(b) {
			return nil
		}
	}
	return v4l2.ErrStuck // it wants more than there is
}

// buffers is what the driver fills for a picture.
func (s *standInCodec) buffers(data []byte) (list []v4l2.Picture) {
	var units h264.AnnexB
	if err := units.Unmarshal(data); err != nil {
		s.t.Fatal(err)
	}
	var sets, slice []byte
	for _, u := range units {
		switch t := h264.NALUType(u[0] & 0x1F); {
		case t != h264.NALUTypeSPS && t != h264.NALUTypePPS:
			slice = appendUnit(slice, u)
		case s.m.never || s.m.once && s.sets:
		default:
			u = slices.Clone(u)
			if t == h264.NALUTypeSPS && s.m.level != 0 {
				u[3] = s.m.level
			}
			if t == h264.NALUTypeSPS && s.m.profile != 0 {
				u[1], u[2] = s.m.profile, 0
			}
			sets = appendUnit(sets, u)
		}
	}
	s.sets = s.sets || len(sets) > 0
	if s.m.apart && len(sets) > 0 {
		list = append(list, v4l2.Picture{Data: sets})
		sets = nil
	}
	whole := slices.Concat(sets, slice)
	if s.m.pieces == 0 {
		return append(list, v4l2.Picture{Data: whole})
	}
	if len(whole)%s.m.pieces == 0 {
		whole = append(whole, 0) // trailing_zero_8bits: the last buffer of a picture is not full
	}
	for piece := range slices.Chunk(whole, s.m.pieces) {
		list = append(list, v4l2.Picture{Data: piece, Full: len(piece) == s.m.pieces})
	}
	return list
}

// runChip encodes pictures, the tenth of each ten as an IDR picture that was asked for, and gives what came out of each.
func runChip(t *testing.T, m manners, pictures int) ([][]byte, *standInCodec, error) {
	t.Helper()
	p := Params{Width: 320, Height: 240, Framerate: 25, Bitrate: 500_000}
	codec := newStandInCodec(t, p, m)
	enc, err := startChip(codec, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if closeErr := enc.close(); closeErr != nil || codec.closed != 1 {
			t.Errorf("closed %d times, %v", codec.closed, closeErr)
		}
	})
	painter, began := newPainter(p.Width, p.Height), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var got [][]byte
	for n := range pictures {
		if n%10 == 9 {
			if err = enc.forceIDR(); err != nil {
				return got, codec, err
			}
		}
		data, encodeErr := enc.encode(painter.paint(began.Add(time.Duration(n)*40*time.Millisecond), n))
		if encodeErr != nil {
			return got, codec, encodeErr
		}
		got = append(got, slices.Clone(data))
	}
	return got, codec, nil
}

func TestTheChipsPicturesAreAccessUnitsWhateverItsDriversManners(t *testing.T) {
	for name, m := range map[string]manners{
		"as the Raspberry Pi":      {level: 40},
		"parameter sets once":      {once: true, level: 40},
		"parameter sets apart":     {apart: true},
		"apart and once":           {apart: true, once: true},
		"pictures in pieces":       {pieces: 500},
		"in small pieces, once":    {pieces: 64, once: true},
		"buffers that come late":   {late: func(n int) bool { return n%3 == 2 }},
		"all of it":                {apart: true, once: true, pieces: 333, level: 51, late: func(n int) bool { return n%4 == 1 }},
		"a level that is lower":    {level: 30},
		"baseline, unconstrained":  {profile: profileBaseline},
		"pieces that end unfilled": {pieces: 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := runChip(t, m, 30)
			if err != nil {
				t.Fatal(err)
			}
			for n, data := range got {
				idr, idrErr := randomAccess(data)
				if idrErr != nil || len(data) == 0 || idr != (n == 0 || n%10 == 9) {
					t.Errorf("picture %d: %d bytes, IDR %v, %v", n, len(data), idr, idrErr)
				}
				if idr && (!bytes.Equal(data[:5], []byte{0, 0, 0, 1, 0x67}) || data[7] > level31) {
					t.Errorf("picture %d begins with % x", n, data[:8])
				}
			}
		})
	}
}

func TestAfterADamagedPictureOfTheChipAKeyFrameComes(t *testing.T) {
	got, _, err := runChip(t, manners{broken: func(n int) bool { return n == 4 || n == 5 }}, 9)
	if err != nil {
		t.Fatal(err)
	}
	for n, data := range got {
		idr, idrErr := randomAccess(data)
		if damaged := n == 4 || n == 5; idrErr == nil && (len(data) == 0) != damaged || idr != (n == 0 || n == 6) {
			t.Errorf("picture %d: %d bytes, IDR %v, %v", n, len(data), idr, idrErr)
		}
	}
}

func TestAPictureThatTheChipSkipsIsEmpty(t *testing.T) {
	got, codec, err := runChip(t, manners{skipped: func(n int) bool { return n > 2 }}, 9)
	if err != nil || codec.forced != 0 {
		t.Fatalf("%v, %d key frames asked for", err, codec.forced)
	}
	for n, data := range got {
		if (len(data) == 0) != (n > 2) {
			t.Errorf("picture %d: %d bytes", n, len(data))
		}
	}
}

func TestAChipThatFailsIsSaidToFail(t *testing.T) {
	for name, c := range map[string]struct {
		m       manners
		means   error
		atLeast int
	}{
		"stuck":             {manners{stuck: 3}, v4l2.ErrStuck, 3},
		"damaged for good":  {manners{broken: func(n int) bool { return n > 1 }}, ErrChip, 2 + maxLost},
		"no parameter sets": {manners{never: true}, ErrChip, maxLost},
		"another profile":   {manners{profile: 100}, ErrFormat, 0},
		"nothing but skips": {manners{skipped: func(n int) bool { return n > 1 }}, ErrChip, 2 + 37}, // a second and a half
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := runChip(t, c.m, 100)
			if !errors.Is(err, c.means) || !errors.Is(err, ErrChip) || len(got) != c.atLeast {
				t.Errorf("%v after %d pictures, want %v after %d", err, len(got), c.means, c.atLeast)
			}
		})
	}
}

func TestAChipWithoutKeyFramesToAskForIsOfNoUse(t *testing.T) {
	p := Params{Width: 320, Height: 240, Framerate: 25, Bitrate: 500_000}
	codec := newStandInCodec(t, p, manners{})
	codec.lacks = v4l2.ForceKeyFrame
	if _, err := startChip(codec, p); !errors.Is(err, ErrChip) || codec.closed != 1 {
		t.Errorf("%v, closed %d times", err, codec.closed)
	}
}

func TestTheChipsRateNeverFallsToWhereItHangs(t *testing.T) {
	p := Params{Width: 320, Height: 240, Framerate: 25, Bitrate: 500_000}
	codec := newStandInCodec(t, p, manners{})
	enc, err := startChip(codec, p)
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[int]int32{20_000: leastPiBitrate, 800_000: 800_000} {
		if err = enc.setBitrate(asked); err != nil || codec.set[v4l2.Bitrate] != want {
			t.Errorf("%d became %d, %v", asked, codec.set[v4l2.Bitrate], err)
		}
	}
	if err = enc.setBitrate(666_000); !errors.Is(err, errStandIn) {
		t.Errorf("%v", err)
	}
	if err = enc.close(); err != nil {
		t.Error(err)
	}
	for _, c := range chipConfig(Params{Width: 1280, Height: 720, Framerate: 30, Bitrate: 1}).Controls {
		if c.ID == v4l2.Bitrate && c.Value != leastPiBitrate {
			t.Errorf("it begins with %d bit/s", c.Value)
		}
	}
}

// FuzzChip has a driver give buffers of any content and flags.
func FuzzChip(f *testing.F) {
	f.Add(slices.Concat(nal(h264.NALUTypeSPS, 66, 0xC0, 31, 0xDA), nal(h264.NALUTypePPS, 0xCE, 0x3C), nal(h264.NALUTypeIDR, 0x88, 1)), uint8(255), uint8(0))
	f.Add(slices.Concat(nal(h264.NALUTypeIDR, 0x88, 1), nal(h264.NALUTypeNonIDR, 0x9A, 3), []byte{0, 0, 1}), uint8(3), uint8(0x52))
	f.Fuzz(func(t *testing.T, stream []byte, size, flags uint8) {
		codec := &scriptedCodec{buffers: slices.Collect(slices.Chunk(stream, max(1, int(size)))), flags: flags}
		enc, err := startChip(codec, Params{Width: 320, Height: 240, Framerate: 25, Bitrate: 500_000})
		if err != nil {
			t.Fatal(err)
		}
		began := false
		for range len(codec.buffers) + 2 {
			data, encodeErr := enc.encode(nil)
			if encodeErr != nil {
				return
			}
			if len(data) == 0 {
				continue
			}
			if idr, idrErr := randomAccess(data); idrErr == nil && !idr && !began {
				t.Errorf("begins with a picture that cannot be decoded: % x", data)
			}
			began = true
		}
	})
}

// scriptedCodec gives buffers in turn, two bits of flags for each.
type scriptedCodec struct {
	buffers [][]byte
	flags   uint8
	n       int
}

func (s *scriptedCodec) Has(v4l2.ControlID) bool         { return true }
func (s *scriptedCodec) Set(v4l2.ControlID, int32) error { return nil }
func (s *scriptedCodec) Close() error                    { return nil }
func (s *scriptedCodec) Encode(_ *image.YCbCr, stamp time.Duration, take func(v4l2.Picture) bool) error {
	for s.n < len(s.buffers) {
		f := s.flags >> (2 * (s.n % 4)) & 3
		data := s.buffers[s.n]
		s.n++
		if take(v4l2.Picture{Data: data, Broken: f == 1, Full: f == 2, Stamp: stamp}) {
			return nil
		}
	}
	return v4l2.ErrStuck
}
