package camera

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"doorstation/internal/camera/v4l2"
)

// standInCamera is a camera with an encoder of its own: it gives a picture each 40 ms, then ends or waits.
type standInCamera struct {
	pictures    []v4l2.Picture
	end         error // nil: it falls silent
	lacks       []v4l2.ControlID
	refuses     []v4l2.ControlID
	interrupted chan struct{}
	once        sync.Once

	mu     sync.Mutex
	set    map[v4l2.ControlID]int32
	closed int
}

func newStandInCamera(pictures ...v4l2.Picture) *standInCamera {
	return &standInCamera{pictures: pictures, interrupted: make(chan struct{}), set: map[v4l2.ControlID]int32{}}
}

func (s *standInCamera) Next() (v4l2.Picture, error) {
	if len(s.pictures) == 0 {
		if s.end != nil {
			return v4l2.Picture{}, s.end
		}
		<-s.interrupted
		return v4l2.Picture{}, v4l2.ErrInterrupted
	}
	select {
	case <-s.interrupted:
		return v4l2.Picture{}, v4l2.ErrInterrupted
	case <-time.After(40 * time.Millisecond):
	}
	p := s.pictures[0]
	s.pictures = s.pictures[1:]
	return p, nil
}

func (s *standInCamera) Set(id v4l2.ControlID, value int32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.refuses, id) {
		return v4l2.ErrBusy
	}
	s.set[id] = value
	return nil
}

func (s *standInCamera) value(id v4l2.ControlID) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set[id]
}

func (s *standInCamera) Has(id v4l2.ControlID) bool { return !slices.Contains(s.lacks, id) }

func (s *standInCamera) Interrupt() error {
	s.once.Do(func() { close(s.interrupted) })
	return nil
}

func (s *standInCamera) Close() error {
	s.closed++
	return nil
}

// passed runs a camera until its end and gives what was passed on.
func passed(t *testing.T, camera *standInCamera, onFormat func(error)) ([]AccessUnit, error) {
	t.Helper()
	var got []AccessUnit
	c := newPassthrough(onFormat)
	err := c.pass(t.Context(), camera, Params{Width: 320, Height: 240, Framerate: 25}, func(au AccessUnit) { got = append(got, au) })
	if camera.closed != 1 {
		t.Errorf("closed %d times", camera.closed)
	}
	return got, err
}

func TestACamerasOwnPicturesArePassedOnWithTheirParameterSets(t *testing.T) {
	units := encoded(t, 25)
	stripped := make([][]byte, len(units))
	for i, u := range units {
		stripped[i] = u
		if i > 0 {
			stripped[i] = withoutSets(t, u)
		}
	}
	for name, c := range map[string]struct {
		buffers [][]byte
		last    int // pictures that only show when the next one comes
	}{
		"a picture a buffer":   {units, 0},
		"parameter sets once":  {stripped, 0},
		"a buffer of anything": {slices.Collect(slices.Chunk(slices.Concat(units...), 700)), 3},
		"half pictures":        {halves(units), 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				camera := newStandInCamera()
				camera.end = v4l2.ErrGone
				for _, b := range c.buffers {
					camera.pictures = append(camera.pictures, v4l2.Picture{Data: b})
				}
				got, err := passed(t, camera, nil)
				if !errors.Is(err, v4l2.ErrGone) {
					t.Errorf("the end: %v", err)
				}
				if len(got) < len(units)-c.last {
					t.Fatalf("%d pictures of %d", len(got), len(units))
				}
				for i, au := range got {
					if idr, idrErr := randomAccess(au.Data); idrErr != nil || idr != au.IDR || idr != (i%10 == 0) {
						t.Errorf("picture %d: IDR %v, said to be %v, %v", i, idr, au.IDR, idrErr)
					}
					if i > 0 && au.PTS <= got[i-1].PTS {
						t.Errorf("picture %d at %v, the one before at %v", i, au.PTS, got[i-1].PTS)
					}
				}
			})
		})
	}
}

// withoutSets is an access unit without its parameter sets.
func withoutSets(t *testing.T, data []byte) (rest []byte) {
	t.Helper()
	var units h264.AnnexB
	if err := units.Unmarshal(data); err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		if typ := h264.NALUType(u[0] & 0x1F); typ != h264.NALUTypeSPS && typ != h264.NALUTypePPS {
			rest = appendUnit(rest, u)
		}
	}
	return rest
}

// halves cuts each in two.
func halves(units [][]byte) (list [][]byte) {
	for _, u := range units {
		list = append(list, u[:len(u)/2], u[len(u)/2:])
	}
	return list
}

func TestPicturesHaveTheTimesAtWhichTheyWereTaken(t *testing.T) {
	units := encoded(t, 10)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := &ownStream{pace: newPace(25), began: began, now: func() time.Duration { return time.Hour + time.Since(began) }}
		var got []AccessUnit
		s.out = func(au AccessUnit) { got = append(got, au) }
		s.split.to = assembler{out: s.deliver, check: func(sps []byte) []byte { return sps }}
		for i, u := range units {
			time.Sleep(40*time.Millisecond + time.Duration(i%3)*time.Millisecond)
			stamp := time.Hour + time.Since(began) - 25*time.Millisecond
			if i == 5 {
				stamp = 3 * time.Minute // a camera that counts from its own beginning
			}
			if err := s.take(v4l2.Picture{Data: u, Stamp: stamp, Monotonic: true}); err != nil {
				t.Fatal(err)
			}
			age := time.Since(got[i].Captured)
			if want := 25 * time.Millisecond; i != 5 && age != want || i == 5 && age != 0 {
				t.Errorf("picture %d is %v old", i, age)
			}
		}
	})
}

func TestADamagedPictureOfTheCameraIsLeftOutAndAKeyFrameAskedFor(t *testing.T) {
	units := encoded(t, 10)
	synctest.Test(t, func(t *testing.T) {
		camera := newStandInCamera()
		camera.end = v4l2.ErrGone
		for i, u := range units {
			camera.pictures = append(camera.pictures, v4l2.Picture{Data: u, Broken: i == 3})
		}
		got, err := passed(t, camera, nil)
		if !errors.Is(err, v4l2.ErrGone) || len(got) != len(units)-1 || camera.value(v4l2.ForceKeyFrame) != 1 {
			t.Errorf("%d pictures, %v, key frame asked for: %d", len(got), err, camera.value(v4l2.ForceKeyFrame))
		}
	})
}

func TestTheCamerasFormatIsTold(t *testing.T) {
	wrong := slices.Concat(nal(h264.NALUTypeSPS, 100, 0, 31, 0xDA), nal(h264.NALUTypePPS, 0xCE, 0x3C), nal(h264.NALUTypeIDR, 0x88, 1))
	right := slices.Concat(nal(h264.NALUTypeSPS, 66, 0xC0, 31, 0xDA), nal(h264.NALUTypePPS, 0xCE, 0x3C), nal(h264.NALUTypeIDR, 0x88, 1))
	synctest.Test(t, func(t *testing.T) {
		camera := newStandInCamera(v4l2.Picture{Data: wrong}, v4l2.Picture{Data: wrong}, v4l2.Picture{Data: right}, v4l2.Picture{Data: right})
		camera.end = v4l2.ErrGone
		var told []error
		if _, err := passed(t, camera, func(err error) { told = append(told, err) }); !errors.Is(err, v4l2.ErrGone) {
			t.Error(err)
		}
		if len(told) != 2 || !errors.Is(told[0], ErrFormat) || told[1] != nil {
			t.Errorf("%v", told)
		}
	})
}

func TestWhatIsAskedOfACameraReachesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		camera := newStandInCamera()
		c := newPassthrough(nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- c.pass(ctx, camera, Params{Width: 320, Height: 240, Framerate: 25}, func(AccessUnit) {})
		}()
		c.forceIDR()
		c.setBitrate(300_000)
		synctest.Wait()
		if camera.value(v4l2.ForceKeyFrame) != 1 || camera.value(v4l2.Bitrate) != 300_000 {
			t.Errorf("%v", camera.set)
		}
		cancel()
		if err := <-ended; err != nil || camera.closed != 1 {
			t.Errorf("%v, closed %d times", err, camera.closed)
		}
	})
}

// TestACameraIsNotStartedAnewForARateItDoesNotHave: who decides on the rate goes by the traits.
func TestACameraIsNotStartedAnewForARateItDoesNotHave(t *testing.T) {
	for name, c := range map[string]struct {
		lacks, refuses []v4l2.ControlID
		want           Traits
	}{
		"no control":               {[]v4l2.ControlID{v4l2.Bitrate}, nil, Traits{FixedGroups: true, FixedBitrate: true, OneBitrate: true}},
		"a control":                {nil, nil, Traits{FixedGroups: true}},
		"a control before it runs": {nil, []v4l2.ControlID{v4l2.Bitrate}, Traits{FixedGroups: true, FixedBitrate: true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				camera := newStandInCamera()
				camera.lacks, camera.refuses = c.lacks, c.refuses
				own := newPassthrough(nil)
				source := &V4L2Camera{own: own}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() {
					ended <- own.pass(ctx, camera, Params{Width: 320, Height: 240, Framerate: 25}, func(AccessUnit) {})
				}()
				source.SetBitrate(300_000)
				synctest.Wait()
				got := source.Traits()
				if got.Start = 0; got != c.want {
					t.Errorf("%+v, want %+v", got, c.want)
				}
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestACameraThatStallsTellsWhatIsKnown(t *testing.T) {
	units := encoded(t, 3)
	for name, c := range map[string]struct {
		first []byte
		story string
	}{
		"nothing": {nil, "the camera sent nothing"},
		"no IDR":  {slices.Concat(nal(h264.NALUTypeNonIDR, 0x9A, 3), nal(h264.NALUTypeNonIDR, 0x9A, 3)), "the camera sent no picture that decoding can begin with: neither an IDR picture nor parameter sets"},
		"stopped": {slices.Concat(units...), "the camera stopped sending its H.264"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				camera := newStandInCamera()
				if c.first != nil {
					camera.pictures = []v4l2.Picture{{Data: c.first}}
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(2500*time.Millisecond, func() { cancel(ErrStalled) })
				err := newPassthrough(nil).pass(ctx, camera, Params{Width: 320, Height: 240, Framerate: 25}, func(AccessUnit) {})
				if err == nil || err.Error() != c.story {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// FuzzPassthrough has a camera give buffers of any content and flags.
func FuzzPassthrough(f *testing.F) {
	f.Add(slices.Concat(nal(h264.NALUTypeSPS, 66, 0xC0, 31, 0xDA), nal(h264.NALUTypePPS, 0xCE, 0x3C), nal(h264.NALUTypeIDR, 0x88, 1)), uint8(255), uint8(0))
	f.Add(slices.Concat(nal(h264.NALUTypeIDR, 0x88, 1), nal(h264.NALUTypeNonIDR, 0x9A, 3), []byte{0, 0, 1}), uint8(3), uint8(0x52))
	f.Fuzz(func(t *testing.T, stream []byte, size, flags uint8) {
		camera := &scriptedCamera{end: v4l2.ErrGone}
		n := 0
		for piece := range slices.Chunk(stream, max(1, int(size))) {
			bits := flags >> (2 * (n % 4)) & 3
			n++
			camera.pictures = append(camera.pictures, v4l2.Picture{
				Data: piece, Broken: bits == 1, Full: bits == 2, Monotonic: bits == 3, Stamp: time.Duration(size) * time.Hour,
			})
		}
		given, last := 0, time.Duration(-1)
		err := newPassthrough(nil).pass(t.Context(), camera, Params{Width: 320, Height: 240, Framerate: 25}, func(au AccessUnit) {
			if given == 0 && !au.IDR {
				t.Error("begins with a picture that cannot be decoded")
			}
			if au.PTS <= last {
				t.Errorf("%v after %v", au.PTS, last)
			}
			given, last = given+1, au.PTS
		})
		if err == nil || given > len(stream) {
			t.Errorf("%d pictures, %v", given, err)
		}
	})
}

// scriptedCamera gives buffers at once.
type scriptedCamera struct {
	pictures []v4l2.Picture
	end      error
}

func (s *scriptedCamera) Next() (v4l2.Picture, error) {
	if len(s.pictures) == 0 {
		return v4l2.Picture{}, s.end
	}
	p := s.pictures[0]
	s.pictures = s.pictures[1:]
	return p, nil
}
func (s *scriptedCamera) Set(v4l2.ControlID, int32) error { return nil }
func (s *scriptedCamera) Has(v4l2.ControlID) bool         { return true }
func (s *scriptedCamera) Interrupt() error                { return nil }
func (s *scriptedCamera) Close() error                    { return nil }
