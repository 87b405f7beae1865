package audio

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeSystem is a sound system with one card, on the clock of the test. What is played comes back as what is heard.
type fakeSystem struct {
	mu      sync.Mutex
	cards   Cards
	plug    string
	lists   int
	openErr error
	half    error
	hang    chan struct{} // what opening, closing and listing wait for, if anything
	slow    time.Duration // how long the first listing takes
	still   bool          // opened, it does not move
	speed   int           // periods at once; 0 is 1
	open1   *fakeSession
	opened  int
}

type fakeSession struct {
	system *fakeSystem
	end    chan struct{}
	done   chan struct{}
	stop   func()
}

func (*fakeSession) describe() string { return "fake" }

func (s *fakeSession) close() {
	close(s.end)
	<-s.done
	if s.system.hang != nil {
		<-s.system.hang
	}
}

func (f *fakeSystem) plugged() string { f.mu.Lock(); defer f.mu.Unlock(); return f.plug }

func (f *fakeSystem) list() (Cards, error) {
	if f.hang != nil {
		<-f.hang
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lists++; f.lists == 1 {
		time.Sleep(f.slow)
	}
	return f.cards, nil
}

func (f *fakeSystem) open(_ string, move func(out, in []byte), stop func()) (soundSession, error, error) {
	if f.hang != nil {
		<-f.hang
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.openErr != nil {
		return nil, nil, f.openErr
	}
	f.opened++
	s := &fakeSession{system: f, end: make(chan struct{}), done: make(chan struct{}), stop: stop}
	f.open1 = s
	go func() {
		defer close(s.done)
		tick := time.NewTicker(periodMilliseconds * time.Millisecond)
		defer tick.Stop()
		sound := make([]byte, 2*FrameSamples/2)
		for {
			select {
			case <-s.end:
				return
			case <-tick.C:
			}
			f.mu.Lock()
			speed := max(1, f.speed)
			if f.still {
				speed = 0
			}
			f.mu.Unlock()
			for range speed {
				out, in := sound, append([]byte(nil), sound...)
				if errors.Is(f.half, ErrNoMicrophone) {
					in = nil
				}
				if errors.Is(f.half, ErrNoLoudspeaker) {
					out = nil
				}
				move(out, in)
			}
		}
	}()
	return s, f.half, nil
}

func porch() Cards {
	list := []CardInfo{{ID: "default", Name: "Default", Default: true}, {ID: ":1,0", Name: "USB Audio, Porch"}}
	return Cards{System: "ALSA", Microphones: list, Loudspeakers: list}
}

func TestACardMovesSoundBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSystem{}
		ctx, cancel := context.WithCancel(t.Context())
		frames, at := 0, time.Now()
		var m meter
		err := newCard("default", f, CardOptions{}).Run(ctx, func(capture, playback []int16) {
			copy(playback, sine(440, -15, FrameSamples, frames*FrameSamples))
			m.write(capture)
			if frames++; frames == 100 {
				cancel()
			}
		})
		if got := time.Since(at); err != nil || !near(got.Seconds(), 2, 0.1) {
			t.Errorf("100 frames took %s; %v", got, err)
		}
		// The frequency comes back clean only if no sample is lost, doubled or out of order.
		if got := m.read(); !near(got.FrequencyHz, 440, 2) || !near(got.LevelDBFS, -15, 0.2) {
			t.Errorf("what came back: %+v", got)
		}
	})
}

func TestWhatBreaksACard(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name   string
		system *fakeSystem
		within time.Duration
		want   error
	}{
		{"it can't be opened", &fakeSystem{openErr: broken}, time.Second, broken},
		{"it does not begin", &fakeSystem{still: true}, startLimit + time.Second, ErrStalled},
		{"nothing real is behind it", &fakeSystem{speed: 5}, 2 * time.Second, ErrNoClock},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				at := time.Now()
				err := newCard("default", c.system, CardOptions{}).Run(t.Context(), func(_, _ []int16) {})
				if !errors.Is(err, c.want) || time.Since(at) > c.within {
					t.Errorf("after %s: %v", time.Since(at), err)
				}
			})
		})
	}
}

func TestACardThatStopsIsNoticedAndComesBack(t *testing.T) {
	for name, stop := range map[string]func(*fakeSystem){
		"unplugged": func(f *fakeSystem) { f.open1.stop() },
		"stalled":   func(f *fakeSystem) { f.still = true },
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeSystem{cards: porch()}
			var faults []error
			inEngine(t, newCard("Porch", f, CardOptions{}), func(err error) { faults = append(faults, err) }, func(t *testing.T, e *Engine) {
				var sent recorder
				s := open(t, e, codecs()[0], sent.send)
				time.Sleep(time.Second)
				synctest.Wait()
				f.mu.Lock()
				stop(f)
				f.openErr = ErrNoDevice
				f.mu.Unlock()
				sent.take()
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if got := e.Status(); got.State != StateFailed || len(faults) == 0 {
					t.Errorf("%+v, %v", got, faults)
				}
				if n := len(sent.take()); n < 180 {
					t.Errorf("%d packets in five seconds without a card", n)
				}
				f.mu.Lock()
				f.openErr, f.still = nil, false
				f.mu.Unlock()
				time.Sleep(lastBackOff)
				synctest.Wait()
				if got := e.Status(); got.State != StateRunning || faults[len(faults)-1] != nil {
					t.Errorf("%+v, %v", got, faults)
				}
				s.Close()
			})
		})
	}
}

func TestASoundSystemThatHangsDoesNotHoldTheCallUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSystem{hang: make(chan struct{})}
		c := newCard("default", f, CardOptions{})
		for range 2 {
			at := time.Now()
			err := c.Run(t.Context(), func(_, _ []int16) {})
			if !errors.Is(err, ErrStuck) || time.Since(at) > openLimit+closeLimit {
				t.Errorf("after %s: %v", time.Since(at), err)
			}
		}
		if err := c.Probe(t.Context()); !errors.Is(err, ErrStuck) {
			t.Errorf("looking for it: %v", err)
		}
		close(f.hang)
		synctest.Wait()
		if len(c.held) != 0 {
			t.Error("the device is still held")
		}
	})
}

func TestAHalfCardWorksWithWhatThereIs(t *testing.T) {
	for _, half := range []error{ErrNoMicrophone, ErrNoLoudspeaker} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var missing error
			frames := 0
			c := newCard("default", &fakeSystem{half: half}, CardOptions{OnPart: func(err error) { missing = err }})
			err := c.Run(ctx, func(_, _ []int16) {
				if frames++; frames == 100 {
					cancel()
				}
			})
			if err != nil || !errors.Is(missing, half) || frames != 100 {
				t.Errorf("%v: %d frames, %v, missing %v", half, frames, err, missing)
			}
		})
	}
}

func TestAMissingCardIsAFaultBeforeAnybodyRings(t *testing.T) {
	f := &fakeSystem{}
	var faults []error
	inEngine(t, newCard("Porch", f, CardOptions{}), func(err error) { faults = append(faults, err) }, func(t *testing.T, e *Engine) {
		if len(faults) != 1 || !errors.Is(faults[0], ErrNoDevice) || e.Status().State != StateFailed {
			t.Fatalf("%v", faults)
		}
		time.Sleep(3 * probeEvery)
		synctest.Wait()
		if len(faults) != 1 {
			t.Errorf("told again: %v", faults)
		}
		f.mu.Lock()
		f.cards, f.plug = porch(), "pcmC1D0p"
		f.mu.Unlock()
		time.Sleep(probeEvery)
		synctest.Wait()
		if len(faults) != 2 || faults[1] != nil || e.Status().State != StateIdle {
			t.Errorf("plugged in: %v, %s", faults, e.Status().State)
		}
		f.mu.Lock()
		lists := f.lists
		f.mu.Unlock()
		time.Sleep(10 * probeEvery)
		synctest.Wait()
		if f.lists != lists {
			t.Errorf("listed %d times though nothing was plugged in or out", f.lists-lists)
		}
	})
}

// TestASlowStartIsNoLastingFault: a machine that boots may take long to list its devices, once.
func TestASlowStartIsNoLastingFault(t *testing.T) {
	f := &fakeSystem{cards: porch(), plug: "pcmC1D0p", slow: 2 * openLimit}
	var mu sync.Mutex
	var faults []error
	told := func() []error {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(faults)
	}
	onFault := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		faults = append(faults, err)
	}
	inEngine(t, newCard("Porch", f, CardOptions{}), onFault, func(t *testing.T, e *Engine) {
		time.Sleep(openLimit)
		if all := told(); len(all) != 1 || !errors.Is(all[0], ErrStuck) {
			t.Fatalf("%v", all)
		}
		time.Sleep(probeEvery)
		if all := told(); len(all) != 2 || all[1] != nil || e.Status().State != StateIdle {
			t.Errorf("it is listed again, and: %v, %s", all, e.Status().State)
		}
	})
}

func TestCardsByName(t *testing.T) {
	only := Cards{System: "ALSA", Microphones: []CardInfo{{ID: ":2,0", Name: "Webcam"}}}
	for _, c := range []struct {
		cards       Cards
		name        string
		microphone  string
		loudspeaker string
		err         error
	}{
		{porch(), "default", "", "", nil},
		{porch(), "porch", ":1,0", ":1,0", nil},
		{porch(), "hw:1,0", ":1,0", ":1,0", nil},
		{porch(), "plughw:1,0", ":1,0", ":1,0", nil},
		{porch(), "Garden", "", "", ErrNoDevice},
		{only, "webcam", ":2,0", "", ErrNoLoudspeaker},
		{only, "default", "", "", ErrNoLoudspeaker},
		{Cards{System: "ALSA"}, "default", "", "", ErrNoDevice},
	} {
		got, err := c.cards.choose(c.name)
		id := func(i *CardInfo) string {
			if i == nil {
				return ""
			}
			return i.ID
		}
		if id(got.microphone) != c.microphone || id(got.loudspeaker) != c.loudspeaker || !errors.Is(errors.Join(err, got.half), c.err) {
			t.Errorf("%s among %s: %q, %q, %v, %v", c.name, c.cards, id(got.microphone), id(got.loudspeaker), got.half, err)
		}
		if errors.Is(c.err, ErrNoDevice) && !strings.Contains(err.Error(), c.cards.String()) {
			t.Errorf("the error does not tell what there is: %v", err)
		}
	}
}

// TestALateGoroutineIsSilenceAndNoDelay: what waits for the loudspeaker stays bounded whatever happens.
func TestALateGoroutineIsSilenceAndNoDelay(t *testing.T) {
	b := newBridge()
	out, in := make([]byte, FrameSamples), make([]byte, FrameSamples)
	for range 100 { // a second in which nobody takes anything
		b.move(out, in)
	}
	if b.missed.Load() == 0 {
		t.Error("nothing was missed")
	}
	for range 8 {
		b.played.write(make([]int16, FrameSamples))
	}
	b.move(out, in)
	if got := b.played.length(); got > playoutDepth {
		t.Errorf("%d samples wait", got)
	}
}

// TestALoudspeakerWithAThreadOfItsOwn: its clock is another than the microphone's and it takes as much at once as it likes. What is lost
// for that is lost in few places; each is a click.
func TestALoudspeakerWithAThreadOfItsOwn(t *testing.T) {
	for _, c := range []struct {
		name   string
		period int64 // samples that the loudspeaker takes at once
		faster int64 // by so many of a million
		most   int   // gaps
	}{
		{"one clock", 480, 0, 0},
		{"faster", 480, 200, 7},
		{"slower", 480, -200, 0},
		{"dmix's periods", 1024, 0, 0},
		{"long periods", 2048, 0, 0},
		{"longer ones", 4096, 0, 1},
	} {
		b := newBridge()
		in, out := make([]byte, 2*480), make([]byte, 2*c.period)
		capture, playback := make([]int16, FrameSamples), make([]int16, FrameSamples)
		for i := range playback {
			playback[i] = 1000
		}
		gaps, owed := 0, int64(0)
		for step := range 5 * 60 * 100 { // five minutes in steps of 10 ms
			b.move(nil, in)
			for b.heard.read(capture) {
				if b.loudspeaker.Load() {
					b.played.write(playback)
				}
			}
			for owed += 480 * (1e6 + c.faster); owed >= c.period*1e6; owed -= c.period * 1e6 {
				before := b.missed.Load()
				b.move(out, []byte{})
				if b.missed.Load() > before && step > 100 {
					gaps++
				}
			}
		}
		if heard := out[0] != 0; gaps > c.most || !heard {
			t.Errorf("%s: %d gaps; heard at last: %v", c.name, gaps, heard)
		}
	}
}

func TestTheCallbackAllocatesNothing(t *testing.T) {
	b := newBridge()
	out, in := make([]byte, FrameSamples), make([]byte, FrameSamples)
	binary.LittleEndian.PutUint16(in, 1)
	if n := testing.AllocsPerRun(100, func() { b.move(out, in) }); n != 0 {
		t.Errorf("%.0f allocations", n)
	}
}
