package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorstation/internal/health"
	"doorstation/internal/settings"
)

// written is what the local file and SIP Core's settings say of each other, and the files that the local file names.
type written struct {
	call, codes, talk   string
	popup               string // what the popup's button sends
	codesFile, ringing  string
	itsOwn, theKitchens string // extensions
	dir, state          string
}

// aHousehold is one in which all is well.
func aHousehold(t *testing.T) *written {
	t.Helper()
	w := &written{
		call: ", call: [101]", codes: `["4711"]`, talk: "*", popup: "4711", itsOwn: "200", theKitchens: "101", dir: t.TempDir(), state: t.TempDir(),
	}
	w.codesFile, w.ringing = filepath.Join(w.dir, "codes"), filepath.Join(w.dir, "gong.wav")
	w.recordGong(t)
	w.addCode(t)
	return w
}

func (w *written) addCode(t *testing.T) {
	t.Helper()
	if status, _, stderr := runWith(t.Context(), "2580\n", "code", "add", "Anna", "--file", w.codesFile); status != exitOK {
		t.Fatal(stderr)
	}
}

// recordGong makes a WAV file: a tenth of a second of silence in 16 bit at 8 kHz.
func (w *written) recordGong(t *testing.T) {
	t.Helper()
	const form = "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x40\x06\x00\x00"
	check(t, os.WriteFile(w.ringing, []byte("RIFF\x64\x06\x00\x00"+form+strings.Repeat("\x00", 1600)), 0o600))
}

// checked are the faults that doorstation check names, with their remedies.
func (w *written) checked(t *testing.T) map[health.Code]string {
	t.Helper()
	token, local := filepath.Join(w.dir, "token"), filepath.Join(w.dir, "config.yaml")
	check(t, os.WriteFile(token, []byte("x"), 0o600))
	check(t, os.WriteFile(local, fmt.Appendf(nil, `
home_assistant: {url: http://127.0.0.1:9, token_file: %q}
buttons: [{name: Front door, pin: GPIO17%s}]
lock: {pin: GPIO27, codes: %s, codes_file: %q}
incoming: {talk: %q}
camera: {source: test}
audio: {device: none, tones: {ringing: %q}}
`, token, w.call, w.codes, w.codesFile, w.talk, w.ringing), 0o600))
	_, err := settings.NewStore(w.state).Save(settings.Kept{
		HomeAssistant: "http://127.0.0.1:9", Who: settings.Identity{ID: "a"}, Fetched: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		Raw: fmt.Appendf(nil, `{"users": [{"ha_username": "a", "extension": %q, "password": "p"}, {"ha_username": "b", "extension": %q, "password": "q"}],
			"sip_video": true, "popup_config": {"buttons": [{"label": "Gate", "type": "dtmf", "data": %q}]}}`, w.itsOwn, w.theKitchens, w.popup),
	})
	check(t, err)
	_, stdout, stderr := run(context.Background(), "check", "--json", "--only", "settings,codes,tones", "--skip", "integration", "--config", local, "--state-dir", w.state)
	var report struct {
		Findings []struct {
			Code   health.Code `json:"code"`
			Remedy string      `json:"remedy"`
		} `json:"findings"`
	}
	if err = json.Unmarshal([]byte(stdout), &report); err != nil || stderr != "" {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	said := map[health.Code]string{}
	for _, f := range report.Findings {
		if f.Code != "" {
			said[f.Code] = f.Remedy
		}
	}
	return said
}

// TestWhatIsWrittenIsNamedAndMended: each fault of what is written somewhere is the only one that check names, and gone with each of its remedies.
func TestWhatIsWrittenIsNamedAndMended(t *testing.T) {
	for _, c := range []struct {
		code   health.Code
		breaks func(*written)
		remedy string // a part of what is said
		mends  func(*written)
	}{
		{health.CodeNoTargets, func(w *written) { w.call = "" }, "List the extensions to call as buttons[].call", func(w *written) { w.call = ", call: [101]" }},
		{
			health.CodeCallsItself, func(w *written) { w.call = ", call: [101, 200]" },
			"Take the door's own extension out of buttons[].call", func(w *written) { w.call = ", call: [101]" },
		},
		{health.CodeUnknownTarget, func(w *written) { w.call = ", call: [110]" }, "Correct buttons[].call", func(w *written) { w.call = ", call: [101]" }},
		{health.CodeUnknownTarget, func(w *written) { w.call = ", call: [110]" }, "add the extension to users in SIP Core's settings", func(w *written) { w.theKitchens = "110" }},
		{
			health.CodeCodeNotSent, func(w *written) { w.codes = `["4711", "0815"]` },
			"take the code out of lock.codes in the local file", func(w *written) { w.codes = `["4711"]` },
		},
		{
			health.CodeTalkOpensDoor, func(w *written) { w.talk = "4711" },
			"Choose other digits for incoming.talk or for lock.codes", func(w *written) { w.talk = "*" },
		},
		{health.CodeToneFile, func(w *written) { check(t, os.Truncate(w.ringing, 30)) }, "put a WAV file there", func(w *written) { w.recordGong(t) }},
		{health.CodeToneFile, func(w *written) { check(t, os.Rename(w.ringing, w.ringing+"-")) }, "Correct audio.tones", func(w *written) { w.ringing += "-" }},
		{
			health.CodeCodesUnusable, func(w *written) { check(t, os.Truncate(w.codesFile, 20)) },
			"Make the file named by lock.codes_file in the local file with doorstation code add NAME",
			func(w *written) { check(t, os.Remove(w.codesFile)); w.addCode(t) },
		},
		{
			health.CodeCodesUnusable, func(w *written) { check(t, os.Chmod(w.codesFile, 0o644)) },
			"nobody else read it (chown doorstation, chmod 600)", func(w *written) { check(t, os.Chmod(w.codesFile, 0o600)) },
		},
	} {
		t.Run(string(c.code), func(t *testing.T) {
			w := aHousehold(t)
			if said := w.checked(t); len(said) != 0 {
				t.Fatalf("all is well: %v", said)
			}
			c.breaks(w)
			if said := w.checked(t); len(said) != 1 || !strings.Contains(said[c.code], c.remedy) {
				t.Errorf("%s: %v", c.code, said)
			}
			c.mends(w)
			if said := w.checked(t); len(said) != 0 {
				t.Errorf("mended: %v", said)
			}
		})
	}
	// A popup whose digits open nothing sends no code of the door either: two faults with one remedy.
	w := aHousehold(t)
	w.popup = "0815"
	want := []health.Code{health.CodeCodeNotSent, health.CodeDTMFOpensNothing}
	said := w.checked(t)
	if named := slices.Sorted(maps.Keys(said)); !slices.Equal(named, want) || !strings.Contains(said[health.CodeDTMFOpensNothing], "one of lock.codes in the local file") {
		t.Errorf("a popup that opens nothing: %v", said)
	}
	w.popup = "4711"
	if said = w.checked(t); len(said) != 0 {
		t.Errorf("mended: %v", said)
	}
}
