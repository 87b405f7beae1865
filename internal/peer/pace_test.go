package peer

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

// nowhere is where packets go that only their times matter of.
type nowhere struct{}

func (nowhere) WriteRTP(*rtp.Header, []byte) (int, error) { return 0, nil }
func (nowhere) Write([]byte) (int, error)                 { return 0, nil }

// keyFrameOf is an access unit with an IDR picture of a size.
func keyFrameOf(size int) []byte {
	unit := make([]byte, size)
	for i := range unit {
		unit[i] = 0x55
	}
	copy(unit, []byte{0, 0, 0, 1, 0x65})
	return unit
}

// TestAPictureLeavesInTime is a key frame that is large for the pace: it leaves faster, and leaves the next ones their time. The clock
// goes on a little with each look at it, as clocks do.
func TestAPictureLeavesInTime(t *testing.T) {
	for _, lowered := range []bool{false, true} {
		p := newPicture()
		p.writer = nowhere{}
		a := &agreement{Negotiated: Negotiated{Video: true}}
		now := time.Unix(1000, 0)
		packets := 0
		clock := videoClockwork{
			now: func() time.Time { now = now.Add(20 * time.Microsecond); return now },
			wait: func(d time.Duration) bool {
				now = now.Add(d)
				if packets++; lowered && packets == 5 {
					p.mu.Lock()
					p.pace.set(100_000, paceSpan, now)
					p.mu.Unlock()
				}
				return true
			},
		}
		p.pace.set(200_000, paceSpan, now)
		began := now
		if err := p.write(a, true, keyFrameOf(60_000), 0, clock); err != nil { // 2.4 s at the pace
			t.Fatal(err)
		}
		if took := now.Sub(began); took > paceLimit+50*time.Millisecond || took < paceLimit/2 {
			t.Errorf("lowered %v: the picture takes %v to leave, want %v", lowered, took, paceLimit)
		}
		began = now
		if err := p.write(a, true, keyFrameOf(1000), 0, clock); err != nil {
			t.Fatal(err)
		}
		if took := now.Sub(began); took > 200*time.Millisecond {
			t.Errorf("lowered %v: the small one behind it takes %v", lowered, took)
		}
	}
}
