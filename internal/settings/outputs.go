package settings

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

func (r *reader) lock(n ast.Node, p *parts) *Lock {
	l := Lock{Active: "high", Pulse: 3 * time.Second, MaxOpen: time.Minute}
	var pin, pulse ast.Node
	ok := r.mapping(n, "lock", keys{
		"pin":    func(n ast.Node) { pin = n },
		"active": func(n ast.Node) { l.Active = r.choice(n, "low", "high") },
		"pulse": func(n ast.Node) {
			pulse = n
			l.Pulse = r.duration(n, 100*time.Millisecond, time.Minute, "3s")
		},
		"max_open": func(n ast.Node) { l.MaxOpen = r.duration(n, time.Second, 24*time.Hour, "1m") },
		"codes_file": func(n ast.Node) {
			l.CodesFile = r.text(n, "the path of a file", func(s string) bool { return s == "" || isPrintable(s) })
		},
		"codes": func(n ast.Node) {
			r.sequence(n, `a list of codes, such as ["1"]`, maxEntries, func(n ast.Node) {
				code := r.code(n)
				if code != "" && slices.Contains(l.Codes, code) {
					r.fault(n, "this code is in the list already")
					return
				}
				l.Codes = append(l.Codes, code)
			})
		},
	})
	if ok {
		l.Pin = r.pin(n, pin, p, "lock")
	}
	if l.MaxOpen > 0 && l.Pulse > l.MaxOpen {
		at := n
		if pulse != nil {
			at = pulse
		}
		r.fault(at, fmt.Sprintf("expected a pulse of at most max_open (%s)", short(l.MaxOpen)))
	}
	return &l
}

// code reads a code that opens the door. What was found is not repeated: it may be a code with one wrong character.
func (r *reader) code(n ast.Node) string {
	const what = "a code of 1 to 16 of the telephone's keys 0-9, *, # and A-D, in quotes"
	text, ok := r.scalar(n, what)
	if !ok {
		return ""
	}
	text = strings.ToUpper(text)
	if !isDigits(text) {
		r.fault(n, "expected "+what)
		return ""
	}
	return text
}

// isDigits accepts what can be dialled as one code.
func isDigits(s string) bool {
	const longest = 16
	return len(s) > 0 && len(s) <= longest && strings.Trim(s, "0123456789*#ABCD") == ""
}

func (r *reader) light(n ast.Node, p *parts) *Light {
	l := Light{Active: "high"}
	var pin ast.Node
	ok := r.mapping(n, "light", keys{
		"pin":    func(n ast.Node) { pin = n },
		"active": func(n ast.Node) { l.Active = r.choice(n, "low", "high") },
	})
	if ok {
		l.Pin = r.pin(n, pin, p, "light")
	}
	return &l
}

func (r *reader) leds(n ast.Node, p *parts) []LED {
	var leds []LED
	r.sequence(n, "a list of LEDs", maxEntries, func(n ast.Node) {
		l := LED{Active: "high", Show: ShowStatus}
		var pin ast.Node
		ok := r.mapping(n, "an LED", keys{
			"pin":    func(n ast.Node) { pin = n },
			"active": func(n ast.Node) { l.Active = r.choice(n, "low", "high") },
			"show":   func(n ast.Node) { l.Show = r.choice(n, ShowStatus, ShowRinging, ShowTalking, ShowOpen, ShowFault) },
		})
		if ok {
			l.Pin = r.pin(n, pin, p, fmt.Sprintf("LED %d", len(leds)+1))
		}
		leds = append(leds, l)
	})
	return leds
}
