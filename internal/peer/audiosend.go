package peer

import (
	"time"

	"github.com/pion/webrtc/v4"
)

// pauseLimit is how late a frame may be before the time without frames is taken for a pause: then the RTP clock moves on by
// it, and the next packet begins a talk spurt.
const pauseLimit = 200 * time.Millisecond

// voice is the door's own audio. Its timestamps move on with every frame handed in, sent or not, so that what the far
// side hears after a hold or a pause is not taken for late.
type voice struct {
	outgoing
	next uint32 // RTP timestamp of the next frame
	last time.Time
	gap  bool // the next packet begins a talk spurt
}

func newVoice() *voice {
	return &voice{outgoing: newOutgoing("voice", webrtc.RTPCodecTypeAudio), next: random32(), gap: true}
}

// write sends a frame, or only lets its time pass.
func (v *voice) write(a *agreement, open bool, payload []byte, d time.Duration, now time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if d < 0 {
		d = 0
	}
	clock := a.Audio.ClockRate
	if pause := now.Sub(v.last) - d; !v.last.IsZero() && pause > pauseLimit {
		v.next += ticks(pause, clock)
		v.gap = true
	}
	v.last = now
	timestamp := v.next
	v.next += ticks(d, clock)
	if !open || v.writer == nil || !a.AudioSend || len(payload) == 0 {
		v.gap = true
		return nil
	}
	marker := v.gap
	v.gap = false
	return v.put(a.audioPT, timestamp, marker, payload)
}

func ticks(d time.Duration, clock int) uint32 {
	return uint32(int64(d) * int64(clock) / int64(time.Second))
}
