package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorstation/internal/camera"
	"doorstation/internal/settings"
)

// program puts a shell script on a folder of PATH.
func program(t *testing.T, dir, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestAMissingPiCameraIsAFaultFromTheStartUntilItIsThere(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	a := build(Options{
		Local: settings.Local{GPIO: "simulated", Camera: settings.Camera{Source: "rpicam"}, Audio: settings.Audio{Device: "test"}},
		Log:   textLog(&logBuffer{}), Now: time.Now,
	})
	pi, ok := a.source.(*camera.PiCamera)
	if !ok {
		t.Fatalf("the source is a %T", a.source)
	}
	for _, c := range []struct {
		vid, hello string
		done       bool
		detail     string
	}{
		{"", "", false, "rpicam-apps-lite"},
		{"echo --low-latency", "echo 'No cameras available!'", false, "--list-cameras"},
		{"echo --low-latency", "echo 'Available cameras'; echo '0 : imx708 [x]'", true, ""},
	} {
		if c.vid != "" {
			program(t, dir, "rpicam-vid", c.vid)
			program(t, dir, "rpicam-hello", c.hello)
		}
		if done := a.probed(t.Context(), pi); done != c.done {
			t.Errorf("%+v: done %v", c, done)
		}
		standing := a.health.Standing()
		if c.done != (len(standing) == 0) || !c.done && (standing[0].Code != "camera_unavailable" || !strings.Contains(standing[0].Detail, c.detail)) {
			t.Errorf("%+v: %+v", c, standing)
		}
	}
}

func TestCheckNamesTheCamerasMissingProgram(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	check := func(c settings.Camera) string {
		checked := CheckCamera(c)
		return string(checked.Code) + " " + checked.Detail
	}
	exec := settings.Camera{Source: "exec", Command: []string{"ffmpeg", "-i", "rtsp://me:secret@camera/"}}
	if got := check(settings.Camera{Source: "rpicam"}); !strings.Contains(got, "rpicam-vid: install the package rpicam-apps-lite") {
		t.Errorf("%q", got)
	}
	if got := check(exec); !strings.Contains(got, `"ffmpeg": executable file not found`) || strings.Contains(got, "secret") {
		t.Errorf("%q", got)
	}
	program(t, dir, "ffmpeg", "")
	program(t, dir, "libcamera-vid", "")
	for _, c := range []settings.Camera{{Source: "rpicam"}, {Source: "test"}, exec} {
		if got := check(c); strings.Contains(got, "camera_unavailable") {
			t.Errorf("%s: %q", c.Source, got)
		}
	}
}
