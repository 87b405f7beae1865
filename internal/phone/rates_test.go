package phone

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"doorstation/internal/bandwidth"
)

// encoderLog is an encoder that notes what it is asked for.
type encoderLog struct {
	fixed    bool
	one      bool
	rates    []int
	restarts int
	keys     int
}

func (e *encoderLog) SetBitrate(bps int) bool { e.rates = append(e.rates, bps); return !e.fixed }
func (e *encoderLog) FixedBitrate() bool      { return e.fixed }
func (e *encoderLog) OneBitrate() bool        { return e.one }
func (e *encoderLog) Restart()                { e.restarts++ }
func (e *encoderLog) RequestKeyFrame()        { e.keys++ }

func (e *encoderLog) last() int {
	if len(e.rates) == 0 {
		return 0
	}
	return e.rates[len(e.rates)-1]
}

func testRates(e *encoderLog) *rates {
	r := newRates(Options{Bitrate: bandwidth.Limits{Min: 150_000, Start: 1_500_000, Max: 1_500_000}, Log: slog.New(slog.DiscardHandler)})
	r.encoder = e
	return r
}

func TestTheSlowestViewerCountsUnlessItWouldSpoilAll(t *testing.T) {
	e := &encoderLog{}
	r, now := testRates(e), time.Unix(1000, 0)
	kitchen, tablet := r.join(), r.join()
	r.decided(kitchen, bandwidth.Decision{Target: 1_500_000}, now)
	r.decided(tablet, bandwidth.Decision{Target: 600_000, Cause: bandwidth.CauseDelay}, now)
	if e.last() != 600_000 || r.cause != bandwidth.CauseDelay {
		t.Errorf("the encoder has %v because of %q, want the slower viewer's rate", e.rates, r.cause)
	}
	r.decided(tablet, bandwidth.Decision{Target: 200_000, Cause: bandwidth.CauseDelay}, now)
	if e.last() != 1_500_000 || !tablet.Behind {
		t.Errorf("the encoder has %d: one bad viewer spoils the picture of the other", e.last())
	}
	r.leave(kitchen)
	r.decided(tablet, bandwidth.Decision{Target: 200_000, Cause: bandwidth.CauseDelay}, now)
	if e.last() != 200_000 || tablet.Behind {
		t.Errorf("alone it has %d", e.last())
	}
	r.leave(tablet)
	if e.last() != 1_500_000 || e.restarts != 0 {
		t.Errorf("when nobody watches the encoder has %d", e.last())
	}
}

func TestSmallChangesAreNotWorthIt(t *testing.T) {
	e := &encoderLog{}
	r, now := testRates(e), time.Unix(1000, 0)
	v := r.join()
	for target := 1_000_000; target < 1_100_000; target += 1000 {
		r.decided(v, bandwidth.Decision{Target: target}, now)
	}
	if len(e.rates) > 7 {
		t.Errorf("the encoder was set %d times", len(e.rates))
	}
	r.decided(v, bandwidth.Decision{Target: 1_490_000}, now)
	r.decided(v, bandwidth.Decision{Target: 1_500_000}, now)
	if e.last() != 1_500_000 {
		t.Errorf("the encoder has %d, want the ceiling to be reached", e.last())
	}
}

// TestAFixedRateIsChangedByARestart is a source that is a child process.
func TestAFixedRateIsChangedByARestart(t *testing.T) {
	e := &encoderLog{fixed: true}
	r, now := testRates(e), time.Unix(1000, 0)
	v := r.join()
	wait := func(d time.Duration, target int) {
		for range int(d / rateEach) {
			now = now.Add(rateEach)
			r.decided(v, bandwidth.Decision{Target: target, Cause: bandwidth.CauseDelay}, now)
		}
	}
	wait(5*time.Second, 400_000)
	wait(5*time.Second, 1_400_000)
	wait(8*time.Second, 400_000)
	if len(e.rates) != 0 || e.restarts != 0 {
		t.Fatalf("a trouble of seconds restarts the camera: %v, %d", e.rates, e.restarts)
	}
	wait(2*time.Second, 400_000)
	if !slices.Equal(e.rates, []int{400_000}) || e.restarts != 1 {
		t.Fatalf("after ten seconds of trouble: %v, %d restarts; want one at 400000", e.rates, e.restarts)
	}
	wait(40*time.Second, 200_000)
	wait(10*time.Second, 1_500_000)
	if e.restarts != 1 {
		t.Fatalf("%d restarts within a minute, or for more", e.restarts)
	}
	wait(30*time.Second, 200_000)
	if e.last() != 200_000 || e.restarts != 2 {
		t.Fatalf("a minute later: %v, %d restarts", e.rates, e.restarts)
	}
	r.leave(v)
	if e.last() != 1_500_000 || e.restarts != 3 {
		t.Errorf("between two calls: %v, %d restarts; want the usual rate again", e.rates, e.restarts)
	}
}

func TestACommandWithOneRateIsLeftAlone(t *testing.T) {
	e := &encoderLog{fixed: true, one: true}
	r, now := testRates(e), time.Unix(1000, 0)
	v := r.join()
	for range 600 {
		now = now.Add(rateEach)
		r.decided(v, bandwidth.Decision{Target: 300_000, Cause: bandwidth.CauseDelay}, now)
	}
	r.leave(v)
	if e.restarts != 0 {
		t.Errorf("%d restarts in vain", e.restarts)
	}
}

func TestWhoIsLeftBehindDoesNotMakeKeyFramesForAll(t *testing.T) {
	e := &encoderLog{}
	r, now := testRates(e), time.Unix(1000, 0)
	good, bad := r.join(), r.join()
	c := &call{phone: &Phone{rates: r}}
	c.watching(bad)
	if got := c.keyFrameFor(now); got != keyFrameNow {
		t.Errorf("a viewer like others is answered %d", got)
	}
	r.decided(bad, bandwidth.Decision{Target: 800_000, Cause: bandwidth.CauseDelay}, now)
	if got := c.keyFrameFor(now); got != keyFrameOnly {
		t.Errorf("a viewer on a slow way is answered %d", got)
	}
	r.decided(good, bandwidth.Decision{Target: 1_500_000}, now)
	r.decided(bad, bandwidth.Decision{Target: 150_000}, now)
	made := 0
	for i := range 60 {
		if c.keyFrameFor(now.Add(time.Duration(i)*rateEach)) != keyFrameNone {
			made++
		}
	}
	if made != 2 {
		t.Errorf("%d key frames in 6 s, want one each 3 s", made)
	}
	mend := bandwidth.Decision{Target: 150_000, KeyFrame: true}
	for i := 60; i < 120; i++ {
		r.mended(bad, mend, now.Add(time.Duration(i)*rateEach))
	}
	if e.keys != 2 {
		t.Errorf("%d key frames in 6 s for what the one left behind loses, want one each 3 s", e.keys)
	}
	if r.mended(good, mend, now); e.keys != 3 {
		t.Error("no key frame for what a good way loses")
	}
}

func TestTheLineTellsOfTheRate(t *testing.T) {
	e := &encoderLog{}
	r, now := testRates(e), time.Unix(1000, 0)
	c := &call{phone: &Phone{rates: r}}
	v := r.join()
	c.watching(v)
	for i := range 21 {
		target, cause := 1_000_000, bandwidth.CauseNone
		if i > 10 {
			target, cause = 500_000, bandwidth.CauseLoss
		}
		r.decided(v, bandwidth.Decision{Target: target, Cause: cause}, now.Add(time.Duration(i)*time.Second))
	}
	r.leave(v)
	c.watching(nil)
	got := c.rateAttr().String()
	if want := "video_bitrate=[lowest=500000 mean=750000 seconds_held_by_loss=10]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
