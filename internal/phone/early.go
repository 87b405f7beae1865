package phone

import "doorstation/internal/station"

// Early media is what a PBX plays before anybody has answered: an announcement, a queue's music. It is heard at the door in
// place of the ringing tone, from the first target that sends some. The door's own microphone and camera stay closed to it.

// onEarly takes a session description that came before the answer.
func (v *visit) onEarly(c *call, sdp string) {
	v.mu.Lock()
	mine := v.up == nil && (v.early == nil || v.early == c)
	first := mine && v.early == nil
	if first {
		v.early = c
	}
	v.mu.Unlock()
	if !mine || c.peer == nil {
		return
	}
	n, err := c.peer.SetEarlyAnswer(sdp)
	if err != nil {
		c.log.Info("early media can't be taken: the door goes on ringing", "error", err)
		if first {
			v.forgetEarly(c)
		}
		return
	}
	c.agree(n)
	if !first {
		return
	}
	c.openMedia(mediaOptions{})
	c.log.Info("early media is heard at the door")
	v.phone.opt.Events(station.EarlyMedia{Visit: v.id, On: true})
}

// forgetEarly says whether c was the one.
func (v *visit) forgetEarly(c *call) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.early != c {
		return false
	}
	v.early = nil
	return true
}

// earlyOver gives the door its ringing tone back when the call that was heard has failed.
func (v *visit) earlyOver(c *call) {
	v.mu.Lock()
	heard := v.early == c && c.media != nil
	v.mu.Unlock()
	if !v.forgetEarly(c) || !heard {
		return
	}
	v.phone.opt.Events(station.EarlyMedia{Visit: v.id, On: false})
}

// choose silences the early media of a call that has lost to the one that was answered.
func (v *visit) choose(winner *call) {
	v.mu.Lock()
	v.up = winner
	loser := v.early
	v.mu.Unlock()
	if loser == nil || loser == winner {
		return
	}
	loser.mu.Lock()
	m := loser.media
	loser.mu.Unlock()
	if m != nil {
		m.stop()
	}
}
