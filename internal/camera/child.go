package camera

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// pauseShare is the part of the distance of two pictures after which a writer that says nothing is taken to have written
	// a whole one; leastPause bounds it from below, for a machine that is slow to schedule the writer.
	pauseShare = 4
	leastPause = 4 * time.Millisecond
	// childStart is what a command has until its first picture: cameras are set up, and network cameras found, within it.
	childStart = 10 * time.Second
)

// child is a source that is a command which writes H.264 to its standard output.
type child struct {
	name string
	// argv gives the command.
	argv func(Params) ([]string, error)
	// oneBitrate says that argv does not depend on the bit rate.
	oneBitrate bool
	// env is added to the environment.
	env []string
	// onFormat may be nil.
	onFormat func(error)

	mu    sync.Mutex
	wrong error // with the format, as onFormat was told
}

// Name implements [Source].
func (c *child) Name() string { return c.name }

// ForceIDR implements [Source]; a command cannot be asked.
func (c *child) ForceIDR() {}

// SetBitrate implements [Source]; a command cannot be asked.
func (c *child) SetBitrate(int) {}

// Traits implements [Source].
func (c *child) Traits() Traits {
	return Traits{FixedGroups: true, FixedBitrate: true, OneBitrate: c.oneBitrate, Start: childStart}
}

// Run implements [Source].
func (c *child) Run(ctx context.Context, p Params, out func(AccessUnit)) error {
	argv, err := c.argv(p)
	if err != nil {
		return err
	}
	proc, err := startProcess(ctx, command{argv: argv, env: c.env})
	if err != nil {
		return err
	}
	s := c.newStream(p, out)
	readErr := s.read(proc.stdout)
	closed := readErr == nil && ctx.Err() == nil
	if errors.Is(context.Cause(ctx), ErrStalled) {
		proc.grace = stallGrace
	}
	endErr := proc.end(closed)
	said := proc.words.said()
	switch {
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), ErrStalled):
		return fmt.Errorf("%s%s%s", proc.name, s.story(), said)
	case ctx.Err() != nil:
		return nil
	case readErr != nil:
		return fmt.Errorf("%s: %w%s", proc.name, readErr, said)
	case endErr != nil:
		return fmt.Errorf("%w: %s: %w%s", ErrEnded, proc.name, endErr, said)
	default:
		return fmt.Errorf("%w: %s%s", ErrEnded, proc.name, said)
	}
}

// formatted passes on what the stream's format is, when that changes.
func (c *child) formatted(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	same := err == nil && c.wrong == nil || err != nil && c.wrong != nil && err.Error() == c.wrong.Error()
	if same || c.onFormat == nil {
		return
	}
	c.wrong = err
	c.onFormat(err)
}

// stream is one run's way from bytes to access units.
type stream struct {
	split splitter
	pace  *pace
	began time.Time
	pause time.Duration
	out   func(AccessUnit)
	bytes int
}

func (c *child) newStream(p Params, out func(AccessUnit)) *stream {
	s := &stream{
		pace: newPace(p.Framerate), began: time.Now(), out: out,
		pause: max(leastPause, time.Second/time.Duration(max(1, p.Framerate)*pauseShare)),
	}
	s.split.to = assembler{out: s.deliver, check: func(sps []byte) []byte {
		sent, err := checkFormat(sps, p.Framerate)
		c.formatted(err)
		return sent
	}}
	return s
}

// deliver gives a picture its time and hands it on.
func (s *stream) deliver(p picture) {
	s.out(AccessUnit{Data: p.data, PTS: s.pace.next(p.arrived.Sub(s.began)), Captured: p.arrived, IDR: p.idr})
}

// read reads until the pipe ends, is closed, or carries what is no H.264; only the last is an error.
func (s *stream) read(from *os.File) error {
	buf := make([]byte, 64<<10)
	var deadline time.Time
	for {
		if err := from.SetReadDeadline(deadline); err != nil {
			return ignoreClosed(err)
		}
		n, err := from.Read(buf)
		s.bytes += n
		if n > 0 {
			if splitErr := s.split.write(buf[:n], time.Now()); splitErr != nil {
				return splitErr
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			if pauseErr := s.split.pause(); pauseErr != nil {
				return pauseErr
			}
		case errors.Is(err, io.EOF):
			return s.split.end()
		default:
			return ignoreClosed(err)
		}
		deadline = time.Time{}
		if s.split.waits() {
			deadline = time.Now().Add(s.pause)
		}
	}
}

// story says what came of a stream that stalled.
func (s *stream) story() string {
	switch {
	case s.split.to.started:
		return " stopped writing"
	case s.bytes == 0:
		return " wrote nothing"
	case s.split.to.dropped > 0:
		return " wrote no picture that decoding can begin with: expected an IDR picture with SPS and PPS each second, such as -g 30 of ffmpeg"
	default:
		return fmt.Sprintf(" wrote %d bytes without a picture: %v", s.bytes, ErrNotH264)
	}
}
