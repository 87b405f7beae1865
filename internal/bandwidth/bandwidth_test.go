package bandwidth

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

var door = Limits{Min: 150_000, Start: 1_500_000, Max: 1_500_000}

// onWire is what a target needs of a link: with sound and headers.
func (w *world) onWire(target int) int { return int(w.policy.wireOf(float64(target))) }

func TestASlowLinkIsSettledUnderAndLeftAgain(t *testing.T) {
	for _, rate := range []int{400_000, 500_000, 800_000} {
		for _, queue := range []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 400 * time.Millisecond, 1500 * time.Millisecond} {
			for _, loss := range []float64{0, 0.03} {
				t.Run(fmt.Sprintf("%d kbit/s, queue %v, loss %v", rate/1000, queue, loss), func(t *testing.T) {
					w := newWorld(t, door)
					w.loss = loss
					w.run(5 * time.Second)
					if got := w.decide.Target; got != door.Start {
						t.Fatalf("on a good link the target is %d", got)
					}
					w.rate, w.queue = rate, queue
					w.run(5 * time.Second)
					allowed := rate * 21 / 20
					if rate > 500_000 {
						w.run(3 * time.Second) // the nearer to what is sent, the longer it takes to show
						allowed = rate * 11 / 10
					}
					if got := w.onWire(mean(w.lately(time.Second))); got > allowed {
						t.Errorf("after 5 s %d bit/s leave", got)
					}
					w.lateMax, w.lostNow = 0, 0
					w.run(25 * time.Second)
					steady := w.lately(25 * time.Second)
					if least := min(rate/4, 200_000); mean(steady) < least {
						t.Errorf("the mean target is %d, want %d at least", mean(steady), least)
					}
					if w.lostNow > 200 { // of about 4000
						t.Errorf("%d packets were dropped in 25 s", w.lostNow)
					}
					if w.lateMax > 700*time.Millisecond {
						t.Errorf("packets queue for %v", w.lateMax)
					}
					t.Logf("then %d to %d, mean %d; %v late, %d lost, %d key frames", slices.Min(steady), slices.Max(steady), mean(steady), w.lateMax, w.lostNow, w.keyFrames)
					w.rate = 0
					w.run(30 * time.Second)
					if got := w.decide.Target; got < door.Start*8/10 {
						t.Errorf("30 s after the end of the slowness the target is %d", got)
					}
				})
			}
		}
	}
}

func TestRandomLossCostsNoPicture(t *testing.T) {
	for _, loss := range []float64{0.01, 0.05, 0.1} {
		w := newWorld(t, door)
		w.loss, w.jitter = loss, 30*time.Millisecond
		w.run(120 * time.Second)
		if got := mean(w.targets); got < door.Start*9/10 {
			t.Errorf("at a loss of %v the mean target is %d", loss, got)
		}
	}
}

func TestHeavyRandomLossIsFoundOutToBeNobodysFault(t *testing.T) {
	w := newWorld(t, door)
	w.run(5 * time.Second)
	w.loss = 0.2
	w.run(30 * time.Second)
	if least := slices.Min(w.targets); least > door.Start*8/10 {
		t.Errorf("nothing was tried: the least target is %d", least)
	}
	if got := mean(w.lately(10 * time.Second)); got < door.Start*8/10 {
		t.Errorf("the target stays at %d", got)
	}
}

func TestAShaperWithoutAQueue(t *testing.T) {
	w := newWorld(t, door)
	w.run(5 * time.Second)
	w.rate, w.queue = 700_000, 15*time.Millisecond
	w.run(10 * time.Second)
	if got := w.onWire(w.decide.Target); got > w.rate {
		t.Errorf("after 10 s %d bit/s leave", got)
	}
}

func TestADelayThatIsNotOursIsLivedWith(t *testing.T) {
	w := newWorld(t, door)
	w.run(5 * time.Second)
	w.fixed = 250 * time.Millisecond
	w.run(60 * time.Second)
	if got := w.decide.Target; got < door.Start*8/10 {
		t.Errorf("the target is %d although nothing queues", got)
	}
}

func TestALateAnswerNowAndThenIsNoQueue(t *testing.T) {
	w := newWorld(t, door)
	w.jitter = 40 * time.Millisecond
	w.run(5 * time.Second)
	for range 20 {
		w.fixed = 300 * time.Millisecond // a radio that repeats itself, or a busy machine
		w.run(100 * time.Millisecond)
		w.fixed = 0
		w.run(2 * time.Second)
	}
	if got := slices.Min(w.targets); got != door.Start {
		t.Errorf("the target fell to %d", got)
	}
}

// TestAStandstillIsNoQueue is a radio that looks for its network, or a machine that is busy: all stands still, and then all comes.
func TestAStandstillIsNoQueue(t *testing.T) {
	for _, length := range []time.Duration{600 * time.Millisecond, 1500 * time.Millisecond} {
		w := newWorld(t, door)
		w.run(5 * time.Second)
		for range int(length / time.Millisecond) {
			w.fixed = length
			length -= time.Millisecond
			w.run(time.Millisecond)
		}
		w.fixed = 0
		w.run(3 * time.Second)
		if got := w.decide.Target; got < door.Start*7/10 {
			t.Errorf("three seconds later the target is %d", got)
		}
	}
}

// TestADelayThatIsSuddenlyGoneWasNoQueue is a machine that is late with everything for a second.
func TestADelayThatIsSuddenlyGoneWasNoQueue(t *testing.T) {
	w := newWorld(t, door)
	w.run(5 * time.Second)
	w.fixed = 500 * time.Millisecond
	w.run(time.Second)
	w.fixed = 0
	w.run(time.Second)
	if got := slices.Min(w.targets); got == door.Start {
		t.Error("a delay of a second is not acted on")
	}
	w.run(2 * time.Second)
	if got := w.decide.Target; got < door.Start*8/10 {
		t.Errorf("three seconds later the target is %d", got)
	}
}

func TestBounds(t *testing.T) {
	w := newWorld(t, Limits{Min: 200_000, Start: 500_000, Max: 900_000})
	w.run(30 * time.Second)
	if got := w.decide.Target; got != 900_000 {
		t.Errorf("on a good link the target is %d, want the ceiling", got)
	}
	w.rate, w.queue = 64_000, time.Second
	w.run(10 * time.Second)
	if got := slices.Min(w.targets); got != 200_000 {
		t.Errorf("on a bad link the target fell to %d, want the floor", got)
	}
}

func TestAQuietSceneIsNoReasonForMore(t *testing.T) {
	w := newWorld(t, Limits{Min: 150_000, Start: 500_000, Max: 4_000_000})
	w.scene = 300_000
	w.run(60 * time.Second)
	if got := w.decide.Target; got > 900_000 {
		t.Errorf("the target is %d for a scene of %d", got, w.scene)
	}
}

func TestAnotherWayBeginsAfresh(t *testing.T) {
	w := newWorld(t, door)
	w.run(5 * time.Second)
	w.rate, w.queue = 500_000, 200*time.Millisecond
	w.run(10 * time.Second)
	w.rate, w.fixed = 0, 80*time.Millisecond
	w.run(time.Second / 2) // until nothing is under way on the old one
	w.sample.Way, w.sample.RoundTrips, w.sample.RoundTrip = 2, 0, 0
	w.run(15 * time.Second)
	if got := w.decide.Target; got < door.Start*7/10 {
		t.Errorf("15 s after the way changed the target is %d", got)
	}
}

// TestOnlyReports is a far side that asks for nothing again: its reports are all that is known of loss.
func TestOnlyReports(t *testing.T) {
	p := New(door)
	s := Sample{At: time.Unix(1000, 0), Way: 1}
	var d Decision
	least := door.Start
	for i := range 100 {
		s.At = s.At.Add(100 * time.Millisecond)
		s.Packets, s.Bytes, s.Media = s.Packets+16, s.Bytes+20000, s.Media+18000
		if i%10 == 0 {
			s.Reports, s.FractionLost = s.Reports+1, 0.5*float64(d.Target)/float64(door.Start)
		}
		d = p.Update(s)
		least = min(least, d.Target)
	}
	if least > 1_000_000 {
		t.Errorf("reports of loss that grows with the rate leave the target at %d", least)
	}
}

func TestShared(t *testing.T) {
	for _, c := range []struct {
		what    string
		targets []int
		before  []bool
		want    int
		behind  []bool
	}{
		{"nobody", nil, nil, 0, nil},
		{"one", []int{300}, []bool{false}, 300, []bool{false}},
		{"the slowest counts", []int{900, 400, 1500}, []bool{false, false, false}, 400, []bool{false, false, false}},
		{"but not one that would spoil all", []int{1500, 300}, []bool{false, false}, 1500, []bool{false, true}},
		{"which comes back only when it is better", []int{1500, 450}, []bool{false, true}, 1500, []bool{false, true}},
		{"and then does", []int{1500, 600}, []bool{false, true}, 600, []bool{false, false}},
		{"all bad", []int{200, 180}, []bool{false, true}, 180, []bool{false, false}},
	} {
		viewers := make([]*Viewer, len(c.targets))
		for i := range viewers {
			viewers[i] = &Viewer{Target: c.targets[i], Behind: c.before[i]}
		}
		if got := Shared(viewers); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
		for i, v := range viewers {
			if v.Behind != c.behind[i] {
				t.Errorf("%s: viewer %d is behind: %v", c.what, i, v.Behind)
			}
		}
	}
}
