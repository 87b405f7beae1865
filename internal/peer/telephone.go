package peer

import "encoding/binary"

// eventMemory is how many events back a late repeat is still known.
const eventMemory = 16

// telephoneEvent is the payload of RFC 4733 section 2.3.
type telephoneEvent struct {
	code     uint8
	end      bool
	duration uint16
}

func parseTelephoneEvent(p []byte) (telephoneEvent, bool) {
	if len(p) < 4 {
		return telephoneEvent{}, false
	}
	return telephoneEvent{code: p[0], end: p[1]&0x80 != 0, duration: binary.BigEndian.Uint16(p[2:4])}, true
}

// digit is the key of an event code, RFC 4733 section 3.2; flash and the tones are no digits.
func (e telephoneEvent) digit() (rune, bool) {
	const keys = "0123456789*#ABCD"
	if int(e.code) < len(keys) {
		return rune(keys[e.code]), true
	}
	return 0, false
}

// eventFilter makes one digit of the many packets that tell of an event. All packets of an event carry the RTP timestamp of
// its beginning, so the first that arrives with a new one counts, be it the first sent, a middle one, or one of the three ends.
type eventFilter struct {
	seen [eventMemory]eventKey
	next int
	last eventKey
	code uint8
	open bool // no end of the last event was seen
}

type eventKey struct {
	known     bool
	ssrc      uint32
	timestamp uint32
}

// take returns the digit of a packet that begins an event not seen before.
func (f *eventFilter) take(ssrc, timestamp uint32, payload []byte) (rune, bool) {
	e, ok := parseTelephoneEvent(payload)
	if !ok {
		return 0, false
	}
	r, ok := e.digit()
	if !ok {
		return 0, false
	}
	key := eventKey{known: true, ssrc: ssrc, timestamp: timestamp}
	if key == f.last {
		f.open = f.open && !e.end
		return 0, false
	}
	for _, k := range f.seen {
		if k == key {
			return 0, false
		}
	}
	continued := f.continues(key, e)
	f.seen[f.next] = key
	f.next = (f.next + 1) % eventMemory
	f.last, f.code, f.open = key, e.code, !e.end
	return r, !continued
}

// continues tells whether a new timestamp belongs to a key held for longer than the duration field can say: then the event goes
// on under a timestamp 65535 later (RFC 4733 section 2.5.1.3).
func (f *eventFilter) continues(key eventKey, e telephoneEvent) bool {
	if !f.last.known || !f.open || f.last.ssrc != key.ssrc || f.code != e.code {
		return false
	}
	step := key.timestamp - f.last.timestamp
	return step == 0xFFFF || step == 0x10000
}
