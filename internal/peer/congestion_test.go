package peer

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// bottleneck is a picture on its way through a slow link to a far side that reports on each packet, as pion does, under the clock of a
// synctest bubble. The sender follows the estimate.
type bottleneck struct {
	t              *testing.T
	c              *congestion
	rate           int // bit/s
	depth          time.Duration
	busyTo         time.Time
	began          time.Time
	far            *twcc.Recorder
	flights        []passing
	reports, quiet bool
	change         func(*rtcp.TransportLayerCC) // what the far side does wrong
	target         int
	targets        []int // each 100 ms
	lateMax        time.Duration
	sequence       uint16
}

type passing struct {
	at     time.Time
	number uint16
}

const pictureSSRC = 77

func newBottleneck(t *testing.T, rate int, depth time.Duration) *bottleneck {
	b := &bottleneck{
		t: t, c: &congestion{log: Config{}.withDefaults().Log, stream: pictureSSRC}, rate: rate, depth: depth, began: time.Now(),
		far: twcc.NewRecorder(5), reports: true, target: 1_500_000,
	}
	t.Cleanup(b.c.close)
	return b
}

// run lets time pass, with 30 pictures a second.
func (b *bottleneck) run(d time.Duration) {
	b.t.Helper()
	for range int(d / time.Millisecond) {
		time.Sleep(time.Millisecond)
		ms := time.Since(b.began).Milliseconds()
		if ms%33 == 0 && !b.quiet {
			n := max(5, b.target/30/8/1188+1)
			for range n {
				b.send(b.target / 30 / 8 / n)
			}
		}
		b.arrive()
		if ms%50 == 0 && b.reports {
			b.report()
		}
		if ms%100 == 0 {
			b.c.allow(estimateRange{least: 150_000, start: b.target, most: 2_000_000})
			if e := b.c.estimate(true, time.Now()); e > 0 {
				b.target = min(e, 1_500_000)
			}
			b.targets = append(b.targets, b.target)
		}
	}
}

func (b *bottleneck) send(bytes int) {
	b.t.Helper()
	b.sequence++
	h, err := b.c.stamp(&rtp.Header{Version: 2, SSRC: pictureSSRC, SequenceNumber: b.sequence}, make([]byte, bytes), 3, time.Now())
	check(b.t, err)
	var x rtp.TransportCCExtension
	check(b.t, x.Unmarshal(h.GetExtension(3)))
	begin := time.Now()
	if b.busyTo.After(begin) {
		begin = b.busyTo
	}
	wait := time.Until(begin)
	if wait > b.depth {
		return
	}
	b.lateMax = max(b.lateMax, wait)
	b.busyTo = begin.Add(time.Duration(float64((bytes+packetOverhead)*8) / float64(b.rate) * float64(time.Second)))
	b.flights = append(b.flights, passing{b.busyTo.Add(10 * time.Millisecond), x.TransportSequence})
}

func (b *bottleneck) arrive() {
	now := time.Now()
	for len(b.flights) > 0 && !b.flights[0].at.After(now) {
		b.far.Record(pictureSSRC, b.flights[0].number, b.flights[0].at.Sub(b.began).Microseconds()+1e9)
		b.flights = b.flights[1:]
	}
}

func (b *bottleneck) report() {
	b.t.Helper()
	for _, f := range b.far.BuildFeedbackPacket() {
		text, err := f.Marshal()
		check(b.t, err)
		var report rtcp.TransportLayerCC
		check(b.t, report.Unmarshal(text))
		if b.change != nil {
			b.change(&report)
		}
		b.c.take(&report)
		b.c.take(&report) // compound packets that name two streams come twice
	}
	synctest.Wait()
}

func (b *bottleneck) lately(d time.Duration) (least, mean, most int) {
	last := b.targets[len(b.targets)-int(d/(100*time.Millisecond)):]
	for _, v := range last {
		mean += v / len(last)
	}
	return slices.Min(last), mean, slices.Max(last)
}

func TestEstimateSettlesUnderABottleneck(t *testing.T) {
	for _, rate := range []int{400_000, 500_000, 800_000} {
		for _, depth := range []time.Duration{100 * time.Millisecond, 400 * time.Millisecond} {
			synctest.Test(t, func(t *testing.T) {
				b := newBottleneck(t, 10_000_000, depth)
				b.run(4 * time.Second)
				if _, mean, _ := b.lately(time.Second); mean < 1_400_000 {
					t.Fatalf("on a good link it is %d", mean)
				}
				b.rate = rate
				b.run(5 * time.Second)
				_, mean, _ := b.lately(time.Second)
				if mean > rate || mean < rate/3 {
					t.Errorf("%d bit/s, %v: after 5 s it is %d", rate, depth, mean)
				}
				b.lateMax = 0
				b.run(20 * time.Second)
				least, mean, most := b.lately(20 * time.Second)
				if mean > rate || mean < rate/3 {
					t.Errorf("%d bit/s, %v: then it is %d", rate, depth, mean)
				}
				t.Logf("%d bit/s, %v: then %d to %d, mean %d; %v late", rate, depth, least, most, mean, b.lateMax)
				b.rate = 10_000_000
				b.run(30 * time.Second)
				if _, back, _ := b.lately(time.Second); back < 1_200_000 {
					t.Errorf("30 s after the end of the slowness it is %d", back)
				}
			})
		}
	}
}

// TestFeedbackThatIsUnsoundIsNeverUsed has Asterisk's faults, and others.
func TestFeedbackThatIsUnsoundIsNeverUsed(t *testing.T) {
	for name, change := range map[string]func(*rtcp.TransportLayerCC, time.Duration){
		"about the sound": func(f *rtcp.TransportLayerCC, _ time.Duration) { f.MediaSSRC = 1 },
		"Asterisk's clock": func(f *rtcp.TransportLayerCC, d time.Duration) {
			f.ReferenceTime = uint32(d.Seconds()*(1<<18)) & referenceMask
		},
		"a clock that stands":   func(f *rtcp.TransportLayerCC, _ time.Duration) { f.ReferenceTime = 9 },
		"a clock twice as fast": func(f *rtcp.TransportLayerCC, d time.Duration) { f.ReferenceTime = uint32(2 * d / referenceUnit) },
		"a clock that runs back": func(f *rtcp.TransportLayerCC, d time.Duration) {
			f.ReferenceTime = referenceMask - uint32(d/referenceUnit)
		},
		"about packets to come":    func(f *rtcp.TransportLayerCC, _ time.Duration) { f.BaseSequenceNumber += 5000 },
		"about packets never sent": func(f *rtcp.TransportLayerCC, _ time.Duration) { f.BaseSequenceNumber -= 20000 },
		"about too many":           func(f *rtcp.TransportLayerCC, _ time.Duration) { f.PacketStatusCount = math.MaxUint16 },
		"without times":            func(f *rtcp.TransportLayerCC, _ time.Duration) { f.RecvDeltas = nil },
		"with too many times": func(f *rtcp.TransportLayerCC, _ time.Duration) {
			f.RecvDeltas = append(f.RecvDeltas, &rtcp.RecvDelta{})
		},
		"about nothing": func(f *rtcp.TransportLayerCC, _ time.Duration) { f.PacketStatusCount = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBottleneck(t, 10_000_000, time.Second)
				b.change = func(f *rtcp.TransportLayerCC) { change(f, time.Since(b.began)) }
				for range 300 {
					b.run(100 * time.Millisecond)
					// A clock that is twice as fast could be a queue for seconds.
					if e := b.c.estimate(true, time.Now()); e != 0 && (name != "a clock twice as fast" || b.c.failures == feedbackChances) {
						t.Fatalf("it is believed: %d", e)
					}
				}
				b.change = nil
				b.run(5 * time.Second)
				believed := b.c.estimate(true, time.Now()) != 0
				if want := name == "about nothing"; believed != want {
					t.Errorf("sound for five seconds after half a minute: believed is %v", believed)
				}
			})
		})
	}
}

func TestEstimateEndsWithTheFeedback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBottleneck(t, 10_000_000, time.Second)
		b.run(3 * time.Second)
		if b.c.estimate(true, time.Now()) == 0 {
			t.Fatal("no estimate after three seconds of sound feedback")
		}
		b.reports = false
		b.run(feedbackPatience + 200*time.Millisecond)
		if e := b.c.estimate(true, time.Now()); e != 0 {
			t.Errorf("without feedback it is %d", e)
		}
		b.reports = true
		b.run(3 * time.Second)
		if b.c.estimate(true, time.Now()) == 0 {
			t.Error("none when the feedback is back")
		}
		// Nothing to send is no reason for distrust.
		b.quiet = true
		b.run(time.Minute)
		if b.c.estimate(true, time.Now()) == 0 {
			t.Error("none after a minute in which nothing was sent")
		}
		// One that contradicts all before ends it at once.
		b.quiet = false
		b.run(3 * time.Second)
		b.change = func(f *rtcp.TransportLayerCC) { f.ReferenceTime += 1 << 18 }
		b.run(60 * time.Millisecond)
		if b.c.estimate(true, time.Now()) != 0 {
			t.Error("an estimate although the far clock jumped")
		}
		b.change = nil
		b.run(3 * time.Second)
		if b.c.estimate(true, time.Now()) == 0 {
			t.Error("a far side that erred once gets no other chance")
		}
		if b.c.estimate(false, time.Now()) != 0 {
			t.Error("an estimate that was not agreed on")
		}
	})
}

func TestNumbersOfDepartedPackets(t *testing.T) {
	var d departures
	start := time.Unix(1000, 0)
	if _, ok := d.of(0); ok || d.cover(1, 1) {
		t.Error("a packet left before the first")
	}
	for i := range 70_000 {
		d.add(start.Add(time.Duration(i+1) * time.Millisecond))
		if i == 9 {
			for number, want := range map[uint16]bool{0: false, 1: true, 10: true, 11: false, 65535: false} {
				if at, ok := d.of(number); ok != want || ok && !at.Equal(start.Add(time.Duration(number)*time.Millisecond)) {
					t.Errorf("of ten, %d left at %v, %v", number, at, ok)
				}
				if got := d.cover(number, 1); got != want {
					t.Errorf("of ten, %d: %v", number, got)
				}
			}
		}
	}
	last := d.count // beyond the wrapping around
	for _, c := range []struct {
		number, count uint16
		sent, known   bool
	}{
		{uint16(last), 1, true, true}, {uint16(last + 1), 1, false, false}, {uint16(last), 2, false, true},
		{uint16(last - departureMemory + 1), departureMemory, true, true}, {uint16(last - departureMemory), 1, true, false},
		{uint16(last - 1), 3, false, true}, {uint16(last - 40_000), 1, false, false}, {uint16(last), 0, false, true},
	} {
		if got := d.cover(c.number, c.count); got != c.sent {
			t.Errorf("%d from %d on: %v", c.count, c.number, got)
		}
		if _, ok := d.of(c.number); ok != c.known {
			t.Errorf("%d: %v", c.number, ok)
		}
	}
}

// FuzzTransportWideFeedback has reports that nobody with manners writes, judged and estimated from alike.
func FuzzTransportWideFeedback(f *testing.F) {
	recorder := twcc.NewRecorder(5)
	for number := range uint16(9) {
		recorder.Record(pictureSSRC, number+1, int64(number)*10_000)
	}
	for _, report := range recorder.BuildFeedbackPacket() {
		text, err := report.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var report rtcp.TransportLayerCC
		if report.Unmarshal(b) != nil {
			return
		}
		c := &congestion{log: Config{}.withDefaults().Log, stream: pictureSSRC, begin: estimateRange{least: 1, start: 2, most: 3}}
		defer c.close()
		stamp := func(n int) {
			for range n {
				_, err := c.stamp(&rtp.Header{Version: 2, SSRC: pictureSSRC}, nil, 3, time.Now())
				check(t, err)
			}
		}
		stamp(100)
		c.take(&report)
		c.mu.Lock()
		c.start()
		c.mu.Unlock()
		stamp(100)
		if err := c.estimator.WriteRTCP([]rtcp.Packet{&report}, nil); err != nil {
			t.Log(err) // as take does
		}
		c.estimate(true, time.Now())
	})
}
