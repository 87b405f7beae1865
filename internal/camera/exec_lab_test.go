//go:build lab

package camera

import (
	"errors"
	"strings"
	"testing"
)

// ffmpegCamera writes pictures of four slices at their pace, in a profile, and says that they are of level 4.0, as the
// Raspberry Pi's encoder does.
func ffmpegCamera(profile ...string) []string {
	const source = "ffmpeg -nostdin -v error -re -f lavfi -i testsrc=size=1280x720:rate=30 -pix_fmt yuv420p -c:v libx264 " +
		"-preset ultrafast -tune zerolatency -x264-params slices=4:sliced-threads=0 -level 4.0 -g 30 -b:v 1500k"
	return append(append(strings.Fields(source), profile...), "-f", "h264", "-flush_packets", "1", "-")
}

// TestAnotherEncodersStreamIsTaken takes ffmpeg's stream to pieces and has it decoded again, without a complaint.
func TestAnotherEncodersStreamIsTaken(t *testing.T) {
	p := Params{Width: 1280, Height: 720, Framerate: 30, Bitrate: 1_500_000}
	for name, c := range map[string]struct {
		profile []string
		wrong   bool
	}{
		"baseline": {[]string{"-profile:v", "baseline"}, false},
		"main":     {[]string{"-profile:v", "main", "-coder", "1"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			format := make(chan error, 10)
			k := take(t, NewExecSource(ffmpegCamera(c.profile...), func(err error) { format <- err }), p)
			units := k.pictures(t, 70)[:70]
			k.stop(nil)
			if err := k.end(t); err != nil {
				t.Error(err)
			}
			for i, au := range units {
				if au.IDR != (i%30 == 0) {
					t.Errorf("picture %d: IDR %v", i, au.IDR)
				}
			}
			if got := len(decode(t, units, 320, 180)); got != len(units) {
				t.Errorf("%d pictures of %d can be decoded", got, len(units))
			}
			select {
			case err := <-format:
				if !c.wrong || !errors.Is(err, ErrFormat) {
					t.Errorf("format: %v", err)
				}
			default:
				if c.wrong {
					t.Error("nobody is told that browsers may not show it")
				}
				checkLevel(t, units[0].Data)
			}
		})
	}
}

// checkLevel wants the level that was promised in the parameters that are sent.
func checkLevel(t *testing.T, data []byte) {
	t.Helper()
	if data[4]&31 != 7 || data[5] != profileBaseline || data[7] != level31 {
		t.Errorf("begins with % x", data[:8])
	}
}
