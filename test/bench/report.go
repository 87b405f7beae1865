package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// series is one figure measured many times.
type series []time.Duration

func (s *series) add(d time.Duration) { *s = append(*s, d) }

// quantile is the smallest value that q of all values do not exceed.
func (s series) quantile(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

func (s series) String() string {
	if len(s) == 0 {
		return "not measured"
	}
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }
	return fmt.Sprintf("median %s ms, p95 %s ms, p99 %s ms, worst %s ms (%d)",
		ms(s.quantile(0.5)), ms(s.quantile(0.95)), ms(s.quantile(0.99)), ms(s.quantile(1)), len(s))
}

// report gathers the figures.
type report struct {
	presses, picture, sound, both int
	invite, inviteDead            series
	ringing, ringingDead          series
	answerToFrame, acceptToFrame  series
	answerToAccept                series
	stages                        map[string]*series

	lossCalls, lossPicture int
	lossFrame              series
	frozen                 []float64
	lossFrames             []float64
	freezes                []float64

	pbxBack, wireBack, holeNoticed, change series

	registration series
	idleRSS      int
	callRSS      int
	binary       int64
}

func (r *report) stage(name string, d time.Duration) {
	if r.stages == nil {
		r.stages = map[string]*series{}
	}
	if r.stages[name] == nil {
		r.stages[name] = &series{}
	}
	r.stages[name].add(d)
}

func (r *report) print(w io.Writer) {
	line := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%-46s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("calls with picture and sound", "%d of %d (picture %d, sound both ways %d)", r.both, r.presses, r.picture, r.sound)
	line("press to INVITE on the wire", "%v", r.invite)
	line("  with every STUN and TURN server dead", "%v", r.inviteDead)
	line("press to ringing in the browser", "%v", r.ringing)
	line("  with every STUN and TURN server dead", "%v", r.ringingDead)
	line("answer (click) to first decoded frame", "%v", r.answerToFrame)
	line("  of it the popup's own: click to its 200", "%v", r.answerToAccept)
	line("  of it: the popup's 200 to the frame", "%v", r.acceptToFrame)
	for _, name := range stageNames {
		if s := r.stages[name]; s != nil {
			line("  the door's stopwatch: "+name, "%v", *s)
		}
	}
	line("at loss: calls with picture", "%d of %d", r.lossPicture, r.lossCalls)
	line("at loss: answer to first decoded frame", "%v", r.lossFrame)
	line("at loss: frozen share of the time", "%.1f %%, %.1f freezes a minute, %.1f frames/s", 100*mean(r.frozen), mean(r.freezes), mean(r.lossFrames))
	line("start of the process to registered", "%v", r.registration)
	line("PBX back to registered", "%v", r.pbxBack)
	line("a black hole on the wire until noticed", "%v", r.holeNoticed)
	line("  the wire mended to registered", "%v", r.wireBack)
	line("settings changed to registered with them", "%v", r.change)
	line("resident memory idle / in a call", "%.1f MB / %.1f MB", float64(r.idleRSS)/1024, float64(r.callRSS)/1024)
	line("stripped binary", "%.1f MB", float64(r.binary)/1e6)
}

func mean(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
