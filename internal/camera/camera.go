// Package camera turns a picture source into one encoded H.264 stream and hands that stream to any number of readers.
//
// A [Source] captures and encodes; the [Hub] runs it while somebody watches, starts it again when it breaks, and copies
// nothing but slice headers per reader: ten more viewers cost packets, not encoding.
package camera

import (
	"context"
	"time"
)

// Params says what a source is to deliver.
type Params struct {
	// Width and Height are in pixels, both even.
	Width, Height int
	// Framerate is in pictures per second.
	Framerate int
	// Bitrate is the encoder's target in bit/s.
	Bitrate int
	// Device names the capture device for sources that have a choice; empty means the first one.
	Device string
}

// AccessUnit is one encoded picture: everything a decoder needs for it, in Annex-B byte stream format
// (ITU-T H.264 Annex B), with SPS and PPS in front of each IDR picture.
type AccessUnit struct {
	// Data is shared by all readers and must not be written to.
	Data []byte
	// PTS is the presentation time on the stream's own clock. It only grows, also when the source is restarted.
	PTS time.Duration
	// Captured is the wall clock at the moment the picture was taken.
	Captured time.Time
	// IDR reports whether decoding can begin here.
	IDR bool
}

// Source delivers encoded pictures: constrained baseline H.264 of level 3.1 or below (profile-level-id 42e01f).
type Source interface {
	// Run delivers pictures to out, from one goroutine, until ctx ends (it then returns nil or ctx.Err()) or the source
	// breaks (any other error). The first picture is an IDR. It has let go of the device when it returns and may be run
	// again afterwards. When ctx ends because of [ErrStalled] (its cause), an error may say what is known of the reason.
	Run(ctx context.Context, p Params, out func(AccessUnit)) error
	// ForceIDR asks for an IDR picture as soon as possible. It never blocks; a source that cannot do it ignores it.
	ForceIDR()
	// SetBitrate changes the target, in bit/s, of the encoder that is running. It never blocks; a source that cannot do
	// it ignores it.
	SetBitrate(bps int)
	// Name is the source's name in the local file: "test", "rpicam", ….
	Name() string
	// Traits says what the hub has to know about the source.
	Traits() Traits
}

// Traits are what sources differ in. The zero value is a source that does all it is asked.
type Traits struct {
	// FixedGroups: ForceIDR does nothing, an IDR comes at the source's own times. A new reader is given the newest group
	// of pictures.
	FixedGroups bool
	// FixedBitrate: SetBitrate does nothing; a run keeps the rate of its [Params].
	FixedBitrate bool
	// OneBitrate: no run heeds the rate of its [Params].
	OneBitrate bool
	// Start is how long the first picture of a run may take; 0 means as long as any other.
	Start time.Duration
}
