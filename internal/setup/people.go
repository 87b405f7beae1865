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

// The bounds of buttons[].ring.
const leastRing, mostRing = 5 * time.Second, 5 * time.Minute

var errRing = errors.New("a length of time from 5s to 5m, such as 45s")

// askPeople finds out whom the button calls and for how long. With several buttons, it is the same for all; who wants it otherwise
// writes it into the local file, where it stays.
func (s *state) askPeople(ctx context.Context) error {
	if keep, err := s.keepPeople(ctx); err != nil || keep {
		return err
	}
	call, err := s.pickPeople(ctx)
	if err != nil {
		return err
	}
	ring := s.local.Buttons[0].Ring
	if s.Given.Ring != 0 {
		ring = s.Given.Ring
	} else {
		var text string
		text, err = s.Person.Ask(ctx, Ask{
			Question: "For how long does it ring?", Default: short(ring), Flag: "--ring 45s",
			Check: func(text string) error {
				if d, parseErr := time.ParseDuration(text); parseErr != nil || d < leastRing || d > mostRing {
					return errRing
				}
				return nil
			},
		})
		if err != nil {
			return err
		}
		if ring, err = time.ParseDuration(text); err != nil {
			return err
		}
	}
	if ring < leastRing || ring > mostRing {
		return errRing
	}
	for i := range s.local.Buttons {
		s.setCall(&s.local.Buttons[i], call, ring)
	}
	return nil
}

// keepPeople asks whether buttons that call different people shall go on doing so.
func (s *state) keepPeople(ctx context.Context) (bool, error) {
	first := flat(s.local.Buttons[0].Call)
	differ := slices.ContainsFunc(s.local.Buttons, func(b settings.Button) bool { return !sameSet(flat(b.Call), first) })
	if !differ || len(s.Given.Call) > 0 {
		return false, nil
	}
	var lines []string
	for _, b := range s.local.Buttons {
		lines = append(lines, fmt.Sprintf("%s: %s", Clean(b.Name), Clean(list(flat(b.Call)))))
	}
	s.tell(Plain, "Each button calls somebody else:\n"+strings.Join(lines, "\n"))
	return s.confirm(ctx, "Leave it so?", true)
}

// setCall lets a button call these. Steps that somebody wrote stay if it is still the same people.
func (s *state) setCall(b *settings.Button, call []string, ring time.Duration) {
	if !sameSet(flat(b.Call), call) {
		b.Call = [][]string{call}
	}
	b.Ring = ring
	if n := len(b.Call); n > 1 && time.Duration(n-1)*b.Step >= ring {
		b.Call = [][]string{call}
	}
}

func flat(call [][]string) []string { return slices.Concat(call...) }

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// short is 45s and not 45s or 1m0s.
func short(d time.Duration) string {
	switch {
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d%time.Second == 0:
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return d.String()
}

var errOwnExtension = errors.New("the door can't call itself")

// pickPeople is whom the button calls.
func (s *state) pickPeople(ctx context.Context) ([]string, error) {
	if len(s.Given.Call) > 0 {
		for _, e := range s.Given.Call {
			if e == s.own.Extension {
				return nil, fmt.Errorf("%q: %w", Clean(e), errOwnExtension)
			}
			if !slices.Contains(s.core.Extensions(), e) {
				s.tell(Warning, fmt.Sprintf("%s is none of SIP Core's users. It is called all the same: it may be a group or another phone.", Clean(e)))
			}
		}
		return s.Given.Call, nil
	}
	now := flat(s.local.Buttons[0].Call)
	var options, extensions []string
	var chosen []bool
	for _, u := range s.core.Users {
		if u.Extension == s.own.Extension || slices.Contains(extensions, u.Extension) {
			continue
		}
		options, extensions = append(options, describe(u)), append(extensions, u.Extension)
		chosen = append(chosen, slices.Contains(now, u.Extension))
	}
	// Whom the file calls besides: a group of the PBX, say.
	for _, e := range now {
		if e != s.own.Extension && !slices.Contains(extensions, e) {
			options, extensions, chosen = append(options, Clean(e)), append(extensions, e), append(chosen, true)
		}
	}
	if !s.exists && !s.Unattended {
		for i := range chosen {
			chosen[i] = true
		}
	}
	if len(options) == 0 {
		text, err := s.Person.Ask(ctx, Ask{
			Question: "SIP Core has no other users. Which extension shall ring?", Flag: "--call 101,102",
			Check: func(text string) error {
				if !isExtension(text) {
					return errExtension
				}
				return nil
			},
		})
		return []string{text}, err
	}
	picked, err := s.Person.ChooseSeveral(ctx, Several{
		Question: "Who rings when somebody presses the button? All at once; the first to answer talks.",
		Options:  options, Chosen: chosen, Least: 1, Flag: "--call 101,102",
	})
	if err != nil {
		return nil, err
	}
	var call []string
	for _, i := range picked {
		call = append(call, extensions[i])
	}
	return call, nil
}

// isExtension accepts what the local file takes without quotes or doubts.
func isExtension(s string) bool {
	const longest = 32
	return s != "" && len(s) <= longest && !slices.ContainsFunc([]rune(s), func(c rune) bool {
		return c != '-' && c != '_' && c != '.' && c != '*' && c != '+' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}
