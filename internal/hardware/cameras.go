package hardware

import (
	"context"
	"errors"
	"fmt"

	"doorstation/internal/camera"
	"doorstation/internal/settings"
)

// Camera is a camera of this machine, and what names it in the local file.
type Camera struct {
	// Source is camera.source, "rpicam" or "v4l2", Device camera.device: a name that lasts where there is one, empty for rpicam.
	Source, Device string
	// Path is a USB camera's device file.
	Path string
	// Name is what people call it, such as "imx708 (Raspberry Pi camera)".
	Name string
	// Modes are its formats and sizes, a line each.
	Modes []string
	// Encoder is who would encode its pictures; Hardware says that it is not the processor.
	Encoder  string
	Hardware bool
	// Err is why it cannot be used; nil for one that can.
	Err error
}

// String is how a person recognises it.
func (c Camera) String() string {
	if c.Path == "" {
		return c.Name
	}
	return fmt.Sprintf("%s (%s)", c.Name, c.Path)
}

// Cameras lists the cameras that could be named in the local file, the Raspberry Pi's own first. A camera that is there and cannot be
// used is listed with the reason. What keeps them from being listed at all is returned beside those that were found; a machine without
// rpicam-apps has no camera of that kind, which is no error.
func Cameras(ctx context.Context) ([]Camera, error) {
	list, err := piCameras(ctx)
	devices, videoErr := camera.VideoDevices()
	for _, d := range devices {
		if d.Raw() {
			continue
		}
		list = append(list, videoCamera(d))
	}
	return list, errors.Join(err, videoErr, ctx.Err())
}

// piCameras lists those that libcamera knows.
func piCameras(ctx context.Context) ([]Camera, error) {
	if camera.FindPiProgram() != nil {
		return nil, nil
	}
	pi := camera.NewPiCamera(camera.PiOptions{})
	models, err := pi.Probe(ctx)
	if errors.Is(err, camera.ErrNoCamera) {
		return nil, nil
	}
	var list []Camera
	for _, m := range models {
		if m.Number != 0 {
			continue // rpicam-vid takes the first
		}
		c := Camera{Source: "rpicam", Name: m.Sensor + " (Raspberry Pi camera)", Encoder: "libav", Err: err}
		if pi.ChipEncoder() {
			c.Encoder, c.Hardware = "chip", true
		}
		for _, mode := range m.Modes {
			c.Modes = append(c.Modes, fmt.Sprintf("%dx%d %.0f/s", mode.Width, mode.Height, mode.Framerate))
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, err
	}
	return list, nil
}

// videoCamera describes a camera of the kernel's.
func videoCamera(d camera.VideoDevice) Camera {
	c := Camera{Source: "v4l2", Device: d.Path, Path: d.Path, Name: d.Name, Modes: d.Formats(), Err: d.Err}
	if len(d.Links) > 0 {
		c.Device = d.Links[0]
	}
	if c.Name == "" {
		c.Name = d.Path
	}
	if d.Err != nil {
		return c
	}
	local := Defaults(c)
	used, err := camera.NewV4L2Camera(camera.V4L2Options{Device: d.Path}).Probe(Params(local))
	c.Encoder, c.Err = used.Encoder, err
	c.Hardware = camera.InHardware(used.Encoder)
	return c
}

// Defaults is a camera as the local file would have it if only its source and device were named.
func Defaults(c Camera) settings.Camera {
	local := settings.Defaults().Camera
	local.Source, local.Device = c.Source, c.Device
	if c.Source == "v4l2" && c.Device == "" {
		local.Device = c.Path
	}
	return local
}
