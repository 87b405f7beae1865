package camera

import (
	"context"
	"errors"
	"fmt"
	"image"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// Stills is a [Source] that has its pictures before they are encoded, and shows them.
type Stills interface {
	// Still hands a copy of the next picture to a channel, which must have room for it. It never blocks; false means that there is none
	// to be had.
	Still(to chan<- *image.YCbCr) bool
}

var _, _ Stills = (*V4L2Camera)(nil), (*testSource)(nil)

// stillLimit is how long a still may take once pictures come.
const stillLimit = 2 * time.Second

// Seen is what was found out about a source that was run for a moment.
type Seen struct {
	// Still is a picture as it is sent, but not encoded; nil from a source that shows none.
	Still *image.YCbCr
	// First is the first access unit, an IDR picture with its parameter sets; Stream is what those say.
	First  AccessUnit
	Stream Stream
	// Start is the time from the beginning to the first picture.
	Start time.Duration
	// Rate is how many pictures a second came after that, and Bitrate how many bit/s they were, measured over a time.
	Rate    float64
	Bitrate int
	// Used is what the source chose, for those that have a choice.
	Used Used
}

// Stream is what the sequence parameter set of an H.264 stream says.
type Stream struct {
	Width, Height int
	// Profile and Level for people, such as "constrained baseline" and "3.1".
	Profile, Level string
}

// Look runs a source until it has delivered pictures for a time, and says what it saw. The error is the source's, [ErrStalled] when no
// picture comes within what it may take to start, or ctx's.
func Look(ctx context.Context, src Source, p Params, over time.Duration) (Seen, error) {
	limit := src.Traits().Start
	if limit <= 0 {
		limit = stall
	}
	run, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	type arrived struct {
		au AccessUnit
		at time.Time
	}
	const room = 64 // pictures; what is lost of them is no matter
	units, ended := make(chan arrived, room), make(chan error, 1)
	go func() {
		ended <- src.Run(run, p, func(au AccessUnit) {
			select {
			case units <- arrived{au, time.Now()}:
			case <-run.Done():
			}
		})
	}()
	var seen Seen
	stop := func(cause error) error {
		cancel(cause)
		if c, ok := src.(chooser); ok {
			seen.Used = c.Used()
		}
		return <-ended
	}
	start := time.NewTimer(limit)
	defer start.Stop()
	var first arrived
	select {
	case first = <-units:
	case err := <-ended:
		if err == nil {
			err = ErrEnded
		}
		return seen, errors.Join(err, ctx.Err())
	case <-start.C:
		return seen, fmt.Errorf("%w%s", ErrStalled, because(stop(ErrStalled)))
	case <-ctx.Done():
		return seen, errors.Join(ctx.Err(), stop(nil))
	}
	seen.First, seen.Start, seen.Stream = first.au, first.at.Sub(began), streamOf(first.au.Data)
	still := make(chan *image.YCbCr, 1)
	wanted := false
	if s, ok := src.(Stills); ok {
		wanted = s.Still(still)
	}
	pictures, bytes, last := 0, 0, first.at
	silent := time.NewTimer(max(stall, stillLimit))
	defer silent.Stop()
	for {
		select {
		case u := <-units:
			pictures, bytes, last = pictures+1, bytes+len(u.au.Data), u.at
			silent.Reset(max(stall, stillLimit))
		case seen.Still = <-still:
			wanted = false
		case err := <-ended:
			if err == nil {
				err = ErrEnded
			}
			return seen, errors.Join(err, ctx.Err())
		case <-silent.C:
			return seen, fmt.Errorf("%w%s", ErrStalled, because(stop(ErrStalled)))
		case <-ctx.Done():
			return seen, errors.Join(ctx.Err(), stop(nil))
		}
		if took := last.Sub(first.at); took >= over && (!wanted || took >= over+stillLimit) {
			seen.Rate = float64(pictures) / took.Seconds()
			seen.Bitrate = int(float64(bytes) * 8 / took.Seconds())
			return seen, stop(nil)
		}
	}
}

// because appends what is known of a reason.
func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

// StreamOf says what an access unit with parameter sets is; the zero value when it has none that can be read.
func StreamOf(au AccessUnit) Stream { return streamOf(au.Data) }

func streamOf(data []byte) Stream {
	var units h264.AnnexB
	if err := units.Unmarshal(data); err != nil {
		return Stream{}
	}
	for _, u := range units {
		if len(u) < 4 || h264.NALUType(u[0]&0x1F) != h264.NALUTypeSPS {
			continue
		}
		s := Stream{Profile: streamProfile(u[1], u[2]), Level: fmt.Sprintf("%d.%d", u[3]/10, u[3]%10)}
		var sps h264.SPS
		if err := sps.Unmarshal(u); err == nil {
			s.Width, s.Height = sps.Width(), sps.Height()
		}
		return s
	}
	return Stream{}
}

// streamProfile names a profile with what constrains it.
func streamProfile(profile, flags byte) string {
	if profile != profileBaseline {
		return profileName(profile)
	}
	if flags&0x40 != 0 {
		return "constrained baseline"
	}
	return "baseline"
}

// Snapshot is what a source shows now.
type Snapshot struct {
	// Still is the picture that is sent, before it is encoded; nil from a source that shows none.
	Still *image.YCbCr
	// Key is an IDR picture with its parameter sets, about as old.
	Key AccessUnit
}

// Snapshot takes a picture of what the source shows now. A source that does not run is started for it, and goes on for a while as after
// any reader. The error is ctx's, or [ErrReaderClosed].
func (h *Hub) Snapshot(ctx context.Context) (Snapshot, error) {
	r := h.Subscribe()
	defer r.Close()
	var s Snapshot
	var err error
	if s.Key, err = r.Next(ctx); err != nil {
		return s, err
	}
	from, ok := h.source.(Stills)
	still := make(chan *image.YCbCr, 1)
	if !ok || !from.Still(still) {
		return s, nil
	}
	limit := time.NewTimer(stillLimit)
	defer limit.Stop()
	select {
	case s.Still = <-still:
		return s, nil
	case <-limit.C:
		return s, nil
	case <-ctx.Done():
		return s, ctx.Err()
	}
}

// Full gives a picture the levels that Go's image packages, and JPEG, take them for: all 256 of them in place of those that video has
// (16 to 235, and 16 to 240).
func Full(img *image.YCbCr) *image.YCbCr {
	out := cloneYCbCr(img)
	stretch := func(plane []uint8, middle, least, most int) {
		for i, v := range plane {
			plane[i] = uint8(min(255, max(0, middle+(int(v)-middle)*255/(most-least))))
		}
	}
	for i, v := range out.Y {
		out.Y[i] = uint8(min(255, max(0, (int(v)-16)*255/219)))
	}
	stretch(out.Cb, 128, 16, 240)
	stretch(out.Cr, 128, 16, 240)
	return out
}
