package audio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// firstBackOff and lastBackOff bound the wait before a broken device is tried again; it doubles in between.
const (
	firstBackOff = 500 * time.Millisecond
	lastBackOff  = 10 * time.Second
)

// afterTone is for how many frames the device goes on when a tone has ended: so much may wait in it, and would be dropped.
const afterTone = 10

// ErrEnded means that the device stopped by itself without saying why.
var ErrEnded = errors.New("the sound device ended")

// State is what the device is doing.
type State string

// States of the device.
const (
	// StateIdle: there is nothing to hear or to say, the device does not run.
	StateIdle State = "idle"
	// StateRunning: the device runs.
	StateRunning State = "running"
	// StateFailed: the device broke and is being tried again; calls go on with silence.
	StateFailed State = "failed"
)

// EngineOptions are what an engine may be given.
type EngineOptions struct {
	// Log takes starts, stops and failures; nil discards them.
	Log *slog.Logger
	// OnFault is called, in order and from Run's goroutine, with each failure of the device, and with nil when it works
	// again after one. It may be nil. It must not wait for Run.
	OnFault func(error)
	// Microphone is what is done to the microphone's sound; nil leaves it as it is. It is the engine's from then on, and closed when Run
	// returns.
	Microphone *Microphone
	// Quieter and ToneQuieter are by how much the loudspeaker, and the tones in it, are turned down from 100, where sound is as it came.
	Quieter, ToneQuieter int
	// Tones are played in place of the door's own; see [ReadTone].
	Tones map[Tone][]int16
	// Now is the clock; nil means [time.Now].
	Now func() time.Time
}

// Status is what the engine looks like from outside.
type Status struct {
	Device string
	State  State
	// Streams is the number of open streams.
	Streams int
	// Voice is what the newest stream has seen so far; its Target is 0 while it hears nothing.
	Voice Stats
	// Tone is the tone that is being played, if any.
	Tone Tone
	// Far is the sound of all far ends together, Speaker that with the tones, Near what the microphone hears, echo and all: over the
	// last 85 ms, silent when the device does not run.
	Far, Speaker, Near Meter
	// Echo is what is known of the loudspeaker's echo.
	Echo EchoReport
	// Call is the sound of the call that is up; nil without one. Volume is that of the loudspeaker, 0 to 100.
	Call   *CallSound
	Volume int
}

// Engine connects one sound device with the streams of calls and with the tones.
type Engine struct {
	device  Device
	log     *slog.Logger
	onFault func(error)
	mic     *Microphone // nil: its sound is left as it is
	now     func() time.Time
	volume  int     // of the loudspeaker, 0 to 100
	tones   float32 // gain
	files   map[Tone][]int16
	demand  chan struct{} // of length one: streams or tone changed
	trials  chan trialOrder
	failed  error // why the device does not work; Run's goroutine alone has it and looked
	looked  bool  // failed was found by looking after the device, not by using it

	mu                 sync.Mutex
	closed             bool
	state              State
	streams            []*Stream
	tone               *player
	stopped            *player // a tone that has yet to fade; nil: none
	after              int     // frames for which the device goes on after a tone
	call               CallSound
	far, speaker, near meter
}

// NewEngine makes an engine for one device. Nothing runs before [Engine.Run].
func NewEngine(d Device, opt EngineOptions) *Engine {
	e := &Engine{
		device: d, log: opt.Log, onFault: opt.OnFault, mic: opt.Microphone, now: opt.Now,
		volume: loudest - opt.Quieter, tones: gainOfVolume(loudest - opt.ToneQuieter), files: opt.Tones,
		demand: make(chan struct{}, 1), trials: make(chan trialOrder), state: StateIdle,
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.onFault == nil {
		e.onFault = func(error) {}
	}
	if e.now == nil {
		e.now = time.Now
	}
	return e
}

// StreamOptions are what is special about a stream.
type StreamOptions struct {
	// Muted keeps the far end from the loudspeaker until [Stream.Mute] says otherwise.
	Muted bool
}

// Open adds the sound of a call, sent in codec c. send is given one payload for each 20 ms (an empty one where nothing is to be sent, but
// time passes: discontinuous transmission), from the device's goroutine: it
// must be quick and must not call [Stream.Close] or [Stream.SetCodec]. It may be called before Run. Any number of streams may be
// open at once: each gets the microphone, and their far ends are heard together.
func (e *Engine) Open(c Codec, send func(payload []byte, d time.Duration), o StreamOptions) (*Stream, error) {
	s := &Stream{engine: e, log: e.log, send: send, muted: o.Muted, ears: map[string]coder{}}
	if err := s.setCodec(c); err != nil {
		return nil, err
	}
	if err := s.listenTo(c); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	// Whatever is still open belongs to a call that is about to end: what somebody muted of it is not the next visitor's matter.
	e.call = CallSound{Volume: e.volume}
	e.streams = append(e.streams, s)
	e.changed()
	return s, nil
}

// remove forgets a stream.
func (e *Engine) remove(s *Stream) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.streams = slices.DeleteFunc(e.streams, func(o *Stream) bool { return o == s })
	e.changed()
}

// Play begins a tone at the door, in place of one that may be playing.
func (e *Engine) Play(t Tone) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	e.endTone()
	e.tone = newPlayer(t, e.files[t])
	e.changed()
}

// StopTone ends the tone that is playing, if any.
func (e *Engine) StopTone() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.endTone()
	e.changed()
}

// endTone lets the tone that is playing fade, with the lock held.
func (e *Engine) endTone() {
	if e.tone == nil {
		return
	}
	if e.tone.begun() {
		e.stopped, e.after = e.tone, afterTone
	}
	e.tone = nil
}

// Status tells what the engine does and hears now.
func (e *Engine) Status() Status {
	e.mu.Lock()
	s := Status{Device: e.device.Name(), State: e.state, Streams: len(e.streams)}
	if e.tone != nil {
		s.Tone = e.tone.tone
	}
	s.Echo.State, s.Volume = EchoOff, e.volume
	if len(e.streams) > 0 {
		call := e.call
		s.Call = &call
	}
	if e.mic != nil {
		s.Echo = e.mic.Report()
	}
	var newest *Stream
	if len(e.streams) > 0 {
		newest = e.streams[len(e.streams)-1]
	}
	far, speaker, near := e.far, e.speaker, e.near
	e.mu.Unlock()
	if newest != nil {
		s.Voice = newest.Stats()
	}
	s.Far, s.Speaker, s.Near = far.read(), speaker.read(), near.read()
	return s
}

// Run runs the device whenever a stream or a tone is up, until ctx ends; it then returns nil. A device that breaks is
// tried again; meanwhile streams and tones go on in silence. It waits for the device to return.
//
// A device that can be looked for ([Prober]) is so at the start and every minute while there is nothing to do.
func (e *Engine) Run(ctx context.Context) error {
	defer e.shut()
	wait := firstBackOff
	for {
		if !e.waitForDemand(ctx) {
			return nil
		}
		if e.failed == nil {
			e.setState(StateRunning)
		}
		err := e.session(ctx, e.device, 0, func() {
			wait = firstBackOff
			e.mended(StateRunning)
		})
		if err == nil {
			if e.failed == nil {
				e.setState(StateIdle)
			}
			continue
		}
		e.broke(err, "retry_in", wait)
		if err = e.session(ctx, silentDevice{}, wait, func() {}); err != nil {
			return err // it cannot break
		}
		wait = min(2*wait, lastBackOff)
	}
}

// session runs a device until it breaks, nobody needs it, ctx ends, or the limit is reached (0: none); only the first is
// an error. works is called once, when the device has delivered.
func (e *Engine) session(ctx context.Context, d Device, limit time.Duration, works func()) error {
	runCtx, cancel := context.WithCancel(ctx)
	ended, delivered := make(chan error, 1), make(chan struct{}, 1)
	mixer := &mixer{engine: e}
	if e.mic != nil {
		e.mic.begin()
	}
	go func() {
		first := true
		ended <- d.Run(runCtx, func(capture, playback []int16) {
			if runCtx.Err() != nil {
				clear(playback)
				return
			}
			mixer.process(capture, playback)
			if first {
				first = false
				delivered <- struct{}{}
			}
		})
	}()
	defer e.quiet()
	stop := func() error {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			// It was told to end: how it did is no fault of the next session.
			e.log.Debug("the sound device ended badly", "device", d.Name(), "error", err)
		}
		return nil
	}
	var over <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		over = timer.C
	}
	for {
		select {
		case <-ctx.Done():
			return stop()
		case <-over:
			return stop()
		case <-delivered:
			works()
		case <-e.demand:
			if !e.demanded() {
				return stop()
			}
		case err := <-ended:
			cancel()
			if ctx.Err() != nil {
				return nil
			}
			if err == nil {
				err = ErrEnded
			}
			return fmt.Errorf("sound device %s: %w", d.Name(), err)
		}
	}
}

// changed wakes Run up, with the lock held.
func (e *Engine) changed() {
	select {
	case e.demand <- struct{}{}:
	default:
	}
}

// demanded reports whether the device has something to do.
func (e *Engine) demanded() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.streams) > 0 || e.tone != nil || e.after > 0
}

// setState notes what the device does.
func (e *Engine) setState(s State) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.state = s
}

// quiet resets the meters when a device has stopped.
func (e *Engine) quiet() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.far.reset()
	e.speaker.reset()
	e.near.reset()
}

// shut lets nothing begin any more.
func (e *Engine) shut() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed, e.state, e.tone, e.stopped, e.after = true, StateIdle, nil, nil, 0
	if e.mic != nil {
		e.mic.Close()
		e.mic = nil
	}
}
