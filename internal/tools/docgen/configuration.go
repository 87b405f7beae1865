package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"doorstation/internal/settings"
)

const (
	exampleFile       = "config/doorstation.example.yaml"
	configurationPage = "docs/configuration.md"
)

var errNoMeaning = errors.New("the example file has no comment above this key, and shared() none of another")

// shared says which keys mean what another one does, since the example explains that once.
func shared() map[string]string {
	return map[string]string{
		"camera.mirror":          "camera.rotation",
		"sip.tls.ca_file":        "home_assistant.tls.ca_file",
		"sip.tls.skip_verify":    "home_assistant.tls.skip_verify",
		"inputs.contact.pin":     "buttons[].pin",
		"inputs.contact.pull":    "buttons[].pull",
		"inputs.tamper.pin":      "buttons[].pin",
		"inputs.tamper.pull":     "buttons[].pull",
		"inputs.tamper.debounce": "inputs.contact.debounce",
		"leds[].pin":             "buttons[].pin",
		"leds[].show":            "leds",
		"light.pin":              "buttons[].pin",
		"lock.pin":               "buttons[].pin",
	}
}

// plain are meanings the example leaves to the key's name.
func plain() map[string]string {
	return map[string]string{
		"buttons[].name":      "What the button is called in `status`, in the log and by `doorstation press NAME`. Each button has a name of its own.",
		"call":                "What holds for every call.",
		"camera":              "Where the picture comes from.",
		"audio":               "Microphone and loudspeaker.",
		"sip":                 "Which SIP user the door is, and how it reaches the telephone exchange.",
		"home_assistant":      "Where Home Assistant is, and how the door proves who it is. Required.",
		"home_assistant.tls":  "How Home Assistant's certificate is checked.",
		"camera.height":       "The height of the picture in pixels, an even number, before it is turned: see `camera.width`.",
		"audio.tone_volume":   "The volume of the door's tones within `audio.volume`, 0 to 100.",
		"audio.tones.ringing": "Played to the visitor while it rings, again and again until somebody answers.",
		"audio.tones.busy":    "Played when everybody who was called is busy or has declined.",
		"audio.tones.nobody":  "Played when nobody has answered.",
		"audio.tones.fault":   "Played when nobody could be called.",
		"audio.tones.opened":  "Played when the lock opens.",
		"audio.tones.ended":   "Played when a conversation has ended.",
		"light.active":        "The level of a lit light.",
		"leds[].active":       "The level of a lit LED.",
		"camera.overlay.text": "A line of text at the lower left of the picture.",
		"camera.overlay.time": "Adds date and time of day to the picture.",
		"camera.min_bitrate":  "How far `camera.bitrate` is lowered where the network carries less.",
		"camera.max_bitrate":  "How far `camera.bitrate` is raised where the network carries more.",
	}
}

// defaults in words, of keys whose default is no value of one field.
func spoken() map[string]string {
	const own = "the door's own tone"
	return map[string]string{
		"audio.microphone_gain": "`auto`", "camera.max_bitrate": "that of `camera.bitrate`", "camera.command": "none", "lock.codes": "none",
		"buttons[].call": "nobody is called", "sip.server": "`pbx_server` of SIP Core's settings",
		"buttons[].active": "`low` (`high` with `pull: down`)", "buttons[].pull": "`up` (`down` with `active: high`)",
		"audio.tones.busy": own, "audio.tones.ended": own, "audio.tones.fault": own, "audio.tones.nobody": own, "audio.tones.opened": own,
		"audio.tones.ringing": own,
	}
}

// taken finds a setting that the example shows without setting it.
var taken = regexp.MustCompile(`(?m)^( *)#((?:- )?[a-z_]+:)`)

// completeExample is the example with its commented settings taken in.
func completeExample(root string) (string, error) {
	data, err := os.ReadFile(filepath.Join(root, exampleFile))
	return taken.ReplaceAllString(string(data), "$1$2"), err
}

// shown is what the example says of a key.
type shown struct{ path, meaning, value string }

var keyLine = regexp.MustCompile(`^( *)(- )?([a-z_]+): ?(.*)$`)

// walkExample reads keys and the comments above them, in the file's order.
func walkExample(text string) []shown {
	var all []shown
	var comment []string
	var stack []struct {
		indent int
		path   string
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if words, ok := strings.CutPrefix(strings.TrimSpace(line), "#"); ok {
			comment = append(comment, strings.TrimSpace(words))
			continue
		}
		m := keyLine.FindStringSubmatch(line)
		if m == nil { // a blank line ends what is said of the next key
			comment = nil
			continue
		}
		indent := len(m[1]) + len(m[2])
		for len(stack) > 0 && stack[len(stack)-1].indent >= indent {
			stack = stack[:len(stack)-1]
		}
		path := m[3]
		if len(stack) > 0 {
			path = stack[len(stack)-1].path + "." + path
		}
		all = append(all, shown{path, strings.Join(comment, " "), m[4]})
		comment = nil
		if m[4] == "" {
			if path == "buttons" || path == "leds" {
				path += "[]"
			}
			stack = append(stack, struct {
				indent int
				path   string
			}{len(m[1]) + len(m[2]), path})
		}
	}
	return all
}

// addConfiguration makes the reference of the local file.
func addConfiguration(root string, pages map[string]string) error {
	example, err := completeExample(root)
	if err != nil {
		return err
	}
	keys, err := settings.Keys([]byte(example))
	if err != nil {
		return err
	}
	said := walkExample(example)
	var b strings.Builder
	for _, s := range said {
		i := slices.IndexFunc(keys, func(k settings.Key) bool { return k.Path == s.path })
		if i < 0 {
			return fmt.Errorf("%s: no key %q", exampleFile, s.path)
		}
		if err = writeKey(&b, keys[i], s, said); err != nil {
			return err
		}
	}
	page, err := read(root, configurationPage, "")
	if err == nil {
		pages[configurationPage], err = splice(page, "keys", b.String()+"\n")
	}
	return err
}

// writeKey writes a heading, what the key means, what it takes, and what holds without it.
func writeKey(b *strings.Builder, k settings.Key, s shown, all []shown) error {
	level := "###"
	if !strings.Contains(k.Path, ".") {
		level = "##"
	}
	meaning, err := meaningOf(k, s, all)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "\n%s %s\n\n%s\n", level, k.Path, meaning)
	if k.Group {
		return nil
	}
	facts := []string{"Takes: " + k.Takes + "."}
	switch words, ok := spoken()[k.Path]; {
	case k.Required:
		facts = append(facts, "Required.")
	case ok:
		facts = append(facts, "Default: "+words+".")
	case !k.HasDefault:
		return fmt.Errorf("%s: the default is no field's, and spoken() says nothing of it", k.Path)
	case k.Default == "":
		facts = append(facts, "Default: empty.")
	default:
		facts = append(facts, "Default: `"+k.Default+"`.")
	}
	if s.value != "" && s.value != `""` && s.value != k.Default && len(s.value) < 80 {
		facts = append(facts, "Example: `"+k.Path[strings.LastIndexByte(k.Path, '.')+1:]+": "+s.value+"`.")
	}
	fmt.Fprintf(b, "\n- %s\n", strings.Join(facts, "\n- "))
	return nil
}

func meaningOf(k settings.Key, s shown, all []shown) (string, error) {
	if words := plain()[k.Path]; words != "" {
		return words, nil
	}
	if s.meaning != "" {
		return s.meaning, nil
	}
	if from := shared()[k.Path]; from != "" {
		if i := slices.IndexFunc(all, func(o shown) bool { return o.path == from }); i >= 0 && all[i].meaning != "" {
			return all[i].meaning, nil
		}
	}
	return "", fmt.Errorf("%s: %w", k.Path, errNoMeaning)
}
