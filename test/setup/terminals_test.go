package setup

import (
	"regexp"
	"strings"
	"testing"
)

// TestWithKeysAndColours: the whole conversation with arrow keys; Ctrl-C in the midst of a question gives the terminal back.
func TestWithKeysAndColours(t *testing.T) {
	h := family(t)
	_, flags := door(t)
	s := open(t, xterm(), append([]string{"setup"}, flags...)...)
	for _, turn := range conversation(h) {
		s.sees(turn.question)
		s.sees("enter ")
		s.types(turn.keys)
		if !strings.HasSuffix(turn.keys, "y") && !strings.HasSuffix(turn.keys, "n") || len(turn.keys) > 1 {
			s.types(enter)
		}
	}
	s.sees("Is that right?")
	s.sees("enter ")
	s.types(enter)
	s.sees("Written:")
	if status := s.wait(); status != 0 {
		t.Errorf("status %d", status)
	}
	if !cooked(t, s) {
		t.Error("the terminal is not as it was")
	}
	if !strings.Contains(s.bytes(), "▀") {
		t.Error("the camera's picture was not shown")
	}
	if strings.Contains(s.text(), doorPassword) || strings.Contains(s.text(), doorFactor) {
		t.Error("password or code stand on the screen")
	}

	_, again := door(t)
	s = open(t, xterm(), append([]string{"setup"}, again...)...)
	s.sees("The address of Home Assistant")
	s.sees("enter ")
	s.types(ctrlC)
	s.sees("Stopped. Nothing was changed.")
	if status := s.wait(); status != 1 || !cooked(t, s) {
		t.Errorf("status %d, or the terminal is not as it was", status)
	}
}

var colour = regexp.MustCompile(`\x1b\[[0-9;:]*[34][0-8][0-9;:]*m`)

// TestEveryTerminal: what a terminal can't do is not asked of it.
func TestEveryTerminal(t *testing.T) {
	h := family(t)
	few := conversation(h)[:2]
	for _, c := range []struct {
		name  string
		kind  kind
		keys  bool
		wrong func(sent string) bool
	}{
		{"a serial console", plain(), false, func(sent string) bool { return strings.Contains(sent, "\x1b") }},
		{"dumb, with a size", kind{24, 80, plain().env}, false, func(sent string) bool { return strings.Contains(sent, "\x1b") }},
		{"no UTF-8", kind{24, 80, []string{"TERM=xterm", "LC_ALL=C"}}, false, func(sent string) bool {
			return strings.IndexFunc(sent, func(r rune) bool { return r > '~' }) >= 0
		}},
		{"no colours", kind{24, 80, append(xterm().env, "NO_COLOR=1")}, true, colour.MatchString},
		{"80 by 24", kind{24, 80, xterm().env}, true, func(string) bool { return false }},
		{"a small window", kind{10, 40, xterm().env}, false, func(string) bool { return false }},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, flags := door(t)
			s := open(t, c.kind, append([]string{"setup"}, flags...)...)
			for _, turn := range few {
				if !c.keys {
					s.answers(turn.question, turn.line)
					continue
				}
				s.sees(turn.question)
				s.sees("enter ")
				s.types(turn.keys + enter)
			}
			s.sees("The name that")
			s.types(ctrlC)
			s.sees("Stopped")
			s.wait()
			if sent := s.bytes(); c.wrong(sent) {
				t.Errorf("it was sent %q", sent)
			}
			for _, line := range strings.Split(s.text(), "\n") {
				if columns := int(c.kind.columns); columns > 0 && len([]rune(line)) > columns && !strings.Contains(line, "/") {
					t.Errorf("a line is too long: %q", line)
				}
			}
		})
	}
}
