package bandwidth

import (
	"testing"
	"time"
)

func TestAnEstimateIsTheTarget(t *testing.T) {
	w := newWorld(t, door)
	w.run(2 * time.Second)
	for _, c := range []struct {
		estimate, least, most int
		cause                 Cause
	}{
		{600_000, 560_000, 600_000, CauseGCC},
		{50_000, door.Min, door.Min, CauseGCC},
		{900_000, 850_000, 900_000, CauseGCC},
		{9_000_000, door.Max, door.Max, CauseNone},
	} {
		w.sample.Estimate = c.estimate
		// The rules of one's own have reason to act, and do not.
		w.loss = 0.3
		w.run(3 * time.Second)
		if got := w.decide; got.Target < c.least || got.Target > c.most || got.Cause != c.cause {
			t.Errorf("estimated %d: %d because of %q", c.estimate, got.Target, got.Cause)
		}
		w.loss = 0
		w.run(3 * time.Second)
	}
}

// TestWithoutAnEstimateTheRulesGoOn is a far side that stops to report on each packet, before and while the link is slow.
func TestWithoutAnEstimateTheRulesGoOn(t *testing.T) {
	w := newWorld(t, door)
	w.sample.Estimate = 500_000
	w.run(5 * time.Second)
	w.sample.Estimate = 0
	w.run(100 * time.Millisecond)
	if got := w.decide.Target; got < 450_000 || got > 550_000 {
		t.Fatalf("the rules begin with %d, want where the estimate was", got)
	}
	w.run(20 * time.Second)
	if got := w.decide; got.Target != door.Max || got.Cause != CauseNone {
		t.Fatalf("on a good link: %d because of %q", got.Target, got.Cause)
	}
	w.sample.Estimate = 5_000_000 // an optimist
	w.rate, w.queue = 500_000, 300*time.Millisecond
	w.run(2 * time.Second)
	w.sample.Estimate = 0
	w.run(6 * time.Second)
	if got := w.onWire(mean(w.lately(time.Second))); got > 550_000 || w.decide.Cause != CauseDelay {
		t.Errorf("6 s later %d bit/s leave because of %q", got, w.decide.Cause)
	}
}

// TestALongQueueIsEmptiedDespiteAnEstimate: it lowers the rate too little for that.
func TestALongQueueIsEmptiedDespiteAnEstimate(t *testing.T) {
	w := newWorld(t, door)
	w.run(2 * time.Second)
	w.sample.Estimate = 2_000_000
	w.rate, w.queue = 500_000, 3*time.Second
	w.run(2 * time.Second)
	w.sample.Estimate = 370_000
	w.lateMax = 0
	w.run(4 * time.Second)
	w.lateMax = 0
	w.run(5 * time.Second)
	if w.lateMax > 500*time.Millisecond || w.keyFrames == 0 {
		t.Errorf("packets queue for %v; %d key frames", w.lateMax, w.keyFrames)
	}
	// A delay that does not end is somebody else's: the picture goes on.
	w.fixed, w.rate = 600*time.Millisecond, 0
	w.run(10 * time.Second)
	if w.skipping {
		t.Error("no picture any more")
	}
}
