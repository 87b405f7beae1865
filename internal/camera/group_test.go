package camera

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// inGroups is a source that gives an IDR each second and can be asked for nothing.
func inGroups() *fakeSource {
	src := newFakeSource(nil)
	src.traits = Traits{FixedGroups: true, FixedBitrate: true}
	src.every = 10
	return src
}

func TestANewReaderIsGivenTheNewestGroupAtOnce(t *testing.T) {
	src := inGroups()
	inHub(t, src, nil, func(t *testing.T, h *Hub) {
		early := h.Subscribe()
		defer early.Close()
		var newest AccessUnit
		for range 28 { // the third group is eight pictures long
			newest = next(t, early)
		}
		joined := time.Now()
		late := h.Subscribe()
		defer late.Close()
		var group []AccessUnit
		for range 8 {
			group = append(group, next(t, late))
		}
		if waited := time.Since(joined); waited != 0 {
			t.Errorf("it waited %v for its first pictures", waited)
		}
		for i, au := range group {
			if au.IDR != (i == 0) || !slices.Equal(au.Data, []byte{byte(20 + i)}) {
				t.Errorf("picture %d of the replay: %+v", i, au)
			}
			if want := newest.PTS - time.Duration(7-i)*replayStep; au.PTS != want {
				t.Errorf("picture %d of the replay is for %v, want %v: it is not to be shown late", i, au.PTS, want)
			}
		}
		if au, live := next(t, early), next(t, late); au.PTS != live.PTS || live.IDR {
			t.Errorf("goes on with %+v, the other one with %+v", live, au)
		}
		if late.Dropped() != 0 {
			t.Errorf("lost %d pictures", late.Dropped())
		}
	})
}

func TestAViewerThatMissedTheKeyFrameIsGivenTheGroupAgain(t *testing.T) {
	src := inGroups()
	inHub(t, src, nil, func(t *testing.T, h *Hub) {
		r, other := h.Subscribe(), h.Subscribe()
		defer r.Close()
		defer other.Close()
		var newest AccessUnit
		for range 14 { // the second group is four pictures long
			newest = next(t, r)
			next(t, other)
		}
		asked := time.Now()
		r.RequestKeyFrame()
		r.RequestKeyFrame() // at once again: once is enough
		for i := range 4 {
			au := next(t, r)
			if au.IDR != (i == 0) || !slices.Equal(au.Data, []byte{byte(10 + i)}) || au.PTS <= newest.PTS {
				t.Errorf("picture %d of the replay: %+v, after one for %v", i, au, newest.PTS)
			}
			newest = au
		}
		if waited := time.Since(asked); waited != 0 {
			t.Errorf("it waited %v", waited)
		}
		live := next(t, r)
		if !slices.Equal(live.Data, []byte{14}) || live.PTS <= newest.PTS {
			t.Errorf("goes on with %+v after one for %v", live, newest.PTS)
		}
		if au := next(t, other); au.PTS != live.PTS || au.IDR {
			t.Errorf("another reader is given %+v, want %+v: it has asked for nothing", au, live)
		}
	})
}

func TestALongReplayDoesNotMakeAReaderSlow(t *testing.T) {
	src := inGroups()
	src.every = 100
	inHub(t, src, nil, func(t *testing.T, h *Hub) {
		early := h.Subscribe()
		defer early.Close()
		for range 60 {
			next(t, early)
		}
		late := h.Subscribe()
		defer late.Close()
		for range 3 { // it has a moment, in which pictures come
			next(t, early)
		}
		for i := range 63 {
			if au := next(t, late); !slices.Equal(au.Data, []byte{byte(i)}) {
				t.Fatalf("picture %d: %+v", i, au)
			}
		}
		if late.Dropped() != 0 {
			t.Errorf("lost %d pictures", late.Dropped())
		}
		for range 20 { // now it is slow
			next(t, early)
		}
		if late.Dropped() == 0 {
			t.Error("its queue has no end")
		}
	})
}

func TestTheGroupIsBoundedAndOfThisRun(t *testing.T) {
	g := &group{}
	g.add(AccessUnit{})
	g.add(AccessUnit{IDR: true})
	for range maxGroupPictures - 1 {
		g.add(AccessUnit{})
	}
	if got := len(g.replay()); got != maxGroupPictures {
		t.Errorf("%d pictures", got)
	}
	g.add(AccessUnit{})
	if got := len(g.replay()); got != 0 {
		t.Errorf("%d pictures of an endless group", got)
	}
	g.add(AccessUnit{IDR: true, Data: make([]byte, maxGroupBytes)})
	g.add(AccessUnit{Data: make([]byte, 1)})
	if got := len(g.replay()); got != 0 {
		t.Errorf("%d pictures of a group that is too big", got)
	}

	src := inGroups()
	inHub(t, src, nil, func(t *testing.T, h *Hub) {
		first := h.Subscribe()
		next(t, first)
		first.Close()
		time.Sleep(linger + time.Minute)
		back := h.Subscribe()
		defer back.Close()
		began := time.Now()
		if au := next(t, back); !au.IDR || au.Captured.Before(began) {
			t.Errorf("an old picture is shown: %+v at %v", au, began)
		}
	})
}

func TestTheBitRateIsTheStreams(t *testing.T) {
	for name, c := range map[string]struct {
		fixed bool
		rates []int // what the source was told: at its start, and then
		runs  int
	}{
		"a source that can":    {false, []int{500_000, 200_000}, 1},
		"a source that cannot": {true, []int{500_000, 200_000, 200_000}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			src := newFakeSource(nil)
			src.traits = Traits{FixedBitrate: c.fixed}
			var faults []error
			inHub(t, src, func(err error) { faults = append(faults, err) }, func(t *testing.T, h *Hub) {
				reader := h.Subscribe()
				defer reader.Close()
				before := next(t, reader)
				if now := h.SetBitrate(200_000); now == c.fixed {
					t.Errorf("taken at once: %v", now)
				} else if !now {
					h.Restart()
				}
				synctest.Wait()
				time.Sleep(time.Second)
				for range 3 {
					if au := next(t, reader); au.PTS <= before.PTS {
						t.Errorf("%v after %v", au.PTS, before.PTS)
					}
				}
				runs, _, _ := src.seen()
				if len(runs) != c.runs || !slices.Equal(src.rates, c.rates) || h.Status().Bitrate != 200_000 || len(faults) != 0 {
					t.Errorf("%d runs, rates %v, status %+v, faults %v", len(runs), src.rates, h.Status(), faults)
				}
			})
		})
	}
}

func TestASourceMayTakeLongerForItsFirstPicture(t *testing.T) {
	src := newFakeSource(func(int) fakeRun { return fakeRun{pictures: -1} })
	src.traits = Traits{Start: 7 * time.Second}
	var at []time.Time
	inHub(t, src, func(error) { at = append(at, time.Now()) }, func(t *testing.T, h *Hub) {
		began := time.Now()
		reader := h.Subscribe()
		defer reader.Close()
		time.Sleep(7*time.Second + time.Millisecond)
		synctest.Wait()
		if len(at) != 1 || at[0].Sub(began) != 7*time.Second {
			t.Errorf("a fault at %v, began %v", at, began)
		}
	})
}
