package camera

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeSource delivers a picture each 100 ms, every one that is asked for at once. script says how its runs differ.
type fakeSource struct {
	mu     sync.Mutex
	runs   []time.Time // when each run began
	forced []time.Time
	ended  []time.Time
	rates  []int // of each run's start, and each asked for
	traits Traits
	every  int // pictures from one IDR to the next, 0: only when asked
	script func(run int) fakeRun
	force  chan struct{} // made inside the bubble of synctest
}

// fakeRun is how one run of a fakeSource goes.
type fakeRun struct {
	pictures int // then it stalls, or ends with err; 0: goes on for ever, -1: none
	err      error
}

func newFakeSource(script func(run int) fakeRun) *fakeSource {
	if script == nil {
		script = func(int) fakeRun { return fakeRun{} }
	}
	return &fakeSource{script: script}
}

func (s *fakeSource) Name() string   { return "fake" }
func (s *fakeSource) Traits() Traits { return s.traits }

func (s *fakeSource) SetBitrate(bps int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rates = append(s.rates, bps)
}

func (s *fakeSource) ForceIDR() {
	s.mu.Lock()
	s.forced = append(s.forced, time.Now())
	s.mu.Unlock()
	if !s.traits.FixedGroups {
		signal(s.force)
	}
}

func (s *fakeSource) Run(ctx context.Context, p Params, out func(AccessUnit)) error {
	s.mu.Lock()
	s.rates = append(s.rates, p.Bitrate)
	run := s.script(len(s.runs))
	s.runs = append(s.runs, time.Now())
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.ended = append(s.ended, time.Now())
		s.mu.Unlock()
	}()
	began := time.Now()
	drain(s.force)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	idr := true
	for n := 0; run.pictures == 0 || n < run.pictures; n++ {
		idr = idr || s.every > 0 && n%s.every == 0
		out(AccessUnit{Data: []byte{byte(n)}, PTS: time.Since(began), Captured: time.Now(), IDR: idr})
		select {
		case <-ctx.Done():
			return nil
		case <-s.force:
			idr = s.every == 0
		case <-ticker.C:
			idr = false
		}
	}
	if run.err != nil {
		return run.err
	}
	<-ctx.Done()
	return nil
}

func (s *fakeSource) seen() (runs, forced, ended []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.runs), slices.Clone(s.forced), slices.Clone(s.ended)
}

// inHub runs test with a running hub on a fake clock.
func inHub(t *testing.T, src *fakeSource, onFault func(error), test func(t *testing.T, h *Hub)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		src.force = make(chan struct{}, 1)
		h := NewHub(src, Params{Width: 640, Height: 480, Framerate: 10, Bitrate: 500_000}, HubOptions{OnFault: onFault})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()
		synctest.Wait()
		test(t, h)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if got := h.Status(); got.State != StateIdle || got.Readers != 0 {
			t.Errorf("after the end: %+v", got)
		}
	})
}

// next reads one picture without waiting for it longer than a second.
func next(t *testing.T, r *Reader) AccessUnit {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	au, err := r.Next(ctx)
	if err != nil {
		t.Fatalf("no picture: %v", err)
	}
	return au
}

func TestHubRunsTheSourceOnlyForReaders(t *testing.T) {
	src := newFakeSource(nil)
	inHub(t, src, nil, func(t *testing.T, h *Hub) {
		time.Sleep(time.Minute)
		if runs, _, _ := src.seen(); len(runs) != 0 || h.Status().State != StateIdle {
			t.Fatalf("%d runs without a reader, state %s", len(runs), h.Status().State)
		}

		first := h.Subscribe()
		if au := next(t, first); !au.IDR || au.PTS != 0 {
			t.Errorf("the first picture: %+v", au)
		}
		second := h.Subscribe()
		synctest.Wait()
		if got := h.Status(); got.State != StateRunning || got.Readers != 2 {
			t.Errorf("with two readers: %+v", got)
		}
		first.Close()
		second.Close()

		time.Sleep(linger - time.Second)
		again := h.Subscribe() // a second visitor within the ten seconds
		time.Sleep(linger + time.Second)
		again.Close()
		left := time.Now()
		time.Sleep(linger + time.Second)
		runs, _, ended := src.seen()
		if len(runs) != 1 || len(ended) != 1 || ended[0].Sub(left) != linger {
			t.Errorf("%d runs; ended %v, last reader left at %v", len(runs), ended, left)
		}
		if got := h.Status().State; got != StateIdle {
			t.Errorf("state %s without readers", got)
		}
	})
}

func TestReaderBeginsWithAnIDRAtOnce(t *testing.T) {
	src := newFakeSource(nil)
	inHub(t, src, nil, func(t *testing.T, h *Hub) {
		early := h.Subscribe()
		defer early.Close()
		next(t, early)
		if _, forced, _ := src.seen(); len(forced) != 0 {
			t.Errorf("%d IDRs asked for at the start, where the first picture is one", len(forced))
		}
		time.Sleep(time.Second + 50*time.Millisecond)
		late := h.Subscribe()
		defer late.Close()
		joined := time.Now()
		au := next(t, late)
		if !au.IDR || au.Captured != joined {
			t.Errorf("joined at %v, first picture %+v", joined, au)
		}
		if next(t, late).IDR {
			t.Error("the second picture is an IDR again")
		}
	})
}

func TestKeyFrameRequestsAreCoalesced(t *testing.T) {
	for name, c := range map[string]struct {
		after, gap time.Duration // of the latest reader's coming
	}{
		"at once":                       {0, firstKeyFrameGap},
		"in a call's first moments":     {time.Second, firstKeyFrameGap},
		"when a call has long been up":  {firstMoments, keyFrameGap},
		"when nobody has come for long": {time.Minute, keyFrameGap},
	} {
		t.Run(name, func(t *testing.T) {
			src := newFakeSource(nil)
			inHub(t, src, nil, func(t *testing.T, h *Hub) {
				first := h.Subscribe()
				defer first.Close()
				time.Sleep(time.Minute)
				last := h.Subscribe()
				defer last.Close()
				came := time.Now()
				time.Sleep(c.after)
				synctest.Wait()
				_, before, _ := src.seen()
				began := time.Now()
				for range 25 { // each 10 ms
					h.RequestKeyFrame()
					synctest.Wait()
					time.Sleep(10 * time.Millisecond)
				}
				time.Sleep(time.Second)
				_, forced, _ := src.seen()
				var want []time.Time
				for at := began; at.Before(began.Add(250*time.Millisecond + c.gap)); at = at.Add(c.gap) {
					want = append(want, at)
				}
				got := forced[len(before):]
				if c.after == 0 { // the one that Subscribe asks for comes first
					got = append([]time.Time{came}, got...)
				}
				if !slices.Equal(got, want) {
					t.Errorf("asked the source at %v, want %v", got, want)
				}
			})
		})
	}
}

func TestReaderThatComesWaitsForNobody(t *testing.T) {
	src := newFakeSource(nil)
	inHub(t, src, nil, func(t *testing.T, h *Hub) {
		early := h.Subscribe()
		defer early.Close()
		time.Sleep(time.Minute)
		for range 2 { // the second one waits
			h.RequestKeyFrame()
			synctest.Wait()
		}
		began := time.Now()
		late := h.Subscribe()
		defer late.Close()
		if au := next(t, late); au.Captured != began {
			t.Errorf("its first picture came %v late", au.Captured.Sub(began))
		}
	})
}

func TestSlowReaderLosesWholePicturesAndStallsNobody(t *testing.T) {
	src := newFakeSource(nil)
	inHub(t, src, nil, func(t *testing.T, h *Hub) {
		slow, quick := h.Subscribe(), h.Subscribe()
		defer slow.Close()
		defer quick.Close()
		next(t, slow)
		for range 50 {
			next(t, quick)
		}
		if _, forced, _ := src.seen(); len(forced) != 0 {
			t.Errorf("a reader that does not read cost the others %d IDRs", len(forced))
		}
		dropped := slow.Dropped()
		if dropped < 40 || quick.Dropped() != 0 {
			t.Errorf("the slow one lost %d, the quick one %d", dropped, quick.Dropped())
		}
		woke := time.Now()
		if au := next(t, slow); !au.IDR || au.Captured.Before(woke) || au.Captured.Sub(woke) > keyFrameGap {
			t.Errorf("back at %v it was given %+v", woke, au)
		}
		if slow.Dropped() != dropped {
			t.Errorf("lost %d more though it reads again", slow.Dropped()-dropped)
		}
	})
}

func TestHubRestartsASourceThatStalls(t *testing.T) {
	src := newFakeSource(func(run int) fakeRun {
		if run == 0 {
			return fakeRun{pictures: 5}
		}
		return fakeRun{}
	})
	var faults []error
	inHub(t, src, func(err error) { faults = append(faults, err) }, func(t *testing.T, h *Hub) {
		reader := h.Subscribe()
		defer reader.Close()
		var last AccessUnit
		for range 5 {
			last = next(t, reader)
		}
		time.Sleep(stall + firstBackOff/2)
		synctest.Wait()
		if h.Status().State != StateRestarting || len(faults) != 1 || !errors.Is(faults[0], ErrStalled) {
			t.Fatalf("state %s, faults %v", h.Status().State, faults)
		}
		au := next(t, reader)
		if !au.IDR {
			t.Error("goes on with a picture that cannot be decoded")
		}
		if got := au.PTS - last.PTS; got != stall+firstBackOff {
			t.Errorf("the stream's clock went on by %v in %v", got, stall+firstBackOff)
		}
		synctest.Wait()
		if h.Status().State != StateRunning || len(faults) != 2 || faults[1] != nil {
			t.Errorf("state %s, faults %v", h.Status().State, faults)
		}
	})
}

// TestAFaultEndsThoughNobodyWatches is a source that broke as the visit ended: nobody comes for an hour, and the fault must not stand
// for as long. It is slow to start, too.
func TestAFaultEndsThoughNobodyWatches(t *testing.T) {
	src := newFakeSource(func(run int) fakeRun {
		switch run {
		case 0:
			return fakeRun{pictures: 1, err: errors.New("unplugged")}
		case 1:
			return fakeRun{pictures: -1}
		default:
			return fakeRun{}
		}
	})
	src.traits = Traits{Start: 3 * linger}
	var faults []error
	inHub(t, src, func(err error) { faults = append(faults, err) }, func(t *testing.T, h *Hub) {
		reader := h.Subscribe()
		time.Sleep(50 * time.Millisecond)
		reader.Close()
		time.Sleep(time.Hour)
		runs, _, ended := src.seen()
		if len(faults) != 3 || faults[0] == nil || faults[1] == nil || faults[2] != nil || h.Status().State != StateIdle {
			t.Errorf("told %v, want two failures and their end; state %s", faults, h.Status().State)
		}
		if len(runs) != 3 || ended[2].Sub(runs[2]) != linger {
			t.Errorf("ran at %v until %v: not for as long as it needs to prove itself", runs, ended)
		}
	})
}

// TestWhoComesToABrokenCameraWaitsForNoPause of those that are made while nobody watches.
func TestWhoComesToABrokenCameraWaitsForNoPause(t *testing.T) {
	src := newFakeSource(nil)
	broken := true
	src.script = func(int) fakeRun {
		if broken {
			return fakeRun{pictures: -1, err: errors.New("unplugged")}
		}
		return fakeRun{}
	}
	inHub(t, src, nil, func(t *testing.T, h *Hub) {
		reader := h.Subscribe()
		time.Sleep(50 * time.Millisecond)
		reader.Close()
		time.Sleep(time.Hour)
		src.mu.Lock()
		broken = false
		src.mu.Unlock()
		reader = h.Subscribe()
		defer reader.Close()
		next(t, reader)
	})
}

// forgetfulSource is told of another rate while it begins, and then forgets what it was told before, as sources do.
type forgetfulSource struct {
	*fakeSource
	begins func()
}

func (s *forgetfulSource) Run(ctx context.Context, p Params, out func(AccessUnit)) error {
	s.begins()
	return s.fakeSource.Run(ctx, p, out)
}

func TestARateThatIsSetWhileTheSourceBeginsIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeSource(nil)
		fake.force = make(chan struct{}, 1)
		src := &forgetfulSource{fakeSource: fake}
		h := NewHub(src, Params{Width: 640, Height: 480, Framerate: 10, Bitrate: 500_000}, HubOptions{})
		src.begins = func() { h.SetBitrate(200_000) }
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()
		reader := h.Subscribe()
		next(t, reader)
		synctest.Wait()
		fake.mu.Lock()
		if got := fake.rates; got[len(got)-1] != 200_000 {
			t.Errorf("the source has %v", got)
		}
		fake.mu.Unlock()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestHubBacksOffFromASourceThatEnds(t *testing.T) {
	broken := errors.New("unplugged")
	src := newFakeSource(func(run int) fakeRun {
		switch {
		case run == 0:
			return fakeRun{pictures: -1} // says nothing and stalls
		case run < 8:
			return fakeRun{pictures: 1, err: broken}
		default:
			return fakeRun{}
		}
	})
	var faults []error
	inHub(t, src, func(err error) { faults = append(faults, err) }, func(t *testing.T, h *Hub) {
		reader := h.Subscribe()
		defer reader.Close()
		time.Sleep(time.Minute)
		runs, _, ended := src.seen()
		if len(runs) != 9 {
			t.Fatalf("%d runs in a minute", len(runs))
		}
		for i, want := 1, firstBackOff; i < len(runs); i, want = i+1, min(2*want, lastBackOff) {
			if got := runs[i].Sub(ended[i-1]); got != want {
				t.Errorf("run %d came %v after the failure before, want %v", i, got, want)
			}
		}
		if h.Status().State != StateRunning || faults[len(faults)-1] != nil {
			t.Errorf("mended: state %s, last fault %v", h.Status().State, faults[len(faults)-1])
		}
		failures := slices.DeleteFunc(slices.Clone(faults), func(err error) bool { return err == nil })
		if len(failures) != 8 || !errors.Is(failures[0], ErrStalled) || !errors.Is(failures[1], broken) {
			t.Errorf("faults %v", faults)
		}
	})
}

func TestHubCallsASourceFailedThatNeverWorks(t *testing.T) {
	src := newFakeSource(func(int) fakeRun { return fakeRun{pictures: -1, err: errors.New("no such device")} })
	inHub(t, src, nil, func(t *testing.T, h *Hub) {
		reader := h.Subscribe()
		time.Sleep(10 * time.Second)
		if got := h.Status(); got.State != StateFailed || got.Frames != 0 {
			t.Errorf("%+v", got)
		}
		reader.Close()
		before, _, _ := src.seen()
		time.Sleep(time.Hour)
		if after, _, _ := src.seen(); len(after) > len(before)+16 || len(after) < len(before)+12 {
			t.Errorf("tried %d times in an hour while nobody watched", len(after)-len(before))
		}
	})
}

func TestReaderEnds(t *testing.T) {
	src := newFakeSource(nil)
	synctest.Test(t, func(t *testing.T) {
		src.force = make(chan struct{}, 1)
		h := NewHub(src, Params{Framerate: 10}, HubOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()
		first, second := h.Subscribe(), h.Subscribe()
		short, stop := context.WithCancel(t.Context())
		stop()
		idle := h.Subscribe()
		next(t, idle)
		if _, err := idle.Next(short); !errors.Is(err, context.Canceled) {
			t.Errorf("with its context ended: %v", err)
		}
		first.Close()
		first.Close()
		if _, err := first.Next(t.Context()); !errors.Is(err, ErrReaderClosed) {
			t.Errorf("closed: %v", err)
		}
		time.AfterFunc(time.Second, cancel)
		for {
			if _, err := second.Next(t.Context()); err != nil {
				if !errors.Is(err, ErrReaderClosed) {
					t.Errorf("at the hub's end: %v", err)
				}
				break
			}
		}
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if _, err := h.Subscribe().Next(t.Context()); !errors.Is(err, ErrReaderClosed) {
			t.Errorf("after the hub's end: %v", err)
		}
	})
}
