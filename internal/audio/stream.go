package audio

import (
	"log/slog"
	"sync"
	"time"
)

// Stats is what a stream has seen so far.
type Stats struct {
	// Received counts packets that came; Sent those that went.
	Received, Sent uint64
	// Lost packets were missing when it was their turn; Late ones came after it, Duplicate ones came twice.
	Lost, Late, Duplicate uint64
	// Dropped packets came in time and were left out, to keep the delay short.
	Dropped uint64
	// Malformed packets could not be decoded.
	Malformed uint64
	// Recovered is how many lost packets were rebuilt with the help of the next one: for Opus from its forward error
	// correction when the packet carries some. Concealed is how many frames of 20 ms were made up otherwise.
	Recovered, Concealed uint64
	// Delay is how long the jitter buffer makes the fastest packets wait now, Target how long it wants to; 0 while nothing is heard.
	Delay, Target time.Duration
	// Shortened and Lengthened are how often a period of the sound was left out or put in, to come nearer to the target.
	Shortened, Lengthened uint64
	// FarLevelDBFS is the mean level of what was heard from the far end, NearLevelDBFS of what was said to it, over the
	// life of the stream.
	FarLevelDBFS, NearLevelDBFS float64
	// FirstFarSound is when the first frame of the far end above -50 dBFS was played, zero when there was none.
	FirstFarSound time.Time
}

// Stream is the sound of one call, both ways.
type Stream struct {
	engine *Engine
	log    *slog.Logger
	send   func(payload []byte, d time.Duration)

	sending sync.Mutex // held while send is called

	mu        sync.Mutex
	closed    bool
	codec     Codec // of what is sent
	coder     coder
	muted     bool
	open      fader            // of what is heard
	heard     Codec            // of what is received
	ear       coder            // for heard
	ears      map[string]coder // all that were needed so far, by codec
	turned    uint16           // sequence number at which heard began
	turnedAt  time.Time        // zero: heard was never another
	buffer    *jitterBuffer
	queue     []int16 // decoded and not yet played
	fitter    fitter
	past      Stats // counts of the jitter buffers before this one
	sent      uint64
	malformed uint64
	far, near loudness
}

// setCodec changes the codec of what is sent, with the lock held.
func (s *Stream) setCodec(c Codec) error {
	made, err := newCoder(c)
	if err != nil {
		return err
	}
	s.codec, s.coder = c, made
	return nil
}

// listenTo changes the codec of what is received, with the lock held; what is still in the buffer is dropped. A decoder that
// was used before is used again: the far end can't make the door build one for each packet.
func (s *Stream) listenTo(c Codec) error {
	ear := s.ears[c.key()]
	if ear == nil {
		made, err := newCoder(c)
		if err != nil {
			return err
		}
		ear = made
		s.ears[c.key()] = ear
	}
	buffer := newJitterBuffer(c.ClockRate)
	buffer.redundant = ear.redundant
	if s.buffer != nil {
		s.past = s.counts()
		buffer.estimate = s.buffer.estimate
	}
	s.heard, s.ear, s.queue, s.buffer = c, ear, nil, buffer
	return nil
}

// SetCodec goes on sending with another codec. When it returns, send is not given anything in the old codec any more; so send
// must not call it. With the codec the stream has already, it does nothing.
func (s *Stream) SetCodec(c Codec) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if c.key() == s.codec.key() {
		return nil
	}
	return s.setCodec(c)
}

// Mute keeps what the far end says from the loudspeaker, or lets it there. It is received and counted all the same.
func (s *Stream) Mute(muted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.muted = muted
}

// Receive takes the payload of an RTP packet in whichever codec it came, with sequence number and timestamp, in whatever order
// packets come. Where the codec changes what is still in the buffer is dropped. The payload is copied.
func (s *Stream) Receive(c Codec, seq uint16, ts uint32, payload []byte, arrived time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !s.hear(c, seq, arrived) {
		return
	}
	length := s.ear.duration(payload)
	if length <= 0 || len(payload) > maxPayload {
		s.malformed++
		return
	}
	s.buffer.push(seq, ts, append([]byte(nil), payload...), length, arrived)
}

// lateTurn is how long after a change of codec a packet in the old one may still be under way.
const lateTurn = 2 * time.Second

// hear makes sure that the decoder is the one for c, with the lock held; false: the packet is of no use.
func (s *Stream) hear(c Codec, seq uint16, arrived time.Time) bool {
	if s.heard.key() == c.key() {
		return true
	}
	if int16(seq-s.turned) < 0 && arrived.Sub(s.turnedAt) < lateTurn {
		return false // sent before the change
	}
	if err := s.listenTo(c); err != nil {
		s.malformed++
		return false
	}
	s.turned, s.turnedAt = seq, arrived
	return true
}

// Close ends the stream. When it returns, send is not called any more; so send must not call it.
func (s *Stream) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.engine.remove(s)
	s.sending.Lock()
	defer s.sending.Unlock() // a send that was under way is over now
}

// Stats tells what the stream has seen so far, also after it was closed.
func (s *Stream) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts()
}

// counts is Stats with the lock held.
func (s *Stream) counts() Stats {
	c := s.buffer.counters
	frame := s.buffer.ticks(FrameDuration)
	all := Stats{
		Received:  s.past.Received + c.received,
		Lost:      s.past.Lost + c.lost,
		Late:      s.past.Late + c.late,
		Duplicate: s.past.Duplicate + c.duplicate,
		Dropped:   s.past.Dropped + c.dropped,
		Recovered: s.past.Recovered + c.recovered,
		Concealed: s.past.Concealed + uint64((c.concealed+frame/2)/frame),

		Shortened: s.fitter.shortened, Lengthened: s.fitter.lengthened,
		Sent: s.sent, Malformed: s.malformed,
		FarLevelDBFS: s.far.level(), NearLevelDBFS: s.near.level(), FirstFarSound: s.far.first,
	}
	if delay, ok := s.buffer.delay(); ok {
		all.Delay, all.Target = delay, s.buffer.estimate.target
	}
	return all
}

// pull takes the far end's next frame.
func (s *Stream) pull(frame []int16, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(frame)
	if s.closed {
		return
	}
	s.buffer.pull(now)
	if real := s.fill(len(frame), now); real {
		s.fit(now)
	}
	n := copy(frame, s.queue)
	s.fitter.heard(frame)
	s.keep(s.queue[n:])
	s.buffer.took(FrameDuration)
	if s.muted {
		s.open.apply(frame, 0)
		return
	}
	s.open.apply(frame, 1)
	if n > 0 {
		s.far.write(frame, now)
	}
}

// keep leaves only some of what was decoded, with the lock held.
func (s *Stream) keep(rest []int16) {
	s.queue = append(s.queue[:0], rest...)
	s.buffer.queued = time.Duration(len(s.queue)) * time.Second / SampleRate
}

// fill decodes until there are so many samples, as far as anything comes, and tells whether all that was decoded is what the far end
// said. The lock is held.
func (s *Stream) fill(samples int, now time.Time) (real bool) {
	real = true
	for len(s.queue) < samples {
		next := s.buffer.next(now)
		if next.action == actWait {
			return false
		}
		real = real && next.action == actPlay
		s.keep(append(s.queue, s.perform(next)...))
	}
	return real
}

// fit brings the delay nearer to its target by what can be done without being heard, with the lock held.
func (s *Stream) fit(now time.Time) {
	excess := s.buffer.excess()
	if !s.fitter.due(excess) {
		return
	}
	if excess > 0 {
		for len(s.queue) < FrameSamples+lagLongest {
			if !s.buffer.ready() || !s.fill(len(s.queue)+1, now) {
				return
			}
		}
	}
	s.keep(s.fitter.fit(s.queue, excess))
}

// perform turns a step into sound. There always is some: what cannot be decoded is concealed, and where that fails too,
// silent.
func (s *Stream) perform(next step) []int16 {
	samples := int(next.ticks) * SampleRate / s.heard.ClockRate
	var pcm []int16
	var err error
	switch next.action {
	case actPlay:
		pcm, err = s.ear.decode(next.payload)
		if err != nil {
			s.malformed++
			pcm, err = s.ear.conceal(samples / concealUnit * concealUnit)
		}
	case actRecover:
		pcm, err = s.ear.recover(next.payload, samples)
	default:
		pcm, err = s.ear.conceal(samples)
	}
	if err != nil {
		s.log.Debug("no sound for a packet", "codec", s.heard.String(), "error", err)
	}
	if len(pcm) == 0 {
		return make([]int16, max(1, samples))
	}
	return pcm
}

// push codes and sends a frame of the near end.
func (s *Stream) push(capture []int16, now time.Time) {
	s.sending.Lock()
	defer s.sending.Unlock()
	payload, open, err := s.encode(capture, now)
	if err != nil {
		s.log.Warn("sound cannot be coded", "error", err)
		return
	}
	if open {
		s.send(payload, FrameDuration)
	}
}

// encode gives the payload of a frame, none for a silent one; false when the stream is closed.
func (s *Stream) encode(capture []int16, now time.Time) (payload []byte, open bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false, nil
	}
	payload, err = s.coder.encode(capture)
	if err != nil {
		return nil, false, err
	}
	s.near.write(capture, now)
	if len(payload) > 0 {
		s.sent++
	}
	return payload, true, nil
}

// ExpectLoss passes on what the far end reports: the part of the packets it did not get lately, 0 to 1. The codec protects what it can.
func (s *Stream) ExpectLoss(fraction float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.coder.expect(fraction); err != nil {
		s.log.Debug("the expected loss can't be set", "codec", s.codec.String(), "error", err)
	}
}
