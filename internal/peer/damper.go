package peer

import (
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// resendGap, and the round trip, is what a resent packet is given to arrive: Asterisk repeats what it asks for with each packet
// that comes meanwhile.
const resendGap = 20 * time.Millisecond

// damper decides which packets that are asked for are sent again. The zero value is ready.
type damper struct {
	mu   sync.Mutex
	sent [resendMemory]struct {
		sequence uint16
		last     time.Time
	}
}

// allow tells whether to send this packet again now.
func (d *damper) allow(sequence uint16, gap time.Duration, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &d.sent[sequence%resendMemory]
	if s.sequence == sequence && now.Sub(s.last) < gap {
		return false
	}
	s.sequence, s.last = sequence, now
	return true
}

// damp leaves those of the packets asked for that are to be sent again; nil when none are.
//
// What is older than the first of the list is not. Asterisk begins with the packet it waits for, and behind those that follow
// come ones it has had: a packet that was resent counts for it as the newest, so when the next one is lost, all between the
// two are missing to it once more, and stay so (res_rtp_asterisk.c, as of version 22). To send them would make it forget what is
// the newest again: of 20 lost packets came 20000 askings. Others list what they miss in order (RFC 4585 section 6.2.1).
func (d *damper) damp(n *rtcp.TransportLayerNack, roundTrip time.Duration, now time.Time) *rtcp.TransportLayerNack {
	if len(n.Nacks) == 0 {
		return nil
	}
	first := n.Nacks[0].PacketID
	var left []uint16
	for i := range n.Nacks {
		n.Nacks[i].Range(func(sequence uint16) bool {
			if int16(sequence-first) >= 0 && d.allow(sequence, resendGap+roundTrip, now) {
				left = append(left, sequence)
			}
			return true
		})
	}
	if len(left) == 0 {
		return nil
	}
	return &rtcp.TransportLayerNack{
		SenderSSRC: n.SenderSSRC, MediaSSRC: n.MediaSSRC, Nacks: rtcp.NackPairsFromSequenceNumbers(left),
	}
}
