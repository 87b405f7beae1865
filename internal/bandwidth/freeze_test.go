package bandwidth

import (
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
