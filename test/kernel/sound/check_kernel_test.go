//go:build kernel

package sound

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/internal/probe"
	"doorstation/test/kernel/device"
)

// withMixer gives the card a mixer like those of sound cards that people buy, by what would be in /etc/asound.conf, until the test ends: one
// control of the loudspeaker, and one of the microphone.
func withMixer(t *testing.T, microphone string) {
	t.Helper()
	path := filepath.Join(os.Getenv("HOME"), ".asoundrc")
	text := `
pcm.!default { type asym playback.pcm loudspeaker capture.pcm microphone }
pcm.loudspeaker { type plug slave.pcm { type softvol slave.pcm "plughw:0,0" control { name "Speaker Playback Volume" card 0 } } }
pcm.microphone { type plug slave.pcm { type softvol slave.pcm "plughw:0,0" ` + microphone + " } }\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	})
}

// command runs what a person would type.
func command(t *testing.T, line string) {
	t.Helper()
	t.Log(line)
	if output, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, output)
	}
}

// porch is what is in front of the card's loudspeaker and microphone: the microphone hears the loudspeaker late and damped, and a street far away.
type porch struct{ silent, muffled atomic.Bool }

func (p *porch) open(t *testing.T) {
	const late, damp, street = 480, 8, 0.005
	random := rand.New(rand.NewPCG(1, 2))
	var past [late]int16
	at := 0
	runCard(t, ":0,1", func(capture, playback []int16) {
		for i, v := range capture {
			heard := street * random.NormFloat64() * (1 << 15)
			if !p.muffled.Load() {
				heard += float64(past[at]) / damp
			}
			if p.silent.Load() {
				heard = 0
			}
			playback[i] = int16(heard)
			past[at] = v
			at = (at + 1) % late
		}
	})
}

// doorWith is the local file of a door with a sound device.
func doorWith(t *testing.T, device string) probe.Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	text := "home_assistant: {url: 'http://127.0.0.1:1'}\ngpio: simulated\nbuttons: [{name: Front, pin: GPIO17, call: ['100']}]\n" +
		"camera: {source: test}\naudio: {device: '" + device + "', tone_volume: 100}\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return probe.Options{
		Config: path, StateDir: t.TempDir(), Socket: "/nowhere/doorstation.sock", Getenv: func(string) string { return "" }, Now: time.Now,
	}
}

// checked holds what doorstation check --only sound says to a fault, or to none, and returns its words.
func checked(t *testing.T, what string, o probe.Options, code health.Code, remedy string) string {
	t.Helper()
	scene := probe.New(o)
	defer scene.Close()
	links, err := check.Select(scene.Links(), []string{"sound"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range check.Walk(t.Context(), links, time.Now, nil).Findings {
		if f.Link != "sound" {
			continue
		}
		t.Logf("%s: %s %s %s", what, f.Outcome, f.Code, strings.ReplaceAll(f.Found, "\n", "; "))
		if f.Code != code || !strings.Contains(f.Remedy, remedy) || code == "" && f.Outcome != check.OK || code != "" && f.Docs == "" {
			t.Errorf("%s: it is %q with the remedy %q, not %q with %q", what, f.Code, f.Remedy, code, remedy)
		}
		return f.Found
	}
	t.Fatalf("%s: nothing is said of the sound", what)
	return ""
}

var amixer = regexp.MustCompile(`(?m): (amixer .*)$`)

// TestKernelTheMixerIsWrong: each of a card's controls is turned as it should not be; check names the fault, and the very command that mends it.
func TestKernelTheMixerIsWrong(t *testing.T) {
	(&porch{}).open(t)
	o := doorWith(t, "default")
	const plain, boosted = `control { name "Mic Capture Volume" card 0 }`, `min_dB -1.0 max_dB 50.0 control { name "Mic Boost Volume" card 0 }`
	for _, c := range []struct {
		name, microphone, wrong string
		code                    health.Code
		remedy                  string
		right                   string // empty: as check says
	}{
		{
			"the microphone is down", plain, "amixer -q -c 0 sset Mic 0%", health.CodeMicrophoneSilent,
			"Raise and unmute the microphone in the sound card's mixer (alsamixer, F4, or the amixer command that is named here)", "",
		},
		{
			"the microphone's boost is up", boosted, "amixer -q -c 0 sset 'Mic Boost' 100%", health.CodeMicrophoneOverdriven,
			"Lower the microphone in the sound card's mixer (alsamixer, F4; a boost belongs to 0)", "amixer -q -c 0 sset 'Mic Boost' 0dB",
		},
		{
			"the loudspeaker is down", plain, "amixer -q -c 0 sset Speaker 0%", health.CodeLoudspeakerUnheard,
			"raise and unmute the loudspeaker in the sound card's mixer (alsamixer, or the amixer command that is named here)", "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			withMixer(t, c.microphone)
			checked(t, "well", o, "", "") // the controls are there from now on
			command(t, c.wrong)
			said := checked(t, "wrong", o, c.code, c.remedy)
			right := c.right
			if named := amixer.FindAllStringSubmatch(said, -1); right == "" && len(named) == 1 {
				right = named[0][1]
			} else if right == "" {
				t.Fatalf("commands that are named: %q", named)
			}
			command(t, right)
			checked(t, "mended", o, "", "")
		})
	}
}

// TestKernelWhatIsInFrontOfTheCard: a microphone whose plug is out, and a loudspeaker that it does not hear.
func TestKernelWhatIsInFrontOfTheCard(t *testing.T) {
	var p porch
	p.open(t)
	o := doorWith(t, ":0,0")
	checked(t, "well", o, "", "")
	p.silent.Store(true)
	checked(t, "no microphone", o, health.CodeMicrophoneSilent, "check its plug")
	p.silent.Store(false)
	p.muffled.Store(true)
	checked(t, "no loudspeaker", o, health.CodeLoudspeakerUnheard, "check its cable")
	p.muffled.Store(false)
	checked(t, "mended", o, "", "")
}

// TestKernelTheCardIsHeld by other programs, the whole of it or a half.
func TestKernelTheCardIsHeld(t *testing.T) {
	(&porch{}).open(t)
	o := doorWith(t, ":0,0")
	h := opened(t, pcm{device: 1}) // the card takes at both sides what it takes at one
	opened(t, pcm{device: 1, capture: true})
	recorder := program(t, "arecord", "hw:Loopback,0,0", h)
	opened(t, doorHears)
	if said := checked(t, "a program records", o, health.CodeAudioIncomplete, "that no other program holds one of them"); !strings.Contains(said, "no microphone") {
		t.Errorf("which half is missing is not said: %q", said)
	}
	player := program(t, "aplay", "hw:Loopback,0,0", h)
	if err := player.play(h, make([]int16, 48000)); err != nil {
		t.Fatal(err)
	}
	opened(t, doorSpeaks)
	checked(t, "another one plays", o, health.CodeAudioUnavailable, "")
	player.end()
	recorder.end()
	checked(t, "both have ended", o, "", "")
	player = program(t, "aplay", "hw:Loopback,0,0", h)
	if err := player.play(h, make([]int16, 48000)); err != nil {
		t.Fatal(err)
	}
	opened(t, doorSpeaks)
	if said := checked(t, "a program plays", o, health.CodeAudioIncomplete, "that no other program holds one of them"); !strings.Contains(said, "no loudspeaker") {
		t.Errorf("which half is missing is not said: %q", said)
	}
	player.end()
	checked(t, "it has ended", o, "", "")
}

// TestKernelTheCardIsPulledOut and put back, and another one is named in the local file.
func TestKernelTheCardIsPulledOut(t *testing.T) {
	o := doorWith(t, ":0,0")
	plugIn := device.SoundCard.Unplug(t)
	checked(t, "pulled out", o, health.CodeAudioUnavailable, "Check that the sound device is plugged in")
	plugIn()
	(&porch{}).open(t)
	checked(t, "put back", o, "", "")
	checked(t, "another card's name", doorWith(t, "Porch"), health.CodeAudioUnavailable, "audio.device in the local file")
	checked(t, "its name", doorWith(t, "Loopback"), "", "")
}
