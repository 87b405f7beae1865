package camera

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"doorstation/internal/camera/v4l2"
)

// Errors of cameras on V4L2. [ErrNoCamera] is the one for a camera that isn't there.
var (
	// ErrCameraBusy means that another program has the camera.
	ErrCameraBusy = errors.New("another program uses the camera")
	// ErrCameraPermission means that the agent's user may not open the camera.
	ErrCameraPermission = errors.New("the camera may not be opened: the agent's user has to be in the group video")
	// ErrUnplugged means that the camera went away while it was in use.
	ErrUnplugged = errors.New("the camera has been unplugged")
	// ErrCameraIO means that the camera answers with errors: mostly its cable, its hub or its power.
	ErrCameraIO = errors.New("the camera fails to transfer pictures")
)

// VideoDevice is a camera that the kernel offers.
type VideoDevice struct {
	// Path is its file, such as /dev/video0, and Links are lasting names of it, such as /dev/v4l/by-id/usb-….
	Path  string
	Links []string
	// Name is the card's for people, Bus where it is connected.
	Name, Bus string
	// Err is why nothing more is known of it.
	Err error
	// raw says that its pictures are raw material for libcamera, not for people.
	raw     bool
	formats []v4l2.ListedFormat
}

// String is how a person recognises it.
func (d VideoDevice) String() string {
	if d.Name == "" {
		return d.Path
	}
	return fmt.Sprintf("%s (%s)", d.Path, d.Name)
}

// Raw reports whether its pictures are raw material for libcamera, not for people.
func (d VideoDevice) Raw() bool { return d.raw }

// identity is what tells it from other cameras, wherever it appears.
func (d VideoDevice) identity() string { return d.Name + "\n" + d.Bus }

// capIOMC is V4L2_CAP_IO_MC: the device shows nothing until a media controller's program, libcamera, has set it up.
const capIOMC v4l2.Caps = 0x20000000

// Formats says what it delivers, a line for each format: what is decoded here, and H.264.
func (d VideoDevice) Formats() []string {
	var lines []string
	for _, f := range d.formats {
		_, decoded := decodable()[f.FourCC]
		if !decoded && f.FourCC != v4l2.H264 {
			continue
		}
		sizes := make([]string, 0, len(f.Sizes))
		for _, s := range f.Sizes {
			sizes = append(sizes, sizeText(s))
		}
		lines = append(lines, f.FourCC.String()+" "+strings.Join(sizes, ", "))
	}
	return lines
}

// sizeText is a size with its highest rate, such as 1280x720 30/s.
func sizeText(s v4l2.Size) string {
	text := fmt.Sprintf("%dx%d", s.Width, s.Height)
	if s.MaxWidth > 0 {
		text += fmt.Sprintf(" to %dx%d", s.MaxWidth, s.MaxHeight)
	}
	if len(s.Framerates) > 0 {
		text += " " + rateText(slices.Max(s.Framerates)) + "/s"
	}
	return text
}

// VideoDevices lists the machine's cameras.
func VideoDevices() ([]VideoDevice, error) { return listCameras("/dev") }

// listCameras lists the cameras in a folder of devices, /dev as a rule.
func listCameras(dir string) ([]VideoDevice, error) {
	all, err := v4l2.List(dir)
	if err != nil {
		return nil, err
	}
	links := linksIn(filepath.Join(dir, "v4l", "by-id"))
	var cameras []VideoDevice
	for _, l := range all {
		if l.Err == nil && (!l.Camera() || l.Identity.Caps&v4l2.CapVideoCapture == 0) {
			continue
		}
		d := VideoDevice{
			Path: l.Path, Links: links[l.Path], Name: l.Identity.Card, Bus: l.Identity.Bus, formats: l.Formats,
			raw: l.Identity.Caps&capIOMC != 0 || slices.Contains(libcameraDrivers(), l.Identity.Driver),
		}
		if l.Err != nil {
			d.Err = captureError(l.Path, l.Err)
		}
		cameras = append(cameras, d)
	}
	return cameras, nil
}

// libcameraDrivers are those of the Raspberry Pi that say nothing of their needing libcamera.
func libcameraDrivers() []string { return []string{"unicam", "bcm2835-isp", "rp1-cfe", "pispbe"} }

// linksIn gives the links of a folder by what they lead to. A machine without udev has none.
func linksIn(dir string) map[string][]string {
	links := map[string][]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return links
	}
	for _, e := range entries {
		link := filepath.Join(dir, e.Name())
		if to, linkErr := filepath.EvalSymlinks(link); linkErr == nil {
			links[to] = append(links[to], link)
		}
	}
	return links
}

// findCamera picks the camera of the local file: by path, by a lasting name, by a part of the card's name, or the first one that can be
// used. A camera that was used before and has come back under another path is found by what it is.
func findCamera(list []VideoDevice, wanted string, before VideoDevice) (VideoDevice, error) {
	d, err := pickCamera(list, wanted, before)
	if err == nil && d.Err != nil {
		err = d.Err
	}
	return d, err
}

func pickCamera(list []VideoDevice, wanted string, before VideoDevice) (VideoDevice, error) {
	switch {
	case wanted == "":
		return firstCamera(list)
	case strings.HasPrefix(wanted, "/"):
		path := wanted
		if to, err := filepath.EvalSymlinks(wanted); err == nil {
			path = to
		}
		if i := slices.IndexFunc(list, func(d VideoDevice) bool { return d.Path == path }); i >= 0 {
			return list[i], nil
		}
		if i := slices.IndexFunc(list, func(d VideoDevice) bool { return sameCamera(d, before) }); i >= 0 {
			return list[i], nil
		}
	default:
		i := slices.IndexFunc(list, func(d VideoDevice) bool { return containsFold(d.Name, wanted) })
		if i < 0 {
			i = slices.IndexFunc(list, func(d VideoDevice) bool {
				return slices.ContainsFunc(d.Links, func(l string) bool { return containsFold(filepath.Base(l), wanted) })
			})
		}
		if i >= 0 {
			return list[i], nil
		}
	}
	return VideoDevice{}, fmt.Errorf("%w: camera.device is %q; %s", ErrNoCamera, wanted, thereIs(list))
}

// firstCamera is the first that can be used, else the first one with what is wrong with it.
func firstCamera(list []VideoDevice) (VideoDevice, error) {
	for _, d := range list {
		if d.Err == nil && !d.raw && (len(modesOf(d, Params{})) > 0 || len(ownModes(d, Params{})) > 0) {
			return d, nil
		}
	}
	for _, d := range list {
		if d.Err != nil {
			return d, nil
		}
	}
	if len(list) > 0 {
		return VideoDevice{}, fmt.Errorf("%w: %s, which cannot be used without libcamera, or not at all", ErrNoCamera, thereIs(list))
	}
	return VideoDevice{}, fmt.Errorf("%w: %s", ErrNoCamera, thereIs(list))
}

// sameCamera reports whether two devices are one camera, plugged in again.
func sameCamera(a, b VideoDevice) bool {
	if a.Name == "" || a.Name != b.Name {
		return false
	}
	return a.Bus == b.Bus || slices.ContainsFunc(a.Links, func(l string) bool { return slices.Contains(b.Links, l) })
}

// thereIs says what could be meant.
func thereIs(list []VideoDevice) string {
	if len(list) == 0 {
		return "this machine has no video camera"
	}
	names := make([]string, 0, len(list))
	for _, d := range list {
		names = append(names, d.String())
	}
	return "there is " + strings.Join(names, ", ")
}

func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// captureError names what went wrong with a camera.
func captureError(path string, err error) error {
	for _, row := range []struct{ is, means error }{
		{fs.ErrPermission, ErrCameraPermission}, {fs.ErrNotExist, ErrNoCamera},
		{v4l2.ErrBusy, ErrCameraBusy}, {unix.EBUSY, ErrCameraBusy},
		{v4l2.ErrGone, ErrUnplugged}, {unix.ENODEV, ErrUnplugged}, {unix.ENXIO, ErrUnplugged},
		{unix.EIO, ErrCameraIO}, {unix.EPROTO, ErrCameraIO},
	} {
		if errors.Is(err, row.is) {
			return fmt.Errorf("%w: %s: %w", row.means, path, err)
		}
	}
	return fmt.Errorf("%s: %w", path, err)
}

// modesOf are the modes that are decoded here. Of sizes in a range those are taken that are wanted, or next to it.
func modesOf(d VideoDevice, want Params) []captureMode {
	known := decodable()
	var modes []captureMode
	for _, f := range d.formats {
		if p, ok := known[f.FourCC]; ok {
			modes = append(modes, listedModes(p, f.Sizes, want)...)
		}
	}
	return modes
}

// decodable are the formats that are decoded here.
func decodable() map[v4l2.FourCC]pixels {
	return map[v4l2.FourCC]pixels{
		v4l2.YUV420: pixelsI420, v4l2.NV12: pixelsNV12, fourCC("NV21"): pixelsNV21, fourCC("YUYV"): pixelsYUYV,
		fourCC("UYVY"): pixelsUYVY, v4l2.MJPEG: pixelsMJPEG,
	}
}

// ownModes are those in which the camera encodes by itself.
func ownModes(d VideoDevice, want Params) []captureMode {
	for _, f := range d.formats {
		if f.FourCC == v4l2.H264 {
			return listedModes(pixelsH264, f.Sizes, want)
		}
	}
	return nil
}

func fourCC(s string) v4l2.FourCC {
	return v4l2.FourCC(s[0]) | v4l2.FourCC(s[1])<<8 | v4l2.FourCC(s[2])<<16 | v4l2.FourCC(s[3])<<24
}

// listedModes makes a mode of each size and rate.
func listedModes(p pixels, sizes []v4l2.Size, want Params) []captureMode {
	var modes []captureMode
	for _, s := range sizes {
		w, h, rates := s.Width, s.Height, s.Framerates
		if s.MaxWidth > 0 {
			w, h = inSteps(want.Width, w, s.MaxWidth, s.StepWidth), inSteps(want.Height, h, s.MaxHeight, s.StepHeight)
			// The rates are a range, too, where the sizes are; to have the wanted one in between is what a range means.
			if n := len(rates); n >= 2 && rates[0] <= float64(want.Framerate) && float64(want.Framerate) <= rates[n-1] {
				rates = append(slices.Clone(rates), float64(want.Framerate))
			}
		}
		if len(rates) == 0 {
			rates = []float64{0}
		}
		for _, r := range rates {
			modes = append(modes, captureMode{p, w, h, r})
		}
	}
	return modes
}

// inSteps is what of a range is nearest to a number.
func inSteps(want, least, most, step int) int {
	v := min(max(want, least), most)
	if step > 1 {
		v = least + (v-least)/step*step
	}
	return v
}
