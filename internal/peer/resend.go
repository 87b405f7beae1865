package peer

import (
	"sync"
	"time"

	"github.com/pion/rtcp"
)

const (
	// resendGap, and the round trip, is what a resent packet is given to arrive: Asterisk repeats what it asks for with each
	// packet that comes meanwhile.
	resendGap = 20 * time.Millisecond
	// resendAge is how old a packet may be, beside the round trip, to be sent again: nobody waits for a picture of then.
	resendAge = time.Second
	// resendSpan is how long a budget that was not used is kept.
	resendSpan = time.Second
	// firstResend is the budget before SetVideoPace sets one, in bit/s.
	firstResend = 400_000
)

// memory is what is known of the video packets sent last. It decides which of those that are asked for are sent again. The zero
// value is ready.
type memory struct {
	mu       sync.Mutex
	packets  [resendMemory]sentPacket
	budget   bucket
	missing  uint64 // packets asked for, each once
	withheld uint64 // askings that the budget did not allow for
}

type sentPacket struct {
	known    bool
	sequence uint16
	size     uint16 // on the wire
	sent     time.Time
	last     time.Time // when it was sent again
	asked    bool
	arrived  bool // as later askings did not name it
}

// sent notes a packet that leaves for the first time.
func (m *memory) sent(sequence uint16, size int, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.packets[sequence%resendMemory] = sentPacket{known: true, sequence: sequence, size: uint16(size), sent: now}
}

// allow sets how many bit/s may be sent again.
func (m *memory) allow(bps int, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.budget.set(bps, resendSpan, now)
}

func (m *memory) counts() (missing, withheld uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.missing, m.withheld
}

// of is the packet of a sequence number, nil when it is forgotten.
func (m *memory) of(sequence uint16) *sentPacket {
	s := &m.packets[sequence%resendMemory]
	if !s.known || s.sequence != sequence {
		return nil
	}
	return s
}

// damp leaves those of the packets asked for that are to be sent again; nil when none are. far is what a report
// beside the NACK says.
//
// What is older than the first of the list is not. Asterisk begins with the packet it waits for, and behind those that follow
// come ones it has had: a packet that was resent counts for it as the newest, so when the next one is lost, all between the
// two are missing to it once more, and stay so (res_rtp_asterisk.c, as of version 22). To send them would make it forget what is
// the newest again: of 20 lost packets came 20000 askings. For the same reason a packet that an earlier list passed over, and so had
// arrived, is not sent. Others list what they miss in order (RFC 4585 section 6.2.1).
func (m *memory) damp(n *rtcp.TransportLayerNack, far newest, roundTrip time.Duration, now time.Time) *rtcp.TransportLayerNack {
	if len(n.Nacks) == 0 {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.budget.rate == 0 {
		m.budget.set(firstResend, resendSpan, now)
	}
	first := n.Nacks[0].PacketID
	var left []uint16
	for i := range n.Nacks {
		n.Nacks[i].Range(func(sequence uint16) bool {
			if s := m.of(sequence); s != nil && int16(sequence-first) >= 0 && m.again(s, roundTrip, now) {
				left = append(left, sequence)
			}
			return true
		})
	}
	if far.known {
		m.passedOver(first, far.sequence)
	}
	if len(left) == 0 {
		return nil
	}
	return &rtcp.TransportLayerNack{
		SenderSSRC: n.SenderSSRC, MediaSSRC: n.MediaSSRC, Nacks: rtcp.NackPairsFromSequenceNumbers(left),
	}
}

// again tells whether to send a packet again now. The caller holds mu.
func (m *memory) again(s *sentPacket, roundTrip time.Duration, now time.Time) bool {
	if s.arrived {
		return false
	}
	if !s.asked {
		s.asked = true
		m.missing++
	}
	if now.Sub(s.last) < resendGap+roundTrip || now.Sub(s.sent) > resendAge+roundTrip {
		return false
	}
	if !m.budget.take(int(s.size), now) {
		m.withheld++
		return false
	}
	s.last = now
	return true
}

// passedOver notes as arrived what a list from first to highest did not name and none before has. The caller holds mu.
func (m *memory) passedOver(first, highest uint16) {
	span := int16(highest - first)
	if span < 0 || span >= resendMemory {
		return
	}
	for i := range uint16(span) + 1 {
		if s := m.of(first + i); s != nil && !s.asked {
			s.arrived = true
		}
	}
}
