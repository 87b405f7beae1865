package audio

import (
	"cmp"
	"slices"
	"time"
)

// What the jitter buffer puts up with.
const (
	// jitterDeepest is what is cut down to the target at once.
	jitterDeepest = 400 * time.Millisecond
	// jitterPackets bounds the buffer: more than jitterDeepest of the shortest packets.
	jitterPackets = 192
	// jitterAbove is how much longer than its target the delay may be before something is done: as much as can be taken out at once.
	jitterAbove = lagLongest * time.Second / SampleRate
	// pullSpan is how long the earliest pull is the measure of when sound is needed: devices take it in bunches.
	pullSpan = time.Second
	// pullPause is how long nothing may be pulled before the clock of the device begins anew.
	pullPause = 200 * time.Millisecond
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
	helps   bool // payload holds a coarse copy of the packet before
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
//
// How long packets wait is learnt from their arrival (delayEstimate). Pauses of the sender are made longer or shorter to that end; in
// between the one who plays does that, as excess tells.
type jitterBuffer struct {
	rate     int64
	estimate *delayEstimate
	// redundant tells whether a payload holds a copy of the one before.
	redundant func(payload []byte) bool

	packets []packet
	probe   *packet // a packet from far away; a second one in sequence shows that it was meant
	probeTS uint32

	known     bool // those of the newest packet are set
	newest    int64
	newestTS  uint32
	newestSeq uint16
	length    time.Duration

	playing  bool
	expected int64 // what is to be played next
	held     int64 // how long nothing was there to play, so far
	lastSeq  uint16
	lastEnd  int64 // of the last packet played
	history  []int64

	pulls    fastest   // the device's clock: time of a pull less what was pulled before
	pulledAt time.Time // the last time
	pulled   time.Duration
	queued   time.Duration // decoded and not pulled yet

	counters jitterCounts
}

func newJitterBuffer(rate int) *jitterBuffer {
	return &jitterBuffer{
		rate: int64(rate), estimate: newDelayEstimate(), redundant: func([]byte) bool { return false },
		pulls: fastest{span: pullSpan},
	}
}

// ticks converts to the RTP clock.
func (b *jitterBuffer) ticks(d time.Duration) int64 { return int64(d) * b.rate / int64(time.Second) }

// media converts from the RTP clock.
func (b *jitterBuffer) media(ticks int64) time.Duration {
	return time.Duration(ticks/b.rate)*time.Second + time.Duration(ticks%b.rate)*time.Second/time.Duration(b.rate)
}

// push takes a packet that holds sound of a length. The payload is kept.
func (b *jitterBuffer) push(seq uint16, ts uint32, payload []byte, length time.Duration, arrived time.Time) {
	b.counters.received++
	p := packet{seq: seq, length: b.ticks(length), payload: payload, arrived: arrived, helps: b.redundant(payload)}
	if !b.known {
		b.begin(p, ts)
		return
	}
	distance := int64(int32(ts - b.newestTS))
	p.at = b.newest + distance
	jump := b.ticks(jitterJump)
	// Later by its number and earlier by its time: a clock that was set back.
	contradicts := int16(seq-b.newestSeq) > 0 && distance < 0
	if distance > jump || distance < -jump || contradicts {
		b.pushFar(p, ts)
		return
	}
	b.probe = nil
	b.insert(p, ts)
}

// begin starts over with p as the first packet.
func (b *jitterBuffer) begin(p packet, ts uint32) {
	p.at = 0
	b.packets, b.probe, b.playing, b.history = nil, nil, false, nil
	b.known, b.newest, b.newestTS, b.newestSeq = true, -1, ts-1, p.seq-1
	b.estimate.restart()
	b.insert(p, ts)
}

// pushFar handles a packet whose timestamp is far from all others. One alone may be a stray; it counts when it is next in
// sequence or is followed by its successor (the thought of RFC 3550 appendix A.1).
func (b *jitterBuffer) pushFar(p packet, ts uint32) {
	switch first := b.probe; {
	case p.seq == b.newestSeq+1:
		b.begin(p, ts)
	case first != nil && p.seq == first.seq+1 && p.at > first.at && p.at-first.at < b.ticks(jitterHold):
		p.at -= first.at
		b.begin(*first, b.probeTS)
		b.insert(p, ts)
	default:
		b.probe, b.probeTS = &p, ts
	}
}

// insert puts a packet in its place.
func (b *jitterBuffer) insert(p packet, ts uint32) {
	i, found := slices.BinarySearchFunc(b.packets, p.at, func(q packet, at int64) int { return cmp.Compare(q.at, at) })
	if found || slices.Contains(b.history, p.at) {
		b.counters.duplicate++
		return
	}
	late := b.estimate.arrived(b.media(p.at), p.arrived)
	if b.playing && p.at < b.expected {
		b.counters.late++
		b.estimate.wasLate(late)
		return
	}
	if p.helps && p.seq == b.newestSeq+2 && p.at == b.newest+2*p.length {
		b.estimate.count(late + b.media(p.length)) // a copy of the one that is missing came with this one, that much later
	}
	b.packets = slices.Insert(b.packets, i, p)
	if p.at > b.newest {
		b.newest, b.newestTS, b.newestSeq, b.length = p.at, ts, p.seq, b.media(p.length)
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

// pull is called before each frame that is taken from what next gave.
func (b *jitterBuffer) pull(now time.Time) {
	if now.Sub(b.pulledAt) > pullPause {
		b.pulls.known = false
	}
	b.pulledAt = now
	b.pulls.add(b.estimate.since(now)-b.pulled, now)
}

// took is called after each frame.
func (b *jitterBuffer) took(d time.Duration) { b.pulled += d }

// delay is how long what is played next would have waited if it had come as fast as the fastest packet; false while that is not known.
func (b *jitterBuffer) delay() (time.Duration, bool) {
	base, ok := b.estimate.base()
	if !ok || !b.playing || !b.pulls.known {
		return 0, false
	}
	return b.pulls.least() + b.pulled + b.queued - b.media(b.expected) - base, true
}

// excess is how much the delay is longer than it should be, 0 when it is about right.
func (b *jitterBuffer) excess() time.Duration {
	delay, ok := b.delay()
	if !ok {
		return 0
	}
	// What is there must bear it out, whatever clocks say: it is as much as the delay, and up to a packet more.
	waits := b.queued
	if len(b.packets) > 0 {
		waits += b.media(b.depth())
	}
	// The next packet is needed when less than a frame is left, which is that much before its first sample is.
	inTime := delay - b.queued%FrameDuration
	switch target := b.estimate.target; {
	case delay > target+jitterAbove && waits > target:
		return delay - target
	case inTime < target-delayMargin && waits < target+b.length:
		return min(-1, inTime+delayMargin-target)
	default:
		return 0
	}
}

// ready tells whether what follows is there without a gap.
func (b *jitterBuffer) ready() bool {
	return b.playing && b.held == 0 && len(b.packets) > 0 && b.packets[0].at <= b.expected
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
	waited, target := now.Sub(first), b.estimate.target
	if waited < target {
		// It may have come late, and be old enough already.
		base, ok := b.estimate.base()
		if age := b.estimate.since(now) - b.media(b.packets[0].at) - base; !ok || age < target || waited < delayLeast {
			return false
		}
	}
	b.playing, b.held = true, 0
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
	goal := b.expected + b.depth() - b.ticks(b.estimate.target)
	for len(b.packets) > 1 && b.packets[0].at+b.packets[0].length <= goal {
		b.leaveOut()
	}
	b.expected = max(b.expected, min(goal, b.packets[0].at))
}

// bridge handles sound that is missing before packet p. It has nothing to do for less than can be made up.
func (b *jitterBuffer) bridge(p packet, gap int64) (step, bool) {
	unit := concealUnit * b.rate / SampleRate
	pause := p.seq == b.lastSeq+1 // of the sender: nothing is lost
	if excess := b.ticks(b.excess()) / unit * unit; pause && excess < 0 {
		return step{action: actConceal, ticks: min(-excess, b.ticks(FrameDuration))}, true
	} else if pause && excess > 0 {
		excess = min(excess, gap)
		b.expected += excess
		gap -= excess
	}
	missing := min(gap, b.ticks(FrameDuration)) / unit * unit
	if missing == 0 {
		return step{}, false
	}
	s := step{action: actConceal, ticks: missing}
	switch {
	case pause:
	case p.helps && gap == p.length && missing == gap:
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
