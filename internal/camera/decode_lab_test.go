//go:build lab

package camera

import (
	"bytes"
	"fmt"
	"image"
	"os/exec"
	"testing"
	"time"
)

// decode gives the pictures of a stream as another decoder than a browser's, ffmpeg, sees them, scaled to a size.
func decode(t *testing.T, units []AccessUnit, width, height int) []image.Image {
	t.Helper()
	var stream, out, complaints bytes.Buffer
	for _, au := range units {
		stream.Write(au.Data)
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "warning", "-f", "h264", "-i", "-", "-fps_mode", "passthrough",
		"-vf", fmt.Sprintf("scale=%d:%d", width, height), "-pix_fmt", "gray", "-f", "rawvideo", "-")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &stream, &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, complaints.String())
	}
	var pictures []image.Image
	for raw := out.Bytes(); len(raw) >= width*height; raw = raw[width*height:] {
		pictures = append(pictures, &image.Gray{Pix: raw[:width*height], Stride: width, Rect: image.Rect(0, 0, width, height)})
	}
	return pictures
}

// TestClockSurvivesH264 reads the clock of every picture after a real encoder at low bit rates and a real decoder, also
// shown smaller than it was sent.
func TestClockSurvivesH264(t *testing.T) {
	for _, tc := range []struct {
		p             Params
		width, height int
	}{
		{Params{Width: 640, Height: 480, Framerate: 30, Bitrate: 500_000}, 640, 480},
		{Params{Width: 640, Height: 480, Framerate: 15, Bitrate: 150_000}, 640, 480},
		{Params{Width: 640, Height: 480, Framerate: 30, Bitrate: 500_000}, 300, 225},
		{Params{Width: 320, Height: 240, Framerate: 15, Bitrate: 100_000}, 320, 240},
		{Params{Width: 1280, Height: 720, Framerate: 30, Bitrate: 500_000}, 1280, 720},
		{Params{Width: 1280, Height: 720, Framerate: 30, Bitrate: 500_000}, 853, 480},
	} {
		t.Run(fmt.Sprintf("%dx%d@%d at %d bit/s, shown at %dx%d", tc.p.Width, tc.p.Height, tc.p.Framerate, tc.p.Bitrate,
			tc.width, tc.height), func(t *testing.T) {
			units, _ := record(t, tc.p, 5*time.Second, map[time.Duration]func(Source){
				2 * time.Second: func(s Source) { s.ForceIDR() },
				3 * time.Second: func(s Source) { s.ForceIDR() },
			})
			pictures := decode(t, units, tc.width, tc.height)
			if len(pictures) != len(units) || len(units) < 4*tc.p.Framerate {
				t.Fatalf("%d pictures of %d encoded ones", len(pictures), len(units))
			}
			var last uint32
			for i, picture := range pictures {
				at, n, err := ReadClock(picture)
				if err != nil {
					t.Fatalf("picture %d: %v", i, err)
				}
				if want := units[i].Captured.UnixMilli(); at.UnixMilli() != want || i > 0 && n <= last {
					t.Fatalf("picture %d: time %d, want %d; frame %d after %d", i, at.UnixMilli(), want, n, last)
				}
				last = n
			}
		})
	}
}

// TestSpoiltStreamRecovers begins in the middle of a stream, as a new reader does, at an IDR on request.
func TestSpoiltStreamRecovers(t *testing.T) {
	units, _ := record(t, vga(), 2*time.Second, map[time.Duration]func(Source){
		time.Second: func(s Source) { s.ForceIDR() },
	})
	for i, au := range units {
		if i > 0 && au.IDR {
			if got := len(decode(t, units[i:], 640, 480)); got != len(units)-i {
				t.Errorf("%d pictures of %d", got, len(units)-i)
			}
			return
		}
	}
	t.Error("no second IDR")
}
