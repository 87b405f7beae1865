package peer

import "time"

// departureMemory is of how many packets it is known when they left: some seconds' worth.
const departureMemory = 1024

// departures are the packets that carry a transport-wide sequence number
// (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 2). The zero value is ready.
type departures struct {
	times []time.Time // by number; nil until the first
	count uint64
}

// add gives a packet that leaves its number. They begin with 1.
func (d *departures) add(now time.Time) uint16 {
	if d.times == nil {
		d.times = make([]time.Time, departureMemory)
	}
	d.count++
	d.times[d.count%departureMemory] = now
	return uint16(d.count)
}

// of is when a packet left; ok is false when it never did, or that is forgotten.
func (d *departures) of(number uint16) (at time.Time, ok bool) {
	back := uint64(uint16(d.count) - number)
	if back >= min(d.count, departureMemory) {
		return time.Time{}, false
	}
	return d.times[(d.count-back)%departureMemory], true
}

// cover tells whether count packets from first on can have been sent, however long ago.
func (d *departures) cover(first, count uint16) bool {
	if count == 0 || d.count == 0 {
		return false
	}
	back := uint64(uint16(d.count) - first)
	return back < d.count && back < 1<<15 && uint64(count-1) <= back
}
