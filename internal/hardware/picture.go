package hardware

import (
	"context"
	"image"
	"sync"
	"time"

	"doorstation/internal/camera"
	"doorstation/internal/settings"
)

// PictureInfo is what was measured of a camera while its picture was taken.
type PictureInfo struct {
	// Width and Height are of what is sent, Rate in pictures a second, Bitrate in bit/s.
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	Rate    float64 `json:"rate"`
	Bitrate int     `json:"bitrate"`
	// Profile and Level are the H.264 stream's.
	Profile string `json:"profile"`
	Level   string `json:"level"`
	// Format is in how far the stream is not what browsers are promised; empty: it is.
	Format string `json:"format,omitempty"`
	// Device and Capture are what a USB camera is, and is asked for.
	Device  string `json:"device,omitempty"`
	Capture string `json:"capture,omitempty"`
	// Encoder is who encodes; Hardware says that it is not the processor.
	Encoder  string `json:"encoder"`
	Hardware bool   `json:"hardware"`
	// Late counts the pictures that the encoder was too slow for.
	Late uint64 `json:"late,omitempty"`
	// Start is how long the first picture took.
	Start time.Duration `json:"start_ns"`
	// Light is how the picture looks; nil where none could be had.
	Light *Light `json:"light,omitempty"`
}

// pictureTime is how long the rate is measured.
const pictureTime = 1500 * time.Millisecond

// Picture takes a picture with a camera of the local file and measures it meanwhile: two seconds, and what the camera takes to start. The
// picture is nil where the camera's own H.264 cannot be decoded here, which is no error. Errors are those of a run ([camera.ErrNoCamera],
// [camera.ErrCameraBusy], …).
func Picture(ctx context.Context, c settings.Camera) (image.Image, PictureInfo, error) {
	var format lastFormat
	src := Source(c, CameraOptions{Now: time.Now, OnFormat: format.take})
	seen, err := camera.Look(ctx, src, Params(c), pictureTime)
	if err != nil {
		return nil, PictureInfo{}, camera.Explain(err)
	}
	info := PictureInfo{
		Width: seen.Stream.Width, Height: seen.Stream.Height, Rate: seen.Rate, Bitrate: seen.Bitrate,
		Profile: seen.Stream.Profile, Level: seen.Stream.Level, Format: format.get(), Start: seen.Start,
		Device: seen.Used.Device, Capture: seen.Used.Capture, Late: seen.Used.Late,
	}
	info.Encoder, info.Hardware = Encoder(c, seen.Used.Encoder)
	img := Decode(ctx, camera.Snapshot{Still: seen.Still, Key: seen.First})
	if img == nil && c.Source == "rpicam" {
		img = piStill(ctx, c)
	}
	if img == nil {
		return nil, info, nil // not img, which would be no nil as an image.Image
	}
	light := LightOf(img)
	info.Light = &light
	return img, info, nil
}

// lastFormat is what a source said last of its stream.
type lastFormat struct {
	mu  sync.Mutex
	err error
}

func (l *lastFormat) take(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// get is empty when all is well.
func (l *lastFormat) get() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		return ""
	}
	return l.err.Error()
}

// Encoder says who encodes the pictures of a camera of the local file, and whether that is not the processor; used is what a source of
// v4l2 has chosen.
func Encoder(c settings.Camera, used string) (name string, inHardware bool) {
	switch c.Source {
	case "rpicam":
		if camera.NewPiCamera(camera.PiOptions{}).ChipEncoder() {
			return "chip", true
		}
		return "libav", false
	case "v4l2":
		return used, camera.InHardware(used)
	case "exec":
		return "the command", false
	default:
		return "openh264", false
	}
}

// Light is how a picture looks, by its luma.
type Light struct {
	// Mean and Deviation are of the luma, 0 (black) to 255 (white).
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"`
}

const (
	// darkMean is below what a face can be told by; flatDeviation is less than what any scene has, be it a white wall.
	darkMean      = 18
	flatDeviation = 3
	brightMean    = 240
)

// Note is what a person should know about it; empty when the picture looks like one.
func (l Light) Note() string {
	switch {
	case l.Deviation < flatDeviation && l.Mean < darkMean:
		return "the picture is black: is the lens covered?"
	case l.Deviation < flatDeviation:
		return "the picture has one colour only: is the lens covered, or right in front of something?"
	case l.Mean < darkMean:
		return "the picture is very dark: visitors will not be seen without a lamp"
	case l.Mean > brightMean:
		return "the picture is almost white: the camera looks into a lamp or the sun"
	default:
		return ""
	}
}

// Blank reports whether the picture shows nothing.
func (l Light) Blank() bool { return l.Deviation < flatDeviation }

// LightOf measures a picture.
func LightOf(img *image.YCbCr) Light {
	var n, sum, squares float64
	b := img.Rect
	for y := b.Min.Y; y < b.Max.Y; y++ {
		at := img.YOffset(b.Min.X, y)
		for _, v := range img.Y[at : at+b.Dx()] {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		n += float64(b.Dx())
	}
	if n == 0 {
		return Light{}
	}
	mean := sum / n
	return Light{Mean: mean, Deviation: root(squares/n - mean*mean)}
}
