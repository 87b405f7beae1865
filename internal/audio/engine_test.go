package audio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recorder keeps what a stream sends.
type recorder struct {
	mu       sync.Mutex
	payloads [][]byte
}

func (r *recorder) send(payload []byte, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.payloads = append(r.payloads, payload)
}

func (r *recorder) take() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.payloads
	r.payloads = nil
	return taken
}

// inEngine runs test with a running engine on a fake clock.
func inEngine(t *testing.T, d Device, onFault func(error), test func(t *testing.T, e *Engine)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := NewEngine(d, EngineOptions{OnFault: onFault})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- e.Run(ctx) }()
		synctest.Wait()
		test(t, e)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if got := e.Status().State; got != StateIdle {
			t.Errorf("state %s after the end", got)
		}
	})
}

// open opens a stream.
func open(t *testing.T, e *Engine, c Codec, send func([]byte, time.Duration)) *Stream {
	t.Helper()
	s, err := e.Open(c, send, StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTwoDoorsHearEachOther lets two engines with different tones talk, in each codec.
func TestTwoDoorsHearEachOther(t *testing.T) {
	for _, codec := range codecs() {
		t.Run(codec.Name, func(t *testing.T) {
			inEngine(t, NewTestDevice(440), nil, func(t *testing.T, here *Engine) {
				there := NewEngine(NewTestDevice(1000, WithLevel(-30)), EngineOptions{})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- there.Run(ctx) }()

				var near1, far1 *Stream
				ready := make(chan struct{})
				wire := func(to **Stream) func([]byte, time.Duration) {
					var seq uint16
					var ts uint32
					return func(payload []byte, d time.Duration) {
						<-ready
						(*to).Receive(codec, seq, ts, payload, time.Now())
						seq++
						ts += uint32(int(d.Milliseconds()) * codec.ClockRate / 1000)
					}
				}
				near1 = open(t, here, codec, wire(&far1))
				far1 = open(t, there, codec, wire(&near1))
				close(ready)
				began := time.Now()
				time.Sleep(time.Second)
				a, b := here.Status(), there.Status()
				if !near(a.Far.FrequencyHz, 1000, 10) || !near(a.Far.LevelDBFS, -30, 1.5) ||
					!near(a.Near.FrequencyHz, 440, 10) || !near(a.Near.LevelDBFS, -15, 0.1) {
					t.Errorf("here: %+v", a)
				}
				if !near(b.Far.FrequencyHz, 440, 10) || !near(b.Far.LevelDBFS, -15, 1.5) || b.State != StateRunning {
					t.Errorf("there: %+v", b)
				}
				near1.Close()
				far1.Close()
				s := near1.Stats()
				if s.Sent < 49 || s.Received < 49 || s.Lost+s.Late+s.Malformed+s.Concealed != 0 {
					t.Errorf("%+v", s)
				}
				if delay := s.FirstFarSound.Sub(began); delay < delayFirst || delay > delayFirst+2*FrameDuration {
					t.Errorf("first far sound after %v", delay)
				}
				if !near(s.FarLevelDBFS, -30, 1.5) || !near(s.NearLevelDBFS, -15, 0.5) {
					t.Errorf("levels %.1f far, %.1f near", s.FarLevelDBFS, s.NearLevelDBFS)
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestDeviceRunsOnlyWhenNeeded(t *testing.T) {
	inEngine(t, NewTestDevice(440), nil, func(t *testing.T, e *Engine) {
		var sent recorder
		time.Sleep(time.Second)
		if got := e.Status(); got.State != StateIdle || got.Device != "test" || got.Near.LevelDBFS != SilenceDBFS {
			t.Errorf("before: %+v", got)
		}
		s := open(t, e, codecs()[0], sent.send)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := e.Status(); got.State != StateRunning || got.Streams != 1 {
			t.Errorf("in a call: %+v", got)
		}
		if n := len(sent.take()); n < 50 || n > 51 {
			t.Errorf("%d packets in a second", n)
		}
		s.Close()
		s.Close()
		time.Sleep(time.Second)
		if got := e.Status(); got.State != StateIdle || got.Streams != 0 || got.Near.LevelDBFS != SilenceDBFS {
			t.Errorf("after: %+v", got)
		}
		if n := len(sent.take()); n != 0 {
			t.Errorf("%d packets sent after the stream was closed", n)
		}
		if err := s.SetCodec(codecs()[1]); !errors.Is(err, ErrClosed) {
			t.Errorf("SetCodec after Close: %v", err)
		}
		s.Receive(codecs()[0], 1, 1, []byte{1}, time.Now())
	})
}

func TestCodecChangesInTheMiddle(t *testing.T) {
	inEngine(t, NewTestDevice(440), nil, func(t *testing.T, e *Engine) {
		var mu sync.Mutex // over all that follows
		var s *Stream
		var seq uint16
		codec, ts := codecs()[0], map[string]uint32{}
		mu.Lock()
		s = open(t, e, codec, func(payload []byte, d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			s.Receive(codec, seq, ts[codec.Name], payload, time.Now())
			seq++
			ts[codec.Name] += uint32(int(d.Milliseconds()) * codec.ClockRate / 1000)
		})
		mu.Unlock()
		for _, c := range append(codecs(), codecs()[0]) {
			synctest.Wait()
			if err := s.SetCodec(c); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			codec = c
			mu.Unlock()
			time.Sleep(500 * time.Millisecond)
			synctest.Wait()
			if got := e.Status().Far; !near(got.FrequencyHz, 440, 10) {
				t.Errorf("%s: %+v", c, got)
			}
		}
		if err := s.SetCodec(Codec{Name: "G729"}); !errors.Is(err, ErrUnknownCodec) {
			t.Errorf("G729: %v", err)
		}
		s.Close()
		if got := s.Stats(); got.Received < 95 || got.Malformed != 0 {
			t.Errorf("counts over all codecs: %+v", got)
		}
	})
}

// scriptedDevice breaks as told, one error per run; nil runs until it is stopped.
type scriptedDevice struct {
	Device
	mu   sync.Mutex
	errs []error
	runs []time.Time
}

func (d *scriptedDevice) Name() string { return "card" }

func (d *scriptedDevice) Run(ctx context.Context, process func(capture, playback []int16)) error {
	d.mu.Lock()
	d.runs = append(d.runs, time.Now())
	var err error
	if len(d.errs) > 0 {
		err, d.errs = d.errs[0], d.errs[1:]
	}
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return d.Device.Run(ctx, process)
}

func TestBrokenDeviceLeavesTheCallUp(t *testing.T) {
	busy := errors.New("device is busy")
	device := &scriptedDevice{Device: NewTestDevice(440), errs: []error{busy, busy, busy}}
	var faults []error
	inEngine(t, device, func(err error) { faults = append(faults, err) }, func(t *testing.T, e *Engine) {
		var sent recorder
		began := time.Now()
		s := open(t, e, codecs()[0], sent.send)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if got := e.Status(); got.State != StateFailed || len(faults) != 3 || !errors.Is(faults[0], busy) {
			t.Errorf("%+v, faults %v", got, faults)
		}
		if n := len(sent.take()); n < 145 || n > 155 {
			t.Errorf("%d packets in three seconds without a device", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := e.Status(); got.State != StateRunning || len(faults) != 4 || faults[3] != nil || !near(got.Near.FrequencyHz, 440, 10) {
			t.Errorf("mended: %+v, faults %v", got, faults)
		}
		var waits []time.Duration
		for _, at := range device.runs {
			waits = append(waits, at.Sub(began))
		}
		if want := []time.Duration{0, firstBackOff, 3 * firstBackOff, 7 * firstBackOff}; !slices.Equal(waits, want) {
			t.Errorf("tried at %v, want %v", waits, want)
		}
		s.Close()
	})
}

func TestTonesAreHeard(t *testing.T) {
	for _, tc := range []struct {
		tone Tone
		at   time.Duration
		hz   float64
		ends bool
	}{
		{ToneRinging, 500 * time.Millisecond, 425, false},
		{ToneRinging, 5500 * time.Millisecond, 425, false},
		{ToneRinging, 3 * time.Second, 0, false},
		{ToneBusy, 300 * time.Millisecond, 425, true},
		{ToneNobody, 900 * time.Millisecond, 392, true},
		{ToneFault, 130 * time.Millisecond, 950, true},
		{ToneOpened, 400 * time.Millisecond, 1319, true},
		{ToneEnded, 400 * time.Millisecond, 440, true},
	} {
		t.Run(fmt.Sprintf("%s after %v", tc.tone, tc.at), func(t *testing.T) {
			inEngine(t, NewSilentDevice(), nil, func(t *testing.T, e *Engine) {
				e.Play(tc.tone)
				time.Sleep(tc.at)
				synctest.Wait()
				got := e.Status()
				if got.Tone != tc.tone || got.State != StateRunning || got.Device != "none" {
					t.Errorf("%+v", got)
				}
				if tc.hz == 0 && got.Speaker.LevelDBFS != SilenceDBFS ||
					tc.hz > 0 && (!near(got.Speaker.FrequencyHz, tc.hz, 10) || !near(got.Speaker.LevelDBFS, toneLevel, 2)) {
					t.Errorf("heard %+v, want %v Hz", got.Speaker, tc.hz)
				}
				if got.Far.LevelDBFS != SilenceDBFS {
					t.Errorf("a tone of our own taken for the far end: %+v", got.Far)
				}
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if ended := e.Status().State == StateIdle; ended != tc.ends {
					t.Errorf("ended by itself: %v", ended)
				}
				e.StopTone()
				time.Sleep(time.Second)
				if got = e.Status(); got.State != StateIdle || got.Tone != "" {
					t.Errorf("stopped: %+v", got)
				}
			})
		})
	}
}

func TestUnknownToneIsSilence(t *testing.T) {
	inEngine(t, NewSilentDevice(), nil, func(t *testing.T, e *Engine) {
		e.Play(ToneRinging)
		e.Play("nonsense")
		synctest.Wait()
		if got := e.Status(); got.State != StateIdle || got.Tone != "" {
			t.Errorf("%+v", got)
		}
	})
}

func TestLoudSoundIsClippedNotWrapped(t *testing.T) {
	to := []int16{30000, -30000, 1}
	mix(to, []int16{30000, -30000, 1})
	if !slices.Equal(to, []int16{32767, -32768, 2}) {
		t.Errorf("%v", to)
	}
}

func TestClosedEngineOpensNothing(t *testing.T) {
	e := NewEngine(NewSilentDevice(), EngineOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Run(ctx); err != nil {
		t.Error(err)
	}
	if _, err := e.Open(codecs()[0], func([]byte, time.Duration) {}, StreamOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if _, err := e.Open(Codec{Name: "speex"}, nil, StreamOptions{}); !errors.Is(err, ErrUnknownCodec) {
		t.Errorf("%v", err)
	}
	e.Play(ToneBusy)
}

// farEnd sends a tone of its own to a stream, in a codec that may change, with the sequence numbers of one RTP stream.
type farEnd struct {
	t     *testing.T
	to    *Stream
	coder map[string]coder
	seq   uint16
	ts    uint32
}

// says sends a tone for a while.
func (f *farEnd) says(c Codec, hz float64, d time.Duration) {
	f.t.Helper()
	if f.coder[c.Name] == nil {
		made, err := newCoder(c)
		if err != nil {
			f.t.Fatal(err)
		}
		f.coder[c.Name] = made
	}
	for i := range int(d / FrameDuration) {
		payload, err := f.coder[c.Name].encode(sine(hz, -20, FrameSamples, i*FrameSamples))
		if err != nil {
			f.t.Fatal(err)
		}
		f.seq++
		f.ts += uint32(FrameDuration.Milliseconds()) * uint32(c.ClockRate) / 1000
		f.to.Receive(c, f.seq, f.ts, payload, time.Now())
		time.Sleep(FrameDuration)
	}
}

func TestTheFarEndMaySpeakAnotherCodecThanTheDoor(t *testing.T) {
	inEngine(t, NewTestDevice(440), nil, func(t *testing.T, e *Engine) {
		s := open(t, e, codecs()[0], func([]byte, time.Duration) {})
		f := &farEnd{t: t, to: s, coder: map[string]coder{}}
		for i, c := range append(codecs(), codecs()...) {
			hz := 600 + 100*float64(i)
			f.says(c, hz, 400*time.Millisecond)
			if got := e.Status().Far; !near(got.FrequencyHz, hz, 15) || got.LevelDBFS < -25 {
				t.Errorf("%s: %+v, want %.0f Hz", c, got, hz)
			}
		}
		// What comes late, in the codec before, changes nothing.
		before := s.Stats().Received
		s.Receive(codecs()[0], f.seq-40, 1, []byte{0xf8, 1, 2}, time.Now())
		s.Receive(Codec{Name: "G729", ClockRate: 8000}, f.seq+1, 1, []byte{1}, time.Now())
		if got := s.Stats(); got.Received != before || got.Malformed != 1 {
			t.Errorf("of a late and of an unknown packet: %+v", got)
		}
		s.Close()
	})
}

func TestAMutedStreamIsNotHeardAndStillHears(t *testing.T) {
	inEngine(t, NewTestDevice(440), nil, func(t *testing.T, e *Engine) {
		var sent recorder
		s, err := e.Open(codecs()[0], sent.send, StreamOptions{Muted: true})
		if err != nil {
			t.Fatal(err)
		}
		f := &farEnd{t: t, to: s, coder: map[string]coder{}}
		f.says(codecs()[0], 1000, 400*time.Millisecond)
		if got := e.Status().Far; got.LevelDBFS > SilenceDBFS {
			t.Errorf("muted: %+v", got)
		}
		if len(sent.take()) == 0 {
			t.Error("the microphone is closed")
		}
		s.Mute(false)
		f.says(codecs()[0], 1000, 400*time.Millisecond)
		if got := e.Status().Far; !near(got.FrequencyHz, 1000, 15) {
			t.Errorf("open: %+v", got)
		}
		s.Mute(true)
		f.says(codecs()[0], 1000, 400*time.Millisecond)
		if got := e.Status().Far; got.LevelDBFS > SilenceDBFS {
			t.Errorf("muted again: %+v", got)
		}
		s.Close()
	})
}
