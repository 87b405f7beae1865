package bandwidth

import "time"

// past is the samples of the last seconds.
type past struct {
	samples []Sample
	// missFrom is from when on what is missing was sent at the rate of now.
	missFrom time.Time
}

// pastSpan is how far back they go.
const pastSpan = 6 * time.Second

func (p *past) add(s Sample) {
	p.samples = append(p.samples, s)
	drop := 0
	for s.At.Sub(p.samples[drop].At) > pastSpan {
		drop++
	}
	if drop > 0 {
		p.samples = append(p.samples[:0], p.samples[drop:]...)
	}
}

// since are the oldest and the newest sample of the last while; ok says that they are two.
func (p *past) since(now time.Time, span time.Duration) (from, to Sample, ok bool) {
	if len(p.samples) < 2 {
		return Sample{}, Sample{}, false
	}
	to = p.samples[len(p.samples)-1]
	i := len(p.samples) - 2
	for i > 0 && now.Sub(p.samples[i].At) < span {
		i--
	}
	from = p.samples[i]
	return from, to, to.At.After(from.At)
}

// latest are the samples that bound the last while before the newest one.
func (p *past) latest() (from, to Sample, ok bool) {
	if len(p.samples) == 0 {
		return Sample{}, Sample{}, false
	}
	return p.since(p.samples[len(p.samples)-1].At, lossSpan)
}

// wire is the rate of everything on the wire.
func (p *past) wire(now time.Time, span time.Duration) float64 {
	from, to, ok := p.since(now, span)
	if !ok {
		return 0
	}
	return perSecond(to.Bytes-from.Bytes+to.SoundBytes-from.SoundBytes, from, to)
}

// media is the encoder's rate.
func (p *past) media(now time.Time, span time.Duration) float64 {
	from, to, ok := p.since(now, span)
	if !ok {
		return 0
	}
	return perSecond(to.Media-from.Media, from, to)
}

// sound is the rate of the sound on the wire.
func (p *past) sound() float64 {
	from, to, ok := p.latest()
	if !ok {
		return 0
	}
	return perSecond(to.SoundBytes-from.SoundBytes, from, to)
}

// headers is the rate of the headers of the picture's packets, without those sent again.
func (p *past) headers() float64 {
	from, to, ok := p.latest()
	if !ok {
		return 0
	}
	again := to.Again - from.Again
	packets := to.Packets - from.Packets
	return perSecond((packets-min(again, packets))*packetOverhead, from, to)
}

func perSecond(bytes uint64, from, to Sample) float64 {
	return float64(bytes) * 8 / to.At.Sub(from.At).Seconds()
}

// loss is the share of the packets sent that were missed, from 0 to 1; 0 as long as they are too few to say. A far side that asks
// for nothing again is taken at the word of its reports.
func (p *past) loss(now time.Time, span time.Duration) float64 {
	if now.Before(p.missFrom) {
		return 0
	}
	from, to, ok := p.since(now, min(span, now.Sub(p.missFrom)))
	if !ok {
		return 0
	}
	if to.Missing == 0 {
		if first := p.samples[0]; to.Reports > first.Reports {
			return to.FractionLost
		}
		return 0
	}
	sent := to.Packets - from.Packets
	sent -= min(sent, to.Again-from.Again)
	if sent < lossPackets {
		return 0
	}
	return min(float64(to.Missing-from.Missing)/float64(sent), 1)
}

// packets is how many were sent for the first time, of those that a loss is the share of.
func (p *past) packets(now time.Time, span time.Duration) uint64 {
	if now.Before(p.missFrom) {
		return 0
	}
	from, to, ok := p.since(now, min(span, now.Sub(p.missFrom)))
	if !ok {
		return 0
	}
	sent := to.Packets - from.Packets
	return sent - min(sent, to.Again-from.Again)
}
