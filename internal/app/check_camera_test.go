package app

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"doorstation/internal/camera"
	"doorstation/internal/settings"
)

// TestCheckSaysWhichCameras: on a machine where no camera has this name.
func TestCheckSaysWhichCameras(t *testing.T) {
	if cameras, warning := CheckCamera(settings.Camera{Source: "rpicam"}); cameras != "" || warning != "" {
		t.Errorf("a camera of another kind: %q, %q", cameras, warning)
	}
	c := settings.Camera{Source: "v4l2", Device: "no camera is called this", Width: 640, Height: 480, Framerate: 15, Bitrate: 500_000}
	_, warning := CheckCamera(c)
	if !strings.Contains(warning, "camera_unavailable") || !strings.Contains(warning, `"no camera is called this"; `) {
		t.Errorf("got %q", warning)
	}
}

func TestAMissingUSBCameraIsAFault(t *testing.T) {
	a := build(Options{
		Local: settings.Local{
			GPIO: "simulated", Audio: settings.Audio{Device: "test"},
			Camera: settings.Camera{Source: "v4l2", Device: "/nowhere/video0", Width: 640, Height: 480, Framerate: 15, Bitrate: 500_000},
		},
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	video, ok := a.source.(*camera.V4L2Camera)
	if !ok {
		t.Fatalf("the source is a %T", a.source)
	}
	a.probeVideo(video, "")
	if standing := a.health.Standing(); len(standing) != 1 || standing[0].Code != "camera_unavailable" || !strings.Contains(standing[0].Detail, "/nowhere/video0") {
		t.Errorf("%+v", standing)
	}
}
