package app

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"doorstation/internal/camera"
	"doorstation/internal/health"
	"doorstation/internal/settings"
)

// TestCheckSaysWhichCameras: on a machine where no camera has this name.
func TestCheckSaysWhichCameras(t *testing.T) {
	if checked := CheckCamera(settings.Camera{Source: "test"}); checked.Code != "" {
		t.Errorf("a camera of another kind: %+v", checked)
	}
	c := settings.Camera{Source: "v4l2", Device: "no camera is called this", Width: 640, Height: 480, Framerate: 15, Bitrate: 500_000}
	checked := CheckCamera(c)
	if checked.Code != "camera_unavailable" || !strings.Contains(checked.Detail, `"no camera is called this"; `) {
		t.Errorf("got %+v", checked)
	}
}

// TestACameraThatBrokeIsLookedForWhenNobodyWatches is one that was pulled out during a call: that it is back must not take another call
// to show. And a camera that answers with errors when it is asked what it is has not stalled.
func TestACameraThatBrokeIsLookedForWhenNobodyWatches(t *testing.T) {
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
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.camera.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	viewer := a.camera.Subscribe()
	for len(a.health.Standing()) == 0 {
		if t.Context().Err() != nil {
			t.Fatal("no fault")
		}
		time.Sleep(time.Millisecond)
	}
	viewer.Close()
	a.health.Clear(health.CodeCameraUnavailable)
	a.probeVideo(video, "")
	if standing := a.health.Standing(); len(standing) != 1 {
		t.Errorf("it is not looked for: %+v", standing)
	}
	a.cameraUnfound(camera.ErrCameraIO)
	if standing := a.health.Standing(); len(standing) != 1 || standing[0].Code != "camera_unavailable" {
		t.Errorf("a camera that never ran is said to have stalled: %+v", standing)
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
