package app

import (
	"context"
	"os/exec"
	"time"

	"doorstation/internal/bandwidth"
	"doorstation/internal/camera"
	"doorstation/internal/hardware"
	"doorstation/internal/health"
	"doorstation/internal/machine"
	"doorstation/internal/settings"
)

// cameraSource is the source that the local file names.
func (a *App) cameraSource() camera.Source {
	return hardware.Source(a.opt.Local.Camera, hardware.CameraOptions{OnFormat: a.cameraFormat, Log: a.opt.Log.With("room", "camera"), Now: a.opt.Now})
}

// bitrateLimits bound what the network makes of the camera's bit rate.
func bitrateLimits(c settings.Camera) bandwidth.Limits {
	return bandwidth.Limits{Min: c.MinBitrate, Start: c.Bitrate, Max: c.MaxBitrate}
}

// cameraFault takes each failure of the camera, and nil when pictures come again. Of its faults at most one stands.
func (a *App) cameraFault(err error) {
	if err == nil {
		a.cameraIs("", "")
		return
	}
	code, detail := hardware.CameraCode(err), err.Error()
	switch code {
	case health.CodeCameraBusy:
		if by, _ := hardware.BusyWith(a.opt.Local.Camera, machine.Machine{}); by != "" {
			detail = by + ": " + detail
		}
	case "":
		code = health.CodeCameraStalled
	}
	a.cameraIs(code, detail)
}

// cameraUnfound takes why a camera that nobody watches could not be used. It did not run, so it has not stalled.
func (a *App) cameraUnfound(err error) { a.cameraIs(health.CodeCameraUnavailable, err.Error()) }

func (a *App) cameraIs(code health.Code, detail string) {
	faults{a.health}.only([]health.Code{health.CodeCameraUnavailable, health.CodeCameraBusy, health.CodeCameraStalled}, code, detail)
}

// cameraFormat takes whether the camera's stream is what calls promise.
func (a *App) cameraFormat(err error) {
	faults{a.health}.standing(health.CodeCameraFormat, err != nil, errorText(err))
}

// probeAgain is how long after a probe that found no camera the next one comes.
const probeAgain = time.Minute

// probeCamera asks, when the agent starts, whether the camera is there: nobody should learn of it at the first ring. It asks again
// while it is not; pictures that come say it sooner. A camera with a plug is asked for as long as the agent runs.
func (a *App) probeCamera(ctx context.Context) error {
	probed := func() bool { return true }
	switch source := a.source.(type) {
	case *camera.PiCamera:
		probed = func() bool { return a.probed(ctx, source) }
	case *camera.V4L2Camera:
		found := ""
		probed = func() bool {
			found = a.probeVideo(source, found)
			return false
		}
	}
	for !probed() {
		select {
		case <-time.After(probeAgain):
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// probeVideo asks for a video device while nobody watches it, and returns what there is. It says what it found when that is not what it
// found before.
func (a *App) probeVideo(source *camera.V4L2Camera, before string) string {
	if s := a.camera.Status(); s.Readers > 0 || s.State == camera.StateRunning {
		return before // the hub says what is wrong
	}
	used, err := source.Probe(hardware.Params(a.opt.Local.Camera))
	if err != nil {
		a.cameraUnfound(err)
		return ""
	}
	a.health.Clear(health.CodeCameraUnavailable, health.CodeCameraBusy)
	if found := used.Device + used.Capture + used.Encoder; found != before {
		a.opt.Log.Info("camera found", "device", used.Device, "capture", used.Capture, "encoder", used.Encoder)
		return found
	}
	return before
}

// probed reports whether nothing more is to be asked.
func (a *App) probed(ctx context.Context, pi *camera.PiCamera) bool {
	if s := a.camera.Status(); s.Frames > 0 {
		return true // what is wrong from now on, the hub says
	}
	models, err := pi.Probe(ctx)
	if ctx.Err() != nil {
		return true
	}
	if err != nil {
		a.cameraUnfound(err)
		return false
	}
	for _, m := range models {
		a.opt.Log.Info("camera found", "number", m.Number, "sensor", m.Sensor, "modes", len(m.Modes), "chip_encoder", pi.ChipEncoder())
	}
	a.health.Clear(health.CodeCameraUnavailable, health.CodeCameraBusy)
	return true
}

// cameraProgram is what keeps the camera of a local file from being started on this machine.
func cameraProgram(c settings.Camera) error {
	switch {
	case c.Source == "rpicam":
		return camera.FindPiProgram()
	case c.Source == "exec" && len(c.Command) > 0:
		_, err := exec.LookPath(c.Command[0])
		return err
	default:
		return nil
	}
}
