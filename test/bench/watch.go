package main

import (
	"slices"
	"time"

	"doorstation/test/lab"
)

// frozenFrom is from how long on the time between two frames counts as frozen.
const frozenFrom = 200 * time.Millisecond

// seen gathers what a popup saw over several calls.
type seen struct {
	calls, picture               int
	answerToFrame, acceptToFrame series
	ages, firstAges              series // of pictures when they were on the screen
	frames, unread               int    // unread: the clock in the picture was damaged
	twice                        int    // frames whose clock was read already: a newer one was read than was announced
	gaps                         series // the longest of each call
	rate, frozen, frozenChromium []float64
	freezes, keyFrames, kilobits []float64
}

// pictureFrames is how many frames with the door's clock make a picture.
const pictureFrames = 10

// take looks at a call's picture at the end of a talk, before it is hung up, and reports whether there was one. The first frame is the first
// one with the door's clock: Chromium may show a black one before, when it has a camera itself.
func (s *seen) take(kitchen *lab.Popup, call lab.Call) bool {
	s.calls++
	if call.FirstFrame.IsZero() {
		return false
	}
	clocks, v, end := kitchen.Clocks(), kitchen.Video(), time.Now()
	begin := slices.IndexFunc(clocks, func(c lab.Shown) bool { return !c.Drawn.IsZero() })
	if begin < 0 || len(clocks)-begin < pictureFrames {
		return false
	}
	clocks = clocks[begin:]
	first := clocks[0].Presented
	watched := end.Sub(first)
	s.picture++
	s.answerToFrame.add(first.Sub(call.Answered))
	s.acceptToFrame.add(first.Sub(call.Accepted))
	s.clocks(clocks)
	s.moves(clocks, end)

	s.rate = append(s.rate, float64(len(clocks))/watched.Seconds())
	s.frozenChromium = append(s.frozenChromium, 100*v.FrozenSeconds/watched.Seconds())
	s.freezes = append(s.freezes, float64(v.Freezes)/watched.Minutes())
	s.keyFrames = append(s.keyFrames, float64(v.KeyFrames)/watched.Minutes())
	s.kilobits = append(s.kilobits, float64(v.Bytes)*8/1000/watched.Seconds())
	return true
}

// clocks takes the ages of the pictures.
func (s *seen) clocks(shown []lab.Shown) {
	for i, c := range shown {
		s.frames++
		if c.Drawn.IsZero() {
			s.unread++
			continue
		}
		s.ages.add(c.Age())
		if i > 0 && shown[i-1].Number == c.Number {
			s.twice++
		}
		if i == 0 {
			s.firstAges.add(c.Age())
		}
	}
}

// moves takes the times between frames.
func (s *seen) moves(clocks []lab.Shown, end time.Time) {
	first := clocks[0].Presented
	frozen, longest, last := time.Duration(0), time.Duration(0), first
	look := func(at time.Time) {
		gap := at.Sub(last)
		if gap > frozenFrom {
			frozen += gap
		}
		longest, last = max(longest, gap), at
	}
	for _, c := range clocks {
		look(c.Presented)
	}
	look(end)
	s.gaps.add(longest)
	s.frozen = append(s.frozen, 100*frozen.Seconds()/end.Sub(first).Seconds())
}

// tell adds the figures to a part, each name after a prefix.
func (s *seen) tell(p *part, prefix string) {
	p.count(prefix+"calls with a picture", s.picture, s.calls)
	p.times(prefix+"answer (click) to first frame", s.answerToFrame)
	p.times(prefix+"the popup's 200 to first frame", s.acceptToFrame)
	if len(s.ages) > 0 {
		p.times(prefix+"glass to glass, every frame", s.ages)
		p.times(prefix+"glass to glass, first frame of a call", s.firstAges)
		p.count(prefix+"frames whose clock could be read", s.frames-s.unread, s.frames)
		p.count(prefix+"frames that were read twice (their age is too low once)", s.twice, s.frames)
	}
	p.rates(prefix+"frames shown, per call", "/s", s.rate)
	p.times(prefix+"longest time between two frames, per call", s.gaps)
	p.values(prefix+"frozen (gaps over 200 ms), share of the time", "%", s.frozen)
	p.values(prefix+"frozen by Chromium's own count, share of the time", "%", s.frozenChromium)
	p.values(prefix+"freezes by Chromium's own count", "/min", s.freezes)
	p.values(prefix+"key frames decoded", "/min", s.keyFrames)
	p.values(prefix+"video received", "kbit/s", s.kilobits)
}
