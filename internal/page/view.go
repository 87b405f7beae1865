package page

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"doorstation/internal/control"
)

// Moods colour a line.
const (
	moodGood = "good"
	moodBusy = "busy" // somebody is at the door, or looks
	moodWarn = "warn"
	moodBad  = "bad"
)

// view is everything there is to show, in sentences. Times are shown by the browser, in its zone.
type view struct {
	Mood   string `json:"mood"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// Visit is the one that is on, nil without one.
	Visit    *visitNow   `json:"visit"`
	Visits   []visitRow  `json:"visits"`
	Faults   []faultRow  `json:"faults"`
	Groups   []group     `json:"groups"`
	Buttons  []bellRow   `json:"buttons"`
	Picture  pictureView `json:"picture"`
	Version  string      `json:"version"`
	Started  time.Time   `json:"started"`
	Metrics  bool        `json:"metrics"`
	Password bool        `json:"password"` // there is something to log out of
}

// visitNow is the visit that is on.
type visitNow struct {
	State  string     `json:"state"`
	Button string     `json:"button"`
	Text   string     `json:"text"`
	Since  *time.Time `json:"since"`
}

// visitRow is a visit that has ended.
type visitRow struct {
	Number  uint64    `json:"number"`
	At      time.Time `json:"at"`
	Button  string    `json:"button"`
	Outcome string    `json:"outcome"`
	Mood    string    `json:"mood"`
	Word    string    `json:"word"` // the outcome, in a word or two
	Text    string    `json:"text"`
}

// faultRow is a fault that stands.
type faultRow struct {
	Code     string    `json:"code"`
	Severity string    `json:"severity"`
	Title    string    `json:"title"`
	Detail   string    `json:"detail"`
	Remedy   string    `json:"remedy"`
	Since    time.Time `json:"since"`
	Help     bool      `json:"help"` // there is a page about it
}

// group is a part of the door and what there is to know of it.
type group struct {
	Title string `json:"title"`
	Rows  []row  `json:"rows"`
}

// row is a name and its value, with a moment after the word, such as "since".
type row struct {
	Name  string     `json:"name"`
	Value string     `json:"value"`
	Mood  string     `json:"mood,omitempty"`
	Word  string     `json:"word,omitempty"`
	Time  *time.Time `json:"time,omitempty"`
}

// bellRow is a button that can be tried.
type bellRow struct {
	Name  string   `json:"name"`
	Calls []string `json:"calls"`
}

// pictureView is what is said of the picture.
type pictureView struct {
	Viewers int    `json:"viewers"`
	Text    string `json:"text"`
	Failing bool   `json:"failing"` // the camera gives none
	Light   bool   `json:"light"`   // there is one, which is on while somebody looks
	Width   int    `json:"width"`
	Height  int    `json:"height"`
}

// soundView is the levels, in dBFS; null is silence.
type soundView struct {
	Running bool     `json:"running"`
	Near    *float64 `json:"near"`
	Far     *float64 `json:"far"`
}

// viewOptions are what is the same in each view.
type viewOptions struct {
	buttons           []Button
	help              string
	metrics, password bool
}

func viewOf(s control.Status, o viewOptions) view {
	v := view{
		Visits: []visitRow{}, Faults: []faultRow{}, Buttons: []bellRow{}, Version: s.Version, Started: s.Started, Metrics: o.metrics, Password: o.password,
	}
	v.Picture = pictureOf(s)
	v.Mood, v.Title, v.Detail = headline(s)
	if s.Visit.State != "" && s.Visit.State != "idle" {
		v.Visit = &visitNow{State: s.Visit.State, Button: s.Visit.Button, Text: visitText(s.Visit), Since: s.Visit.Since}
	}
	for _, past := range s.Visits {
		mood, word := outcomeWord(past.Outcome)
		v.Visits = append(v.Visits, visitRow{
			Number: past.Number, At: past.At, Button: past.Button, Outcome: past.Outcome, Mood: mood, Word: word, Text: capital(past.Sentence()) + ".",
		})
	}
	for _, f := range s.Faults {
		_, err := os.Stat(helpFile(o.help, f.Code))
		v.Faults = append(v.Faults, faultRow{
			Code: f.Code, Severity: f.Severity, Title: f.Title, Detail: f.Detail, Remedy: f.Remedy, Since: f.Since, Help: err == nil,
		})
	}
	for _, b := range o.buttons {
		calls := b.Calls
		if calls == nil {
			calls = []string{}
		}
		v.Buttons = append(v.Buttons, bellRow{Name: b.Name, Calls: calls})
	}
	v.Groups = groups(s)
	return v
}

func soundOf(s control.Sound) soundView {
	return soundView{Running: s.State == "running", Near: s.NearLevel, Far: s.FarLevel}
}

// headline is the door in a line, and one more that says what matters next.
func headline(s control.Status) (mood, title, detail string) {
	switch s.Visit.State {
	case "calling":
		return moodBusy, "Somebody is at the door.", visitText(s.Visit)
	case "ringing":
		return moodBusy, "The household is being rung.", visitText(s.Visit)
	case "talking":
		return moodBusy, s.Visit.AnsweredBy + " is talking to the visitor.", "The bell was pressed at " + quoted(s.Visit.Button) + "."
	case "ending":
		return moodBusy, "The call is ending.", "The bell was pressed at " + quoted(s.Visit.Button) + "."
	}
	if l := s.Look; l != nil {
		detail = "The loudspeaker is closed: the household looks and listens."
		if l.Loudspeaker {
			detail = "The loudspeaker is open: the household is heard at the door."
		}
		return moodBusy, l.Caller + " is looking through the door's camera.", detail
	}
	if s.Registration.State != "registered" {
		return unregistered(s)
	}
	as := "Registered as " + s.Registration.Extension + "."
	first, errors := firstError(s.Faults)
	switch {
	case errors == 1:
		return moodBad, first.Title, as + " The fault is below, with what to do about it."
	case errors > 1:
		return moodBad, first.Title, fmt.Sprintf("%s %d faults are below, with what to do about them.", as, len(s.Faults))
	case len(s.Faults) == 1:
		return moodWarn, "Ready. " + as, "One thing is not as it should be: it is below, with what to do about it."
	case len(s.Faults) > 1:
		return moodWarn, "Ready. " + as, fmt.Sprintf("%d things are not as they should be: they are below, with what to do about them.", len(s.Faults))
	default:
		return moodGood, "Ready. " + as, "A press of the bell rings the household."
	}
}

// unregistered says why a press of the bell would reach nobody.
func unregistered(s control.Status) (mood, title, detail string) {
	detail = "A press of the bell would reach nobody now."
	if f, n := firstError(s.Faults); n > 0 {
		detail = f.Title + " " + detail
	}
	switch s.Registration.State {
	case "starting", "registering":
		return moodWarn, "Registering at the telephone exchange.", "This takes some seconds after a start. " + detail
	case "refused":
		return moodBad, "Not ready: the telephone exchange refuses the door.", detail
	case "unreachable":
		return moodBad, "Not ready: the telephone exchange is not reached.", detail
	default:
		return moodBad, "Not ready: the door is not registered.", detail
	}
}

func firstError(all []control.Fault) (first control.Fault, n int) {
	for _, f := range all {
		if f.Severity != "error" {
			continue
		}
		if n == 0 {
			first = f
		}
		n++
	}
	return first, n
}

// visitText is the visit that is on in a sentence.
func visitText(v control.Visit) string {
	who := strings.Join(v.Targets, ", ")
	switch v.State {
	case "calling":
		return "Pressed at " + quoted(v.Button) + ". Calling " + who + "."
	case "ringing":
		return "Pressed at " + quoted(v.Button) + ". Ringing " + who + "."
	case "talking":
		return v.AnsweredBy + " has answered."
	default:
		return "The call is ending."
	}
}

// outcomeWord is an outcome in a word or two.
func outcomeWord(outcome string) (mood, word string) {
	switch outcome {
	case "talked":
		return moodGood, "Answered"
	case "no_answer":
		return moodWarn, "No answer"
	case "busy":
		return moodWarn, "Busy"
	case "declined":
		return moodWarn, "Declined"
	case "not_registered":
		return moodBad, "Nobody reachable"
	case "unreachable":
		return moodBad, "Unreachable"
	case "offline":
		return moodBad, "Door offline"
	case "stopped":
		return moodWarn, "Stopped"
	case "cancelled":
		return moodWarn, "Given up"
	default:
		return moodBad, "Failed"
	}
}

func quoted(name string) string { return "“" + name + "”" }

func capital(s string) string {
	if s == "" {
		return s
	}
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}
