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

// click is how long an output is switched to see what it does.
const click = time.Second

// freshLock is a lock with the local file's defaults.
func freshLock() settings.Lock {
	return settings.Lock{Active: "high", Pulse: 3 * time.Second, MaxOpen: time.Minute}
}

// askLock finds the output that opens the door, and the code.
func (s *state) askLock(ctx context.Context) error {
	if s.Given.NoLock {
		s.local.Lock = nil
		return nil
	}
	lock := freshLock()
	if s.local.Lock != nil {
		lock = *s.local.Lock
	}
	switch {
	case s.Given.Lock != nil:
		lock.Pin = *s.Given.Lock
		if s.Given.LockActive != "" {
			lock.Active = s.Given.LockActive
		}
		s.Given.Lock = nil
	case s.Unattended && s.local.Lock == nil:
		return nil
	case s.Unattended:
	default:
		yes, err := s.confirm(ctx, "Is there a relay that opens the door?", s.local.Lock != nil)
		if err != nil {
			return err
		}
		if !yes {
			s.local.Lock = nil
			return nil
		}
		if lock.Pin, lock.Active, err = s.askOutput(ctx, lockWords(), lock.Pin, lock.Active); err != nil {
			return err
		}
	}
	if err := s.askCodes(ctx, &lock); err != nil {
		return err
	}
	s.local.Lock = &lock
	return nil
}

// words say what an output is.
type words struct {
	relay, flag, usual, warning, seen string
}

func lockWords() words {
	return words{
		relay: "The relay of the door", flag: "--lock GPIO27", usual: "GPIO27",
		warning: "Nobody is harmed when the door opens?", seen: "Did the door opener work for that second (and only then)?",
	}
}

func lightWords() words {
	return words{
		relay: "The light", flag: "--light GPIO22", usual: "GPIO22",
		warning: "Nobody is harmed by that?", seen: "Was it on for that second (and only then)?",
	}
}

// askOutput finds an output's pin and the level that switches it on. Nothing is switched without being asked each time.
func (s *state) askOutput(ctx context.Context, w words, pin settings.Pin, active string) (settings.Pin, string, error) {
	if pin != (settings.Pin{}) {
		keep, err := s.confirm(ctx, w.relay+" is at "+pinName(pin)+". Leave it so?", true)
		if err != nil || keep {
			return pin, active, err
		}
	}
	for {
		def := w.usual
		if pin != (settings.Pin{}) {
			def = pinName(pin)
		}
		var err error
		if pin, err = s.askPin(ctx, w.relay+" is at which pin?", def, w.flag); err != nil {
			return pin, active, err
		}
		if user := s.usedBy(pin, w); user != "" {
			s.tell(Bad, pinName(pin)+" is in use: "+user+".")
			continue
		}
		if s.local.GPIO == "simulated" || s.busy {
			return pin, active, nil
		}
		for {
			level, known, clickErr := s.tryOutput(ctx, w, pin, active)
			if clickErr != nil {
				return pin, active, clickErr
			}
			if known {
				return pin, level, nil
			}
			i, chooseErr := s.Person.Choose(ctx, Choice{
				Question: "What now?",
				Options:  []string{"Go on without a trial", "Another pin", "Try once more"},
			})
			if chooseErr != nil {
				return pin, active, chooseErr
			}
			if i == 0 {
				return pin, active, nil
			}
			if i == 1 {
				break
			}
		}
	}
}

// usedBy says which other part of the door, or which program, has a pin that w is to have.
func (s *state) usedBy(pin settings.Pin, w words) string {
	for _, b := range s.local.Buttons {
		if b.Pin == pin {
			return "the button " + Clean(b.Name)
		}
	}
	switch in := s.local.Inputs; {
	case in.Contact != nil && in.Contact.Pin == pin:
		return "the door contact"
	case in.Tamper != nil && in.Tamper.Pin == pin:
		return "the tamper switch"
	case s.local.Lock != nil && s.local.Lock.Pin == pin && w != lockWords():
		return "the relay of the door"
	case s.local.Light != nil && s.local.Light.Pin == pin && w != lightWords():
		return "the light"
	case slices.ContainsFunc(s.local.LEDs, func(led settings.LED) bool { return led.Pin == pin }):
		return "an LED"
	}
	for _, l := range s.lines {
		if l.Pin == pin && l.User != "" {
			return Clean(l.User)
		}
	}
	return ""
}

// tryOutput switches an output at one level and, if that was the wrong one, at the other.
func (s *state) tryOutput(ctx context.Context, w words, pin settings.Pin, active string) (level string, known bool, err error) {
	for _, level = range []string{active, opposite(active)} {
		var yes bool
		yes, err = s.confirm(ctx, fmt.Sprintf("%s, %s, will be switched for 1 s (%s level). %s", w.relay, pinName(pin), level, w.warning), false)
		if err != nil || !yes {
			return active, false, err
		}
		err = s.Person.Wait(ctx, "Switched…", "", func(ctx context.Context, _ func(string)) error {
			return s.Hardware.Click(ctx, pin, level, click)
		})
		if ctx.Err() != nil || errors.Is(err, ErrStopped) {
			s.letGo(ctx, pin)
			return active, false, ErrStopped
		}
		if err != nil {
			s.tell(Bad, sentence(err))
			s.letGo(ctx, pin)
			return active, false, nil
		}
		if yes, err = s.confirm(ctx, w.seen, true); err != nil || !yes {
			s.letGo(ctx, pin)
		}
		if err != nil || yes {
			return level, yes, err
		}
	}
	return active, false, nil
}

// letGo stops driving an output whose level at rest is not known yet: at the wrong one, which some machines hold on to, the door would
// stay open while the next question stands.
func (s *state) letGo(ctx context.Context, pin settings.Pin) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	if err := s.Hardware.LetGo(ctx, pin); err != nil {
		s.tell(Bad, pinName(pin)+" could not be switched off: "+sentence(err))
	}
}

func opposite(level string) string {
	if level == "low" {
		return "high"
	}
	return "low"
}

var errCode = errors.New("a code has 1 to 16 of the telephone's keys 0-9, *, # and A-D")

func isCode(text string) bool {
	const longest = 16
	return text != "" && len(text) <= longest && strings.Trim(text, "0123456789*#ABCD") == ""
}

// askCodes settles which digits open the door.
func (s *state) askCodes(ctx context.Context, lock *settings.Lock) error {
	add := func(code string) {
		if !slices.Contains(lock.Codes, code) {
			lock.Codes = append(slices.Clone(lock.Codes), code)
		}
	}
	given := slices.Clone(s.Given.Codes)
	popup := s.popupCodes()
	if s.Given.CodeFromPopup {
		if len(popup) == 0 {
			return errNoPopupCode
		}
		given = append(given, popup...)
	}
	for _, code := range given {
		if !isCode(code) {
			return errCode
		}
	}
	if len(given) > 0 {
		lock.Codes = nil // those that are given are those that open: one that has become known must not open any more
		for _, code := range given {
			add(code)
		}
		return nil
	}
	if lock.CodesFile != "" {
		return nil
	}
	if s.Unattended {
		if len(lock.Codes) == 0 {
			return &MissingError{"Which digits open the door?", "--code-from-popup or --code-file FILE"}
		}
		return nil
	}
	var options []string
	chosen := []bool{}
	codes := slices.Clone(lock.Codes)
	for _, code := range codes {
		options, chosen = append(options, code+"  (as it is now)"), append(chosen, true)
	}
	for _, b := range s.core.Popup.DTMF {
		if isCode(b.Digits) && !slices.Contains(codes, b.Digits) {
			options, codes = append(options, fmt.Sprintf("%s  (the popup's button %q)", b.Digits, Clean(b.Label))), append(codes, b.Digits)
			chosen = append(chosen, len(lock.Codes) == 0 && len(popup) == 1)
		}
	}
	if len(codes) == 0 {
		return s.typeCode(ctx, lock)
	}
	picked, err := s.Person.ChooseSeveral(ctx, Several{
		Question: "Which digits, dialled during a call, open the door?", Options: append(options, "Others: I type them"),
		Chosen: append(chosen, false), Least: 1, Flag: "--code-from-popup",
	})
	if err != nil {
		return err
	}
	lock.Codes = nil
	for _, i := range picked {
		if i < len(codes) {
			add(codes[i])
		} else if err = s.typeCode(ctx, lock); err != nil {
			return err
		}
	}
	return nil
}

var errNoPopupCode = errors.New("SIP Core's popup has no button that sends digits (popup_config.buttons, type: dtmf)") //nolint:staticcheck // a name begins it

// popupCodes are what the popup's buttons send.
func (s *state) popupCodes() []string {
	var codes []string
	for _, b := range s.core.Popup.DTMF {
		if isCode(b.Digits) && !slices.Contains(codes, b.Digits) {
			codes = append(codes, b.Digits)
		}
	}
	return codes
}

func (s *state) typeCode(ctx context.Context, lock *settings.Lock) error {
	code, err := s.Person.Ask(ctx, Ask{
		Question: "Which digits, dialled during a call, open the door?", Flag: "--code-file FILE",
		Check: func(text string) error {
			if !isCode(strings.ToUpper(text)) {
				return errCode
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	code = strings.ToUpper(code)
	if len(s.popupCodes()) == 0 {
		s.tell(Plain, "For a button in the tablets' popup, add one of type dtmf with these digits under popup_config in SIP Core's settings.")
	}
	if !slices.Contains(lock.Codes, code) {
		lock.Codes = append(slices.Clone(lock.Codes), code)
	}
	return nil
}

// askLight finds the output of the bell's light.
func (s *state) askLight(ctx context.Context) error {
	if s.Given.NoLight {
		s.local.Light = nil
		return nil
	}
	light := settings.Light{Active: "high"}
	if s.local.Light != nil {
		light = *s.local.Light
	}
	if s.Given.Light != nil {
		light.Pin = *s.Given.Light
		if s.Given.LightActive != "" {
			light.Active = s.Given.LightActive
		}
		s.Given.Light = nil
		s.local.Light = &light
		return nil
	}
	if s.Unattended {
		return nil
	}
	yes, err := s.confirm(ctx, "Is there a light that shall be on while somebody rings?", s.local.Light != nil)
	if err != nil {
		return err
	}
	if !yes {
		s.local.Light = nil
		return nil
	}
	if light.Pin, light.Active, err = s.askOutput(ctx, lightWords(), light.Pin, light.Active); err != nil {
		return err
	}
	s.local.Light = &light
	return nil
}
