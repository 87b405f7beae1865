package hardware

import (
	"slices"
	"testing"
)

// scontents is what amixer prints of a USB sound card.
const scontents = `Simple mixer control 'Speaker',0
  Capabilities: pvolume pswitch pswitch-joined
  Playback channels: Front Left - Front Right
  Limits: Playback 0 - 37
  Mono:
  Front Left: Playback 4 [11%] [-33.00dB] [on]
  Front Right: Playback 4 [11%] [-33.00dB] [on]
Simple mixer control 'Mic',0
  Capabilities: pvolume pvolume-joined cvolume cvolume-joined pswitch pswitch-joined cswitch cswitch-joined
  Playback channels: Mono
  Capture channels: Mono
  Limits: Playback 0 - 31 Capture 0 - 35
  Mono: Playback 0 [0%] [-23.00dB] [off] Capture 0 [0%] [-12.00dB] [off]
Simple mixer control 'Headset',1
  Capabilities: cvolume cvolume-joined cswitch
  Capture channels: Mono
  Mono: Capture 30 [86%] [18.00dB] [off]
Simple mixer control 'PCM',0
  Mono: Playback 200 [78%] [-10.00dB] [on]
Simple mixer control 'Auto Gain Control',0
  Capabilities: pswitch pswitch-joined
  Mono: Playback [off]
`

// TestLowControls: who finds the microphone silent is told which control it is, and the very command.
func TestLowControls(t *testing.T) {
	var said []string
	for _, c := range parseMixer(1, scontents) {
		said = append(said, c.String()+": "+c.Command)
	}
	want := []string{
		`mixer control "Speaker" of card 1 is at 11 %: amixer -c 1 sset 'Speaker',0 80% unmute`,
		`mixer control "Mic" of card 1 is muted: amixer -c 1 sset 'Mic',0 80% cap`,
		`mixer control "Headset" of card 1 is muted: amixer -c 1 sset 'Headset',1 80% cap`,
	}
	if !slices.Equal(said, want) {
		t.Errorf("got %q", said)
	}
}

func TestCardsOfAName(t *testing.T) {
	for _, name := range []string{":2,0", "hw:2,0", "plughw:2"} {
		if got := cardsOf(name); !slices.Equal(got, []int{2}) {
			t.Errorf("%s: %v", name, got)
		}
	}
}
