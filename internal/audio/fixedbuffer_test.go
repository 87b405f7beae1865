package audio

import (
	"slices"
	"time"
)

// What the fixed buffer aims at and puts up with: 60 ms, up to 100 ms for some seconds.
const (
	fixedTarget  = 60 * time.Millisecond
	fixedSlack   = 40 * time.Millisecond
	fixedWindow  = 100
	fixedDeepest = 400 * time.Millisecond
	fixedPackets = 64
	fixedHold    = time.Second
	fixedJump    = 3 * time.Second
	fixedHistory = 64
)

// fixedBuffer is what jitterBuffer is measured against: the same without an estimate of the delay and without time stretching. It leaves a packet
// out when more than it wants stood there for long.
type fixedBuffer struct {
	rate    int64
	packets []packet
	probe   *packet // a packet from far away; a second one in sequence shows that it was meant

	known     bool // newest and newestSeq are set
	newest    int64
	newestSeq uint16

	playing  bool
	expected int64 // what is to be played next
	held     int64 // how long nothing was there to play, so far
	lastSeq  uint16
	lastEnd  int64 // of the last packet played
	history  []int64

	window   int
	shallow  int64
	counters jitterCounts
}

func newFixedBuffer(rate int) *fixedBuffer { return &fixedBuffer{rate: int64(rate)} }

// ticks converts to the RTP clock.
func (b *fixedBuffer) ticks(d time.Duration) int64 { return int64(d) * b.rate / int64(time.Second) }

// push takes a packet that holds sound of a length. The payload is kept.
func (b *fixedBuffer) push(seq uint16, ts uint32, payload []byte, length time.Duration, arrived time.Time) {
	b.counters.received++
	p := packet{seq: seq, length: b.ticks(length), payload: payload, arrived: arrived}
	if !b.known {
		p.at = int64(ts)
		b.begin(p)
		return
	}
	distance := int64(int32(ts - uint32(b.newest)))
	p.at = b.newest + distance
	if jump := b.ticks(fixedJump); distance > jump || distance < -jump {
		b.pushFar(p)
		return
	}
	b.probe = nil
	b.insert(p)
}

// begin starts over with p as the first packet.
func (b *fixedBuffer) begin(p packet) {
	b.packets, b.probe, b.playing = []packet{p}, nil, false
	b.known, b.newest, b.newestSeq = true, p.at, p.seq
}

// pushFar handles a packet whose timestamp is far from all others. One alone may be a stray; it counts when it is next in
// sequence or is followed by its successor (the thought of RFC 3550 appendix A.1).
func (b *fixedBuffer) pushFar(p packet) {
	switch first := b.probe; {
	case p.seq == b.newestSeq+1:
		b.begin(p)
	case first != nil && p.seq == first.seq+1 && p.at > first.at && p.at-first.at < b.ticks(fixedHold):
		b.begin(*first)
		b.insert(p)
	default:
		b.probe = &p
	}
}

// insert puts a packet in its place.
func (b *fixedBuffer) insert(p packet) {
	if b.playing && p.at < b.expected {
		if slices.Contains(b.history, p.at) {
			b.counters.duplicate++
		} else {
			b.counters.late++
		}
		return
	}
	i, found := slices.BinarySearchFunc(b.packets, p.at, func(q packet, at int64) int { return int(q.at - at) })
	if found {
		b.counters.duplicate++
		return
	}
	b.packets = slices.Insert(b.packets, i, p)
	if p.at > b.newest {
		b.newest, b.newestSeq = p.at, p.seq
	}
	if len(b.packets) > fixedPackets {
		b.leaveOut()
	}
}

// leaveOut drops the oldest packet unheard.
func (b *fixedBuffer) leaveOut() {
	p := b.packets[0]
	b.packets = b.packets[1:]
	b.counters.dropped++
	b.played(p)
}

// played goes on behind a packet.
func (b *fixedBuffer) played(p packet) {
	b.expected = p.at + p.length
	b.lastSeq, b.lastEnd = p.seq, b.expected
	b.history = append(b.history, p.at)
	if len(b.history) > fixedHistory {
		b.history = b.history[1:]
	}
}

// next says what to play now.
func (b *fixedBuffer) next(now time.Time) step {
	if !b.playing && !b.start(now) {
		return step{action: actWait}
	}
	if len(b.packets) == 0 {
		return b.hold()
	}
	b.resume()
	b.cut()
	p := b.packets[0]
	if gap := p.at - b.expected; gap > 0 {
		if s, ok := b.bridge(p, gap); ok {
			return s
		}
	}
	if b.tooDeep() {
		b.leaveOut()
		return b.next(now)
	}
	b.packets = b.packets[1:]
	b.countLost(p)
	b.played(p)
	return step{action: actPlay, payload: p.payload, ticks: p.length}
}

// start begins to play once the first packet has waited long enough.
func (b *fixedBuffer) start(now time.Time) bool {
	if len(b.packets) == 0 {
		return false
	}
	first := b.packets[0].arrived
	for _, p := range b.packets[1:] {
		if p.arrived.Before(first) {
			first = p.arrived
		}
	}
	if now.Sub(first) < fixedTarget {
		return false
	}
	b.playing, b.held, b.window = true, 0, 0
	b.expected = b.packets[0].at
	b.lastSeq, b.lastEnd = b.packets[0].seq-1, b.expected
	return true
}

// hold bridges a moment at which nothing is there. Whether that was loss, lateness or a pause of the sender is only seen
// when the next packet comes; until then the place in the stream stands still.
func (b *fixedBuffer) hold() step {
	frame := b.ticks(FrameDuration)
	b.held += frame
	if b.held > b.ticks(fixedHold) {
		b.playing = false
		return step{action: actWait}
	}
	return step{action: actConceal, ticks: frame}
}

// resume settles a hold: what passed is skipped as far as the stream left it out, the rest makes the delay longer.
func (b *fixedBuffer) resume() {
	if b.held == 0 {
		return
	}
	p := b.packets[0]
	gap := p.at - b.expected
	if pause := p.seq == b.lastSeq+1 && gap >= b.held; !pause {
		b.counters.concealed += b.held
	}
	b.expected += max(0, min(b.held, gap))
	b.held = 0
}

// cut gives up what is too old when far too much stands in the buffer, as after a network that stood still.
func (b *fixedBuffer) cut() {
	if b.depth() <= b.ticks(fixedDeepest) {
		return
	}
	goal := b.expected + b.depth() - b.ticks(fixedTarget)
	for len(b.packets) > 1 && b.packets[0].at+b.packets[0].length <= goal {
		b.leaveOut()
	}
	b.expected = max(b.expected, min(goal, b.packets[0].at))
}

// bridge handles sound that is missing before packet p. It has nothing to do for less than can be made up.
func (b *fixedBuffer) bridge(p packet, gap int64) (step, bool) {
	unit := concealUnit * b.rate / SampleRate
	missing := min(gap, b.ticks(FrameDuration)) / unit * unit
	if missing == 0 {
		return step{}, false
	}
	s := step{action: actConceal, ticks: missing}
	switch {
	case p.seq == b.lastSeq+1: // a pause of the sender: nothing is lost
	case gap == p.length && missing == gap:
		s.action, s.payload = actRecover, p.payload
		b.counters.recovered++
	default:
		b.counters.concealed += missing
	}
	b.expected += missing
	return s, true
}

// countLost counts what did not come before packet p. Sequence numbers alone do not tell: see fixedBuffer.
func (b *fixedBuffer) countLost(p packet) {
	silent := p.at - b.lastEnd
	skipped := int64(p.seq - b.lastSeq - 1)
	if silent <= 0 || skipped <= 0 {
		return
	}
	b.counters.lost += uint64(min(skipped, (silent+p.length-1)/p.length))
}

// depth is how much sound lies between what is played next and the end of the newest packet.
func (b *fixedBuffer) depth() int64 {
	last := b.packets[len(b.packets)-1]
	return last.at + last.length - b.expected
}

// tooDeep reports, once per window, that the buffer was never down at its target.
func (b *fixedBuffer) tooDeep() bool {
	depth := b.depth()
	if b.window == 0 || depth < b.shallow {
		b.shallow = depth
	}
	b.window++
	if b.window < fixedWindow {
		return false
	}
	b.window = 0
	return len(b.packets) > 1 && b.shallow > b.ticks(fixedTarget+fixedSlack)
}
