package settings

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// The limits of the lists: more than any door has.
const maxEntries = 16

// Defaults is a local file that says nothing: without buttons, and with what holds where a key is left out.
func Defaults() Local { return defaults() }

// defaults are the values of keys that the file leaves out.
func defaults() Local {
	return Local{
		SIP:      SIP{Transport: TransportAuto},
		GPIO:     "auto",
		Call:     Call{Video: "auto", MaxTalk: 5 * time.Minute},
		Incoming: Incoming{Allow: AllowUsers, Answer: "auto", Talk: "*"},
		Camera:   Camera{Source: "rpicam", Encoder: "auto", Width: 1280, Height: 720, Framerate: 30, Bitrate: 1_500_000, MinBitrate: 150_000, MaxBitrate: 1_500_000},
		Audio:    Audio{Device: "default", EchoCancellation: true, NoiseSuppression: true, AutoGain: true, Volume: 100, ToneVolume: 100},
		Monitor:  Monitor{Listen: DefaultMonitor},
		Page:     Page{Listen: DefaultPage},
		Log:      Log{Level: "info", Format: "text"},
	}
}

// parts remembers which pin belongs to whom: two on one pin is a mistake.
type parts struct{ taken map[Pin]string }

func (r *reader) buttons(n ast.Node, p *parts) []Button {
	var buttons []Button
	names := make(map[string]bool)
	ok := r.sequence(n, "a list of buttons", maxEntries, func(n ast.Node) {
		b := r.button(n, p, names)
		buttons = append(buttons, b)
	})
	if ok && len(buttons) == 0 {
		r.fault(n, "expected at least one button (name, pin, call)")
	}
	return buttons
}

func (r *reader) button(n ast.Node, p *parts, names map[string]bool) Button {
	b := Button{
		Debounce: 30 * time.Millisecond, Hold: 50 * time.Millisecond,
		Step: 15 * time.Second, KeepRinging: true, Ring: 45 * time.Second,
	}
	var pin, name, level, call ast.Node
	ok := r.mapping(n, "a button", keys{
		"name": func(n ast.Node) {
			name = n
			b.Name = r.text(n, "the button's name, at most 64 characters", isName)
		},
		"pin": func(n ast.Node) { pin = n },
		"active": func(n ast.Node) {
			level = n
			b.Active = r.choice(n, "low", "high")
		},
		"pull":         func(n ast.Node) { b.Pull = r.choice(n, "up", "down", "none") },
		"debounce":     func(n ast.Node) { b.Debounce = r.duration(n, time.Millisecond, 500*time.Millisecond, "30ms") },
		"hold":         func(n ast.Node) { b.Hold = r.duration(n, 0, 5*time.Second, "50ms") },
		"call":         func(n ast.Node) { call = n },
		"step":         func(n ast.Node) { b.Step = r.duration(n, time.Second, 5*time.Minute, "15s") },
		"keep_ringing": func(n ast.Node) { b.KeepRinging = r.boolean(n) },
		"ring":         func(n ast.Node) { b.Ring = r.duration(n, 5*time.Second, 5*time.Minute, "45s") },
	})
	if !ok {
		return b
	}
	if call != nil {
		b.Call = r.steps(call, b)
	}
	switch {
	case name == nil:
		r.fault(n, "name is missing; expected the button's name, such as Front door")
	case b.Name != "" && names[b.Name]:
		r.fault(name, fmt.Sprintf("expected a name of its own; another button is %q already", b.Name))
	}
	names[b.Name] = true
	b.Pin = r.pin(n, pin, p, "button "+strconv.Quote(b.Name))
	b.Active, b.Pull = levels(b.Active, b.Pull)
	if b.Active == "low" && b.Pull == "down" || b.Active == "high" && b.Pull == "up" {
		at := n
		if level != nil {
			at = level
		}
		r.fault(at, fmt.Sprintf("a button that is active %s with pull: %s would always be pressed; "+
			"expected active: low with pull: up, active: high with pull: down, or pull: none with a resistor of its own",
			b.Active, b.Pull))
	}
	return b
}

// levels fills in what the file leaves out: a button to ground with a pull-up, or else what fits the half that is given.
func levels(active, pull string) (string, string) {
	if active == "" {
		active = "low"
		if pull == "down" {
			active = "high"
		}
	}
	if pull == "" {
		pull = "up"
		if active == "high" {
			pull = "down"
		}
	}
	return active, pull
}

const aPin = "a pin such as GPIO17, or {chip: gpiochip0, line: 17}"

var (
	pinName  = regexp.MustCompile(`^GPIO[0-9]{1,3}$`)
	chipName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$`)
)

// pin reads the pin of the part named who. n may be nil: the key is missing in the mapping at.
func (r *reader) pin(at, n ast.Node, p *parts, who string) Pin {
	if n == nil {
		r.fault(at, "pin is missing; expected "+aPin)
		return Pin{}
	}
	var pin Pin
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		var hasChip, hasLine bool
		r.mapping(n, "a pin", keys{
			"chip": func(n ast.Node) {
				hasChip = true
				pin.Chip = r.text(n, "a chip such as gpiochip0", chipName.MatchString)
			},
			"line": func(n ast.Node) { hasLine = true; pin.Line = r.integer(n, 0, 511, 1) },
		})
		if !hasChip || !hasLine {
			r.fault(n, "expected both chip and line, such as {chip: gpiochip0, line: 17}")
			return Pin{}
		}
	default:
		pin.Name = r.text(n, aPin, pinName.MatchString)
	}
	if pin.Name == "" && pin.Chip == "" {
		return Pin{}
	}
	if other, taken := p.taken[pin]; taken {
		r.fault(n, fmt.Sprintf("expected a pin of its own; %s has this one already", other))
	}
	p.taken[pin] = who
	return pin
}

func isName(s string) bool {
	return strings.TrimSpace(s) == s && s != "" && len([]rune(s)) <= 64 && isPrintable(s)
}

func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })
}
