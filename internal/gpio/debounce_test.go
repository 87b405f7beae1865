package gpio

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

// wave is a line's levels over time: at each moment the button goes down or up.
type wave []time.Duration // of the changes; the first one goes down

// watch gives a debouncer the edges of a wave, and the time whenever it asks for it. It gives what was decided and when.
func watch(d *debouncer, s wave, until time.Duration) []string {
	zero := time.Unix(1_800_000_000, 0)
	var decided []string
	note := func(at time.Duration, v verdict) {
		switch v {
		case pressed:
			decided = append(decided, fmt.Sprintf("%s press since %s", at, d.began().Sub(zero)))
		case glitch:
			decided = append(decided, fmt.Sprintf("%s glitch", at))
		case stuck:
			decided = append(decided, fmt.Sprintf("%s stuck", at))
		case freed:
			decided = append(decided, fmt.Sprintf("%s freed", at))
		case nothing:
		}
	}
	down := len(s) > 0 && s[0] == 0
	d.begin(zero, down)
	if down {
		s = s[1:]
	}
	for _, change := range append(slices.Clone(s), until) {
		for {
			due, ok := d.next()
			at := due.Sub(zero)
			if !ok || at >= change {
				break
			}
			note(at, d.settle(due))
		}
		if change < until {
			down = !down
			note(change, d.edge(zero.Add(change), down))
		}
	}
	return decided
}

func TestDebounce(t *testing.T) {
	for _, ca := range []struct {
		name string
		wave wave
		want []string
	}{
		{"a clean press", wave{1000 * ms, 1200 * ms}, []string{"1.05s press since 1s"}},
		{"the shortest press", wave{1000 * ms, 1050 * ms}, []string{"1.05s press since 1s"}},
		{"a little shorter", wave{1000 * ms, 1041 * ms}, []string{"1.041s press since 1s"}},
		{"too short", wave{1000 * ms, 1039 * ms}, []string{"1.069s glitch"}},
		{"a spike", wave{1000 * ms, 1001 * ms}, []string{"1.031s glitch"}},
		{
			"contacts that bounce at both ends ring once",
			wave{1000 * ms, 1002 * ms, 1003 * ms, 1006 * ms, 1008 * ms, 1100 * ms, 1101 * ms, 1103 * ms, 1104 * ms, 1110 * ms},
			[]string{"1.05s press since 1s"},
		},
		{
			"a crackle while it is held rings once",
			wave{1000 * ms, 1100 * ms, 1102 * ms, 1200 * ms, 1201 * ms, 1300 * ms},
			[]string{"1.05s press since 1s"},
		},
		{
			"mains hum never rings",
			func() (s wave) {
				for at := 1000 * ms; at < 3*time.Second; at += 10 * ms {
					s = append(s, at)
				}
				return s
			}(),
			[]string{"3.02s glitch"},
		},
		{
			"two presses with a short pause",
			wave{1000 * ms, 1100 * ms, 1140 * ms, 1240 * ms},
			[]string{"1.05s press since 1s", "1.19s press since 1.14s"},
		},
		{
			"a release too short to be one",
			wave{1000 * ms, 1100 * ms, 1120 * ms, 1240 * ms},
			[]string{"1.05s press since 1s"},
		},
		{"held through the boot", wave{0, 5 * time.Second}, nil},
		{
			"held through the boot, released and pressed",
			wave{0, 5 * time.Second, 6 * time.Second, 7 * time.Second},
			[]string{"6.05s press since 6s"},
		},
		{
			"stuck, and a storm it is not",
			wave{1 * time.Second, 100 * time.Second, 110 * time.Second, 111 * time.Second},
			[]string{"1.05s press since 1s", "31s stuck", "1m40.03s freed", "1m50.05s press since 1m50s"},
		},
		{"stuck since the boot", wave{0, 40 * time.Second}, []string{"30s stuck", "40.03s freed"}},
		{"nobody", nil, nil},
	} {
		t.Run(ca.name, func(t *testing.T) {
			if got := watch(newDebouncer(30*ms, 50*ms), ca.wave, 2*time.Minute); !slices.Equal(got, ca.want) {
				t.Errorf("decided %q, want %q", got, ca.want)
			}
		})
	}
}

func TestDebounceOfNothing(t *testing.T) {
	got := watch(newDebouncer(0, -1), wave{1000 * ms, 1001 * ms, 1002 * ms, 1003 * ms}, 2*time.Second)
	if want := []string{"1s press since 1s", "1.002s press since 1.002s"}; !slices.Equal(got, want) {
		t.Errorf("decided %q, want %q", got, want)
	}
}

// TestEdgeWithoutALevel: an edge that leaves the level as it was is a spike too short to be read, and no press is made of many.
func TestEdgeWithoutALevel(t *testing.T) {
	d := newDebouncer(30*ms, 50*ms)
	at := time.Unix(1_800_000_000, 0)
	d.begin(at, false)
	for range 100 {
		at = at.Add(5 * ms)
		if v := d.edge(at, false); v != nothing {
			t.Fatalf("a spike decided %v", v)
		}
	}
	due, ok := d.next()
	if !ok {
		t.Fatal("nothing is waited for")
	}
	if v := d.settle(due); v != glitch {
		t.Errorf("at the end %v", v)
	}
}

// TestManyPresses: of any press of 60 ms and more, bouncing up to 8 ms at both ends, exactly one is made; of glitches up to
// 10 ms none.
func TestManyPresses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	bounce := func(s wave, at time.Duration) (wave, time.Duration) {
		s = append(s, at)
		end := at + time.Duration(r.Int64N(int64(8*ms)))
		for range r.IntN(6) {
			a := at + time.Duration(r.Int64N(int64(end-at)+1))
			s = append(s, a, a+time.Duration(r.Int64N(int64(ms)/2)+1))
		}
		slices.Sort(s)
		return s, max(s[len(s)-1], end)
	}
	for i := range 200_000 {
		long := i%2 == 0
		at := 500*ms + time.Duration(r.Int64N(int64(100*ms)))
		var s wave
		if long {
			s, _ = bounce(nil, at)
			s, _ = bounce(s, at+60*ms+time.Duration(r.Int64N(int64(200*ms))))
		} else {
			s = wave{at, at + 1 + time.Duration(r.Int64N(int64(10*ms)))}
		}
		presses := 0
		d := newDebouncer(30*ms, 50*ms)
		for _, v := range watch(d, s, 2*time.Second) {
			if !strings.HasSuffix(v, "glitch") {
				presses++
			}
		}
		if want := map[bool]int{true: 1, false: 0}[long]; presses != want {
			t.Fatalf("%d presses of %v, want %d", presses, s, want)
		}
	}
}
