package audio

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// playoutDepth is how much sound waits for the loudspeaker when a run begins: one frame, and half of one for the
	// goroutine to be late by.
	playoutDepth = FrameSamples * 3 / 2
	// playoutMost is how much may wait after the goroutine has been late; more would only be delay.
	playoutMost = 4 * FrameSamples
)

// soundSystem opens sound devices. [miniaudio] is the real one.
type soundSystem interface {
	// open starts a device: move is called from then on for each period, from a thread that must not be held up, with what is
	// to be played (nil without a loudspeaker) and what was heard (nil without a microphone), both of the same number of
	// samples. Where the two halves have a thread each, the microphone's gives only what was heard and the loudspeaker's
	// an empty in beside what is to be played. stop is called when the device stops by itself. half tells which half is missing, if one is.
	open(name string, move func(out, in []byte), stop func()) (session soundSession, half error, err error)
	// list tells what devices there are.
	list() (Cards, error)
	// plugged changes when something is plugged in or out; empty: not known.
	plugged() string
}

// soundSession is a device that was opened.
type soundSession interface {
	// close stops the device, and gives back all that is its. Afterwards move and stop are not called any more.
	close()
	// describe tells what was opened.
	describe() string
}

// bridge stands between the thread of a sound device and the goroutine that decodes, mixes and encodes.
type bridge struct {
	heard, played ring
	loudspeaker   atomic.Bool
	filled        bool          // there was enough to begin with; of a loudspeaker's own thread
	moved         atomic.Uint64 // samples so far: the microphone's, or the loudspeaker's where that has no microphone beside it
	spoken        atomic.Uint64 // samples so far of a loudspeaker that has a thread of its own
	missed        atomic.Uint64 // samples that were silence because the goroutine was late, or got lost for that
	wake          chan struct{} // of length one
	stopped       chan struct{} // of length one
}

func newBridge() *bridge {
	b := &bridge{wake: make(chan struct{}, 1), stopped: make(chan struct{}, 1)}
	b.played.writeSilence(playoutDepth)
	return b
}

// move is the device's callback: it copies and never waits. The microphone's and the loudspeaker's side move together, so
// what waits for the loudspeaker stays the same unless the goroutine is late.
func (b *bridge) move(out, in []byte) {
	samples := max(len(out), len(in)) / 2
	own := in != nil && len(in) == 0 // a loudspeaker with a thread of its own
	if in == nil {
		b.missed.Add(uint64(samples - b.heard.writeSilence(samples)))
	} else {
		b.missed.Add(uint64(len(in)/2 - b.heard.writeBytes(in)))
	}
	if out != nil && own && !b.filled {
		// The two threads handle as much at once as they like, and begin when they like: what may be taken at once, twice, and a
		// frame are there before anything is.
		b.loudspeaker.Store(true)
		b.filled = b.played.length() >= playout(2*samples)
		clear(out)
	} else if out != nil {
		b.loudspeaker.Store(true)
		at := 0
		if own {
			at = 2 * samples
		}
		if length := b.played.length(); length > playout(at)+playoutMost-playoutDepth {
			b.played.drop(length - playout(at))
		}
		b.missed.Add(uint64(b.played.readBytes(out)))
	}
	if own {
		b.spoken.Add(uint64(samples))
		return
	}
	b.moved.Add(uint64(samples))
	signal(b.wake)
}

// playout is how much is to wait for a loudspeaker that may take so many samples before there are new ones: not more than the ring holds
// beside what comes next, as a loudspeaker would wait for that for ever.
func playout(samples int) int { return min(playoutDepth+samples, ringSamples-playoutMost) }

// stop is called when the device has stopped by itself.
func (b *bridge) stop() { signal(b.stopped) }

// signal leaves word in a channel of length one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run handles the frames of the device until ctx ends, which returns nil, or it breaks.
func (b *bridge) run(ctx context.Context, process func(capture, playback []int16)) error {
	capture, playback := make([]int16, FrameSamples), make([]int16, FrameSamples)
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	w, loudspeaker := newWatcher(time.Now()), (*watcher)(nil)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.stopped:
			return ErrUnplugged
		case now := <-watch.C:
			if err := w.look(b.moved.Load(), now); err != nil {
				return err
			}
			if spoken := b.spoken.Load(); spoken > 0 {
				if loudspeaker == nil {
					loudspeaker = newWatcher(now)
				}
				if err := loudspeaker.look(spoken, now); err != nil {
					return err
				}
			}
		case <-b.wake:
		}
		for ctx.Err() == nil && b.heard.read(capture) {
			process(capture, playback)
			if b.loudspeaker.Load() {
				b.missed.Add(uint64(FrameSamples - b.played.write(playback)))
			}
		}
	}
}

// watcher finds devices that stand still, and those that nothing holds back.
type watcher struct {
	moved   uint64
	movedAt time.Time
	limit   time.Duration
	from    uint64 // samples at the begin of the second that is being looked at
	since   time.Time
}

func newWatcher(now time.Time) *watcher { return &watcher{movedAt: now, since: now, limit: startLimit} }

// look compares what has moved with the time that went by.
func (w *watcher) look(moved uint64, now time.Time) error {
	if moved != w.moved {
		w.moved, w.movedAt, w.limit = moved, now, stallLimit
	} else if still := now.Sub(w.movedAt); still >= w.limit {
		return fmt.Errorf("%w since %s", ErrStalled, still.Round(100*time.Millisecond))
	}
	if past := now.Sub(w.since); past >= time.Second {
		// A device that makes good what it owes after a pause is faster for a moment; three times as fast is none.
		if most := 3 * past.Seconds() * SampleRate; float64(moved-w.from) > most {
			return fmt.Errorf("%w: %.1f seconds of sound in %.1f", ErrNoClock, float64(moved-w.from)/SampleRate, past.Seconds())
		}
		w.from, w.since = moved, now
	}
	return nil
}
