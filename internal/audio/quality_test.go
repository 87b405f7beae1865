package audio

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	quality "doorstation/test/speech"
)

// weather is what a network does to packets.
type weather struct {
	name      string
	loss      float64       // part of the packets that are lost, each by itself
	burst     float64       // part of the packets that are lost in stretches of five on average
	jitter    time.Duration // evenly spread, each packet by itself: neighbours overtake each other
	standing  time.Duration // every five seconds nothing moves for so long
	duplicate float64
	drift     float64 // of the far clock, ppm
	codec     string
	floor     float64 // of intelligibility
}

// flight is a packet under way.
type flight struct {
	seq     uint16
	ts      uint32
	payload []byte
	at      time.Time
}

// path is how long the way takes at least.
const path = 30 * time.Millisecond

// carry gives what arrives of coded frames, in order of arrival.
func (w weather) carry(payloads [][]byte, ticks int, began time.Time) []flight {
	random := rand.New(rand.NewPCG(20, 26))
	var all []flight
	bad := false
	var stands time.Time
	for i, payload := range payloads {
		if len(payload) == 0 {
			continue
		}
		sent := began.Add(time.Duration(float64(i) * float64(FrameDuration) * (1 - w.drift/1e6)))
		if random.Float64() < 0.2 && bad {
			bad = false
		} else if !bad && random.Float64() < 0.2*w.burst/(1-w.burst) {
			bad = true
		}
		if w.standing > 0 && i%250 == 125 {
			stands = sent.Add(w.standing)
		}
		for copies := 1; copies > 0; copies-- {
			if random.Float64() < w.duplicate {
				copies++
			}
			f := flight{uint16(65000 + i), uint32(i * ticks), payload, sent.Add(path)}
			if w.jitter > 0 {
				f.at = f.at.Add(time.Duration(random.Int64N(int64(w.jitter))))
			}
			if f.at.Before(stands) {
				f.at = stands
			}
			if random.Float64() >= w.loss && !bad {
				all = append(all, f)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b flight) int { return a.at.Compare(b.at) })
	return all
}

// listener is one who listens.
type listener interface {
	receive(f flight)
	pull(frame []int16, now time.Time)
}

// adaptive is the door's own ear.
type adaptive struct {
	*Stream
	codec Codec
}

func (a adaptive) receive(f flight) { a.Receive(a.codec, f.seq, f.ts, f.payload, f.at) }

// fixed is an ear with the fixed buffer.
type fixed struct {
	ear    coder
	buffer *fixedBuffer
	ticks  int
	queue  []int16
}

func (f *fixed) receive(p flight) {
	f.buffer.push(p.seq, p.ts, p.payload, f.ear.duration(p.payload), p.at)
}

func (f *fixed) pull(frame []int16, now time.Time) {
	clear(frame)
	for len(f.queue) < len(frame) {
		next := f.buffer.next(now)
		samples := int(next.ticks) * FrameSamples / f.ticks
		var pcm []int16
		switch next.action {
		case actPlay:
			pcm, _ = f.ear.decode(next.payload)
		case actRecover:
			pcm, _ = f.ear.recover(next.payload, samples)
		case actConceal:
			pcm, _ = f.ear.conceal(samples)
		default:
			pcm = make([]int16, len(frame))
		}
		f.queue = append(f.queue, pcm...)
	}
	f.queue = f.queue[copy(frame, f.queue):]
}

// listen gives all that is heard of what arrives.
func listen(l listener, arrivals []flight, frames int, began time.Time) []int16 {
	heard := make([]int16, frames*FrameSamples)
	for i := range frames {
		now := began.Add(time.Duration(i) * FrameDuration)
		for len(arrivals) > 0 && !arrivals[0].at.After(now) {
			l.receive(arrivals[0])
			arrivals = arrivals[1:]
		}
		l.pull(heard[i*FrameSamples:][:FrameSamples], now)
	}
	return heard
}

// weathers are the networks speech is sent through. The floors are a few hundredths below what was found.
func weathers() []weather {
	ms := time.Millisecond
	return []weather{
		{name: "nothing", codec: "opus", floor: 0.95},
		{name: "1 % lost, 20 ms of jitter", loss: 0.01, jitter: 20 * ms, codec: "opus", floor: 0.95},
		{name: "5 % lost, 50 ms of jitter", loss: 0.05, jitter: 50 * ms, codec: "opus", floor: 0.94},
		{name: "10 % lost, 50 ms of jitter", loss: 0.10, jitter: 50 * ms, codec: "opus", floor: 0.93},
		{name: "5 % lost in bursts, 50 ms of jitter", burst: 0.05, jitter: 50 * ms, codec: "opus", floor: 0.93},
		{name: "1 % lost, 120 ms of jitter", loss: 0.01, jitter: 120 * ms, codec: "opus", floor: 0.94},
		{name: "stands for 150 ms, 10 % twice", standing: 150 * ms, jitter: 10 * ms, duplicate: 0.1, codec: "opus", floor: 0.93},
		{name: "far clock 200 ppm fast", drift: 200, jitter: 5 * ms, codec: "opus", floor: 0.94},
		{name: "5 % lost, 50 ms of jitter", loss: 0.05, jitter: 50 * ms, codec: "G722", floor: 0.93},
		{name: "5 % lost, 50 ms of jitter", loss: 0.05, jitter: 50 * ms, codec: "PCMA", floor: 0.93},
	}
}

// passage is speech on its way through a network.
type passage struct {
	codec    Codec
	said     []int16
	arrivals []flight
	began    time.Time
}

// send codes the reference speech, once to learn in and as often as asked for.
func (w weather) send(t testing.TB, times int) passage {
	t.Helper()
	pcm, err := reference()
	if err != nil {
		t.Fatal(err)
	}
	all := codecs()
	p := passage{
		codec: all[slices.IndexFunc(all, func(c Codec) bool { return c.is(w.codec) })],
		began: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	once := len(pcm) / FrameSamples * FrameSamples
	p.said = slices.Repeat(pcm[:once], times)
	mouth := coderOf(t, p.codec)
	if err = mouth.expect(w.loss + w.burst); err != nil {
		t.Fatal(err)
	}
	var payloads [][]byte
	for frame := range (times + 1) * once / FrameSamples {
		payloads = append(payloads, encode(t, mouth, spoken(t, frame)))
	}
	p.arrivals = w.carry(payloads, p.codec.ClockRate/50, p.began)
	return p
}

// heardBy scores what one who listens makes of it; the delay is that of codec and buffer.
func (p passage) heardBy(t testing.TB, l listener) quality.Result {
	t.Helper()
	pcm, err := reference()
	if err != nil {
		t.Fatal(err)
	}
	skip := len(pcm) / FrameSamples
	heard := listen(l, p.arrivals, len(p.said)/FrameSamples+skip+20, p.began)
	r := quality.Compare(p.said, heard[skip*FrameSamples:], SampleRate, 500*time.Millisecond)
	r.Delay -= path
	return r
}

// adaptiveEar is the door's own ear.
func (p passage) adaptiveEar(t testing.TB) adaptive {
	t.Helper()
	return adaptive{streamOf(t, p.codec, coderOf(t, p.codec)), p.codec}
}

// TestQuality sends speech through codec, network, jitter buffer and decoder and asks how much of it is understood.
func TestQuality(t *testing.T) {
	for _, w := range weathers() {
		t.Run(w.codec+", "+w.name, func(t *testing.T) {
			t.Parallel()
			p := w.send(t, 1)
			ear := p.adaptiveEar(t)
			r := p.heardBy(t, ear)
			t.Logf("%.3f understood, delay %v, %+v", r.Intelligibility, r.Delay, ear.Stats())
			if r.Intelligibility < w.floor {
				t.Errorf("%.3f of the speech is understood", r.Intelligibility)
			}
			if most := w.jitter + w.standing + 80*time.Millisecond; r.Delay > most {
				t.Errorf("it comes %v late", r.Delay)
			}
		})
	}
}

// BenchmarkQuality compares with a fixed buffer, in one run: how much is understood, and how much later it comes than it could.
// go test -run - -bench Quality -benchtime 1x prints the table.
func BenchmarkQuality(b *testing.B) {
	for _, w := range weathers() {
		b.Run(w.codec+", "+w.name, func(b *testing.B) {
			var was, is quality.Result
			for b.Loop() {
				p := w.send(b, 2)
				was = p.heardBy(b, &fixed{
					ear: coderOf(b, p.codec), buffer: newFixedBuffer(p.codec.ClockRate), ticks: p.codec.ClockRate / 50,
				})
				is = p.heardBy(b, p.adaptiveEar(b))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(was.Intelligibility, "fixed")
			b.ReportMetric(is.Intelligibility, "adaptive")
			b.ReportMetric(float64(was.Delay.Milliseconds()), "fixed-ms")
			b.ReportMetric(float64(is.Delay.Milliseconds()), "adaptive-ms")
		})
	}
}
