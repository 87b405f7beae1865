//go:build kernel

package app

import (
	"strings"
	"testing"

	"doorstation/internal/settings"
	"doorstation/test/kernel/device"
)

// TestKernelCheckListsTheCameras: what a person reads who has plugged in a camera.
func TestKernelCheckListsTheCameras(t *testing.T) {
	path := device.Name(t, device.Vivid)
	c := settings.Camera{Source: "v4l2", Encoder: "auto", Rotation: 90, Width: 1280, Height: 720, Framerate: 30, Bitrate: 1_500_000}
	checked := CheckCamera(c)
	cameras := checked.Found
	t.Log(cameras)
	for _, want := range []string{
		"camera " + path + " (vivid)", "  YUYV 320x180 120/s, ",
		"would use " + path + " (vivid): 1280x720 I420 30/s, sent as 720x1280 30/s; encoder: openh264",
	} {
		if !strings.Contains(cameras, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if checked.Code != "" {
		t.Errorf("fault %+v", checked)
	}
	c.Encoder = "chip"
	if checked = CheckCamera(c); !strings.Contains(checked.Detail, "the chip has no H.264 encoder") {
		t.Errorf("a chip that isn't there: %+v", checked)
	}
}
