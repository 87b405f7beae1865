package camera

import (
	"context"
	"errors"
	"fmt"
	"image"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// record runs a source for some time and returns what it delivered, together with when. During the run, with the time
// standing still, do is called at its moments.
func record(t *testing.T, p Params, d time.Duration, do map[time.Duration]func(Source)) (units []AccessUnit, when []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		src := NewTestSource(nil)
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		began := time.Now()
		for at, f := range do {
			time.AfterFunc(at, func() { f(src) })
		}
		err := src.Run(ctx, p, func(au AccessUnit) {
			units, when = append(units, au), append(when, time.Since(began))
		})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	})
	return units, when
}

func vga() Params { return Params{Width: 640, Height: 480, Framerate: 30, Bitrate: 500_000} }

func TestTestSourceIsWhatWasNegotiated(t *testing.T) {
	for _, p := range []Params{
		vga(),
		{Width: 640, Height: 480, Framerate: 15, Bitrate: 500_000},
		{Width: 320, Height: 240, Framerate: 10, Bitrate: 150_000},
		{Width: 1280, Height: 720, Framerate: 30, Bitrate: 1_500_000},
	} {
		t.Run(fmt.Sprintf("%dx%d@%d", p.Width, p.Height, p.Framerate), func(t *testing.T) {
			units, _ := record(t, p, time.Second, map[time.Duration]func(Source){
				500 * time.Millisecond: func(s Source) { s.ForceIDR() },
			})
			if len(units) == 0 || !units[0].IDR {
				t.Fatalf("%d pictures, the first one is no IDR", len(units))
			}
			idrs := 0
			for _, au := range units {
				if len(au.Data) == 0 {
					t.Error("an empty picture was delivered")
				}
				if !au.IDR {
					continue
				}
				idrs++
				checkParameterSets(t, au.Data, p)
			}
			if idrs != 2 {
				t.Errorf("%d IDR pictures, want one at the start and one on request", idrs)
			}
		})
	}
}

// checkParameterSets wants SPS and PPS in front of the slice, and an SPS that a decoder of 42e01f takes: RFC 6184 section
// 8.1, constrained baseline is profile_idc 66 with constraint_set1, level 3.1 or below.
func checkParameterSets(t *testing.T, data []byte, p Params) {
	t.Helper()
	var units h264.AnnexB
	if err := units.Unmarshal(data); err != nil {
		t.Fatal(err)
	}
	if len(units) != 3 || h264.NALUType(units[0][0]&31) != h264.NALUTypeSPS ||
		h264.NALUType(units[1][0]&31) != h264.NALUTypePPS || h264.NALUType(units[2][0]&31) != h264.NALUTypeIDR {
		t.Fatalf("not SPS, PPS, IDR: %d units", len(units))
	}
	var sps h264.SPS
	if err := sps.Unmarshal(units[0]); err != nil {
		t.Fatal(err)
	}
	if sps.ProfileIdc != 66 || !sps.ConstraintSet1Flag || sps.LevelIdc > 31 {
		t.Errorf("profile %d, constraint_set1 %v, level %d is not decodable as 42e01f",
			sps.ProfileIdc, sps.ConstraintSet1Flag, sps.LevelIdc)
	}
	if sps.Width() != p.Width || sps.Height() != p.Height {
		t.Errorf("%dx%d, want %dx%d", sps.Width(), sps.Height(), p.Width, p.Height)
	}
}

func TestForcedIDRDoesNotWaitForTheNextPicture(t *testing.T) {
	asked := 420 * time.Millisecond
	units, when := record(t, Params{Width: 320, Height: 240, Framerate: 5, Bitrate: 200_000}, time.Second,
		map[time.Duration]func(Source){asked: Source.ForceIDR})
	var got []time.Duration
	for i, au := range units {
		if au.IDR {
			got = append(got, when[i])
		}
	}
	if len(got) != 2 || got[1] != asked {
		t.Errorf("IDR pictures at %v, want one at 0 and one at %v", got, asked)
	}
}

func TestTestSourceKeepsItsPace(t *testing.T) {
	units, when := record(t, vga(), 2*time.Second, nil)
	if len(units) < 59 || len(units) > 61 {
		t.Errorf("%d pictures in 2 s at 30/s", len(units))
	}
	for i := 1; i < len(units); i++ {
		if units[i].PTS <= units[i-1].PTS || units[i].PTS != when[i] {
			t.Fatalf("picture %d has PTS %v after %v, delivered at %v", i, units[i].PTS, units[i-1].PTS, when[i])
		}
		if got := units[i].Captured.Sub(units[0].Captured); got != when[i] {
			t.Fatalf("picture %d was taken %v after the first one, want %v", i, got, when[i])
		}
	}
}

func TestTestSourceFollowsTheBitrate(t *testing.T) {
	p := Params{Width: 640, Height: 480, Framerate: 30, Bitrate: 1_000_000}
	units, when := record(t, p, 6*time.Second, map[time.Duration]func(Source){
		2 * time.Second: func(s Source) { s.SetBitrate(80_000) },
	})
	var before, after int
	for i, au := range units {
		switch {
		case when[i] < 2*time.Second:
			before += len(au.Data) * 8 / 2
		case when[i] >= 3*time.Second:
			after += len(au.Data) * 8 / 3
		}
	}
	if before > 1_100_000 || after > 110_000 || after > before/2 {
		t.Errorf("%d bit/s at 1 Mbit/s, then %d bit/s at 80 kbit/s", before, after)
	}
}

func TestTestSourceRunsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := NewTestSource(nil)
		src.ForceIDR()
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			var units []AccessUnit
			if err := src.Run(ctx, vga(), func(au AccessUnit) { units = append(units, au) }); err != nil {
				t.Fatal(err)
			}
			cancel()
			if len(units) != 4 || !units[0].IDR || units[1].IDR || units[0].PTS != 0 {
				t.Errorf("%d pictures, the first of them %+v", len(units), units[0].PTS)
			}
		}
	})
}

func TestTestSourceRefusesWhatCannotBeSent(t *testing.T) {
	for _, p := range []Params{
		{},
		{Width: 641, Height: 480, Framerate: 15, Bitrate: 500_000},
		{Width: 32, Height: 32, Framerate: 15, Bitrate: 500_000},
		{Width: 640, Height: 480, Framerate: 0, Bitrate: 500_000},
		{Width: 1280, Height: 720, Framerate: 60, Bitrate: 500_000},
		{Width: 1920, Height: 1080, Framerate: 15, Bitrate: 500_000},
		{Width: -640, Height: -480, Framerate: 15, Bitrate: 500_000},
	} {
		if err := NewTestSource(nil).Run(t.Context(), p, func(AccessUnit) {}); !errors.Is(err, ErrParams) {
			t.Errorf("%+v: error %v, want ErrParams", p, err)
		}
	}
}

// TestTheTestPictureIsTurned: what arrives has the turned size, and its clock is where the options put it.
func TestTheTestPictureIsTurned(t *testing.T) {
	p := Params{Width: 640, Height: 480, Framerate: 10, Bitrate: 500_000}
	for _, opt := range []PictureOptions{{Rotation: 90}, {Rotation: 270, Mirror: true}, {Rotation: 180}, {Mirror: true}} {
		var units []AccessUnit
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := NewTestSourceWith(nil, opt).Run(ctx, p, func(au AccessUnit) { units = append(units, au) }); err != nil {
				t.Fatal(err)
			}
		})
		if len(units) != 1 {
			t.Fatalf("%+v: %d pictures", opt, len(units))
		}
		sent := p
		sent.Width, sent.Height = opt.turning().size(p.Width, p.Height)
		checkParameterSets(t, units[0].Data, sent)

		now := time.UnixMilli(1_800_000_000_000).UTC()
		card, err := newTestCard(p, opt)
		if err != nil {
			t.Fatal(err)
		}
		back := map[turning]turning{
			{90, false}: {270, false}, {270, true}: {270, true}, {180, false}: {180, false}, {0, true}: {0, true},
		}[opt.turning()]
		upright := image.NewYCbCr(image.Rect(0, 0, p.Width, p.Height), image.YCbCrSubsampleRatio420)
		from := wholePlanes(card.paint(now, 7))
		for i, to := range wholePlanes(upright) {
			back.plane(to, from[i])
		}
		if at, n, readErr := ReadClock(upright); readErr != nil || !at.Equal(now) || n != 7 {
			t.Errorf("%+v: turned back, the clock says %v, %d, %v", opt, at, n, readErr)
		}
	}
}
