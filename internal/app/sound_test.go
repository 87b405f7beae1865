package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorstation/internal/audio"
	"doorstation/internal/health"
	"doorstation/internal/settings"
)

func TestTheEchosDelayOutlivesTheAgent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m, err := loadEchoMemory(dir)
	if err != nil || m.delay("default") != 0 {
		t.Fatalf("at first: %v, %v", m.delay("default"), err)
	}
	for i := range 2 * echoDevices {
		if err = m.keep(fmt.Sprintf("card %d", i), time.Duration(50+i)*time.Millisecond, now.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	m, err = loadEchoMemory(dir)
	if err != nil || m.delay("card 15") != 65*time.Millisecond || m.delay("card 0") != 0 || len(m.devices) != echoDevices {
		t.Errorf("%+v, %v", m.devices, err)
	}
	if got := CheckEcho(settings.Audio{Device: "card 15", EchoCancellation: true}, dir); got.Found != "comes back after 65 ms" {
		t.Errorf("check says %+v", got)
	}
	for _, damaged := range []string{"", "{", "null", `{"card 15": {"delay_ms": -4}}`, `{"card 15": {"delay_ms": 1e300}}`} {
		if err = os.WriteFile(filepath.Join(dir, echoFile), []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if m, _ = loadEchoMemory(dir); m.delay("card 15") != 0 {
			t.Errorf("of %q: %v", damaged, m.delay("card 15"))
		}
		if err = m.keep("card 15", 30*time.Millisecond, now); err != nil {
			t.Errorf("after %q: %v", damaged, err)
		}
	}
}

// TestADelayThatCannotBeKeptIsAFault until the next one can: here the state directory is a file.
func TestADelayThatCannotBeKeptIsAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		memory, _ := loadEchoMemory("") // what can't be read is measured anew
		memory.dir = dir
		a := &App{health: health.NewRegister(time.Now, textLog(&logBuffer{})), echoMemory: memory, echoDelays: make(chan time.Duration, 1)}
		a.opt = Options{Local: settings.Local{Audio: settings.Audio{Device: "default"}}, Log: textLog(&logBuffer{}), Now: time.Now}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.keepEcho(ctx) }()
		a.echoMeasured(80 * time.Millisecond)
		synctest.Wait()
		if all := a.health.Standing(); len(all) != 1 || all[0].Code != health.CodeEchoNotKept || !strings.HasPrefix(all[0].Remedy, "Make the state directory writable") {
			t.Errorf("%+v", all)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		a.echoMeasured(90 * time.Millisecond)
		synctest.Wait()
		if all := a.health.Standing(); len(all) != 0 {
			t.Errorf("%+v", all)
		}
		if kept, err := loadEchoMemory(dir); err != nil || kept.delay("default") != 90*time.Millisecond {
			t.Errorf("kept: %s, %v", kept.delay("default"), err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAToneThatCantBePlayedIsAFault(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "gong.wav")
	if err := os.WriteFile(broken, []byte("no sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &App{health: health.NewRegister(time.Now, textLog(&logBuffer{}))}
	a.opt.Local = settings.Local{Audio: settings.Audio{Device: "none", Tones: map[string]string{"ringing": broken, "busy": filepath.Join(dir, "gone.wav")}}}
	if tones := a.tones(); len(tones) != 0 {
		t.Errorf("%v", tones)
	}
	all := a.health.Standing()
	if len(all) != 1 || all[0].Code != "tone_file" || !strings.Contains(all[0].Detail, "ringing: ") || !strings.Contains(all[0].Detail, "gone.wav") {
		t.Errorf("%+v", all)
	}
}

// TestToneNames: each of the local file's names is a tone of the sound room.
func TestToneNames(t *testing.T) {
	for _, name := range settings.ToneNames() {
		switch audio.Tone(name) {
		case audio.ToneRinging, audio.ToneBusy, audio.ToneNobody, audio.ToneFault, audio.ToneOpened, audio.ToneEnded:
		default:
			t.Errorf("%s is no tone", name)
		}
	}
}
