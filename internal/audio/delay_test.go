package audio

import (
	"testing"
	"time"
)

// learn lets packets of 20 ms arrive, each as late as told, and gives the target after each.
func learn(e *delayEstimate, from time.Time, late []time.Duration) []time.Duration {
	var targets []time.Duration
	for i, l := range late {
		media := time.Duration(i) * FrameDuration
		e.arrived(media, from.Add(media+l))
		targets = append(targets, e.target)
	}
	return targets
}

// late gives the same delays over and over.
func late(packets int, ms ...int) []time.Duration {
	var all []time.Duration
	for i := range packets {
		all = append(all, time.Duration(ms[i%len(ms)])*time.Millisecond)
	}
	return all
}

func TestDelayEstimate(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name   string
		late   []time.Duration
		at     int // packet, with
		lo, hi int // ms of target
	}{
		{"before anything came it is 60 ms", late(1, 0), 0, 60, 60},
		{"a network without jitter needs no more than a frame, after a second or two", late(100, 0), 99, 20, 25},
		{"up to 50 ms of jitter", late(500, 0, 35, 10, 50, 20, 5, 45), 499, 65, 75},
		{"never more than 200 ms", late(500, 0, 350, 100, 900, 250), 499, 200, 200},
		{"one packet that came late changes nothing", append(late(400, 0), late(30, 150, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)...), 429, 20, 25},
		{"jitter that begins is followed within a fifth of a second", append(late(400, 0), late(10, 80, 0)...), 409, 95, 105},
		{"jitter that ends is remembered for a second", append(late(400, 80, 0), late(50, 0)...), 449, 95, 105},
		{"jitter that ended is forgotten within a quarter of a minute", append(late(400, 80, 0), late(750, 0)...), 1149, 20, 25},
		{"a way that became longer is no jitter for long", append(late(400, 0), late(1500, 70)...), 1899, 20, 25},
		{"a far clock that stood still is no delay", append(late(400, 0), late(60, 5000)...), 459, 20, 25},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := learn(newDelayEstimate(), began, tc.late)[tc.at].Milliseconds()
			if got < int64(tc.lo) || got > int64(tc.hi) {
				t.Errorf("%d ms, want %d to %d", got, tc.lo, tc.hi)
			}
		})
	}
}

// TestHabitsOfANetworkAreLearnt: for 120 ms nothing comes, every four seconds.
func TestHabitsOfANetworkAreLearnt(t *testing.T) {
	var all []time.Duration
	stop := func() { all = append(all, late(6, 120, 100, 80, 60, 40, 20)...) }
	for range 3 {
		all = append(all, late(194, 0)...)
		stop()
	}
	all = append(all, late(194, 0)...)
	calm := append(all, late(1500, 0)...)
	targets := learn(newDelayEstimate(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), calm)
	if got := targets[193]; got > 30*time.Millisecond {
		t.Errorf("before the first time %v", got)
	}
	if got := targets[793]; got < 130*time.Millisecond || got > 160*time.Millisecond {
		t.Errorf("before the fourth time %v", got)
	}
	if got := targets[len(targets)-1]; got > 30*time.Millisecond {
		t.Errorf("half a minute after the last %v", got)
	}
}

// TestADelayThatCreepsIsTold: each step is small, and their sum is not.
func TestADelayThatCreepsIsTold(t *testing.T) {
	var told []time.Duration
	m := NewMicrophone(MicrophoneOptions{Echo: true, Delay: 60 * time.Millisecond, OnDelay: func(d time.Duration) { told = append(told, d) }})
	defer m.Close()
	for late := 60 * time.Millisecond; late <= 90*time.Millisecond; late += 2 * time.Millisecond {
		m.echo.delay = late
		m.tell()
	}
	if len(told) != 5 || told[0] != 66*time.Millisecond || told[4] != 90*time.Millisecond {
		t.Errorf("%v", told)
	}
}
