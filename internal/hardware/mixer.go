package hardware

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"doorstation/internal/settings"
)

// MixerControl is a control of a sound card's mixer that is muted or turned down.
type MixerControl struct {
	// Card is its number, Name the control's, Capture whether it is a microphone's.
	Card    int
	Name    string
	Capture bool
	Muted   bool
	// Percent is how far it is up.
	Percent int
	// Command is what raises it, to be typed by a person.
	Command string
}

// String says what is wrong with it.
func (c MixerControl) String() string {
	what := fmt.Sprintf("at %d %%", c.Percent)
	if c.Muted {
		what = "muted"
	}
	return fmt.Sprintf("mixer control %q of card %d is %s", c.Name, c.Card, what)
}

const (
	// lowPercent is how far a control must be down to be named.
	lowPercent = 25
	mixerLimit = 3 * time.Second
	// mostCards bounds how many cards are asked.
	mostCards = 8
)

// Mixer gives the controls of the sound device's mixer that are muted or turned down, as far as they can be asked for.
func Mixer(ctx context.Context, a settings.Audio) []MixerControl {
	if a.Device == "test" || a.Device == "none" {
		return nil
	}
	return lowControls(ctx, a.Device)
}

// lowControls asks the mixers of the sound cards that a device may stand for. What cannot be asked is left out: amixer may be missing.
func lowControls(ctx context.Context, device string) []MixerControl {
	program, err := exec.LookPath("amixer")
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, mixerLimit)
	defer cancel()
	var low []MixerControl
	for _, card := range cardsOf(device) {
		cmd := exec.CommandContext(ctx, program, "-c", strconv.Itoa(card), "scontents")
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		output, runErr := cmd.Output()
		if runErr != nil {
			continue
		}
		low = append(low, parseMixer(card, string(output))...)
	}
	return low
}

var cardNumber = regexp.MustCompile(`(?:^|hw):(\d+)`)

// cardsOf are the numbers of the cards that a device's name may mean: its own, or all there are.
func cardsOf(device string) []int {
	if m := cardNumber.FindStringSubmatch(device); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			return []int{n}
		}
	}
	var cards []int
	for n := range mostCards {
		if _, err := os.Stat(fmt.Sprintf("/proc/asound/card%d", n)); err == nil {
			cards = append(cards, n)
		}
	}
	return cards
}

var (
	mixerName  = regexp.MustCompile(`^Simple mixer control '(.*)',(\d+)$`)
	mixerLevel = regexp.MustCompile(`\[(\d+)%\]`)
)

// parseMixer reads what amixer scontents prints, and gives the controls for playing and recording that are muted or low.
func parseMixer(card int, text string) []MixerControl {
	var low []MixerControl
	name, index, named := "", "", false
	type half struct{ capture, playback MixerControl }
	var h half
	take := func() {
		if !named {
			return
		}
		for _, c := range []MixerControl{h.playback, h.capture} {
			if c.Name != "" && !sidetone(c) && (c.Muted || c.Percent < lowPercent) {
				low = append(low, c)
			}
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if m := mixerName.FindStringSubmatch(line); m != nil {
			take()
			name, index, named, h = m[1], m[2], true, half{}
			continue
		}
		m := mixerLevel.FindStringSubmatch(line)
		if !named || m == nil {
			continue
		}
		percent, err := strconv.Atoi(m[1])
		if err != nil {
			continue
		}
		c := MixerControl{Card: card, Name: name, Percent: percent, Muted: strings.Contains(line, "[off]"), Capture: strings.Contains(line, "Capture")}
		word := "unmute"
		if c.Capture {
			word = "cap"
		}
		c.Command = fmt.Sprintf("amixer -c %d sset '%s',%s 80%% %s", card, name, index, word)
		if c.Capture {
			h.capture = c
		} else {
			h.playback = c
		}
	}
	take()
	return low
}

// sidetone reports whether a control lets the microphone be heard in the loudspeaker, which nobody wants loud.
func sidetone(c MixerControl) bool {
	if c.Capture {
		return false
	}
	name := strings.ToLower(c.Name)
	return strings.Contains(name, "mic") || strings.Contains(name, "line") || strings.Contains(name, "sidetone") || strings.Contains(name, "loopback")
}
