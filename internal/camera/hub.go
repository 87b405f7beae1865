package camera

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// linger is how long a source goes on after its last reader has left: the next call is often a second press.
	linger = 10 * time.Second
	// stall is how long a source may deliver nothing; with firstBackOff it is started again within three seconds.
	stall = 2500 * time.Millisecond
	// keyFrameGap is the least distance of two IDR pictures that were asked for. Asterisk passes on a FIR per viewer and
	// repeats it; each IDR is a burst of packets on the household's Wi-Fi.
	keyFrameGap = 100 * time.Millisecond
	// keyFrameShare is how much of the bit rate those IDR pictures may be at most: on a slow link they would be asked for because of the
	// last one's own burst. lastKeyFrameGap bounds what follows from it.
	keyFrameShare   = 3 // a third
	lastKeyFrameGap = 1500 * time.Millisecond
	// firstKeyFrameGap holds in place of it for firstMoments after a reader came: the far side's way may not be open yet when
	// the first IDR passes, and somebody waits for a picture.
	firstKeyFrameGap = 40 * time.Millisecond
	firstMoments     = 2 * time.Second
	// firstBackOff and lastBackOff bound the wait before a broken source is started again; it doubles in between. While nobody watches
	// it goes on doubling up to idleBackOff: the next visitor's picture is proven before, and the fault is not older than it must be.
	firstBackOff = 250 * time.Millisecond
	lastBackOff  = 10 * time.Second
	idleBackOff  = 5 * time.Minute
	// healthy is how long a source must have delivered for its next failure to count as the first.
	healthy = 10 * time.Second
	// failedAfter is the number of failures in a row from which on the state is called failed.
	failedAfter = 3
)

// Errors of the hub and its readers.
var (
	// ErrStalled means that the source ran but delivered no picture for two and a half seconds, or for longer than it
	// may take to start.
	ErrStalled = errors.New("the camera delivers no pictures")
	// ErrEnded means that the source stopped by itself without saying why.
	ErrEnded = errors.New("the camera source ended")
	// ErrReaderClosed means that the reader or its hub has been closed.
	ErrReaderClosed = errors.New("camera reader is closed")
)

// State is what the hub's source is doing.
type State string

// States of the source.
const (
	// StateIdle: nobody watches, the source does not run.
	StateIdle State = "idle"
	// StateRunning: the source runs.
	StateRunning State = "running"
	// StateRestarting: the source broke and is being started again.
	StateRestarting State = "restarting"
	// StateFailed: the source broke several times in a row. It is still tried again, more often while somebody watches.
	StateFailed State = "failed"
)

// HubOptions are what a hub may be given.
type HubOptions struct {
	// Log takes starts, stops and failures; nil discards them.
	Log *slog.Logger
	// OnFault is called, in order and from Run's goroutine, with each failure of the source, and with nil when pictures
	// come again after one. It may be nil. It must not wait for Run.
	OnFault func(error)
}

// Status is what the hub looks like from outside.
type Status struct {
	Source                            string
	State                             State
	Width, Height, Framerate, Bitrate int
	// Readers is how many are subscribed now.
	Readers int
	// Frames and KeyFrames count the pictures that came from the source since the hub was made.
	Frames, KeyFrames uint64
	// Used is what the source chose, for those that have a choice.
	Used Used
}

// chooser is a [Source] that chooses what it uses.
type chooser interface{ Used() Used }

// Hub runs a source while it has readers and gives each of them the same encoded pictures.
type Hub struct {
	source  Source
	params  Params
	log     *slog.Logger
	onFault func(error)

	demand chan struct{}        // of length one: readers came or left
	keys   chan struct{}        // of length one: somebody needs an IDR
	alive  chan struct{}        // of length one: a picture came
	anew   chan struct{}        // of length one: the source is to be started anew
	pulses chan chan<- struct{} // somebody asks whether Run lives
	faulty bool                 // onFault was told of a failure last; Run's

	mu       sync.Mutex
	readers  []*Reader
	came     time.Time // the latest reader
	newcomer bool      // it has asked for its first IDR
	keySize  int       // of the newest IDR picture, in bytes
	closed   bool
	status   Status
	lastPTS  time.Duration
	began    time.Time     // when the first picture of all came
	shift    time.Duration // from the PTS of this run of the source to the hub's
	fresh    bool          // the next picture is the first of a run
	runRate  int           // that the run was begun with, in bit/s
	group    group         // empty: new readers wait for an IDR that is asked for
}

// NewHub makes a hub for one source. Nothing runs before [Hub.Run].
func NewHub(src Source, p Params, opt HubOptions) *Hub {
	h := &Hub{
		source: src, params: p, log: opt.Log, onFault: opt.OnFault,
		demand: make(chan struct{}, 1), keys: make(chan struct{}, 1), alive: make(chan struct{}, 1),
		anew: make(chan struct{}, 1), pulses: make(chan chan<- struct{}),
		status: Status{
			Source: src.Name(), State: StateIdle,
			Width: p.Width, Height: p.Height, Framerate: p.Framerate, Bitrate: p.Bitrate,
		},
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.onFault == nil {
		h.onFault = func(error) {}
	}
	return h
}

// Subscribe adds a reader. It is given pictures from the next IDR on, which is asked for; of a source that cannot be asked
// (see [Traits]) it is given the newest group of pictures at once. It may be called before Run.
func (h *Hub) Subscribe() *Reader {
	r := newReader(h, queueLimit(h.params.Framerate))
	h.mu.Lock()
	if h.closed {
		r.shut()
	} else {
		r.begin(h.group.replay())
		r.again = time.Now().Add(h.group.worth(h.params.Bitrate))
		h.readers = append(h.readers, r)
		h.came, h.newcomer = time.Now(), true
	}
	h.mu.Unlock()
	// In this order: a run that begins because of this reader takes back the request, its first picture is an IDR.
	h.RequestKeyFrame()
	signal(h.demand)
	return r
}

// RequestKeyFrame asks for an IDR picture on behalf of a viewer (PLI, FIR). Requests are coalesced to one per 100 ms, or in longer
// where IDR pictures would be more than a third of the bit rate, and to one per 40 ms in the two seconds after a reader came, whose own
// first IDR comes at once: the first is passed to the source at once, all that follow within that time become one at its end. It never
// blocks.
func (h *Hub) RequestKeyFrame() { signal(h.keys) }

// replay gives a reader the newest group of pictures once more, timed after all that it was given before, if the source is one that
// can't be asked for an IDR. Replays take no more than twice the bit rate of the stream: what comes sooner is left to the next request.
func (h *Hub) replay(r *Reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if !h.source.Traits().FixedGroups || h.closed || now.Before(r.again) {
		return
	}
	pictures := h.group.again()
	if len(pictures) == 0 {
		return
	}
	h.lastPTS = max(h.lastPTS, pictures[len(pictures)-1].PTS)
	r.begin(pictures)
	r.again = now.Add(h.group.worth(h.params.Bitrate))
}

// keyFrameGap is the least distance that the IDR picture now asked for must have: none when a reader has come, who is not to wait
// because of what others asked for before.
func (h *Hub) keyFrameGap() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.newcomer {
		h.newcomer = false
		return 0
	}
	if time.Since(h.came) < firstMoments {
		return firstKeyFrameGap
	}
	if h.params.Bitrate <= 0 {
		return keyFrameGap
	}
	paid := time.Duration(float64(h.keySize*8*keyFrameShare) / float64(h.params.Bitrate) * float64(time.Second))
	return min(max(paid, keyFrameGap), lastKeyFrameGap)
}

// SetBitrate sets the rate, in bit/s, of the one stream that all readers share. It reports whether the source that runs takes
// it at once; one that cannot has it from its next start on (see [Hub.Restart]).
func (h *Hub) SetBitrate(bps int) bool {
	h.mu.Lock()
	h.params.Bitrate, h.status.Bitrate = bps, bps
	h.mu.Unlock()
	h.source.SetBitrate(bps)
	return !h.source.Traits().FixedBitrate
}

// FixedBitrate reports whether the source that runs keeps its rate: [Hub.SetBitrate] is for its next start then.
func (h *Hub) FixedBitrate() bool { return h.source.Traits().FixedBitrate }

// OneBitrate reports whether not even a restart changes the source's rate.
func (h *Hub) OneBitrate() bool { return h.source.Traits().OneBitrate }

// Restart starts the source anew, if it runs: for a bit rate that it cannot change otherwise. It is no failure; readers see
// a gap as long as the source's start. It never blocks.
func (h *Hub) Restart() { signal(h.anew) }

// Status tells what the hub does now.
func (h *Hub) Status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.status
	s.Readers = len(h.readers)
	if c, ok := h.source.(chooser); ok {
		s.Used = c.Used()
		if s.Used.Width > 0 {
			s.Width, s.Height, s.Framerate = s.Used.Width, s.Used.Height, s.Used.Framerate
		}
	}
	return s
}

// Run runs the source whenever there are readers, and after a failure until pictures come again, whether or not somebody watches. It
// returns nil when ctx ends, and readers get [ErrReaderClosed]. It waits for the source to return: one that cannot be stopped holds it up.
func (h *Hub) Run(ctx context.Context) error {
	defer h.closeReaders()
	failures, said := 0, ""
	for {
		if !h.waitForReason(ctx) {
			return nil
		}
		h.setState(stateAfter(failures))
		delivered, err := h.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			failures, said = 0, ""
			h.setState(StateIdle)
			continue
		}
		if delivered >= healthy {
			failures = 0
		}
		failures++
		h.setState(stateAfter(failures))
		watched, unwatched := backOff(failures, lastBackOff), backOff(failures, idleBackOff)
		level, wait := slog.LevelWarn, watched
		if h.readerCount() == 0 {
			wait = unwatched
			if said == err.Error() {
				level = slog.LevelDebug // the same again, for as long as it takes
			}
		}
		said = err.Error()
		h.log.Log(ctx, level, "camera source broke", "source", h.source.Name(), "error", err, "failures", failures, "retry_in", wait)
		h.faulty = true
		h.onFault(err)
		if !h.rest(ctx, watched, unwatched) {
			return nil
		}
	}
}

// waitForReason waits for readers, or for nothing if the source is to be proven again. It returns false when ctx ends first.
func (h *Hub) waitForReason(ctx context.Context) bool {
	for h.readerCount() == 0 && !h.faulty {
		select {
		case <-ctx.Done():
			return false
		case <-h.demand:
		case answer := <-h.pulses:
			close(answer)
		}
	}
	return ctx.Err() == nil
}

// session runs the source once. It returns nil when the source was stopped on purpose, and for how long pictures came.
func (h *Hub) session(ctx context.Context) (delivered time.Duration, err error) {
	runCtx, cancel := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	p := h.beginRun()
	go func() {
		ended <- h.source.Run(runCtx, p, func(au AccessUnit) {
			if runCtx.Err() == nil {
				h.deliver(au)
			}
		})
	}()
	stop := func(cause error) error {
		cancel(cause)
		late := <-ended
		if late != nil {
			h.log.Debug("camera source stopped with an error", "source", h.source.Name(), "error", late)
		}
		return late
	}
	h.log.Info("camera source started", "source", h.source.Name())

	defer h.endRun()
	watch := newWatch(h)
	defer watch.stop()
	for {
		select {
		case <-ctx.Done():
			_ = stop(nil) // is in the log
			return watch.delivered(), nil
		case runErr := <-ended:
			cancel(nil)
			if runErr == nil {
				runErr = ErrEnded
			}
			return watch.delivered(), fmt.Errorf("camera %s: %w", h.source.Name(), runErr)
		case answer := <-h.pulses:
			close(answer)
		case <-h.alive:
			if first := watch.sawPicture(); first && h.faulty {
				h.faulty = false
				h.log.Info("camera source mended", "source", h.source.Name())
				h.onFault(nil)
				h.setState(StateRunning)
				watch.readersChanged(h.readerCount())
			}
		case <-watch.stall.C:
			return watch.delivered(), fmt.Errorf("camera %s: %w", h.source.Name(), stalled(stop(ErrStalled)))
		case <-h.anew:
			_ = stop(nil) // is in the log
			h.log.Info("camera source is started anew", "source", h.source.Name())
			return watch.delivered(), nil
		case <-h.demand:
			watch.readersChanged(h.readerCount())
		case <-watch.linger.C:
			if h.readerCount() == 0 && !h.faulty { // else it goes on until there is a picture, or until it stalls
				_ = stop(nil) // is in the log
				h.log.Info("camera source stopped", "source", h.source.Name())
				return watch.delivered(), nil
			}
		case <-h.keys:
			watch.keyWanted()
		case <-watch.key.C:
			watch.keyDue()
		}
	}
}

// stalled is the error of a source that delivered nothing and had this to say about it.
func stalled(reason error) error {
	if reason == nil || errors.Is(reason, context.Canceled) {
		return ErrStalled
	}
	return fmt.Errorf("%w: %w", ErrStalled, reason)
}

// beginRun prepares for the first picture of a new run of the source, and gives what the run is to deliver.
func (h *Hub) beginRun() Params {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fresh, h.newcomer, h.runRate = true, false, h.params.Bitrate
	drain(h.alive)
	drain(h.keys)
	drain(h.anew)
	return h.params
}

// endRun forgets the pictures of a run: who comes now is not to be shown who stood at the door then.
func (h *Hub) endRun() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.group.clear()
}

// deliver gives one picture to all readers.
func (h *Hub) deliver(au AccessUnit) {
	h.mu.Lock()
	h.status.Frames++
	if au.IDR {
		h.status.KeyFrames++
		h.keySize = len(au.Data)
	}
	// A rate that was set while the run began may have been forgotten by the source as one of an earlier run.
	bps, missed := h.params.Bitrate, h.fresh && h.params.Bitrate != h.runRate
	au.PTS = h.rebase(au.PTS)
	if h.source.Traits().FixedGroups { // a camera may have turned out to be of that kind
		h.group.add(au)
	}
	for _, r := range h.readers {
		r.offer(au)
	}
	h.mu.Unlock()
	if missed {
		h.source.SetBitrate(bps)
	}
	signal(h.alive)
}

// rebase puts the PTS of a run on the hub's clock, which starts at zero with the first picture of all and goes on by
// the time that really passed when a source begins anew.
func (h *Hub) rebase(pts time.Duration) time.Duration {
	if h.began.IsZero() {
		h.began = time.Now()
		h.shift = -pts
		h.fresh = false
		h.lastPTS = -1
	}
	if h.fresh {
		h.shift = time.Since(h.began) - pts
		h.fresh = false
	}
	pts = max(pts+h.shift, h.lastPTS+1)
	h.lastPTS = pts
	return pts
}

// readerCount is the number of readers now.
func (h *Hub) readerCount() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.readers)
}

// setState notes what the source does.
func (h *Hub) setState(s State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status.State = s
}

// remove forgets a reader.
func (h *Hub) remove(r *Reader) {
	h.mu.Lock()
	h.readers = slices.DeleteFunc(h.readers, func(o *Reader) bool { return o == r })
	h.mu.Unlock()
	signal(h.demand)
}

// closeReaders ends all readers, also those that subscribe from now on.
func (h *Hub) closeReaders() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, r := range h.readers {
		r.shut()
	}
	h.readers = nil
	h.status.State = StateIdle
}
