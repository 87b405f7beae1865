package bandwidth

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestADelayThatIsNotOursFreezesNothing is somebody else's upload in the same queue: the picture that was given up returns as soon as it is
// clear that giving it up changes nothing, and with it the rate.
func TestADelayThatIsNotOursFreezesNothing(t *testing.T) {
	for _, delay := range []time.Duration{500 * time.Millisecond, 800 * time.Millisecond} {
		w := newWorld(t, door)
		w.run(5 * time.Second)
		w.fixed = delay
		frozen := time.Duration(0)
		for range 100 {
			w.run(100 * time.Millisecond)
			if w.skipping {
				frozen += 100 * time.Millisecond
			}
		}
		if frozen > 2*time.Second {
			t.Errorf("a delay of %v that is not ours freezes the picture for %v", delay, frozen)
		}
		if got := w.decide.Target; got < door.Start*8/10 {
			t.Errorf("ten seconds later the target is %d", got)
		}
	}
}

// TestATrialLeavesRoomForWhatIsLost is a bad radio: while a lower rate is tried, and behind that, as much is lost as before.
func TestATrialLeavesRoomForWhatIsLost(t *testing.T) {
	const loss = 0.18
	w := newWorld(t, door)
	w.run(5 * time.Second)
	w.loss = loss
	w.run(time.Second)
	tried := false
	for range 120 {
		w.run(100 * time.Millisecond)
		tried = tried || w.policy.trial != nil
		need := 1.2 * loss * float64(w.decide.Target) // what is sent again is lost, too
		if got := float64(w.decide.Resend); got < need {
			t.Fatalf("at a target of %d only %.0f bit/s may be sent again, want %.0f", w.decide.Target, got, need)
		}
	}
	if !tried {
		t.Error("nothing was tried")
	}
}

// TestWhatIsWithheldIsMended is a picture that lacks packets for good: a key frame follows, during a trial and soon after another, too.
func TestWhatIsWithheldIsMended(t *testing.T) {
	for _, trial := range []bool{true, false} {
		w := newWorld(t, door)
		w.run(5 * time.Second)
		if trial {
			w.loss = 0.2
			for range 50 {
				if w.run(100 * time.Millisecond); w.policy.trial != nil {
					break
				}
			}
			if w.policy.trial == nil {
				t.Fatal("nothing was tried")
			}
		} else {
			w.sample.Withheld++
			w.run(200 * time.Millisecond) // makes a key frame
		}
		before := w.keyFrames
		w.sample.Withheld++
		w.run(mendGap)
		if w.keyFrames == before {
			t.Errorf("trial %v: no key frame within %v", trial, mendGap)
		}
		before = w.keyFrames
		w.loss = 0
		w.run(5 * time.Second)
		if w.keyFrames > before+1 {
			t.Errorf("trial %v: %d key frames more for nothing", trial, w.keyFrames-before)
		}
	}
}

// TestWhatWasGivenUpIsShownOnAnotherWay is a roam away from a way so bad that pictures were given up.
func TestWhatWasGivenUpIsShownOnAnotherWay(t *testing.T) {
	w := newWorld(t, door)
	w.run(5 * time.Second)
	w.rate, w.queue = 200_000, 2*time.Second
	for range 50 {
		if w.run(100 * time.Millisecond); w.skipping {
			break
		}
	}
	if !w.skipping {
		t.Fatal("no picture was given up")
	}
	w.rate, w.busyTo, w.flights = 0, w.now, nil
	w.sample.Way, w.sample.RoundTrips, w.sample.RoundTrip = 2, 0, 0
	w.run(300 * time.Millisecond)
	if w.skipping {
		t.Error("no key frame is made on the new way")
	}
}

// TestChanceConvictsNoRate is a bad radio, many times: now and then more is lost for a moment, a lower rate is tried, and then less is
// lost, as usual. That is not the lower rate's doing.
func TestChanceConvictsNoRate(t *testing.T) {
	const calls = 40
	convicted := 0
	for _, loss := range []float64{0.1, 0.12} {
		for seed := range uint64(calls / 2) {
			w := newWorld(t, door)
			w.random = rand.New(rand.NewPCG(seed, 7))
			w.run(5 * time.Second)
			w.loss = loss
			guilty := false
			for range 600 {
				w.run(100 * time.Millisecond)
				guilty = guilty || w.policy.ceiling > 0
			}
			if guilty {
				convicted++
			}
		}
	}
	t.Logf("%d of %d", convicted, calls)
	if convicted > calls/20 {
		t.Errorf("the rate is found guilty in %d of %d calls", convicted, calls)
	}
}

// TestALossOfNearlyAllIsNobodysNature is a link that takes less than a tenth of what is sent, and lets no check through that would tell.
func TestALossOfNearlyAllIsNobodysNature(t *testing.T) {
	for seed := range uint64(10) {
		w := newWorld(t, door)
		w.random = rand.New(rand.NewPCG(seed, 7))
		w.run(10 * time.Second)
		w.rate, w.queue = 100_000, 30*time.Millisecond
		w.run(10 * time.Second)
		if got := mean(w.lately(2 * time.Second)); got > door.Start/4 {
			t.Errorf("after 10 s the target is %d", got)
		}
	}
}
