package control

import (
	"fmt"
	"math"
	"strings"
)

// VisitsText is the visits that have ended, for people: the newest last, next to the prompt, where a terminal shows it.
func (s Status) VisitsText() string {
	var p page
	if len(s.Visits) == 0 {
		p.line("visits", "none since the start, "+s.Started.Format(dayFormat))
		return p.b.String()
	}
	for i := len(s.Visits) - 1; i >= 0; i-- {
		v := s.Visits[i]
		p.line(v.At.Format("Jan 02 15:04"), v.Button, v.Sentence())
	}
	return p.b.String()
}

// Sentence says how the visit went.
func (v PastVisit) Sentence() string {
	called := strings.Join(v.Called, ", ")
	rang := seconds(v.RingSeconds)
	var text string
	switch v.Outcome {
	case "talked":
		text = fmt.Sprintf("%s answered after %s and talked for %s", v.AnsweredBy, rang, seconds(v.TalkSeconds))
	case "no_answer":
		text = fmt.Sprintf("nobody answered within %s (%s)", rang, called)
	case "busy":
		text = "busy (" + called + ")"
	case "declined":
		text = "declined (" + called + ")"
	case "not_registered":
		text = "no phone was registered (" + called + ")"
	case "unreachable":
		text = "the telephone exchange or the phones did not react (" + called + ")"
	case "offline":
		text = "the door was not registered: nobody was called"
	case "stopped":
		text = "doorstation was stopped meanwhile"
	case "cancelled":
		text = "given up after " + rang
	default:
		text = "the call failed (" + called + ")"
	}
	return text + opened(v.Openings)
}

// opened says who opened the door, and how often.
func opened(all []Opening) string {
	if len(all) == 0 {
		return ""
	}
	last := all[len(all)-1]
	text := ", door opened by " + last.By
	if last.Person != "" {
		text += " with the code of " + last.Person
	}
	return text + given(len(all) > 1, " ("+times(len(all))+")")
}

// seconds is "45 s" or "2 min 5 s".
func seconds(s float64) string {
	n := int(math.Round(s))
	if n < 60 {
		return fmt.Sprintf("%d s", n)
	}
	return fmt.Sprintf("%d min %d s", n/60, n%60)
}
