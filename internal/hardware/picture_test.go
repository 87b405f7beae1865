package hardware

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorstation/internal/camera"
	"doorstation/internal/health"
	"doorstation/internal/settings"
)

func TestThePictureOfTheTestCamera(t *testing.T) {
	img, info, err := Picture(t.Context(), settings.Camera{Source: "test", Width: 320, Height: 240, Framerate: 10, Bitrate: 300_000})
	if err != nil || img == nil || img.Bounds() != image.Rect(0, 0, 320, 240) {
		t.Fatalf("%v, %v", img, err)
	}
	if info.Width != 320 || info.Height != 240 || info.Rate <= 0 || info.Profile != "constrained baseline" || info.Light == nil || info.Light.Blank() || info.Light.Note() != "" {
		t.Errorf("%+v", info)
	}
}

// standIn puts a program in front of all others.
func standIn(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// TestWhatIsH264Only is decoded by ffmpeg, where it is, and is no picture else.
func TestWhatIsH264Only(t *testing.T) {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, image.NewYCbCr(image.Rect(0, 0, 64, 48), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "picture.jpg")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	shot := camera.Snapshot{Key: camera.AccessUnit{Data: []byte{0, 0, 0, 1, 0x67}}}
	standIn(t, "ffmpeg", "cat >/dev/null; cat "+file)
	if img := Decode(t.Context(), shot); img == nil || img.Rect.Dx() != 64 {
		t.Errorf("%v", img)
	}
	standIn(t, "ffmpeg", "cat >/dev/null; echo no picture")
	if img := Decode(t.Context(), shot); img != nil {
		t.Errorf("nonsense: %v", img.Rect)
	}
	standIn(t, "rpicam-jpeg", `case "$*" in *"--rotation 180"*"--hflip"*) cat `+file+`;; *) exit 1;; esac`)
	if img := piStill(t.Context(), settings.Camera{Width: 64, Height: 48, Rotation: 180, Mirror: true}); img == nil {
		t.Error("the Raspberry Pi's program gives none")
	}
}

func TestLight(t *testing.T) {
	even := func(luma uint8) *image.YCbCr {
		img := image.NewYCbCr(image.Rect(0, 0, 32, 32), image.YCbCrSubsampleRatio420)
		for i := range img.Y {
			img.Y[i] = luma
		}
		return img
	}
	for luma, says := range map[uint8]string{0: "black", 128: "one colour", 255: "one colour"} {
		if l := LightOf(even(luma)); !l.Blank() || !strings.Contains(l.Note(), says) {
			t.Errorf("%d: %+v %s", luma, l, l.Note())
		}
	}
	night := even(2)
	for i := range night.Y {
		night.Y[i] += uint8(i % 16)
	}
	if l := LightOf(night); l.Blank() || !strings.Contains(l.Note(), "very dark") {
		t.Errorf("night: %+v %s", l, l.Note())
	}
}

// TestWhatACameraProgramSays tells a busy camera from one that may mend itself.
func TestWhatACameraProgramSays(t *testing.T) {
	for text, code := range map[string]health.Code{
		"rpicam-vid: exit status 255; it said: ERROR: *** failed to acquire camera /base/soc/i2c0mux/i2c@1/imx708@1a ***":        health.CodeCameraBusy,
		"rpicam-vid: exit status 255; it said: Pipeline handler in use by another process | ERROR: *** no cameras available ***": health.CodeCameraBusy,
		"rpicam-vid: exit status 255; it said: ERROR: *** no cameras available ***":                                              health.CodeCameraUnavailable,
		"rpicam-vid: exit status 255; it said: Device timeout detected, attempting a restart!!!":                                 "",
	} {
		if got := CameraCode(errors.New(text)); got != code { //nolint:err113 // an error of a program's words
			t.Errorf("%s: %q, not %q", text, got, code)
		}
	}
}
