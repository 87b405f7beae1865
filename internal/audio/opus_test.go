package audio

import (
	"testing"
	"time"
)

// opusFrames codes frames and gives the payloads, empty where nothing is to be sent.
func opusFrames(t *testing.T, c *opusCoder, frames int, voice func(frame int) []int16) [][]byte {
	t.Helper()
	var all [][]byte
	for frame := range frames {
		all = append(all, encode(t, c, voice(frame)))
	}
	return all
}

// opusOf makes the coder itself.
func opusOf(t *testing.T) *opusCoder {
	t.Helper()
	c, err := newOpusCoder()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func silence(int) []int16 { return make([]int16, FrameSamples) }

func tone440(frame int) []int16 { return sine(440, -20, FrameSamples, frame*FrameSamples) }

// voice is something like a voice: a hoarse buzz in syllables.
func voice(frame int) []int16 {
	pcm := make([]int16, FrameSamples)
	state := uint32(frame)*2654435761 + 1
	for i := range pcm {
		at := frame*FrameSamples + i
		state = state*1664525 + 1013904223
		pcm[i] = int16(12000 - at%400*60 + int(state>>20) - 2048)
	}
	return pcm
}

func TestSilenceIsLeftOut(t *testing.T) {
	c := opusOf(t)
	sent, pause, longest := 0, 0, 0
	for _, payload := range opusFrames(t, c, 500, silence) {
		pause++
		if len(payload) > 0 {
			sent++
			pause = 0
		}
		longest = max(longest, pause)
	}
	if sent > 75 {
		t.Errorf("%d packets in ten seconds of silence", sent)
	}
	if longest > 25 {
		t.Errorf("no sign of life for %d frames", longest)
	}
	for frame, payload := range opusFrames(t, opusOf(t), 500, tone440) {
		if len(payload) == 0 {
			t.Fatalf("frame %d of a tone was taken for silence", frame)
		}
	}
}

// TestPausesAreHeardAsPauses lets a door be silent between two words: the far end counts nothing as lost or made up, and the words keep their
// distance.
func TestPausesAreHeardAsPauses(t *testing.T) {
	codec := codecs()[0]
	var now time.Time
	type sent struct {
		seq     uint16
		ts      uint32
		payload []byte
	}
	var flight []sent
	next := sent{}
	e := NewEngine(NewSilentDevice(), EngineOptions{})
	s, err := e.Open(codec, func(payload []byte, d time.Duration) {
		if len(payload) > 0 { // as a peer does
			flight = append(flight, sent{next.seq, next.ts, payload})
			next.seq++
		}
		next.ts += uint32(d.Milliseconds()) * 48
	}, StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	far, err := e.Open(codec, func([]byte, time.Duration) {}, StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	frame := make([]int16, FrameSamples)
	var loud []int
	for i := range 400 {
		now = now.Add(FrameDuration)
		word := silence(i)
		if i >= 20 && i < 40 || i >= 300 && i < 320 {
			word = voice(i)
		}
		s.push(word, now)
		for _, p := range flight {
			far.Receive(codec, p.seq, p.ts, p.payload, now)
		}
		flight = nil
		far.pull(frame, now)
		if dbfs(energy(frame)/FrameSamples) > -30 {
			loud = append(loud, i)
		}
	}
	stats := far.Stats()
	if stats.Lost+stats.Late+stats.Concealed+stats.Dropped != 0 || s.Stats().Sent > 150 {
		t.Errorf("%d sent, %+v", s.Stats().Sent, stats)
	}
	if len(loud) < 38 || len(loud) > 44 {
		t.Fatalf("heard in %d frames: %v", len(loud), loud)
	}
	if first, second := loud[0]-20, loud[len(loud)-1]-319; first < 1 || first > 5 || second < 0 || second > 5 {
		t.Errorf("the first word came after %d frames, the second after %d", first, second)
	}
}

func TestReportedLossSetsTheProtection(t *testing.T) {
	c := opusOf(t)
	at := 0
	helping := func() (n int) {
		for _, p := range opusFrames(t, c, 100, func(frame int) []int16 { return spoken(t, at+frame) }) {
			if c.redundant(p) {
				n++
			}
		}
		at += 100
		return n
	}
	report := func(loss float64, times int) {
		for range times {
			if err := c.expect(loss); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := helping(); n < 70 {
		t.Errorf("before any report %d of 100 packets hold a copy of the one before", n)
	}
	report(0, 20)
	if n := helping(); n > 1 { // the first of the one before the report
		t.Errorf("without loss %d of 100 packets do", n)
	}
	report(0.02, 1)
	if n := helping(); n < 70 {
		t.Errorf("at 2 %% of loss %d of 100 packets do", n)
	}
	for _, loss := range []float64{-1, 0, 0.5, 7} {
		report(loss, 1)
	}
}

func TestWhatHoldsNoCopy(t *testing.T) {
	c := opusOf(t)
	for _, p := range [][]byte{nil, {0x78}, {0xFF, 0xFF}, {0x1F, 0xFF}, {0x03, 0xFF, 0xFF}} {
		if c.redundant(p) {
			t.Errorf("% x", p)
		}
	}
}

// TestLostPacketIsRebuiltFromTheNext loses one packet in ten.
func TestLostPacketIsRebuiltFromTheNext(t *testing.T) {
	codec := codecs()[0]
	far := streamOf(t, codec, opusOf(t))
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	frame := make([]int16, FrameSamples)
	for i, payload := range opusFrames(t, opusOf(t), 300, func(frame int) []int16 { return spoken(t, frame) }) {
		now := began.Add(time.Duration(i) * FrameDuration)
		if i%10 != 5 {
			far.Receive(codec, uint16(i), uint32(i*FrameSamples), payload, now)
		}
		far.pull(frame, now)
	}
	if s := far.Stats(); s.Lost != 30 || s.Recovered < 20 {
		t.Errorf("%d lost, %d rebuilt", s.Lost, s.Recovered)
	}
}
