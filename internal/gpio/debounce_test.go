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

// signal is a line's levels over time: at each moment the button goes down or up.
type signal []time.Duration // of the changes; the first one goes down

// watch samples a signal as the reader does: at each edge, when the debouncer asks for it and at the poll. It gives what was
// decided and when.
func watch(d *debouncer, s signal, until time.Duration, edges bool) []string {
	begin := time.Unix(1_800_000_000, 0)
	level := func(at time.Duration) bool {
		n := 0
		for _, change := range s {
			if change <= at {
				n++
			}
		}
		return n%2 == 1
	}
	var decided []string
	edge := false
	for at := time.Duration(0); at <= until; {
		switch v := d.sample(begin.Add(at), level(at), edge); v {
		case pressed:
			decided = append(decided, fmt.Sprintf("%s press since %s", at, d.began().Sub(begin)))
		case glitch:
			decided = append(decided, fmt.Sprintf("%s glitch", at))
		case stuck:
			decided = append(decided, fmt.Sprintf("%s stuck", at))
		case freed:
			decided = append(decided, fmt.Sprintf("%s freed", at))
		case nothing:
		}
		next := at + pollEvery
		if due, ok := d.next(); ok {
			next = min(next, max(due.Sub(begin), at+ms))
		}
		edge = false
		for _, change := range s {
			if edges && change > at && change <= next {
				next, edge = change, true
				break
			}
		}
		at = next
	}
	return decided
}

func TestDebounce(t *testing.T) {
	for _, ca := range []struct {
		name   string
		signal signal
		want   []string
	}{
		{"a clean press", signal{1000 * ms, 1200 * ms}, []string{"1.05s press since 1s"}},
		{"the shortest press", signal{1000 * ms, 1050 * ms}, []string{"1.05s press since 1s"}},
		{"a little shorter", signal{1000 * ms, 1041 * ms}, []string{"1.041s press since 1s"}},
		{"too short", signal{1000 * ms, 1039 * ms}, []string{"1.069s glitch"}},
		{"a spike", signal{1000 * ms, 1001 * ms}, []string{"1.031s glitch"}},
		{
			"contacts that bounce at both ends ring once",
			signal{1000 * ms, 1002 * ms, 1003 * ms, 1006 * ms, 1008 * ms, 1100 * ms, 1101 * ms, 1103 * ms, 1104 * ms, 1110 * ms},
			[]string{"1.05s press since 1s"},
		},
		{
			"a crackle while it is held rings once",
			signal{1000 * ms, 1100 * ms, 1102 * ms, 1200 * ms, 1201 * ms, 1300 * ms},
			[]string{"1.05s press since 1s"},
		},
		{
			"mains hum never rings",
			func() (s signal) {
				for at := 1000 * ms; at < 3*time.Second; at += 10 * ms {
					s = append(s, at)
				}
				return s
			}(),
			[]string{"3.02s glitch"},
		},
		{
			"two presses with a short pause",
			signal{1000 * ms, 1100 * ms, 1140 * ms, 1240 * ms},
			[]string{"1.05s press since 1s", "1.19s press since 1.14s"},
		},
		{
			"a release too short to be one",
			signal{1000 * ms, 1100 * ms, 1120 * ms, 1240 * ms},
			[]string{"1.05s press since 1s"},
		},
		{"held through the boot", signal{0, 5 * time.Second}, nil},
		{
			"held through the boot, released and pressed",
			signal{0, 5 * time.Second, 6 * time.Second, 7 * time.Second},
			[]string{"6.05s press since 6s"},
		},
		{
			"stuck, and a storm it is not",
			signal{1 * time.Second, 100 * time.Second, 110 * time.Second, 111 * time.Second},
			[]string{"1.05s press since 1s", "31s stuck", "1m40.03s freed", "1m50.05s press since 1m50s"},
		},
		{"stuck since the boot", signal{0, 40 * time.Second}, []string{"30s stuck", "40.03s freed"}},
		{"nobody", nil, nil},
	} {
		t.Run(ca.name, func(t *testing.T) {
			if got := watch(newDebouncer(30*ms, 50*ms), ca.signal, 2*time.Minute, true); !slices.Equal(got, ca.want) {
				t.Errorf("decided %q, want %q", got, ca.want)
			}
		})
	}
}

func TestDebounceOfNothing(t *testing.T) {
	got := watch(newDebouncer(0, -1), signal{1000 * ms, 1001 * ms, 1002 * ms, 1003 * ms}, 2*time.Second, true)
	if want := []string{"1s press since 1s", "1.002s press since 1.002s"}; !slices.Equal(got, want) {
		t.Errorf("decided %q, want %q", got, want)
	}
}

// TestMissedEdges: the level is read at each poll, so a press whose edges got lost is seen all the same.
func TestMissedEdges(t *testing.T) {
	got := watch(newDebouncer(30*ms, 50*ms), signal{1010 * ms, 1400 * ms}, 3*time.Second, false)
	if want := []string{"1.15s press since 1.1s"}; !slices.Equal(got, want) {
		t.Errorf("decided %q, want %q", got, want)
	}
}

// TestALateReader: on a busy machine samples come late. A press of 60 ms is seen all the same; of a spike nobody looked at for a
// while no press is made.
func TestALateReader(t *testing.T) {
	begin := time.Unix(1_800_000_000, 0)
	for _, ca := range []struct {
		name    string
		samples []time.Duration // that see it down
		up      time.Duration   // the one that sees it up
		want    verdict
	}{
		{"60 ms, seen 15 ms late", []time.Duration{15 * ms, 30 * ms, 56 * ms}, 61 * ms, pressed},
		{"nearly long enough", []time.Duration{0, 40 * ms}, 45 * ms, pressed},
		{"too short", []time.Duration{0, 39 * ms}, 45 * ms, nothing},
		{"a spike, and nobody looked", []time.Duration{0}, 300 * ms, nothing},
		{"a spike seen twice, and nobody looked", []time.Duration{0, 8 * ms}, 300 * ms, nothing},
	} {
		d := newDebouncer(30*ms, 50*ms)
		d.sample(begin.Add(-time.Second), false, false)
		for i, at := range ca.samples {
			if got := d.sample(begin.Add(at), true, i == 0); got != nothing {
				t.Errorf("%s: %v too early", ca.name, got)
			}
		}
		if got := d.sample(begin.Add(ca.up), false, true); got != ca.want {
			t.Errorf("%s: %v, want %v", ca.name, got, ca.want)
		}
		if got := d.sample(begin.Add(time.Second), false, false); got == pressed {
			t.Errorf("%s: it rings a second time", ca.name)
		}
	}
}

// TestEdgeWithoutALevel: an edge that leaves the level as it was is a spike too short to be read, and no press is made of many.
func TestEdgeWithoutALevel(t *testing.T) {
	d := newDebouncer(30*ms, 50*ms)
	at := time.Unix(1_800_000_000, 0)
	d.sample(at, false, false)
	for range 100 {
		at = at.Add(5 * ms)
		if v := d.sample(at, false, true); v != nothing {
			t.Fatalf("a spike decided %v", v)
		}
	}
	due, ok := d.next()
	if !ok {
		t.Fatal("nothing is waited for")
	}
	if v := d.sample(due, false, false); v != glitch {
		t.Errorf("at the end %v", v)
	}
}

// TestManyPresses: of any press of 60 ms and more, bouncing up to 8 ms at both ends, exactly one is made; of glitches up to
// 10 ms none.
func TestManyPresses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	bounce := func(s signal, at time.Duration) (signal, time.Duration) {
		s = append(s, at)
		end := at + time.Duration(r.Int64N(int64(8*ms)))
		for range r.IntN(6) {
			a := at + time.Duration(r.Int64N(int64(end-at)+1))
			s = append(s, a, a+time.Duration(r.Int64N(int64(ms)/2)+1))
		}
		slices.Sort(s)
		return s, max(s[len(s)-1], end)
	}
	for i := range 5000 {
		long := i%2 == 0
		at := 500*ms + time.Duration(r.Int64N(int64(100*ms)))
		var s signal
		if long {
			s, _ = bounce(nil, at)
			s, _ = bounce(s, at+60*ms+time.Duration(r.Int64N(int64(200*ms))))
		} else {
			s = signal{at, at + 1 + time.Duration(r.Int64N(int64(10*ms)))}
		}
		presses := 0
		d := newDebouncer(30*ms, 50*ms)
		for _, v := range watch(d, s, 2*time.Second, true) {
			if !strings.HasSuffix(v, "glitch") {
				presses++
			}
		}
		if want := map[bool]int{true: 1, false: 0}[long]; presses != want {
			t.Fatalf("%d presses of %v, want %d", presses, s, want)
		}
	}
}
