package control

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	textWidth = 80
	textTab   = 15 // where values begin
	dayFormat = "2006-01-02 15:04:05"
)

// Text is the status for people: what matters first, faults last so that they stand next to the prompt, never wider than 80
// columns except for a single long word. Times are in the zone they were given in.
func (s Status) Text() string {
	var p page
	p.line("doorstation", s.Version, "started "+s.Started.Format(dayFormat))
	p.registration(s.Registration)
	p.settings(s.Settings)
	p.visit(s.Visit)
	p.look(s.Look)
	p.pins(s.GPIO)
	p.door(s.Door)
	p.media(s.Camera, s.Sound)
	p.calls(s.Calls)
	if s.Page.Address != "" {
		watching := ""
		if s.Page.Viewers > 0 {
			watching = Count(uint64(s.Page.Viewers), "viewer") + " of the picture"
		}
		p.line("status page", "http://"+s.Page.Address, watching)
	}
	p.line("warm offers", fmt.Sprintf("%d of %d ready", s.WarmOffers.Ready, s.WarmOffers.Want))
	p.line("  addresses", s.ICE.Addresses())
	p.faults(s.Faults)
	return p.b.String()
}

// page is a text of labels and values below each other.
type page struct{ b strings.Builder }

// line writes a label and its value; parts are joined by commas, empty ones left out. A line without any value is left out.
func (p *page) line(label string, parts ...string) {
	var kept []string
	for _, part := range parts {
		if part = clean(part); part != "" {
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 {
		return
	}
	for i, text := range wrap(strings.Join(kept, ", "), textWidth-textTab) {
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(&p.b, "%-*s%s\n", textTab, label, text)
	}
}

func (p *page) registration(r Registration) {
	p.line("registration", r.State, since(r.Since))
	p.line("  extension", r.Extension, given(r.BackupUser, "SIP Core's backup user"))
	p.line("  server", r.Server, over(r.Transport))
	if r.Expires != nil {
		p.line("  expires", r.Expires.Format(dayFormat))
	}
	p.line("  error", r.Error)
	p.line("  next attempt", moment("", r.Retry))
}

func (p *page) settings(s Settings) {
	if s.Origin == "" {
		return
	}
	p.line("settings", map[string]string{
		"fresh": "from Home Assistant", "kept": "kept from before the start", "none": "none yet",
	}[s.Origin], moment("as of ", s.Fetched), given(s.Refused, "the newest are refused"))
	p.line("  applied", moment("", s.Applied), given(s.Waiting, "a change waits for the end of the visit"))
}

// moment is a time after some words, nothing when there is none.
func moment(words string, t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return words + t.Format(dayFormat)
}

func (p *page) visit(v Visit) {
	p.line("visit", v.State, since(v.Since))
	p.line("  button", v.Button)
	p.line("  calls", v.Targets...)
	p.line("  answered by", v.AnsweredBy)
}

func (p *page) look(l *Look) {
	if l != nil {
		p.line("look", l.State, "by "+l.Caller, given(l.Loudspeaker, "loudspeaker open"), since(&l.Since))
	}
}

func (p *page) door(d Door) {
	if d.Mode != "" && d.Mode != "normal" {
		p.line("  lock is", d.Mode, given(d.Blocked == "order", "by order"), given(d.Blocked == "tamper", "by the tamper alarm"), moment("until ", d.Until))
	}
	p.line("  door", d.Contact)
	p.line("  tamper", given(d.Tamper, "alarm"))
	if d.WrongCodes > 0 {
		p.line("  wrong codes", fmt.Sprint(d.WrongCodes), given(d.LockOuts > 0, "locked out "+times(d.LockOuts)))
	}
}

func (p *page) pins(g GPIO) {
	p.line("gpio", g.Chip)
	p.line("  lock", g.Lock, given(g.Lock != "absent", "opened "+times(g.LockOpenings)))
	p.line("  light", g.Light)
	for _, b := range g.Buttons {
		p.line("  button", b.Name, given(b.Level != "off", map[string]string{"on": "pressed", "fault": "fault"}[b.Level]),
			Count(uint64(max(b.Presses, 0)), "press"), given(b.Glitches > 0, Count(uint64(max(b.Glitches, 0)), "glitch")), "edges "+b.Edges)
	}
}

func (p *page) media(c Camera, s Sound) {
	p.line("camera", c.Source, c.State)
	if c.Device != "" {
		p.line("  device", c.Device, c.Capture, "encoder: "+c.Encoder)
	}
	p.line("  picture", fmt.Sprintf("%dx%d", c.Width, c.Height), fmt.Sprintf("%d/s", c.Framerate),
		fmt.Sprintf("%d kbit/s", (c.Bitrate+500)/1000), held(c.BitrateCause))
	p.line("  delivered", Count(c.Frames, "frame"), Count(c.KeyFrames, "key frame"), Count(uint64(max(c.Readers, 0)), "reader"),
		given(c.Late > 0, fmt.Sprintf("%d too late", c.Late)), given(c.Broken > 0, fmt.Sprintf("%d damaged", c.Broken)))
	p.line("sound", s.Device, s.State)
	heard := level(s.FarLevel)
	if s.FarFrequency != nil && s.FarLevel != nil {
		heard += fmt.Sprintf(" at %.0f Hz", *s.FarFrequency)
	}
	p.line("  household", heard)
	if v := s.Voice; v != nil {
		p.line("  its network", fmt.Sprintf("%d ms waited for packets, %d ms wanted", v.Delay, v.Target),
			given(v.Lost > 0, fmt.Sprintf("%d of %d lost, %d rebuilt", v.Lost, v.Received+v.Lost, v.Rebuilt)),
			given(v.Late > 0, fmt.Sprintf("%d too late", v.Late)))
	}
	p.line("  visitor", level(s.NearLevel), figure("amplified by %+.0f dB", s.MicrophoneGain))
	if s.Echo != "" && s.Echo != "off" {
		p.line("  echo", map[string]string{
			"learning": "not known yet, one speaks at a time", "full_duplex": "taken out", "half_duplex": "can't be taken out, one speaks at a time",
		}[s.Echo], figure("late by %.0f ms", s.EchoDelay), figure("filter %.0f dB", s.EchoLoss))
	}
	if c := s.Call; c != nil {
		p.line("  this call", given(c.MicrophoneMuted, "microphone muted"), given(c.LoudspeakerMuted, "loudspeaker muted"),
			given(c.Volume != s.Volume, fmt.Sprintf("volume %d", c.Volume)))
	}
}

// held says in words what holds the bit rate down.
func held(cause string) string {
	switch cause {
	case "":
		return ""
	case "delay":
		return "held down: packets queue on the way"
	case "loss":
		return "held down: packets are lost"
	case "gcc":
		return "held down: the far side reports packets that queue or are lost"
	default:
		return "held down by the far side"
	}
}

func (p *page) calls(c Calls) {
	p.line("calls", Count(uint64(max(c.Visits, 0)), "visit"), fmt.Sprintf("%d answered", c.Answered),
		Count(uint64(max(c.IgnoredPresses, 0)), "press")+" ignored")
	if c.Looks > 0 || c.RefusedCallers > 0 {
		p.line("  to the door", fmt.Sprintf("%d answered", c.Looks), fmt.Sprintf("%d refused", c.RefusedCallers))
	}
	if last := c.Last; last != nil {
		talk := ""
		if last.AnsweredBy != "" {
			d := time.Duration(last.TalkSeconds * float64(time.Second)).Round(time.Second)
			talk = fmt.Sprintf("%s with %s", d, last.AnsweredBy)
		}
		p.line("  last", last.Outcome, talk, last.Button, last.At.Format(dayFormat))
	}
}

func (p *page) faults(faults []Fault) {
	if len(faults) == 0 {
		p.line("faults", "none")
		return
	}
	p.line("faults", fmt.Sprintf("%d", len(faults)))
	for _, f := range faults {
		p.b.WriteByte('\n')
		p.line("  "+clean(f.Severity), f.Code, since(&f.Since))
		p.line("", f.Title)
		p.line("", f.Detail)
		p.line("  what to do", f.Remedy)
	}
}

func since(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return "since " + t.Format(dayFormat)
}

func over(transport string) string {
	if transport == "" {
		return ""
	}
	return "by " + transport
}

func given(yes bool, text string) string {
	if yes {
		return text
	}
	return ""
}

// figure is a number in words, nothing for one that is not known.
func figure(words string, v *float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf(words, *v)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// Count is "1 frame" or "2 frames".
func Count(n uint64, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "s"), strings.HasSuffix(what, "ch"):
		return fmt.Sprintf("%d %ses", n, what)
	default:
		return fmt.Sprintf("%d %ss", n, what)
	}
}

func level(dbfs *float64) string {
	if dbfs == nil {
		return "silent"
	}
	return fmt.Sprintf("%.1f dBFS", *dbfs)
}

// clean makes a text that may come from the network harmless to a terminal: one line, nothing but what can be printed.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// wrap breaks a text between words so that no line is longer than width, except where one word is.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
