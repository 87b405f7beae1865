package camera

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// collect makes a splitter and the place where its pictures go.
func collect() (*splitter, *[]picture) {
	got := &[]picture{}
	return &splitter{to: assembler{
		out:   func(p picture) { *got = append(*got, p) },
		check: func(sps []byte) []byte { return sps },
	}}, got
}

// encoded is a stream of the encoder as a camera writes it: an IDR each ten pictures, parameter sets in front of each.
func encoded(t testing.TB, pictures int) (units [][]byte) {
	t.Helper()
	p := Params{Width: 320, Height: 240, Framerate: 10, Bitrate: 300_000}
	enc, err := newEncoder(p)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if closeErr := enc.close(); closeErr != nil {
			t.Error(closeErr)
		}
	}()
	painter, began := newPainter(p.Width, p.Height), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := range pictures {
		if n%10 == 0 {
			if err = enc.forceIDR(); err != nil {
				t.Fatal(err)
			}
		}
		data, encodeErr := enc.encode(painter.paint(began.Add(time.Duration(n)*100*time.Millisecond), n))
		if encodeErr != nil {
			t.Fatal(encodeErr)
		}
		if len(data) > 0 {
			units = append(units, slices.Clone(data))
		}
	}
	return units
}

// same compares the pictures with what went in.
func same(t *testing.T, got []picture, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d pictures, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i].data, want[i]) {
			t.Errorf("picture %d: %d bytes differ from the %d that were written", i, len(got[i].data), len(want[i]))
		}
	}
}

func TestAStreamInPiecesOfAnySizeIsThePicturesThatWereWritten(t *testing.T) {
	units := encoded(t, 25)
	stream := slices.Concat(units...)
	for _, size := range []int{1, 2, 3, 5, 1000, 65536, len(stream)} {
		s, got := collect()
		for piece := range slices.Chunk(stream, size) {
			if err := s.write(piece, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.end(); err != nil {
			t.Fatal(err)
		}
		same(t, *got, units)
		if !(*got)[0].idr || (*got)[1].idr || !(*got)[10].idr {
			t.Errorf("in pieces of %d: the IDR pictures are others", size)
		}
	}
}

func TestAPictureIsDeliveredWhenTheWriterPauses(t *testing.T) {
	units := encoded(t, 12)
	s, got := collect()
	for i, u := range units {
		if err := errors.Join(s.write(u, time.Now()), s.pause()); err != nil {
			t.Fatal(err)
		}
		if len(*got) != i+1 {
			t.Fatalf("after picture %d and a pause there are %d", i, len(*got))
		}
	}
	same(t, *got, units)
}

func TestAWriterThatPausesWithinAPictureIsWaitedForFromThenOn(t *testing.T) {
	units := encoded(t, 8)
	s, got := collect()
	feed := func(data []byte) {
		t.Helper()
		if err := errors.Join(s.write(data, time.Now()), s.pause()); err != nil {
			t.Fatal(err)
		}
	}
	feed(units[0])
	feed(units[1][:len(units[1])/2])
	feed(units[1][len(units[1])/2:])
	for _, u := range units[2:] {
		feed(u[:len(u)/2])
		feed(u[len(u)/2:])
	}
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	if len(*got) != len(units) {
		t.Fatalf("%d pictures of %d", len(*got), len(units))
	}
	same(t, (*got)[2:], units[2:])
}

// nal makes a unit of a type whose payload is made up.
func nal(t h264.NALUType, payload ...byte) []byte {
	return append([]byte{0, 0, 0, 1, 0x60 | byte(t)}, payload...)
}

func TestEachRuleEndsAPicture(t *testing.T) {
	sps, pps := nal(h264.NALUTypeSPS, 66, 0xC0, 31, 0xDA), nal(h264.NALUTypePPS, 0xCE, 0x3C)
	idr, idr2 := nal(h264.NALUTypeIDR, 0x88, 1), nal(h264.NALUTypeIDR, 0x42, 2)
	p, p2 := nal(h264.NALUTypeNonIDR, 0x9A, 3), nal(h264.NALUTypeNonIDR, 0x4A, 4)
	aud, sei := nal(h264.NALUTypeAccessUnitDelimiter, 0xF0), nal(h264.NALUTypeSEI, 5, 1, 2, 0x80)
	filler, end := nal(h264.NALUTypeFillerData, 0xFF, 0x80), []byte{0, 0, 1, byte(h264.NALUTypeEndOfSequence)}
	join := func(units ...[]byte) []byte { return slices.Concat(units...) }
	for name, c := range map[string]struct {
		stream [][]byte
		want   [][]byte
	}{
		"first macroblock":       {[][]byte{sps, pps, idr, p, p}, [][]byte{join(sps, pps, idr), p, p}},
		"slices":                 {[][]byte{sps, pps, idr, idr2, p, p2, p}, [][]byte{join(sps, pps, idr, idr2), join(p, p2), p}},
		"delimiters":             {[][]byte{aud, sps, pps, idr, aud, p, aud, p}, [][]byte{join(sps, pps, idr), p, p}},
		"SEI":                    {[][]byte{sps, pps, sei, idr, sei, p}, [][]byte{join(sps, pps, idr), p}},
		"parameter sets":         {[][]byte{sps, pps, idr, sps, pps, idr}, [][]byte{join(sps, pps, idr), join(sps, pps, idr)}},
		"remembered":             {[][]byte{sps, pps, idr, p, idr}, [][]byte{join(sps, pps, idr), p, join(sps, pps, idr)}},
		"late parameter sets":    {[][]byte{idr, p, sps, pps, p, idr, p}, [][]byte{join(sps, pps, idr), p}},
		"filler and end":         {[][]byte{sps, pps, idr, filler, end, p, end}, [][]byte{join(sps, pps, idr), p}},
		"no IDR":                 {[][]byte{sps, pps, p, p}, nil},
		"a lost first slice":     {[][]byte{sps, pps, idr2, idr}, [][]byte{join(sps, pps, idr)}},
		"zeros behind":           {[][]byte{sps, {0, 0}, pps, {0, 0, 0}, idr, {0, 0, 0, 0}, p}, [][]byte{join(sps, pps, idr), p}},
		"something in front":     {[][]byte{{1, 2, 3, 0}, sps, pps, idr}, [][]byte{join(sps, pps, idr)}},
		"parameter sets between": {[][]byte{sps, pps, idr, pps, p}, [][]byte{join(sps, pps, idr), join(pps, p)}},
	} {
		t.Run(name, func(t *testing.T) {
			s, got := collect()
			if err := errors.Join(s.write(join(c.stream...), time.Now()), s.end()); err != nil {
				t.Fatal(err)
			}
			same(t, *got, c.want)
		})
	}
}

func TestAStreamIsBounded(t *testing.T) {
	zeros := make([]byte, 4096)
	for name, c := range map[string]struct {
		first []byte
		want  error
	}{
		"no start code":     {nil, ErrNotH264},
		"a forbidden bit":   {[]byte{0, 0, 1, 0xFF, 1}, ErrNotH264},
		"an endless unit":   {[]byte{0, 0, 1, 0x65, 0x88}, ErrPictureTooBig},
		"an endless parade": {nal(h264.NALUTypeSEI, 1), ErrPictureTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := collect()
			err := s.write(c.first, time.Now())
			filling := bytes.Repeat([]byte{7}, len(zeros))
			for n := 0; err == nil && n < 2*maxPicture; n += len(filling) {
				err = s.write(filling, time.Now())
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	t.Run("endless slices", func(t *testing.T) {
		s, _ := collect()
		slice := append(nal(h264.NALUTypeIDR, 0x88), bytes.Repeat([]byte{7}, 4096)...)
		next := append(nal(h264.NALUTypeIDR, 0x42), slice[6:]...)
		err := s.write(slice, time.Now())
		for n := 0; err == nil && n < 2*maxPicture; n += len(next) {
			err = s.write(next, time.Now())
		}
		if !errors.Is(err, ErrPictureTooBig) {
			t.Errorf("%v", err)
		}
	})
	t.Run("a parade of parameter sets", func(t *testing.T) {
		s, got := collect()
		err := s.write(nal(h264.NALUTypeSPS, 66, 0xC0, 31, 0xDA), time.Now())
		for n := range byte(100) {
			err = errors.Join(err, s.write(nal(h264.NALUTypePPS, 0xCE, n|1, n|0x80), time.Now()))
		}
		if err = errors.Join(err, s.write(nal(h264.NALUTypeIDR, 0x88, 1), time.Now()), s.end()); err != nil {
			t.Fatal(err)
		}
		if len(*got) != 1 || len((*got)[0].data) > 200 {
			t.Errorf("%d pictures", len(*got))
		}
	})
}

func FuzzSplitter(f *testing.F) {
	f.Add(nal(h264.NALUTypeSPS, 66, 0xC0, 31, 0xDA), uint8(7), true)
	f.Add([]byte{0, 0, 1, 0x67, 66, 0xC0, 40, 0xDA, 0, 0, 1, 0x68, 0xCE, 0x3C, 0, 0, 1, 0x65, 0x88, 1, 0, 0, 0, 1, 0x41, 0x9A}, uint8(1), true)
	f.Add([]byte{0, 0, 0, 0, 1, 9, 0, 0, 1, 10, 0, 0, 1}, uint8(2), false)
	f.Fuzz(func(t *testing.T, stream []byte, size uint8, pauses bool) {
		began, given := false, 0
		s := &splitter{to: assembler{
			check: func(sps []byte) []byte {
				sent, err := checkFormat(sps, 30)
				if err == nil && sent[3] > level31 {
					t.Error("a level above 3.1 was let through")
				}
				if len(sent) != len(sps) {
					t.Error("the parameters' length changed")
				}
				return sent
			},
			out: func(p picture) {
				idr, err := randomAccess(p.data)
				if err != nil {
					return // more units than the library counts
				}
				if idr != p.idr && p.idr {
					t.Errorf("an IDR picture without its parameter sets: % x", p.data)
				}
				if !began && !p.idr {
					t.Error("begins with a picture that cannot be decoded")
				}
				began = true
				given++
			},
		}}
		for piece := range slices.Chunk(stream, max(1, int(size))) {
			if err := s.write(piece, time.Time{}); err != nil {
				return
			}
			if pauses {
				if err := s.pause(); err != nil {
					return
				}
			}
		}
		if err := s.end(); err != nil {
			return
		}
		if given > len(stream) {
			t.Error("more pictures than bytes")
		}
	})
}
