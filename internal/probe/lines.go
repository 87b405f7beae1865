package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"doorstation/internal/check"
	"doorstation/internal/gpio"
	"doorstation/internal/hardware"
	"doorstation/internal/health"
	"doorstation/internal/settings"
)

// part of the local file that has a line.
type wire struct {
	link, title string
	pin         settings.Pin
	// output: the door drives it. active is the level of one that is on, pull an input's resistor.
	output       bool
	active, pull string
	code         health.Code
	// name is the agent's name of a button.
	name string
}

// wires are the lines of the local file.
func wires(l settings.Local) []wire {
	var all []wire
	for _, b := range l.Buttons {
		all = append(all, wire{
			link: "lines.button:" + b.Name, title: "Button " + b.Name, pin: b.Pin, active: b.Active, pull: b.Pull,
			code: health.CodeButtonUnreadable, name: b.Name,
		})
	}
	if c := l.Inputs.Contact; c != nil {
		all = append(all, wire{link: "lines.contact", title: "Door contact", pin: c.Pin, active: c.Open, pull: c.Pull, code: health.CodeInputUnreadable})
	}
	if t := l.Inputs.Tamper; t != nil {
		all = append(all, wire{link: "lines.tamper", title: "Tamper switch", pin: t.Pin, active: t.Active, pull: t.Pull, code: health.CodeInputUnreadable})
	}
	if l.Lock != nil {
		all = append(all, wire{link: "lines.lock", title: "Lock", pin: l.Lock.Pin, output: true, active: l.Lock.Active, code: health.CodeLockUnavailable})
	}
	if l.Light != nil {
		all = append(all, wire{link: "lines.light", title: "Light", pin: l.Light.Pin, output: true, active: l.Light.Active, code: health.CodeLightUnavailable})
	}
	for i, led := range l.LEDs {
		all = append(all, wire{
			link: fmt.Sprintf("lines.led:%d", i+1), title: fmt.Sprintf("LED %d", i+1), pin: led.Pin, output: true, active: led.Active,
			code: health.CodeLEDUnavailable,
		})
	}
	return all
}

// lines looks at the lines of the local file: free lines are tried, and of those that the agent holds it is asked.
func (s *Scene) lines(ctx context.Context, say func(check.Finding)) {
	if s.Local.GPIO == "simulated" {
		say(check.Finding{Outcome: check.Note, Found: "gpio is simulated in the local file: there are no lines"})
		return
	}
	lines, err := hardware.Lines(ctx)
	if len(lines) == 0 {
		say(check.Finding{Code: health.CodeGPIOUnavailable, Found: text(err)})
		return
	}
	say(check.Finding{Found: chips(lines) + also(err)})
	hidden := s.mayNotAsk(ctx)
	for _, w := range wires(s.Local) {
		f := s.line(lines, w)
		if l, findErr := hardware.FindLine(lines, w.pin); hidden != nil && findErr == nil && l.Used && ours(l.Consumer) {
			f = notAsked(hidden)
		}
		f.Link, f.Title = w.link, w.title
		say(f)
	}
}

// chips names the chips there are.
func chips(lines []hardware.Line) string {
	type chip struct{ name, label string }
	counts, order := map[chip]int{}, []chip(nil)
	for _, l := range lines {
		c := chip{l.Chip, l.Label}
		if counts[c] == 0 {
			order = append(order, c)
		}
		counts[c]++
	}
	var parts []string
	for _, c := range order {
		parts = append(parts, fmt.Sprintf("%s (%s, %d lines)", c.name, c.label, counts[c]))
	}
	return strings.Join(parts, ", ")
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func also(err error) string {
	if err == nil {
		return ""
	}
	return "\nnot read: " + err.Error()
}

// line looks at one line.
func (s *Scene) line(lines []hardware.Line, w wire) check.Finding {
	l, err := hardware.FindLine(lines, w.pin)
	if err != nil {
		return check.Finding{Code: w.code, Found: err.Error()}
	}
	where := fmt.Sprintf("%s is %s line %d", gpio.Pin(w.pin), l.Chip, l.Offset)
	if l.Name != "" && l.Name != gpio.Pin(w.pin).String() {
		where += " (" + l.Name + ")"
	}
	f := check.Finding{Data: lineData(l)}
	switch {
	case l.Used && s.Agent != nil && ours(l.Consumer):
		return s.agentLine(f, w, where)
	case l.Used:
		f.Code, f.Found = w.code, where+": in use by "+s.holder(l)
	case w.output:
		s.outputLine(&f, w, l, where)
	default:
		inputLine(&f, w, l, where)
	}
	if l.Reserved != "" && f.Outcome == "" && f.Code == "" {
		f.Outcome = check.Note
		f.Found += "; on this machine the line is also for " + l.Reserved
	}
	return f
}

// ours reports whether a consumer is the agent, or its lock's guard.
func ours(consumer string) bool { return strings.HasPrefix(consumer, "doorstation") }

// holder says who holds a line.
func (s *Scene) holder(l hardware.Line) string {
	names := []string{}
	for _, h := range s.Hardware.Machine.LineHolders(l.Chip, l.Offset) {
		names = append(names, h.String())
	}
	switch {
	case len(names) > 0 && l.Consumer != "" && !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, l.Consumer) }):
		return fmt.Sprintf("%q: %s", l.Consumer, strings.Join(names, ", "))
	case len(names) > 0:
		return strings.Join(names, ", ")
	case l.Consumer != "":
		return fmt.Sprintf("%q", l.Consumer)
	default:
		return "the kernel or a program that gives no name"
	}
}

// lineFigures are those of a line.
type lineFigures struct {
	Chip     string `json:"chip"`
	Label    string `json:"label"`
	Line     int    `json:"line"`
	Name     string `json:"name"`
	Consumer string `json:"consumer"`
	Used     bool   `json:"used"`
	Output   bool   `json:"output"`
	High     *bool  `json:"high"`
}

func lineData(l hardware.Line) lineFigures {
	return lineFigures{Chip: l.Chip, Label: l.Label, Line: l.Offset, Name: l.Name, Consumer: l.Consumer, Used: l.Used, Output: l.Output, High: l.Level}
}

// agentLine says what the agent knows of its line.
func (s *Scene) agentLine(f check.Finding, w wire, where string) check.Finding {
	level := ""
	switch w.link {
	case "lines.lock":
		level = s.Agent.GPIO.Lock
	case "lines.light":
		level = s.Agent.GPIO.Light
	}
	f.Found = where + ", held by the agent"
	if level != "" {
		f.Found += ": " + level
	}
	for _, b := range s.Agent.GPIO.Buttons {
		if b.Name != w.name || w.name == "" {
			continue
		}
		level = b.Level
		f.Found += fmt.Sprintf(": %s now, %s and %s since the start, edges %s", pressedText(b.Level), presses(b.Presses), glitches(b.Glitches), b.Edges)
		if b.Edges == "polled" {
			f.Code = w.code
		} else if b.Glitches > 10*max(1, b.Presses) {
			f.Outcome, f.Found = check.Note, f.Found+"\nthat many glitches are a matter of the cable: twisted or shielded, with a resistor of 1 to 4.7 kOhm to 3.3 V at the Pi's end"
		}
	}
	if level == string(gpio.LevelFault) {
		f.Code = w.code
	}
	return f
}

// pressedText is a button's level in words.
func pressedText(level string) string {
	switch level {
	case string(gpio.LevelOn):
		return "pressed"
	case string(gpio.LevelOff):
		return "at rest"
	default:
		return "not readable"
	}
}

func presses(n int) string {
	if n == 1 {
		return "1 press"
	}
	return fmt.Sprintf("%d presses", n)
}

func glitches(n int) string {
	if n == 1 {
		return "1 glitch"
	}
	return fmt.Sprintf("%d glitches", n)
}

// outputLine looks at a free output without taking it.
func (s *Scene) outputLine(f *check.Finding, w wire, l hardware.Line, where string) {
	f.Found = where + ": free"
	if !l.Output {
		f.Found += ", not driven"
		return
	}
	high, err := gpio.ReadLevel(l.LineInfo)
	switch {
	case err != nil:
		f.Found += fmt.Sprintf("; its level cannot be read: %v", err)
	case high == (w.active == "high"):
		f.Outcome = check.Warning
		f.Found += ", and driven on although no program holds it"
		f.Remedy = "sudo doorstation safe drives every output to its safe level."
	default:
		f.Found += ", driven off"
	}
}

// inputLine takes a free input for a moment.
func inputLine(f *check.Finding, w wire, l hardware.Line, where string) {
	tried, err := gpio.TryInput(l.Device, l.Offset, hardware.PullOf(w.pull))
	if err != nil {
		f.Code, f.Found = w.code, where+": "+err.Error()
		return
	}
	level := "low"
	if tried.High {
		level = "high"
	}
	f.Found = fmt.Sprintf("%s: free, %s now, edges %s", where, level, tried.Edges)
	active := level == w.active
	switch {
	case tried.Edges == "polled":
		f.Code = w.code
		f.Found += "\nits level changes and the kernel tells of no edge: it is read many times a second instead"
	case active && w.code == health.CodeButtonUnreadable:
		f.Outcome = check.Warning
		f.Found += fmt.Sprintf(": the button reads as pressed (active: %s)", w.active)
		f.Remedy = "If nobody presses it, change buttons[].active and buttons[].pull in the local file: active: low with pull: up for a button to ground, " +
			"active: high with pull: down for one to 3.3 V. Or look for a short circuit in its cable."
	}
}

// clicks switches outputs on, each after a question.
func (s *Scene) clicks(ctx context.Context, say func(check.Finding)) {
	for _, name := range s.Hardware.Click {
		f := s.click(ctx, name)
		f.Link, f.Title = "click."+name, "Click of the "+name
		say(f)
	}
}

// click switches an output after a question.
func (s *Scene) click(ctx context.Context, name string) check.Finding {
	all := wires(s.Local)
	i := slices.IndexFunc(all, func(w wire) bool { return w.link == "lines."+name })
	if i < 0 {
		return check.Finding{Outcome: check.Skipped, Found: "the local file has none"}
	}
	if why := s.mayNotAsk(ctx); why != nil {
		return notAsked(why)
	}
	question := fmt.Sprintf("Switch the %s on for a moment?", name)
	if name == "lock" {
		question = fmt.Sprintf("Open the door for %s?", s.Local.Lock.Pulse)
	}
	if s.Hardware.Ask == nil || !s.Hardware.Ask(ctx, question) {
		return check.Finding{Outcome: check.Skipped, Found: "not switched: nobody was there to be asked, or said no"}
	}
	if err := s.switchOn(ctx, name, all[i]); err != nil {
		return check.Finding{Code: all[i].code, Found: err.Error()}
	}
	return check.Finding{Found: "switched on, and off again"}
}

// Why an output is not switched.
var (
	errAgentsLight = errors.New("the agent has the light, and shows it with each visit: doorstation press")
	errSimulated   = errors.New("gpio is simulated in the local file")
)

// switchOn switches an output on for a moment, here or by the agent that has it.
func (s *Scene) switchOn(ctx context.Context, name string, w wire) error {
	if s.Agent != nil {
		if name != "lock" {
			return errAgentsLight
		}
		return s.Control.Lock(ctx, "open")
	}
	out := hardware.Output{Pin: w.pin, Active: w.active, Guard: s.Hardware.Guard}
	length := hardware.ShortClick
	if name == "lock" {
		out.Limit, length = s.Local.Lock.MaxOpen, s.Local.Lock.Pulse
	}
	if s.Local.GPIO == "simulated" {
		return errSimulated
	}
	return hardware.Click(ctx, out, length)
}
