// Package hardware looks at what a door station is made of: cameras, sound devices and GPIO lines, for `doorstation setup`, which
// chooses among them, and for `doorstation check`, which tries those that the local file names. Everything here opens hardware
// by itself: beside a running agent, which holds it, that agent is asked instead (see Beside).
package hardware

import (
	"doorstation/internal/camera"
	"doorstation/internal/gpio"
	"doorstation/internal/settings"
)

// CameraOptions are what [Source] may be given.
type CameraOptions = camera.V4L2Options

// Source is the camera that the local file names. Of the options OnFormat, Log and Now are used; the rest is the file's.
func Source(c settings.Camera, opt CameraOptions) camera.Source {
	switch c.Source {
	case "rpicam":
		return camera.NewPiCamera(camera.PiOptions{Rotation: c.Rotation, Mirror: c.Mirror, OnFormat: opt.OnFormat})
	case "exec":
		return camera.NewExecSource(c.Command, opt.OnFormat)
	case "v4l2":
		return videoCameraWith(c, opt)
	default:
		return camera.NewTestSourceWith(opt.Now, pictureOptions(c))
	}
}

// VideoCamera is the local file's camera of source v4l2, to be asked what it would use.
func VideoCamera(c settings.Camera) *camera.V4L2Camera { return videoCameraWith(c, CameraOptions{}) }

func videoCameraWith(c settings.Camera, opt CameraOptions) *camera.V4L2Camera {
	opt.Device, opt.Encoder, opt.Picture = c.Device, camera.EncoderChoice(c.Encoder), pictureOptions(c)
	return camera.NewV4L2Camera(opt)
}

func pictureOptions(c settings.Camera) camera.PictureOptions {
	return camera.PictureOptions{
		Rotation: c.Rotation, Mirror: c.Mirror, Overlay: camera.Overlay{Text: c.Overlay.Text, Time: c.Overlay.Time},
	}
}

// Params are those of the local file's camera.
func Params(c settings.Camera) camera.Params {
	return camera.Params{Width: c.Width, Height: c.Height, Framerate: c.Framerate, Bitrate: c.Bitrate}
}

// PullOf is a resistor of the local file.
func PullOf(s string) gpio.Pull {
	switch s {
	case "up":
		return gpio.PullUp
	case "down":
		return gpio.PullDown
	default:
		return gpio.PullNone
	}
}
