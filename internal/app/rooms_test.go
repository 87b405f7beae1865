package app

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"doorstation/internal/audio"
	"doorstation/internal/camera"
	"doorstation/internal/gpio"
	"doorstation/internal/health"
	"doorstation/internal/settings"
	"doorstation/internal/sip"
	"doorstation/internal/station"
)

func TestTheFileSaysWhichCameraAndSoundDevice(t *testing.T) {
	for _, c := range []struct{ source, device, camera, sound, faults string }{
		{"test", "test", "test", "test", ""},
		{"test", "none", "test", "none", ""},
		{"test", "default", "test", "default", ""}, // whether it is there shows when the room runs
		{"rpicam", "Garden", "rpicam", "Garden", ""},
		{"exec", "test", "exec", "test", ""},
	} {
		a := build(Options{
			Local: settings.Local{GPIO: "simulated", Camera: settings.Camera{Source: c.source}, Audio: settings.Audio{Device: c.device}},
			Log:   textLog(&logBuffer{}), Now: time.Now,
		})
		if got := standing(a.health); got != c.faults {
			t.Errorf("%+v: %q stands", c, got)
		}
		if s := a.Status(); s.Camera.Source != c.camera || s.Sound.Device != c.sound || s.Registration.State != "offline" {
			t.Errorf("%+v: %+v, %+v, %+v", c, s.Camera, s.Sound, s.Registration)
		}
	}
}

func TestABrokenCameraOrSoundDeviceIsAFaultUntilItWorks(t *testing.T) {
	a := &App{health: health.NewRegister(time.Now, textLog(&logBuffer{}))}
	a.cameraFault(errors.New("no pictures"))
	a.audioFault(errors.New("no sound"))
	if got := standing(a.health); got != "audio_unavailable camera_stalled" {
		t.Errorf("%q stands", got)
	}
	a.cameraFault(nil)
	a.audioFault(nil)
	a.audioPart(audio.ErrNoMicrophone)
	if got := standing(a.health); got != "audio_incomplete" {
		t.Errorf("%q stands", got)
	}
	a.audioPart(nil)
	if got := standing(a.health); got != "" {
		t.Errorf("%q stands", got)
	}
	a.cameraFault(errors.New("no pictures"))
	a.cameraFault(fmt.Errorf("camera rpicam: %w", camera.ErrNotInstalled))
	a.cameraFormat(camera.ErrFormat)
	if got := standing(a.health); got != "camera_format camera_unavailable" {
		t.Errorf("%q stands", got)
	}
	a.cameraFormat(nil)
	a.cameraFault(nil)
	if got := standing(a.health); got != "" {
		t.Errorf("%q stands", got)
	}
}

func TestEveryToneOfTheStationIsATone(t *testing.T) {
	for from, to := range map[station.Tone]audio.Tone{
		station.ToneRinging: audio.ToneRinging, station.ToneBusy: audio.ToneBusy, station.ToneNobody: audio.ToneNobody,
		station.ToneFault: audio.ToneFault, station.ToneOpened: audio.ToneOpened, station.ToneEnded: audio.ToneEnded,
		"another": audio.ToneFault,
	} {
		if got := toneOf(from); got != to {
			t.Errorf("%s is played as %s", from, got)
		}
	}
}

func TestThePinsOfTheLocalFile(t *testing.T) {
	c := boardConfig(Options{Log: textLog(&logBuffer{}), Socket: "/run/doorstation/control.sock", Local: settings.Local{GPIO: "auto", Buttons: []settings.Button{
		{Name: "a", Pin: settings.Pin{Name: "GPIO17"}, Active: "low", Pull: "up", Debounce: time.Millisecond, Hold: time.Second},
		{Name: "b", Pin: settings.Pin{Chip: "gpiochip0", Line: 4}, Active: "high", Pull: "down"},
		{Name: "c", Pull: "none"},
	}, Lock: &settings.Lock{Pin: settings.Pin{Name: "GPIO27"}, Active: "low"}}}, nil)
	want := "[{a GPIO17 true 0 1ms 1s} {b gpiochip0:4 false 1 0s 0s} {c :0 false 2 0s 0s}]"
	if got := fmt.Sprint(c.Buttons); got != want || c.Simulated || c.Light != nil {
		t.Errorf("got %s, want %s; %+v", got, want, c)
	}
	if c.CoilFile != "/run/doorstation/coil" {
		t.Errorf("the coil's count is kept in %q", c.CoilFile)
	}
	if *c.Lock != (gpio.OutputConfig{Pin: gpio.Pin{Name: "GPIO27"}, ActiveLow: true}) {
		t.Errorf("the lock: %+v", *c.Lock)
	}
}

func TestNoMoreOffersAreKeptWarmThanAPoolCanHold(t *testing.T) {
	l := settings.Local{Buttons: []settings.Button{{Call: [][]string{make([]string, 3)}}, {Call: [][]string{{"1"}, make([]string, 40)}}}}
	if got := mostTargets(l); got != mostWarm {
		t.Errorf("got %d", got)
	}
	s := settings.Settings{Local: l, Extension: "200", Domain: "h", PBX: settings.PBX{Kind: settings.PBXCustomWSSURL, URL: "ws://h/ws"}}
	f := faults{health.NewRegister(time.Now, textLog(&logBuffer{}))}
	made, err := newLine(Options{Log: textLog(&logBuffer{}), Now: time.Now}, s, nil, f, nil)
	check(t, err)
	if phone := made.forPhone(); phone.Ready() {
		t.Error("a line that was not started is ready")
	}
	if got := registrationStatus(made); got.State != string(sip.Starting) || got.Extension != "200" {
		t.Errorf("registration: %+v", got)
	}
	s.Extension = "2 0 0"
	if _, err = newLine(Options{Log: textLog(&logBuffer{}), Now: time.Now}, s, nil, f, nil); err == nil || standing(f.Register) != "pbx_unreachable" {
		t.Errorf("%v, %q stands", err, standing(f.Register))
	}
}
