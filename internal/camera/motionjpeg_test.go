package camera

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"doorstation/internal/camera/v4l2"
)

// standInJPEG is a camera that runs: it gives pictures, then its end, and waits for nothing.
type standInJPEG struct {
	pictures            []v4l2.Picture
	end                 error
	interrupted, closed int
}

func (s *standInJPEG) Newest(time.Duration) (v4l2.Picture, error) {
	if len(s.pictures) == 0 {
		return v4l2.Picture{}, s.end
	}
	p := s.pictures[0]
	s.pictures = s.pictures[1:]
	return p, nil
}
func (s *standInJPEG) Interrupt() error { s.interrupted++; return nil }
func (s *standInJPEG) Close() error     { s.closed++; return nil }

// agreedVGA is what was agreed on with the camera.
func agreedVGA() captureMode { return captureMode{pixelsMJPEG, 640, 480, 30} }

func newJPEGReader(t testing.TB, agreed captureMode, from *standInJPEG) *motionJPEG {
	t.Helper()
	g, err := newMotionJPEG("/dev/video0", agreed, from)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// jpegOf is a picture of a size.
func jpegOf(t testing.TB, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withoutTables takes the Huffman tables out, as Motion JPEG may.
func withoutTables(picture []byte) []byte {
	bare := slices.Clone(picture)
	if i := bytes.Index(bare, []byte{0xFF, 0xC4}); i > 0 {
		bare = slices.Delete(bare, i, i+2+int(binary.BigEndian.Uint16(bare[i+2:])))
	}
	return bare
}

// saying makes a picture's frame header say something else.
func saying(picture []byte, marker byte, width, height int) []byte {
	b := slices.Clone(picture)
	at := bytes.Index(b, []byte{0xFF, jpegSOF0})
	b[at+1] = marker
	binary.BigEndian.PutUint16(b[at+5:], uint16(height))
	binary.BigEndian.PutUint16(b[at+7:], uint16(width))
	return b
}

// forPrint is a picture of a size in cyan, magenta, yellow and black, without a scan.
func forPrint(width, height int) []byte {
	sof := []byte{0xFF, 0xD8, 0xFF, jpegSOF0, 0, 8 + 3*4, 8, 0, 0, 0, 0, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0}
	return append(saying(sof, jpegSOF0, width, height), 0xFF, 0xD9)
}

// TestAPictureThatAsksForTooMuchIsNotDecoded: a camera may send a header that says anything. It costs no memory, and the next good picture
// is shown.
func TestAPictureThatAsksForTooMuchIsNotDecoded(t *testing.T) {
	good := jpegOf(t, 640, 480)
	stray := slices.Insert(saying(good, jpegSOF0, 65535, 65535), 2, 'x', 0xFF, 0, 'y', 0xFF, 0xFF, 0xFF)
	for name, c := range map[string]struct {
		picture []byte
		text    string
	}{
		"65535x65535":                     {saying(good, jpegSOF0, 65535, 65535), "its header says 65535x65535, 640x480 was agreed on"},
		"behind stray bytes":              {stray, "its header says 65535x65535"},
		"without Huffman tables":          {withoutTables(saying(good, jpegSOF0, 65535, 65535)), "its header says 65535x65535"},
		"extended":                        {saying(good, jpegSOF1, 32000, 32000), "its header says 32000x32000"},
		"wide and low":                    {saying(good, jpegSOF0, 65535, 1), "its header says 65535x1,"},
		"within each side, not in all":    {saying(good, jpegSOF0, 4096, 4096), "its header says 4096x4096"},
		"nothing at all":                  {saying(good, jpegSOF0, 0, 0), "its header says 0x0"},
		"progressive, of the agreed size": {saying(good, jpegSOF2, 640, 480), "it is a progressive JPEG"},
		"progressive, 65535x65535":        {saying(good, jpegSOF2, 65535, 65535), "its header says 65535x65535"},
		"for printing":                    {forPrint(640, 480), "it has 4 components"},
		"cut within its header":           {good[:bytes.Index(good, []byte{0xFF, jpegSOF0})+6], "no JPEG header"},
		"no frame header":                 {[]byte{0xFF, 0xD8, 0xFF, 0xDA, 0, 2}, "no JPEG header"},
		"no picture":                      {[]byte("no picture"), "it is no JPEG"},
		"empty":                           {nil, "it is no JPEG"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newJPEGReader(t, agreedVGA(), &standInJPEG{pictures: []v4l2.Picture{{Data: c.picture}, {Data: good}}})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			img, err := g.read()
			runtime.ReadMemStats(&after)
			if !errors.Is(err, errPicture) || !strings.Contains(err.Error(), c.text) || img != nil {
				t.Errorf("%v", err)
			}
			if cost := after.TotalAlloc - before.TotalAlloc; cost > 1<<20 {
				t.Errorf("it has cost %d bytes", cost)
			}
			if img, err = g.read(); err != nil || img.Bounds().Size() != image.Pt(640, 480) {
				t.Errorf("the picture after it: %v", err)
			}
		})
	}
}

// TestPicturesThatAreDecoded: what real cameras send is shown.
func TestPicturesThatAreDecoded(t *testing.T) {
	var grey bytes.Buffer
	if err := jpeg.Encode(&grey, image.NewGray(image.Rect(0, 0, 640, 480)), nil); err != nil {
		t.Fatal(err)
	}
	good := jpegOf(t, 640, 480)
	for name, c := range map[string]struct {
		picture []byte
		agreed  captureMode
		size    image.Point
	}{
		"as agreed":              {good, agreedVGA(), image.Pt(640, 480)},
		"without Huffman tables": {withoutTables(good), agreedVGA(), image.Pt(640, 480)},
		"grey":                   {grey.Bytes(), agreedVGA(), image.Pt(640, 480)},
		"more behind its end":    {append(slices.Clone(good), good...), agreedVGA(), image.Pt(640, 480)},
		"bytes before a segment": {slices.Insert(slices.Clone(good), 2, 'x', 0xFF, 0, 0xFF), agreedVGA(), image.Pt(640, 480)},
		"Full HD, unasked":       {jpegOf(t, 1920, 1080), agreedVGA(), image.Pt(1920, 1080)},
		"smaller than agreed":    {jpegOf(t, 320, 240), agreedVGA(), image.Pt(320, 240)},
		"big, as agreed":         {jpegOf(t, 2592, 1944), captureMode{pixelsMJPEG, 2592, 1944, 15}, image.Pt(2592, 1944)},
		"in whole blocks":        {jpegOf(t, 2592, 1952), captureMode{pixelsMJPEG, 2592, 1944, 15}, image.Pt(2592, 1952)},
	} {
		t.Run(name, func(t *testing.T) {
			img, err := newJPEGReader(t, c.agreed, &standInJPEG{pictures: []v4l2.Picture{{Data: c.picture}}}).read()
			if err != nil || img.Bounds().Size() != c.size {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestWhatAJPEGCameraSays becomes what is said of any camera.
func TestWhatAJPEGCameraSays(t *testing.T) {
	good := jpegOf(t, 640, 480)
	for name, c := range map[string]struct {
		from *standInJPEG
		want error
	}{
		"silence":       {&standInJPEG{end: v4l2.ErrStuck}, errSilent},
		"interrupted":   {&standInJPEG{end: v4l2.ErrInterrupted}, ErrEnded},
		"unplugged":     {&standInJPEG{end: v4l2.ErrGone}, ErrUnplugged},
		"damaged":       {&standInJPEG{pictures: []v4l2.Picture{{Data: good, Broken: true}}}, errPicture},
		"cut":           {&standInJPEG{pictures: []v4l2.Picture{{Data: good[:len(good)/2]}}}, errPicture},
		"decoder fails": {&standInJPEG{pictures: []v4l2.Picture{{Data: good}}}, errPicture},
	} {
		t.Run(name, func(t *testing.T) {
			g := newJPEGReader(t, agreedVGA(), c.from)
			if name == "decoder fails" {
				g.decode = func([]byte, int, int) (image.Image, func(), error) { panic("a fault of the decoder") }
			}
			if img, err := g.read(); !errors.Is(err, c.want) || img != nil {
				t.Errorf("%v, want %v", err, c.want)
			}
			if err := g.close(); err != nil || c.from.interrupted != 1 || c.from.closed != 1 {
				t.Errorf("close: %v, %+v", err, c.from)
			}
			if _, err := g.read(); !errors.Is(err, ErrEnded) {
				t.Errorf("after close: %v", err)
			}
		})
	}
}

// FuzzMotionJPEG: whatever a camera sends as a picture, the stream goes on, and what is decoded is no bigger than it may be.
func FuzzMotionJPEG(f *testing.F) {
	good := jpegOf(f, 64, 48)
	for _, seed := range [][]byte{
		good, withoutTables(good), good[:len(good)/2], good[:4], nil, {0xFF}, []byte("no picture"), append(slices.Clone(good), good...),
		saying(good, jpegSOF0, 65535, 65535), saying(good, jpegSOF2, 64, 48), saying(good, jpegSOF1, 64, 48), forPrint(64, 48),
		slices.Insert(saying(good, jpegSOF0, 65535, 65535), 2, 'x', 0xFF, 0, 0xFF),
	} {
		f.Add(seed)
	}
	agreed := captureMode{pixelsMJPEG, 64, 48, 30}
	f.Fuzz(func(t *testing.T, data []byte) {
		if config, err := jpeg.DecodeConfig(bytes.NewReader(data)); err == nil {
			h, headerErr := readJPEGHeader(data)
			if headerErr != nil || h.width != config.Width || h.height != config.Height {
				t.Errorf("%+v, %v: the decoder reads %dx%d", h, headerErr, config.Width, config.Height)
			}
		}
		c := newConverter(exactly(pixelsMJPEG, 64, 48), turning{degrees: 90, mirror: true})
		img, readErr := newJPEGReader(t, agreed, &standInJPEG{pictures: []v4l2.Picture{{Data: data}}}).read()
		if readErr == nil {
			if size := img.Bounds().Size(); size.X*size.Y > roomForJPEG {
				t.Errorf("%v was decoded", size)
			}
			readErr = c.convert(c.picture(), img)
		}
		if readErr != nil && !errors.Is(readErr, errPicture) {
			t.Errorf("a picture ends the stream: %v", readErr)
		}
	})
}
