package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

const (
	shapeCamera = "{source: test, width: 1280, height: 720, framerate: 30, bitrate: 1500k}"
	shapeUsual  = 1_500_000
	shapeRate   = 500_000
	// sampleEach is the distance of the points of a curve.
	sampleEach = 500 * time.Millisecond

	shapeFree  = 8 * time.Second
	shapeSlow  = 20 * time.Second
	shapeAfter = 30 * time.Second
)

const aboutShape = `Talks at 1280x720, 30 pictures a second and 1500 kbit/s. First the door's uplink becomes a bottleneck of 500 kbit/s
(tbf) for 20 s and is free again for 30 s, with queues of several lengths in front of it. Under the link: the time until the encoder's
target is below it and stays so; moving: until the longest later gap of pictures begins to be below 500 ms; back: from the end of the slowness to
four fifths of the usual rate. Then packets are lost at random on the way out of the door, from the beginning to the end of a talk. The
curve of each talk, and the door's log, are files among those of the run.`

// shapePoint is what the door and the popup say at one moment of a talk.
type shapePoint struct {
	at             time.Duration
	target         int // of the encoder, bit/s
	passed         int // the bottleneck, bit/s
	shown, dropped int // since the last point
	cause          string
}

// shapeTalk is one talk through a link that changes.
type shapeTalk struct {
	t       lab.T
	network *lab.Network
	house   *house.House
	kitchen *lab.Popup

	began  time.Time
	points []shapePoint
	shaped *lab.Bottleneck
	shown  int
}

func newShapeTalk(t lab.T) *shapeTalk {
	network := lab.NewNetwork(t, "door")
	h := openHouse(t, house.Options{Network: network, Camera: shapeCamera})
	s := &shapeTalk{t: t, network: network, house: h, kitchen: tablet(t, h, lab.PopupOptions{})}
	h.Door.WaitRegistered()
	return s
}

func (s *shapeTalk) begin() {
	s.house.Door.Press("")
	s.kitchen.WaitPicture(patience)
	s.began = time.Now()
}

// watch takes points for a while.
func (s *shapeTalk) watch(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(sampleEach)
		status, err := s.house.Door.Status()
		if err != nil {
			s.t.Fatalf("bench: %v", err)
		}
		shown := s.kitchen.Video().Shown
		p := shapePoint{at: time.Since(s.began), target: status.Camera.Bitrate, shown: shown - s.shown, cause: status.Camera.BitrateCause}
		s.shown = shown
		if s.shaped != nil {
			now := s.network.Shaped(s.t)
			p.passed = int(float64(now.Bytes-s.shaped.Bytes) * 8 / sampleEach.Seconds())
			p.dropped = now.Dropped - s.shaped.Dropped
			s.shaped = &now
		}
		s.points = append(s.points, p)
	}
}

// end hangs up, writes the curve to a file and gives the line of the talk.
func (s *shapeTalk) end(name string) map[string]any {
	s.kitchen.Hangup()
	s.house.Door.Wait(patience, "idle", func(c control.Status) bool { return c.Visit.State == "idle" })
	var b strings.Builder
	for _, p := range s.points {
		fmt.Fprintf(&b, "%5.1f s  target %5d kbit/s %-5s  passed %5d kbit/s  dropped %3d  pictures %2d\n",
			p.at.Seconds(), p.target/1000, p.cause, p.passed/1000, p.dropped, p.shown)
	}
	if err := os.WriteFile(filepath.Join(lab.OutDir(), name+".txt"), []byte(b.String()), 0o644); err != nil {
		s.t.Errorf("bench: %v", err)
	}
	if err := os.WriteFile(filepath.Join(lab.OutDir(), name+".log"), []byte(s.house.Door.Log()), 0o644); err != nil {
		s.t.Errorf("bench: %v", err)
	}
	lines := s.house.Door.VisitLines()
	if len(lines) == 0 {
		s.t.Fatalf("bench: the visit has no line")
	}
	return lines[len(lines)-1]
}

// settled is how long after a moment the target is at or below a rate until another moment; the longest is the whole time.
func (s *shapeTalk) settled(rate int, from, to time.Time) time.Duration {
	last := time.Duration(0)
	for _, p := range s.points {
		at := s.began.Add(p.at)
		if at.After(from) && at.Before(to) && p.target > rate {
			last = at.Sub(from)
		}
	}
	return last
}

// mean is the mean target between two moments.
func (s *shapeTalk) mean(from, to time.Time) float64 {
	sum, n := 0, 0
	for _, p := range s.points {
		if at := s.began.Add(p.at); at.After(from) && at.Before(to) {
			sum, n = sum+p.target, n+1
		}
	}
	return float64(sum) / float64(max(n, 1))
}

// risen is how long after a moment the target is at or above a rate.
func (s *shapeTalk) risen(rate int, from time.Time) time.Duration {
	for _, p := range s.points {
		if at := s.began.Add(p.at); at.After(from) && p.target >= rate {
			return at.Sub(from)
		}
	}
	return time.Since(from)
}

// stillness is what stood still between two moments: the share of the time in gaps over 500 ms, the longest gap, and when the last such gap ended.
func stillness(times []time.Time, from, to time.Time) (share float64, longest, movesAfter time.Duration) {
	const still = 500 * time.Millisecond
	last := from
	var stood time.Duration
	for _, at := range append(times, to) {
		if at.Before(from) || at.After(to) {
			continue
		}
		gap := at.Sub(last)
		longest = max(longest, gap)
		if gap > still {
			stood += gap
			movesAfter = at.Sub(from)
		}
		last = at
	}
	return 100 * stood.Seconds() / to.Sub(from).Seconds(), longest, movesAfter
}

// measureShape watches the picture while the door's uplink becomes slow and fast again.
func measureShape(t lab.T, plan plan, p *part) {
	for _, queue := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, time.Second} {
		prefix := fmt.Sprintf("500 kbit/s, queue %d ms: ", queue.Milliseconds())
		var under, moving, back, gaps series
		var frozen, resent, rate []float64
		for i := range plan.shapeCalls {
			name := fmt.Sprintf("shape-%dms-%d", queue.Milliseconds(), i+1)
			shapePart(t, name, func(t lab.T) {
				s := newShapeTalk(t)
				s.begin()
				s.watch(shapeFree)
				s.network.Shape(t, shapeRate, queue)
				slow := time.Now()
				s.shaped = &lab.Bottleneck{}
				s.watch(shapeSlow)
				s.network.Unshape(t)
				free := time.Now()
				s.shaped = nil
				s.watch(shapeAfter)
				times := s.kitchen.FrameTimes()
				line := s.end(name)

				under.add(s.settled(shapeRate, slow, free))
				_, _, moves := stillness(times, slow, free)
				moving.add(moves)
				share, longest, _ := stillness(times, slow.Add(5*time.Second), free)
				frozen, gaps = append(frozen, share), append(gaps, longest)
				back.add(s.risen(shapeUsual*4/5, free))
				resent = append(resent, number(line, "video_sent", "resent"))
				rate = append(rate, s.mean(slow.Add(5*time.Second), free)/1000)
			})
		}
		p.times(prefix+"under the link", under)
		p.times(prefix+"picture moving again", moving)
		p.values(prefix+"standing still (gaps over 500 ms) after 5 s", "%", frozen)
		p.times(prefix+"longest gap after 5 s", gaps)
		p.rates(prefix+"encoder's mean target after 5 s", "kbit/s", rate)
		p.times(prefix+"back at 1200 kbit/s", back)
		p.values(prefix+"packets sent again in the whole talk", "", resent)
	}
	for _, percent := range []float64{1, 5, 10} {
		prefix := fmt.Sprintf("random loss of %g %%: ", percent)
		var gaps series
		var frozen, lowest, mean []float64
		for i := range plan.shapeCalls {
			name := fmt.Sprintf("random-%g-%d", percent, i+1)
			shapePart(t, name, func(t lab.T) {
				s := newShapeTalk(t)
				s.network.LoseUDP(t, percent)
				s.begin()
				s.watch(shapeSlow)
				times, end := s.kitchen.FrameTimes(), time.Now()
				line := s.end(name)
				share, longest, _ := stillness(times, s.began, end)
				frozen, gaps = append(frozen, share), append(gaps, longest)
				lowest = append(lowest, number(line, "video_bitrate", "lowest")/1000)
				mean = append(mean, number(line, "video_bitrate", "mean")/1000)
			})
		}
		p.values(prefix+"standing still (gaps over 500 ms)", "%", frozen)
		p.times(prefix+"longest gap", gaps)
		p.rates(prefix+"encoder's lowest rate", "kbit/s", lowest)
		p.rates(prefix+"encoder's mean rate", "kbit/s", mean)
	}
}

// shapePart is one talk with a household of its own; that it fails does not end the others.
func shapePart(t lab.T, name string, work func(lab.T)) {
	if err := lab.Run(t.Context(), name, os.Stderr, work); err != nil {
		t.Errorf("bench: %s: %v", name, err)
	}
}

// number is a figure in a group of a line of the log, 0 when it is not there.
func number(line map[string]any, group, key string) float64 {
	values, ok := line[group].(map[string]any)
	if !ok {
		return 0
	}
	v, ok := values[key].(float64)
	if !ok {
		return 0
	}
	return v
}
