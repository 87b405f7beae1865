package probe

import (
	"context"
	"fmt"
	"time"

	"doorstation/internal/check"
	"doorstation/internal/gpio"
	"doorstation/internal/hardware"
	"doorstation/internal/health"
	"doorstation/internal/settings"
)

// pressLook is how often the agent is asked whether a button was pressed.
const pressLook = 200 * time.Millisecond

// press waits for a press of each button.
func (s *Scene) press(ctx context.Context, say func(check.Finding)) {
	if s.Local.GPIO == "simulated" && s.Agent == nil {
		say(check.Finding{Outcome: check.Skipped, Found: "gpio is simulated in the local file: there is no button"})
		return
	}
	for _, b := range s.Local.Buttons {
		if ctx.Err() != nil {
			return
		}
		within, cancel := context.WithTimeout(ctx, s.Hardware.Press)
		var f check.Finding
		if s.Agent != nil {
			f = s.agentPress(within, b)
		} else {
			f = s.ownPress(within, b)
		}
		cancel()
		f.Link, f.Title = "press.button:"+b.Name, "Press of "+b.Name
		say(f)
	}
}

// agentPress waits for the agent's word of a press: its button rings.
func (s *Scene) agentPress(ctx context.Context, b settings.Button) check.Finding {
	before, ok := s.agentButton(ctx, b.Name)
	if !ok {
		return check.Finding{Code: health.CodeButtonUnreadable, Found: "the agent does not know this button: it was started with another local file"}
	}
	s.tell(fmt.Sprintf("Press %s now, within %s. The agent runs: the household is called.", b.Name, s.Hardware.Press))
	look := time.NewTicker(pressLook)
	defer look.Stop()
	short := 0
	for {
		select {
		case <-look.C:
		case <-ctx.Done():
			if short > 0 {
				return check.Finding{Code: health.CodeButtonStill, Found: fmt.Sprintf("no press; %s: too short for one, buttons[].hold is %s", glitches(short), b.Hold)}
			}
			return check.Finding{Code: health.CodeButtonStill, Found: fmt.Sprintf("the agent saw no press within %s", s.Hardware.Press)}
		}
		now, known := s.agentButton(ctx, b.Name)
		if !known {
			continue
		}
		short = now.Glitches - before.Glitches
		if now.Presses > before.Presses {
			return check.Finding{Found: fmt.Sprintf("the agent saw it, with %s before", glitches(short))}
		}
	}
}

// agentButtonState is a button as the agent sees it.
type agentButtonState struct{ Presses, Glitches int }

func (s *Scene) agentButton(ctx context.Context, name string) (agentButtonState, bool) {
	now, err := s.Control.Status(ctx)
	if err != nil {
		return agentButtonState{}, false
	}
	for _, b := range now.GPIO.Buttons {
		if b.Name == name {
			return agentButtonState{b.Presses, b.Glitches}, true
		}
	}
	return agentButtonState{}, false
}

// ownPress watches the button's line, and all others of the header: a cable is on the wrong pin more often than broken.
func (s *Scene) ownPress(ctx context.Context, b settings.Button) check.Finding {
	lines, err := hardware.Lines(ctx)
	if len(lines) == 0 {
		return check.Finding{Code: health.CodeGPIOUnavailable, Found: text(err)}
	}
	wanted, err := hardware.FindLine(lines, b.Pin)
	if err != nil {
		return check.Finding{Code: health.CodeButtonUnreadable, Found: err.Error()}
	}
	own := func(l hardware.Line) bool { return l.Device == wanted.Device && l.Offset == wanted.Offset }
	var watched []hardware.Line
	for _, l := range lines {
		if own(l) || l.Header() && !s.drives(l) {
			watched = append(watched, l)
		}
	}
	watch, cancel := context.WithCancel(ctx)
	moves, err := hardware.WatchEach(watch, watched, func(l hardware.Line) string {
		if own(l) {
			return b.Pull
		}
		return "up"
	})
	if err != nil {
		cancel()
		return check.Finding{Code: health.CodeButtonUnreadable, Found: err.Error()}
	}
	defer func() {
		cancel()
		for range moves { // until the lines are given back
		}
	}()
	s.tell(fmt.Sprintf("Press %s (%s) now, within %s.", b.Name, gpio.Pin(b.Pin), s.Hardware.Press))
	other := ""
	for m := range moves {
		if !own(m.Line) {
			other = fmt.Sprintf("; another line moved: %s. Is the cable there?", m)
			continue
		}
		return judgePress(m, b)
	}
	return check.Finding{Code: health.CodeButtonStill, Found: fmt.Sprintf("%s did not move within %s%s", gpio.Pin(b.Pin), s.Hardware.Press, other)}
}

// drives reports whether a line is an output of the local file.
func (s *Scene) drives(l hardware.Line) bool {
	for _, w := range wires(s.Local) {
		if w.output && w.pin == l.Pin {
			return true
		}
	}
	return false
}

// pressData are the figures of a press.
type pressData struct {
	LengthMS int64 `json:"length_ms"`
	Bounces  int   `json:"bounces"`
}

// judgePress says what a press was like.
func judgePress(m hardware.Moved, b settings.Button) check.Finding {
	f := check.Finding{Found: m.String(), Data: pressData{m.For.Milliseconds(), m.Bounces}}
	switch {
	case m.Lost:
		f.Outcome = check.Warning
		f.Found += "\nit changed more often than the kernel can tell: a cable without its pull, or interference"
		f.Remedy = "Use a twisted or shielded cable, and a resistor of 1 to 4.7 kOhm from the line to 3.3 V at the Pi's end."
	case m.Active() != b.Active:
		f.Outcome = check.Warning
		f.Found += fmt.Sprintf("\nthe local file says that a pressed button is %s", b.Active)
		f.Remedy = "Set buttons[].active: " + m.Active() + " in the local file."
	case !m.Held && m.For < b.Hold:
		f.Outcome = check.Note
		f.Found += fmt.Sprintf(": shorter than buttons[].hold (%s), so it would not ring", b.Hold)
	}
	return f
}
