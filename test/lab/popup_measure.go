package lab

import "time"

// This file is what a popup measures for the bench. Chromium, the door and the bench run on one machine and so by one clock.

// Shown is a frame on the screen of a popup that reads clocks.
type Shown struct {
	// Presented is when the frame was handed over to be composed into the page, Displayed when it was expected to be on the
	// screen: requestVideoFrameCallback's presentationTime and expectedDisplayTime. There is no screen; Chromium composes as
	// for one of 60 Hz.
	Presented, Displayed time.Time
	// Drawn is the time that the clock in the picture tells, to the millisecond; zero when there is none to be read.
	Drawn time.Time
	// Number is the clock's number of the frame.
	Number uint32
}

// Age is how old the picture was when it was on the screen.
func (s Shown) Age() time.Duration { return s.Displayed.Sub(s.Drawn) }

// Clocks are the frames of the latest picture, for a popup with PopupOptions.ReadsClock. They are gone with the call.
func (p *Popup) Clocks() []Shown {
	p.t.Helper()
	var raw []struct {
		Presented, Expected, Drawn float64
		Number                     uint32
	}
	p.ask("clocks", &raw)
	out := make([]Shown, len(raw))
	for i, r := range raw {
		out[i] = Shown{Presented: fromMS(r.Presented), Displayed: fromMS(r.Expected), Number: r.Number}
		if r.Drawn > 0 {
			out[i].Drawn = fromMS(r.Drawn)
		}
	}
	return out
}

// Bursts are the moments of the bursts that a popup with PopupOptions.Bursts has said and heard, to about a millisecond.
type Bursts struct {
	// Said are all bursts since the page was opened: the moment at which the sound was made, after which nothing of a
	// microphone's own delay comes.
	Said []time.Time
	// Heard are those of the call that is up: the moment at which the decoded sound is handed over to be played.
	Heard []time.Time
	// Loudspeaker is what Chromium says that its sound output would add.
	Loudspeaker time.Duration
}

// Bursts tells the bursts of the call that is up.
func (p *Popup) Bursts() Bursts {
	p.t.Helper()
	var raw struct {
		Said, Heard []float64
		Latency     float64
	}
	p.ask("bursts", &raw)
	b := Bursts{Loudspeaker: time.Duration(raw.Latency * float64(time.Millisecond))}
	for _, ms := range raw.Said {
		b.Said = append(b.Said, fromMS(ms))
	}
	for _, ms := range raw.Heard {
		b.Heard = append(b.Heard, fromMS(ms))
	}
	return b
}

// fromMS reads milliseconds of Unix time with fractions.
func fromMS(ms float64) time.Time { return time.UnixMicro(int64(ms * 1000)) }
