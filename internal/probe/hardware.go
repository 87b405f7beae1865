package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"doorstation/internal/app"
	"doorstation/internal/check"
	"doorstation/internal/control"
	"doorstation/internal/gpio"
	"doorstation/internal/machine"
)

// HardwareOptions are how far the hardware is tried.
type HardwareOptions struct {
	// Silent plays no tone at the door.
	Silent bool
	// Picture is where the camera's picture is written to, as JPEG; empty: nowhere.
	Picture string
	// Press is how long each button's press is waited for; 0: not at all.
	Press time.Duration
	// Click are the outputs, "lock" and "light", that are switched on for a moment, each after Ask.
	Click []string
	// Ask asks a person a question that has yes and no for an answer; nil: nobody is there, which is a no.
	Ask func(ctx context.Context, question string) bool
	// Tell tells a person what to do, while something is waited for; it may be nil.
	Tell func(text string)
	// Guard is how the process is started that holds the lock's line.
	Guard gpio.GuardCommands
	// Machine is the machine; tests put another in its place.
	Machine machine.Machine
}

// hardwareLinks are those of what the door is made of.
func (s *Scene) hardwareLinks() []check.Link {
	needs := []string{linkFile}
	// Without knowing whether an agent runs, its hardware would be opened beside it.
	hard := []string{linkFile, linkAgent}
	links := []check.Link{
		{Name: "codes", Title: "Codes of persons", Needs: needs, Run: part(func() app.Checked { return app.CheckCodes(s.Local.Lock) })},
		{Name: "camera", Title: "Camera", Needs: hard, Run: s.camera},
		{Name: "sound", Title: "Sound device", Needs: hard, Run: s.sound},
		{Name: "echo", Title: "Echo", Needs: needs, Run: part(func() app.Checked { return app.CheckEcho(s.Local.Audio, s.StateDir) })},
		{Name: "tones", Title: "Tone files", Needs: needs, Run: part(func() app.Checked { return app.CheckTones(s.Local.Audio) })},
		{Name: "lines", Title: "GPIO lines", Needs: hard, Run: s.lines},
	}
	if s.Hardware.Press > 0 {
		links = append(links, check.Link{Name: "press", Title: "Press", Needs: []string{"lines"}, Limit: time.Hour, Run: s.press})
	}
	if len(s.Hardware.Click) > 0 {
		links = append(links, check.Link{Name: "click", Title: "Click", Needs: hard, Limit: time.Hour, Run: s.clicks})
	}
	return append(links, s.machineLinks()...)
}

// mayNotAsk says why the agent that runs is not asked for its hardware; nil: it is asked, or none runs. One that was started after the link
// "agent" is asked; one that does not answer may have the hardware all the same.
func (s *Scene) mayNotAsk(ctx context.Context) error {
	if s.Agent != nil {
		return nil
	}
	status, err := s.Control.Status(ctx)
	switch {
	case err == nil:
		s.Agent = &status
		return nil
	case errors.Is(err, control.ErrNotRunning):
		return nil
	default:
		return err
	}
}

// notAsked is what is found of hardware of an agent that was not asked.
func notAsked(why error) check.Finding {
	f := check.Finding{Outcome: check.Skipped, Found: fmt.Sprintf("an agent runs that may have it, and its answer cannot be had: %v", why)}
	if errors.Is(why, control.ErrNotAllowed) {
		f.Found = "the agent that runs has it, and this user may not ask it: sudo doorstation check, or as a member of the group doorstation"
	}
	return f
}

// tell tells a person.
func (s *Scene) tell(text string) {
	if s.Hardware.Tell != nil {
		s.Hardware.Tell(text)
	}
}

// part makes a link's Run of a look at one part.
func part(look func() app.Checked) func(context.Context, func(check.Finding)) {
	return func(_ context.Context, say func(check.Finding)) {
		c := look()
		found := strings.TrimSpace(c.Detail + "\n" + c.Found)
		if found == "" {
			found = "nothing to look at"
		}
		say(check.Finding{Code: c.Code, Found: found})
	}
}
