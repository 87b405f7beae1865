package audio

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// arrival is a packet of 20 ms whose payload is its number in the stream.
type arrival struct {
	number int // sequence number and timestamp follow from it
	at     int // ms
	seq    int // added to the sequence number
	ts     int // frames added to the timestamp
}

// play runs packets through a jitter buffer at 48 kHz and tells what was played in each 20 ms: "." for nothing, the number
// of a packet, "c" for concealment, "r" for recovery.
func play(b *jitterBuffer, firstSeq uint16, firstTS uint32, frames int, arrivals ...arrival) string {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b.redundant = func([]byte) bool { return true }
	var out []string
	for frame := range frames {
		now := began.Add(time.Duration(frame) * FrameDuration)
		for _, a := range arrivals {
			if a.at > 20*(frame-1) && a.at <= 20*frame {
				b.push(firstSeq+uint16(a.number+a.seq), firstTS+uint32((a.number+a.ts)*FrameSamples),
					[]byte(fmt.Sprint(a.number)), FrameDuration, began.Add(time.Duration(a.at)*time.Millisecond))
			}
		}
		b.pull(now)
		switch s := b.next(now); s.action {
		case actWait:
			out = append(out, ".")
		case actPlay:
			out = append(out, string(s.payload))
		case actConceal:
			out = append(out, "c")
		case actRecover:
			out = append(out, "r")
		}
		b.took(FrameDuration)
	}
	return strings.Join(out, " ")
}

// inTime gives packets from..to, each on its time.
func inTime(from, to int) []arrival {
	var all []arrival
	for i := from; i <= to; i++ {
		all = append(all, arrival{number: i, at: 20 * i})
	}
	return all
}

func TestJitterBuffer(t *testing.T) {
	for _, tc := range []struct {
		name     string
		arrivals []arrival
		want     string
		counts   jitterCounts
	}{
		{"in time", inTime(0, 4), ". . . 0 1 2 3 4", jitterCounts{received: 5}},
		{"reordered", []arrival{{number: 1, at: 0}, {number: 0, at: 10}, {number: 3, at: 40}, {number: 2, at: 50}},
			". . 0 1 2 3", jitterCounts{received: 4}},
		{"jitter of 50 ms", []arrival{{number: 0}, {number: 1, at: 70}, {number: 2, at: 50}, {number: 3, at: 110}},
			". . . 0 1 2 3", jitterCounts{received: 4}},
		{"one lost", append(inTime(0, 1), inTime(3, 4)...), ". . . 0 1 r 3 4",
			jitterCounts{received: 4, lost: 1, recovered: 1}},
		{"three lost", append(inTime(0, 1), inTime(5, 6)...), ". . . 0 1 c c r 5 6",
			jitterCounts{received: 4, lost: 3, recovered: 1, concealed: 2 * FrameSamples}},
		{"twice", append(inTime(0, 3), arrival{number: 2, at: 45}, arrival{number: 0, at: 70}), ". . . 0 1 2 3",
			jitterCounts{received: 6, duplicate: 2}},
		{"too late", append(append(inTime(0, 1), inTime(3, 6)...), arrival{number: 2, at: 110}), ". . . 0 1 r 3 4 5 6",
			jitterCounts{received: 7, lost: 1, recovered: 1, late: 1}},
		{"a stretch that comes late makes the delay longer", append(inTime(0, 1),
			arrival{number: 2, at: 120}, arrival{number: 3, at: 120}, arrival{number: 4, at: 140}),
			". . . 0 1 c 2 3 4", jitterCounts{received: 5, concealed: FrameSamples}},
		{"the sender pauses and says so by the timestamp alone", append(inTime(0, 1),
			arrival{number: 2, ts: 8, at: 200}, arrival{number: 3, ts: 8, at: 220}),
			". . . 0 1 c c c c c c c c 2 3", jitterCounts{received: 4}},
		{"a digit takes sequence numbers and no time", append(inTime(0, 1),
			arrival{number: 2, seq: 7, at: 40}, arrival{number: 3, seq: 7, at: 60}), ". . . 0 1 2 3",
			jitterCounts{received: 4}},
		{"the far end goes on elsewhere, as after a hold", append(inTime(0, 1),
			arrival{number: 2, seq: 4000, ts: 90000, at: 40}, arrival{number: 3, seq: 4000, ts: 90000, at: 60},
			arrival{number: 4, seq: 4000, ts: 90000, at: 80}), ". . . . . 2 3 4", jitterCounts{received: 5}},
		{"a stray packet changes nothing", append(inTime(0, 4), arrival{number: 2, seq: 4000, ts: 90000, at: 45}),
			". . . 0 1 2 3 4", jitterCounts{received: 6}},
		{"a timestamp jump in sequence is believed", append(inTime(0, 1), arrival{number: 2, ts: -90000, at: 40}),
			". . . . . 2", jitterCounts{received: 3}},
		{"the network stands still for half a second", append(inTime(0, 1), bunch(2, 27, 540)...),
			". . . 0 1 c c c c c c c c c c c c c c c c c c c c c c 18 19 20", // as old as the target at most, now 200 ms
			jitterCounts{received: 28, concealed: 22 * FrameSamples, dropped: 16}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, first := range []struct {
				seq uint16
				ts  uint32
			}{{0, 0}, {65534, 1<<32 - 1500}, {32767, 1 << 31}} { // also over the ends of both counters
				b := newJitterBuffer(SampleRate)
				got := play(b, first.seq, first.ts, len(strings.Fields(tc.want)), tc.arrivals...)
				if got != tc.want || b.counters != tc.counts {
					t.Errorf("from %v:\nplayed %s\nwant   %s\ncounts %+v\nwant   %+v", first, got, tc.want, b.counters, tc.counts)
				}
			}
		})
	}
}

// bunch gives packets from..to, all at once.
func bunch(from, to, at int) []arrival {
	var all []arrival
	for i := from; i <= to; i++ {
		all = append(all, arrival{number: i, at: at})
	}
	return all
}

func TestJitterBufferFillsAnewAfterASilence(t *testing.T) {
	b := newJitterBuffer(SampleRate)
	arrivals := append(inTime(0, 1), arrival{number: 200, at: 4000}, arrival{number: 201, at: 4020})
	got := strings.Fields(play(b, 0, 0, 206, arrivals...))
	if end := strings.Join(got[198:], " "); end != ". . . . . 200 201 c" {
		t.Errorf("after four seconds of nothing: %s", end)
	}
}

func TestJitterBufferIsBounded(t *testing.T) {
	b := newJitterBuffer(SampleRate)
	now := time.Now()
	for i := range 10_000 {
		b.push(uint16(i*7), uint32(i)*FrameSamples, nil, FrameDuration, now)
		if len(b.packets) > jitterPackets || len(b.history) > jitterHistory {
			t.Fatalf("%d packets, %d in the history", len(b.packets), len(b.history))
		}
	}
}

func FuzzJitterBuffer(f *testing.F) {
	f.Add([]byte("0123456789abcdef"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := newJitterBuffer(SampleRate)
		now := time.Unix(0, 0)
		for len(data) >= 5 {
			b.push(uint16(data[0])<<8|uint16(data[1]), uint32(data[2])<<24|uint32(data[3])<<10,
				nil, time.Duration(1+data[4]%48)*2500*time.Microsecond, now)
			if data[4]%3 == 0 {
				now = now.Add(FrameDuration)
				if s := b.next(now); s.action != actWait && s.ticks <= 0 {
					t.Fatalf("a step without sound: %+v", s)
				}
			}
			data = data[5:]
		}
	})
}

func TestJitterBufferTellsADriftFromASetBackClock(t *testing.T) {
	b := newJitterBuffer(SampleRate)
	// The sender's clock is set back by a second; its numbers go on.
	back := make([]arrival, 0, 10)
	for i := 10; i < 20; i++ {
		back = append(back, arrival{number: i, ts: -50, at: 20 * i})
	}
	got := play(b, 100, 1<<20, 20, append(inTime(0, 9), back...)...)
	if want := ". . . 0 1 2 3 4 5 6 . . . 10 11 12 13 14 15 16"; got != want {
		t.Errorf("played %s\nwant   %s", got, want)
	}
}
