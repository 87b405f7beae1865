package camera

import "time"

const (
	// paceJump is how far arrival may be from what the pace says: beyond it pictures were lost or the source changed its mind.
	paceJump = 200 * time.Millisecond
	// leastStep is the least distance of two pictures.
	leastStep = time.Millisecond
)

// pace gives pictures their presentation times. A pipe tells only when bytes came, and a loaded machine reads them late; the
// pace follows these moments slowly, and with them the distance of pictures that the source really keeps (an alpha-beta
// filter), so that a receiver's jitter buffer is not widened by the door's own scheduling.
type pace struct {
	nominal, interval time.Duration
	last              time.Duration
	begun             bool
}

// newPace makes a pace for a nominal rate in pictures per second.
func newPace(framerate int) *pace {
	interval := time.Second / time.Duration(max(1, framerate))
	return &pace{nominal: interval, interval: interval}
}

// next gives the presentation time of a picture that came at a time on the same clock. It grows with each picture.
func (p *pace) next(arrived time.Duration) time.Duration {
	if !p.begun {
		p.begun, p.last = true, arrived
		return arrived
	}
	expected := p.last + p.interval
	late := arrived - expected
	if late > paceJump || late < -paceJump {
		p.interval = p.nominal
		p.last = max(arrived, p.last+leastStep)
		return p.last
	}
	const alpha, beta = 8, 128
	p.interval = min(max(p.interval+late/beta, p.nominal/4), 8*p.nominal)
	p.last = max(expected+late/alpha, p.last+leastStep)
	return p.last
}
