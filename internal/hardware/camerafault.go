package hardware

import (
	"errors"
	"path/filepath"
	"strings"

	"doorstation/internal/camera"
	"doorstation/internal/health"
	"doorstation/internal/machine"
	"doorstation/internal/settings"
)

// CameraCode is the fault that an error of a camera is when somebody must change something; empty for one that may mend itself.
func CameraCode(err error) health.Code {
	err = camera.Explain(err)
	if errors.Is(err, camera.ErrCameraBusy) {
		return health.CodeCameraBusy
	}
	for _, is := range []error{
		camera.ErrNotInstalled, camera.ErrNoCamera, camera.ErrNoEncoder, camera.ErrNoCommand, camera.ErrParams,
		camera.ErrNoMode, camera.ErrNoChip, camera.ErrCameraPermission, camera.ErrUnplugged,
	} {
		if errors.Is(err, is) {
			return health.CodeCameraUnavailable
		}
	}
	return ""
}

// BusyWith says who holds the camera of the local file, as far as this user may see that; empty: nobody that could be seen. partial says that
// there are processes whose files may not be seen.
func BusyWith(c settings.Camera, m machine.Machine) (text string, partial bool) {
	var files []string
	switch c.Source {
	case "v4l2":
		if used, err := VideoCamera(c).Probe(Params(c)); err == nil {
			path, _, _ := strings.Cut(used.Device, " ")
			files = append(files, path)
		}
	case "rpicam":
		for _, pattern := range []string{"/dev/media*", "/dev/video*"} {
			found, err := filepath.Glob(pattern)
			if err != nil {
				continue
			}
			files = append(files, found...)
		}
	}
	if len(files) == 0 {
		return "", false
	}
	holders, partial := m.Holders(files...)
	names := make([]string, 0, len(holders))
	for _, h := range holders {
		names = append(names, h.String())
	}
	return strings.Join(names, ", "), partial
}
