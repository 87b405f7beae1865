package camera

import (
	"errors"
	"fmt"
	"image"

	"github.com/pion/mediadevices/pkg/codec"
	"github.com/pion/mediadevices/pkg/codec/openh264"
	"github.com/pion/mediadevices/pkg/frame"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"
)

// minBitrate is what the encoder is never driven below: under it openh264 skips nearly all pictures.
const minBitrate = 50_000

// intraSeconds is the distance of IDR pictures that nobody asked for. They only help a viewer whose requests are lost,
// and each costs as much as ten other pictures.
const intraSeconds = 10

// errNoControl means that the encoder of mediadevices has lost its controls.
var errNoControl = errors.New("openh264 takes neither key frame nor bit rate requests")

// encoder is one openh264 encoder. It is used from one goroutine: mediadevices guards only Read.
type encoder struct {
	next  image.Image
	codec codec.ReadCloser
	key   codec.KeyFrameController
	rate  codec.BitRateController
}

// newEncoder makes an encoder of constrained baseline H.264.
func newEncoder(p Params) (*encoder, error) {
	e := &encoder{}
	params, err := openh264.NewParams()
	if err != nil {
		return nil, fmt.Errorf("openh264: %w", err)
	}
	params.BitRate = max(minBitrate, p.Bitrate)
	params.IntraPeriod = uint(intraSeconds * p.Framerate)
	params.SliceMode = openh264.SMSingleSlice
	params.MultipleThreadIdc = 1

	reader := video.ReaderFunc(func() (image.Image, func(), error) { return e.next, func() {}, nil })
	e.codec, err = params.BuildVideoEncoder(reader, prop.Media{Video: prop.Video{
		Width: p.Width, Height: p.Height, FrameRate: float32(p.Framerate), FrameFormat: frame.FormatI420,
	}})
	if err != nil {
		return nil, fmt.Errorf("openh264: %w", err)
	}
	var isKey, isRate bool
	e.key, isKey = e.codec.Controller().(codec.KeyFrameController)
	e.rate, isRate = e.codec.Controller().(codec.BitRateController)
	if !isKey || !isRate {
		return nil, errors.Join(errNoControl, e.close())
	}
	return e, nil
}

// encode gives the access unit of a picture; it is empty when the encoder skips the picture to keep its bit rate.
func (e *encoder) encode(img *image.YCbCr) ([]byte, error) {
	e.next = img
	data, release, err := e.codec.Read()
	if err != nil {
		return nil, fmt.Errorf("openh264: %w", err)
	}
	release()
	return data, nil
}

// forceIDR makes the next picture an IDR picture.
func (e *encoder) forceIDR() error { return e.key.ForceKeyFrame() }

// setBitrate changes the target in bit/s.
func (e *encoder) setBitrate(bps int) error { return e.rate.SetBitRate(max(minBitrate, bps)) }

// close frees the encoder.
func (e *encoder) close() error { return e.codec.Close() }
