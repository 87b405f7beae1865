package bandwidth

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// world is a door and a far side at the two ends of a link, in steps of a millisecond.
type world struct {
	t      *testing.T
	random *rand.Rand
	policy *Policy
	now    time.Time
	decide Decision

	// The link, as it is now.
	rate    int           // bit/s; 0 is without limit
	queue   time.Duration // what fits in front of it
	oneWay  time.Duration
	loss    float64
	jitter  time.Duration // of answers, at random
	fixed   time.Duration // more delay that is not the door's doing
	busyTo  time.Time     // the link is busy until then
	flights []flight      // under way, in the order of their arrival

	sample  Sample
	resend  float64 // bytes that may be sent again
	pacing  float64 // bytes that may leave
	backlog []int   // packets behind the pacer
	asked   bool    // for a key frame

	keyFrames int  // asked for
	skipping  bool // until the next key frame
	scene     int  // bit/s that the scene needs at most; 0: any

	number  uint64 // of packets
	highest uint64
	pending map[uint64]time.Time // lost ones, and when they are asked for
	dropped int

	targets []int // each 100 ms
	lateMax time.Duration
	lostNow int
}

type flight struct {
	at     time.Time
	ping   time.Time // when a check left; zero for packets
	number uint64
}

const (
	soundPacket = 150
	checkPacket = 150
	framerate   = 30
)

func newWorld(t *testing.T, l Limits) *world {
	t.Helper()
	w := &world{t: t, random: rand.New(rand.NewPCG(1, 2)), policy: New(l), now: time.Unix(1000, 0), oneWay: 5 * time.Millisecond, pending: map[uint64]time.Time{}}
	w.sample.Way = 1
	w.decide = Decision{Target: l.Start}
	return w
}

// send puts bytes on the link and tells when they arrive; ok is false when they never do.
func (w *world) send(bytes int) (at time.Time, ok bool) {
	if w.random.Float64() < w.loss {
		return time.Time{}, false
	}
	if w.rate == 0 {
		return w.now.Add(w.oneWay + w.fixed), true
	}
	begin := w.now
	if w.busyTo.After(begin) {
		begin = w.busyTo
	}
	wait := begin.Sub(w.now)
	if wait > w.queue {
		w.dropped++
		w.lostNow++
		return time.Time{}, false
	}
	w.lateMax = max(w.lateMax, wait)
	w.busyTo = begin.Add(time.Duration(float64(bytes*8) / float64(w.rate) * float64(time.Second)))
	return w.busyTo.Add(w.oneWay + w.fixed), true
}

func (w *world) packet(bytes int, again bool) {
	w.sample.Packets++
	w.sample.Bytes += uint64(bytes)
	if again {
		w.sample.Again++
	}
	at, ok := w.send(bytes)
	if again {
		return
	}
	w.number++
	if ok {
		w.flights = append(w.flights, flight{at: at, number: w.number})
	} else {
		w.pending[w.number] = time.Time{}
	}
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	for range int(d / time.Millisecond) {
		w.step()
	}
}

func (w *world) step() {
	w.now = w.now.Add(time.Millisecond)
	ms := int(w.now.Sub(time.Unix(1000, 0)) / time.Millisecond)
	if ms%(1000/framerate) == 0 {
		w.picture()
	}
	w.leave()
	if ms%20 == 0 {
		w.sample.SoundBytes += soundPacket
		w.send(soundPacket)
	}
	if ms%200 == 0 {
		if at, ok := w.send(checkPacket); ok {
			at = at.Add(w.oneWay + time.Duration(w.random.Float64()*float64(w.jitter)))
			w.flights = append(w.flights, flight{at: at, ping: w.now})
		}
	}
	w.arrive()
	if ms%100 == 0 {
		w.sample.At = w.now
		w.decide = w.policy.Update(w.sample)
		w.targets = append(w.targets, w.decide.Target)
		if w.decide.Skip {
			w.backlog, w.skipping = nil, true
		}
		if w.decide.KeyFrame {
			w.asked, w.keyFrames = true, w.keyFrames+1
		}
	}
}

func (w *world) picture() {
	bits := float64(w.decide.Target)
	if w.scene > 0 {
		bits = min(bits, float64(w.scene))
	}
	bytes := bits / 8 / framerate * (0.8 + 0.4*w.random.Float64())
	if w.asked {
		bytes, w.asked, w.skipping = 4*bytes, false, false
	}
	if w.skipping {
		return
	}
	w.sample.Media += uint64(bytes)
	n := max(5, int(bytes)/1188+1)
	for range n {
		w.backlog = append(w.backlog, int(bytes)/n+packetOverhead)
	}
}

// leave lets packets go as the pace allows.
func (w *world) leave() {
	w.pacing = min(w.pacing+float64(w.decide.Pace)/8000, 3000)
	for len(w.backlog) > 0 && (w.decide.Pace == 0 || w.pacing > 0) {
		if w.decide.Pace > 0 {
			w.pacing -= float64(w.backlog[0])
		}
		w.packet(w.backlog[0], false)
		w.backlog = w.backlog[1:]
	}
	most := max(float64(w.decide.Resend), leastResend) / 8
	w.resend = min(w.resend+most/1000, most)
}

// arrive takes what has arrived; five packets later what is missing is asked for.
func (w *world) arrive() {
	rest := w.flights[:0]
	for _, f := range w.flights {
		switch {
		case f.at.After(w.now):
			rest = append(rest, f)
		case !f.ping.IsZero():
			w.sample.RoundTrip = w.now.Sub(f.ping)
			w.sample.RoundTrips++
		default:
			w.highest = max(w.highest, f.number)
		}
	}
	w.flights = rest
	for _, n := range slices.Sorted(maps.Keys(w.pending)) {
		at := w.pending[n]
		switch {
		case n+5 > w.highest:
		case at.IsZero():
			w.pending[n] = w.now.Add(w.oneWay)
		case !at.After(w.now):
			delete(w.pending, n)
			w.sample.Missing++
			if w.resend > 1000 {
				w.resend -= 600
				w.packet(600, true)
			} else {
				w.sample.Withheld++
			}
		}
	}
}

func mean(v []int) int {
	sum := 0
	for _, x := range v {
		sum += x
	}
	return sum / max(1, len(v))
}

// lately are the targets of the last while.
func (w *world) lately(d time.Duration) []int {
	return w.targets[max(0, len(w.targets)-int(d/(100*time.Millisecond))):]
}
