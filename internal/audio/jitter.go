package audio

import (
	"slices"
	"time"
)

// What the jitter buffer aims at and puts up with.
const (
	// jitterTarget is how long the first packet waits, and so how late a packet may be.
	jitterTarget = 60 * time.Millisecond
	// jitterSlack is how much more than the target may stand in the buffer for long (clock drift, or a late stretch that
	// is over) before a packet is left out.
	jitterSlack = 40 * time.Millisecond
	// jitterWindow is the number of packets over which "for long" is judged.
	jitterWindow = 100
	// jitterDeepest is what is cut down to the target at once.
	jitterDeepest = 400 * time.Millisecond
	// jitterPackets bounds the buffer.
	jitterPackets = 64
	// jitterHold is how long nothing may come before the buffer fills anew.
	jitterHold = time.Second
	// jitterJump is a distance of timestamps that no loss explains: the far end has begun a new stream.
	jitterJump = 3 * time.Second
	// jitterHistory is the number of played packets a late one is compared with, to know a duplicate.
	jitterHistory = 64
)

// packet is one RTP payload in the buffer. Times are in ticks of the RTP clock, unwrapped.
type packet struct {
	seq     uint16
	at      int64
	length  int64
	payload []byte
	arrived time.Time
}

// action is what the one who plays has to do next.
type action int

const (
	actWait    action = iota // there is nothing to play: silence
	actPlay                  // decode payload
	actConceal               // make up sound for ticks
	actRecover               // make up sound for ticks with the help of payload, which follows
)

// step is one action with its operands.
type step struct {
	action  action
	payload []byte
	ticks   int64
}

// jitterCounts is what happened to packets so far.
type jitterCounts struct {
	received, late, duplicate, dropped, lost, recovered uint64
	concealed                                           int64 // ticks, without those of recovered packets and DTX
}

// jitterBuffer orders packets by timestamp and says what to play when. Timestamps, not sequence numbers, tell whether
// something is missing: telephone-events use up sequence numbers of the same stream, and a sender of discontinuous
// transmission leaves timestamps out. It has no clock: times are handed in.
type jitterBuffer struct {
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

func newJitterBuffer(rate int) *jitterBuffer { return &jitterBuffer{rate: int64(rate)} }

// ticks converts to the RTP clock.
func (b *jitterBuffer) ticks(d time.Duration) int64 { return int64(d) * b.rate / int64(time.Second) }

// push takes a packet that holds sound of a length. The payload is kept.
func (b *jitterBuffer) push(seq uint16, ts uint32, payload []byte, length time.Duration, arrived time.Time) {
	b.counters.received++
	p := packet{seq: seq, length: b.ticks(length), payload: payload, arrived: arrived}
	if !b.known {
		p.at = int64(ts)
		b.begin(p)
		return
	}
	distance := int64(int32(ts - uint32(b.newest)))
	p.at = b.newest + distance
	if jump := b.ticks(jitterJump); distance > jump || distance < -jump {
		b.pushFar(p)
		return
	}
	b.probe = nil
	b.insert(p)
}

// begin starts over with p as the first packet.
func (b *jitterBuffer) begin(p packet) {
	b.packets, b.probe, b.playing = []packet{p}, nil, false
	b.known, b.newest, b.newestSeq = true, p.at, p.seq
}

// pushFar handles a packet whose timestamp is far from all others. One alone may be a stray; it counts when it is next in
// sequence or is followed by its successor (the thought of RFC 3550 appendix A.1).
func (b *jitterBuffer) pushFar(p packet) {
	switch first := b.probe; {
	case p.seq == b.newestSeq+1:
		b.begin(p)
	case first != nil && p.seq == first.seq+1 && p.at > first.at && p.at-first.at < b.ticks(jitterHold):
		b.begin(*first)
		b.insert(p)
	default:
		b.probe = &p
	}
}

// insert puts a packet in its place.
func (b *jitterBuffer) insert(p packet) {
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
	if len(b.packets) > jitterPackets {
		b.leaveOut()
	}
}

// leaveOut drops the oldest packet unheard.
func (b *jitterBuffer) leaveOut() {
	p := b.packets[0]
	b.packets = b.packets[1:]
	b.counters.dropped++
	b.played(p)
}

// played goes on behind a packet.
func (b *jitterBuffer) played(p packet) {
	b.expected = p.at + p.length
	b.lastSeq, b.lastEnd = p.seq, b.expected
	b.history = append(b.history, p.at)
	if len(b.history) > jitterHistory {
		b.history = b.history[1:]
	}
}

// next says what to play now.
func (b *jitterBuffer) next(now time.Time) step {
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
func (b *jitterBuffer) start(now time.Time) bool {
	if len(b.packets) == 0 {
		return false
	}
	first := b.packets[0].arrived
	for _, p := range b.packets[1:] {
		if p.arrived.Before(first) {
			first = p.arrived
		}
	}
	if now.Sub(first) < jitterTarget {
		return false
	}
	b.playing, b.held, b.window = true, 0, 0
	b.expected = b.packets[0].at
	b.lastSeq, b.lastEnd = b.packets[0].seq-1, b.expected
	return true
}

// hold bridges a moment at which nothing is there. Whether that was loss, lateness or a pause of the sender is only seen
// when the next packet comes; until then the place in the stream stands still.
func (b *jitterBuffer) hold() step {
	frame := b.ticks(FrameDuration)
	b.held += frame
	if b.held > b.ticks(jitterHold) {
		b.playing = false
		return step{action: actWait}
	}
	return step{action: actConceal, ticks: frame}
}

// resume settles a hold: what passed is skipped as far as the stream left it out, the rest makes the delay longer.
func (b *jitterBuffer) resume() {
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
func (b *jitterBuffer) cut() {
	if b.depth() <= b.ticks(jitterDeepest) {
		return
	}
	goal := b.expected + b.depth() - b.ticks(jitterTarget)
	for len(b.packets) > 1 && b.packets[0].at+b.packets[0].length <= goal {
		b.leaveOut()
	}
	b.expected = max(b.expected, min(goal, b.packets[0].at))
}

// bridge handles sound that is missing before packet p. It has nothing to do for less than can be made up.
func (b *jitterBuffer) bridge(p packet, gap int64) (step, bool) {
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

// countLost counts what did not come before packet p. Sequence numbers alone do not tell: see jitterBuffer.
func (b *jitterBuffer) countLost(p packet) {
	silent := p.at - b.lastEnd
	skipped := int64(p.seq - b.lastSeq - 1)
	if silent <= 0 || skipped <= 0 {
		return
	}
	b.counters.lost += uint64(min(skipped, (silent+p.length-1)/p.length))
}

// depth is how much sound lies between what is played next and the end of the newest packet.
func (b *jitterBuffer) depth() int64 {
	last := b.packets[len(b.packets)-1]
	return last.at + last.length - b.expected
}

// tooDeep reports, once per window, that the buffer was never down at its target.
func (b *jitterBuffer) tooDeep() bool {
	depth := b.depth()
	if b.window == 0 || depth < b.shallow {
		b.shallow = depth
	}
	b.window++
	if b.window < jitterWindow {
		return false
	}
	b.window = 0
	return len(b.packets) > 1 && b.shallow > b.ticks(jitterTarget+jitterSlack)
}
