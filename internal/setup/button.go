package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"doorstation/internal/settings"
)

// freshButton is a button with the local file's defaults.
func freshButton() settings.Button {
	return settings.Button{
		Name: "Front door", Active: "low", Pull: "up",
		Debounce: 30 * time.Millisecond, Hold: 50 * time.Millisecond, Step: 15 * time.Second, KeepRinging: true, Ring: 45 * time.Second,
	}
}

// askButtons finds the pins of the buttons.
func (s *state) askButtons(ctx context.Context) error {
	if s.Given.Simulated {
		s.local.GPIO = "simulated"
	}
	if len(s.Given.Buttons) > 0 {
		s.givenButtons()
		return nil
	}
	hasPins := s.local.Buttons[0].Pin != settings.Pin{}
	if s.local.GPIO == "simulated" {
		return s.simulatedButton(hasPins)
	}
	if s.Unattended {
		if !hasPins {
			return &MissingError{"Which pin is the bell button at?", "--button GPIO17"}
		}
		return nil
	}
	if hasPins {
		keep, err := s.confirm(ctx, "The button is at "+pinsOf(s.local.Buttons)+". Leave it so?", true)
		if err != nil || keep {
			return err
		}
	}
	if s.busy {
		return s.typedButton(ctx)
	}
	var err error
	if s.lines, err = s.Hardware.Lines(ctx); err != nil {
		return s.noLines(ctx, err)
	}
	return s.pressedButtons(ctx)
}

func pinsOf(buttons []settings.Button) string {
	var names []string
	for _, b := range buttons {
		names = append(names, pinName(b.Pin))
	}
	return list(names)
}

func pinName(p settings.Pin) string {
	if p.Name != "" {
		return p.Name
	}
	return fmt.Sprintf("%s line %d", p.Chip, p.Line)
}

// givenButtons takes the pins of the command line; names and people of buttons that are there stay.
func (s *state) givenButtons() {
	first := s.local.Buttons[0]
	var buttons []settings.Button
	for i, pin := range s.Given.Buttons {
		b := first
		if at := slices.IndexFunc(s.local.Buttons, func(b settings.Button) bool { return b.Pin == pin }); at >= 0 {
			b = s.local.Buttons[at]
		} else if i > 0 {
			b.Name = fmt.Sprintf("Button %d", i+1)
		}
		if i == 0 && s.Given.ButtonName != "" {
			b.Name = s.Given.ButtonName
		}
		b.Pin = pin
		if active := s.Given.ButtonActive; active != "" {
			b.Active, b.Pull = active, restingPull(active == "low")
		}
		buttons = append(buttons, b)
	}
	s.local.Buttons = buttons
}

// simulatedButton gives a door without pins a button that doorstation press presses.
func (s *state) simulatedButton(hasPins bool) error {
	if !hasPins {
		s.local.Buttons[0].Pin = settings.Pin{Name: "GPIO17"}
	}
	s.tell(Plain, "The pins are simulated: the bell is pressed with the command doorstation press.")
	return nil
}

// noLines is for a machine without GPIO, or one whose GPIO this user may not use.
func (s *state) noLines(ctx context.Context, err error) error {
	s.tell(Warning, sentence(err))
	i, err := s.Person.Choose(ctx, Choice{
		Question: "What now?",
		Options:  []string{"No button on this machine: the bell is pressed by a command (doorstation press)", "I type the pin"},
		Flag:     "--simulated",
	})
	if err != nil {
		return err
	}
	if i == 1 {
		return s.typedButton(ctx)
	}
	s.local.GPIO = "simulated"
	return s.simulatedButton(s.local.Buttons[0].Pin != settings.Pin{})
}

// pressedButtons lets the person press each button and sees which line moves.
func (s *state) pressedButtons(ctx context.Context) error {
	var buttons []settings.Button
	for {
		moved, err := s.waitPress(ctx, buttons)
		switch {
		case errors.Is(err, ErrSkipped) && len(buttons) > 0:
			s.local.Buttons = buttons
			return nil
		case errors.Is(err, ErrSkipped):
			return s.typedButton(ctx)
		case err != nil:
			return err
		}
		pressed := "low"
		if moved.High {
			pressed = "high"
		}
		s.tell(Good, fmt.Sprintf("%s moved: %s at rest, %s when pressed.", moved.Line.Label, opposite(pressed), pressed))
		b := s.buttonAt(len(buttons))
		b.Pin, b.Active, b.Pull = moved.Line.Pin, pressed, restingPull(!moved.High)
		b.Name, err = s.Person.Ask(ctx, Ask{
			Question: "What is this button called?", Default: b.Name,
			Check: func(text string) error { return checkName(text, buttons) },
		})
		if err != nil {
			return err
		}
		buttons = append(buttons, b)
		more, err := s.confirm(ctx, "Is there another bell button?", len(buttons) < len(s.local.Buttons))
		if err != nil {
			return err
		}
		if !more {
			s.local.Buttons = buttons
			return nil
		}
	}
}

// restingPull is the resistor that gives a pin its level at rest.
func restingPull(pressedLow bool) string {
	if pressedLow {
		return "up"
	}
	return "down"
}

// buttonAt is the n-th button of the local file, or a new one that calls the same people as the first.
func (s *state) buttonAt(n int) settings.Button {
	if n < len(s.local.Buttons) {
		return s.local.Buttons[n]
	}
	b := s.local.Buttons[0]
	b.Name = fmt.Sprintf("Button %d", n+1)
	return b
}

var (
	errName      = errors.New("a name has 1 to 64 characters")
	errNameTaken = errors.New("another button has this name")
)

func checkName(text string, taken []settings.Button) error {
	const longest = 64
	if n := len([]rune(text)); n == 0 || n > longest || Clean(text) != text {
		return errName
	}
	if slices.ContainsFunc(taken, func(b settings.Button) bool { return b.Name == text }) {
		return errNameTaken
	}
	return nil
}

// free are the lines that nobody uses and that are no other part of this door: an output that is watched as an input would float.
func (s *state) free(buttons []settings.Button) []Line {
	var lines []Line
	for _, l := range s.lines {
		taken := slices.ContainsFunc(buttons, func(b settings.Button) bool { return b.Pin == l.Pin }) ||
			s.local.Lock != nil && s.local.Lock.Pin == l.Pin || s.local.Light != nil && s.local.Light.Pin == l.Pin ||
			slices.ContainsFunc(s.local.LEDs, func(led settings.LED) bool { return led.Pin == l.Pin }) ||
			s.local.Inputs.Contact != nil && s.local.Inputs.Contact.Pin == l.Pin || // somebody goes in while the button is looked for
			s.local.Inputs.Tamper != nil && s.local.Inputs.Tamper.Pin == l.Pin
		if l.User == "" && !l.Output && !taken {
			lines = append(lines, l)
		}
	}
	return lines
}

// waitPress waits until a line goes away from its level at rest: first with the resistors of buttons to ground, then, if the person sees
// nothing happen, with those of buttons to 3.3 V.
func (s *state) waitPress(ctx context.Context, buttons []settings.Button) (Moved, error) {
	lines := s.free(buttons)
	pull, text := "up", "Press the bell button now, for a second."
	for {
		moved, err := s.watch(ctx, lines, pull, text)
		if err == nil || !errors.Is(err, ErrSkipped) {
			return moved, err
		}
		options := []string{"Once more, for a button that switches to 3.3 V", "I type the pin"}
		if len(buttons) > 0 {
			options[1] = "There is no other button"
		}
		i, err := s.Person.Choose(ctx, Choice{Question: "No line has moved. What now?", Options: options})
		if err != nil {
			return Moved{}, err
		}
		if i == 1 {
			return Moved{}, ErrSkipped
		}
		pull = map[string]string{"up": "down", "down": "up"}[pull]
	}
}

// watch waits for the first line that moves.
func (s *state) watch(ctx context.Context, lines []Line, pull, text string) (Moved, error) {
	var first Moved
	err := s.Person.Wait(ctx, text, "Enter: nothing happens", func(ctx context.Context, _ func(string)) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		moves, err := s.Hardware.WatchLines(ctx, lines, pull)
		if err != nil {
			return err
		}
		found := false
		for m := range moves { // to the end: then the lines are as they were
			if !found {
				first, found = m, true
				cancel()
			}
		}
		if !found {
			return errNoPress
		}
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return Moved{}, ErrStopped
	case errors.Is(err, errNoPress):
		return Moved{}, ErrSkipped
	case err == nil || errors.Is(err, ErrSkipped) || errors.Is(err, ErrStopped):
		return first, err
	}
	s.tell(Bad, sentence(err))
	return Moved{}, ErrSkipped
}

var errNoPress = errors.New("no line has moved")

var errPin = errors.New("a pin is written GPIO17, or gpiochip0 17 for a line of another chip")

// ParsePin reads a pin as a person or the command line gives it: GPIO17, 17, or a chip and a line, "gpiochip0:17".
func ParsePin(text string) (settings.Pin, error) {
	text = strings.TrimSpace(text)
	var n int
	var chip, rest string
	if fields := strings.FieldsFunc(text, func(c rune) bool { return c == ' ' || c == ':' || c == ',' }); len(fields) == 2 {
		chip, text = fields[0], fields[1]
	}
	number := strings.TrimPrefix(strings.ToUpper(text), "GPIO")
	if _, err := fmt.Sscanf(number+" .", "%d %s", &n, &rest); err != nil || rest != "." || n < 0 || n > 1023 {
		return settings.Pin{}, fmt.Errorf("%q: %w", Clean(text), errPin)
	}
	if chip != "" {
		if Clean(chip) != chip {
			return settings.Pin{}, errPin
		}
		return settings.Pin{Chip: chip, Line: n}, nil
	}
	return settings.Pin{Name: fmt.Sprintf("GPIO%d", n)}, nil
}

// askPin asks for a pin that no other part of the door has.
func (s *state) askPin(ctx context.Context, question, def, flag string) (settings.Pin, error) {
	text, err := s.Person.Ask(ctx, Ask{
		Question: question, Default: def, Flag: flag,
		Check: func(text string) error { _, err := ParsePin(text); return err },
	})
	if err != nil {
		return settings.Pin{}, err
	}
	return ParsePin(text)
}

// typedButton asks for pin and level of one button.
func (s *state) typedButton(ctx context.Context) error {
	b := s.local.Buttons[0]
	def := "GPIO17"
	if b.Pin != (settings.Pin{}) {
		def = pinName(b.Pin)
	}
	var err error
	if b.Pin, err = s.askPin(ctx, "Which pin is the button at? (GPIO17 is pin 11 of the header.)", def, "--button GPIO17"); err != nil {
		return err
	}
	i, err := s.Person.Choose(ctx, Choice{
		Question: "Where does the button's other wire go?", Options: []string{"To ground (usual)", "To 3.3 V"},
		Default: map[string]int{"low": 0, "high": 1}[b.Active],
	})
	if err != nil {
		return err
	}
	b.Active, b.Pull = []string{"low", "high"}[i], restingPull(i == 0)
	s.local.Buttons = []settings.Button{b}
	return nil
}
