package camera

import (
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
)

// ErrNoMode means that a camera has no picture format that can be used.
var ErrNoMode = errors.New("the camera has no picture format that can be used")

// pixels is how a camera delivers its pictures.
type pixels string

// What can be used, by the names that people find in the documentation of their camera.
const (
	pixelsI420  pixels = "I420"
	pixelsNV12  pixels = "NV12"
	pixelsNV21  pixels = "NV21"
	pixelsYUYV  pixels = "YUYV"
	pixelsUYVY  pixels = "UYVY"
	pixelsMJPEG pixels = "MJPEG"
	// pixelsH264 is encoded by the camera and passed on.
	pixelsH264 pixels = "H264"
)

// captureMode is one of the things a camera can be asked for.
type captureMode struct {
	pixels        pixels
	width, height int
	// rate is in pictures per second, 0 when the camera doesn't say.
	rate float64
}

// String is as people write it: 1280x720 YUYV 30/s.
func (m captureMode) String() string {
	if m.rate == 0 {
		return fmt.Sprintf("%dx%d %s", m.width, m.height, m.pixels)
	}
	return fmt.Sprintf("%dx%d %s %s/s", m.width, m.height, m.pixels, rateText(m.rate))
}

// rateText writes 30 and 7.5.
func rateText(rate float64) string { return fmt.Sprint(math.Round(rate*10) / 10) }

// capturePlan is how a camera's pictures become those that are sent.
type capturePlan struct {
	mode captureMode
	// crop is the part of the camera's picture that is shown; width and height are what it is scaled to. All are even.
	crop          image.Rectangle
	width, height int
	// framerate is in whole pictures per second: what of a quicker camera is too much, is dropped.
	framerate int
}

// scaled reports whether the pictures sent have another size than the camera's part of them.
func (p capturePlan) scaled() bool { return p.crop.Dx() != p.width || p.crop.Dy() != p.height }

// String says what was chosen, for the log and `doorstation check`.
func (p capturePlan) String() string {
	text := p.mode.String()
	if whole := image.Rect(0, 0, p.mode.width, p.mode.height); p.crop != whole {
		text += fmt.Sprintf(", of which %dx%d is shown", p.crop.Dx(), p.crop.Dy())
	}
	if p.scaled() {
		text += fmt.Sprintf(", scaled to %dx%d", p.width, p.height)
	}
	return text
}

// rateReached is the share of the wanted rate from which on it counts as reached: cameras have 29.97 for 30, and 24 for 25.
const rateReached = 0.95

// planCapture chooses what to ask a camera for. The nearest size wins that it has and that H.264 level 3.1 allows, at the rate that
// is wanted or the highest below it; a bigger one is cropped to the wanted shape and scaled down, which costs more, when there is none
// near. Of the formats those win that need no decoding; Motion JPEG comes next.
func planCapture(modes []captureMode, want Params) (capturePlan, error) {
	if err := checkParams(want); err != nil {
		return capturePlan{}, err
	}
	best, least := capturePlan{}, math.Inf(1)
	for _, m := range modes {
		p, ok := planMode(m, want)
		if !ok {
			continue
		}
		if c := planCost(p, want); c < least {
			best, least = p, c
		}
	}
	if math.IsInf(least, 1) {
		return capturePlan{}, ErrNoMode
	}
	return best, nil
}

// widestCapture bounds what is taken from a camera, in pixels per side: a broken one may say anything.
const widestCapture = 4096

// planMode says what becomes of the pictures of a mode.
func planMode(m captureMode, want Params) (capturePlan, bool) {
	if m.width < 32 || m.height < 32 || m.width > widestCapture || m.height > widestCapture || m.rate < 0 || pixelsCost(m.pixels) < 0 {
		return capturePlan{}, false
	}
	p := capturePlan{mode: m, framerate: want.Framerate}
	if m.rate > 0 && m.rate < rateReached*float64(want.Framerate) {
		p.framerate = max(1, int(math.Round(m.rate)))
	}
	p.width, p.height = m.width&^1, m.height&^1
	p.crop = image.Rect(0, 0, p.width, p.height)
	sent := Params{Width: p.width, Height: p.height, Framerate: p.framerate}
	if checkParams(sent) == nil {
		return p, true
	}
	p.crop = cropTo(m.width, m.height, want.Width, want.Height)
	p.width, p.height = min(p.crop.Dx(), want.Width), min(p.crop.Dy(), want.Height)
	return p, !p.crop.Empty()
}

// cropTo is the biggest part in the middle of a picture that has the shape of another one. All its sides are even.
func cropTo(width, height, wantWidth, wantHeight int) image.Rectangle {
	w, h := width, width*wantHeight/wantWidth
	if h > height {
		w, h = height*wantWidth/wantHeight, height
	}
	w, h = w&^1, h&^1
	at := image.Pt((width-w)/2&^1, (height-h)/2&^1)
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(w, h))}
}

// planCost says how far a plan is from what is wanted. Sizes and rates count by their ratio: half the wanted area is as far away as half
// the rate.
func planCost(p capturePlan, want Params) float64 {
	area := func(w, h int) float64 { return float64(w) * float64(h) }
	ratio := func(a, b float64) float64 { return math.Abs(math.Log(a / b)) }
	wanted := area(want.Width, want.Height)
	cost := ratio(area(p.width, p.height), wanted) +
		ratio(float64(p.width)/float64(p.height), float64(want.Width)/float64(want.Height))/2
	if p.scaled() {
		const asFarAs = 0.7 // a size with half the pixels that needs no scaling
		cost += asFarAs + ratio(area(p.mode.width, p.mode.height), wanted)/10
	}
	switch rate := p.mode.rate / float64(want.Framerate); {
	case rate == 0:
		cost += 0.005
	case rate < rateReached:
		cost += -math.Log(rate)
	case rate > 1:
		cost += math.Log(rate) / 100
	}
	return cost + pixelsCost(p.mode.pixels)
}

// pixelsCost orders the formats by the work they make; it is negative for those that can't be used.
func pixelsCost(p pixels) float64 {
	const little = 0.001
	i := slices.Index([]pixels{pixelsI420, pixelsNV12, pixelsNV21, pixelsYUYV, pixelsUYVY}, p)
	switch {
	case i >= 0:
		return little * float64(i)
	case p == pixelsH264:
		return 0
	case p == pixelsMJPEG:
		return 20 * little
	default:
		return -1
	}
}
