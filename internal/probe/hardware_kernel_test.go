//go:build kernel

package probe

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorstation/internal/check"
	"doorstation/internal/control"
	"doorstation/internal/gpio"
	"doorstation/internal/hardware"
	"doorstation/internal/health"
	"doorstation/test/kernel/device"
)

// configFile writes a local file that anybody may read.
func configFile(t *testing.T, text string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "config")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err = os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "config.yaml")
	text = "home_assistant: {url: 'http://127.0.0.1:1'}\n" + text
	if err = os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err = os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// found is what one link said.
func found(t *testing.T, o Options, link string) check.Finding {
	t.Helper()
	top, _, _ := strings.Cut(link, ".")
	r := walk(t.Context(), o, top)
	for _, f := range r.Findings {
		if f.Link == link {
			t.Logf("%s: %s %s %s", link, f.Outcome, f.Code, strings.ReplaceAll(f.Found, "\n", "; "))
			return f
		}
	}
	t.Fatalf("nothing of %s: %+v", link, r.Findings)
	return check.Finding{}
}

// is holds a finding to a fault, or to none, and to words.
func is(t *testing.T, what string, f check.Finding, code health.Code, words ...string) {
	t.Helper()
	if f.Code != code {
		t.Errorf("%s: it is %q, not %q: %s", what, f.Code, code, f.Found)
	}
	for _, w := range words {
		if !strings.Contains(f.Found, w) {
			t.Errorf("%s: %q is not said: %s", what, w, f.Found)
		}
	}
	if code != "" && (f.Remedy == "" || f.Docs == "") {
		t.Errorf("%s: what to do is not said: %+v", what, f)
	}
}

// pictured is what is said of a camera that should give pictures. One that seems to have stalled is looked at again: on a machine that has far too much
// to do everything stands still for seconds, which is another fault than the one meant.
func pictured(t *testing.T, o Options) check.Finding {
	t.Helper()
	f := found(t, o, "camera")
	for tries := 1; tries < 8 && f.Code == health.CodeCameraStalled; tries++ {
		f = found(t, o, "camera")
	}
	return f
}

const someButton = "gpio: simulated\nbuttons: [{name: Front, pin: GPIO17, call: ['100']}]\naudio: {device: none}\n"

func cameraFile(t *testing.T, name string) Options {
	t.Helper()
	return options(configFile(t, someButton+fmt.Sprintf("camera: {source: v4l2, device: '%s', width: 640, height: 360, framerate: 15}\n", name)), HardwareOptions{})
}

// TestKernelTheCameraIsSeen: the picture is taken and measured, and each fault of a camera has its name until it is mended.
func TestKernelTheCameraIsSeen(t *testing.T) {
	path := device.Name(t, device.Vivid)
	o := cameraFile(t, path)
	o.Hardware.Picture = filepath.Join(t.TempDir(), "door.jpg")
	f := pictured(t, o)
	is(t, "well", f, "", "a picture of 640x360", "constrained baseline", "encoded on the processor (openh264)", path, o.Hardware.Picture)
	if info, ok := f.Data.(hardware.PictureInfo); !ok || info.Rate < 5 || info.Rate > 20 || info.Light == nil || info.Light.Blank() {
		t.Errorf("measured: %+v", f.Data)
	}
	if data, err := os.ReadFile(o.Hardware.Picture); err != nil || !strings.HasPrefix(string(data), "\xff\xd8\xff") {
		t.Errorf("the picture that was written: %v", err)
	}
	t.Run("busy", func(t *testing.T) {
		release, pid := holder(t, "camera", path)
		is(t, "busy", pictured(t, o), health.CodeCameraBusy, "used by "+filepath.Base(os.Args[0]), fmt.Sprintf("process %d", pid))
		release()
		is(t, "free again", pictured(t, o), "")
	})
	t.Run("black", func(t *testing.T) {
		device.SetControl(t, path, "osd_text_mode", 2)
		device.SetControl(t, path, "test_pattern", 5)
		is(t, "black", pictured(t, o), health.CodeCameraDark, "the lens covered")
		device.SetControl(t, path, "test_pattern", 0)
		device.SetControl(t, path, "osd_text_mode", 0)
		is(t, "uncovered", pictured(t, o), "")
	})
	t.Run("silent", func(t *testing.T) {
		device.SetControl(t, path, "percentage_of_dropped_buffers", 100)
		is(t, "silent", found(t, o, "camera"), health.CodeCameraStalled)
		device.SetControl(t, path, "percentage_of_dropped_buffers", 0)
		is(t, "well again", pictured(t, o), "")
	})
	t.Run("not there", func(t *testing.T) {
		is(t, "not there", pictured(t, cameraFile(t, "/dev/video99")), health.CodeCameraUnavailable, "/dev/video99", "camera.source: v4l2 has vivid ("+path+")")
	})
	t.Run("not for this user", func(t *testing.T) {
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		said := asNobody(t, o.Config, "camera")
		t.Log(said)
		if !strings.Contains(said, "camera camera_unavailable ") || !strings.Contains(said, "group video") {
			t.Error("it is not said")
		}
		if err := os.Chmod(path, 0o666); err != nil {
			t.Fatal(err)
		}
		if said = asNobody(t, o.Config, "camera"); !strings.Contains(said, "camera  a picture of 640x360") {
			t.Errorf("with a group: %s", said)
		}
	})
	t.Run("unplugged", func(t *testing.T) {
		plugIn := device.Webcam.Unplug(t)
		is(t, "unplugged", pictured(t, o), health.CodeCameraUnavailable)
		plugIn()
		again, err := device.CameraCalled("vivid-000-vid-cap")
		if err != nil {
			t.Fatal(err)
		}
		is(t, "plugged in", pictured(t, cameraFile(t, again)), "")
	})
}

// TestKernelACommandsPictures are held to what browsers are promised.
func TestKernelACommandsPictures(t *testing.T) {
	of := func(profile string) Options {
		return options(configFile(t, someButton+fmt.Sprintf("camera: {source: exec, command: [/usr/bin/env, %s=h264, '%s', %s], width: 640, height: 360, framerate: 15}\n",
			roleVariable, os.Args[0], profile)), HardwareOptions{})
	}
	is(t, "baseline", pictured(t, of("baseline")), "", "a picture of 640x360", "baseline", "encoded by the command")
	f := pictured(t, of("main"))
	is(t, "main", f, health.CodeCameraFormat, "a picture of 640x360", "it is of the Main profile", "-profile:v baseline")
	if !strings.HasPrefix(f.Remedy, "Let the command of camera.source: exec encode the baseline profile without B-frames") {
		t.Errorf("the remedy is %q", f.Remedy)
	}
	is(t, "encoded so", pictured(t, of("baseline")), "")
}

const header = `
buttons:
  - {name: Front, pin: GPIO17, call: ['100']}
  - {name: Hog, pin: GPIO4, call: ['100']}
  - {name: Program, pin: GPIO22, call: ['100']}
  - {name: Shorted, pin: GPIO5, pull: none, call: ['100']}
  - {name: Nowhere, pin: {chip: gpiochip9, line: 3}, call: ['100']}
lock: {pin: GPIO27, codes: ['1'], pulse: 1s}
light: {pin: GPIO24}
audio: {device: none}
camera: {source: test}
`

// TestKernelTheLinesAreSeen: who has a line, at which level a free one is, and whether an edge can arrive.
func TestKernelTheLinesAreSeen(t *testing.T) {
	chip := device.NewChip(t, device.ChipOptions{Busy: map[int]string{4: "somebody"}})
	o := options(configFile(t, header), HardwareOptions{})
	release, pid := holder(t, "line", chip.Path, "22")
	is(t, "chips", found(t, o, "lines"), "", "pinctrl-bcm2711, 58 lines")
	is(t, "free", found(t, o, "lines.button:Front"), "", "line 17", "free, high now, edges proven")
	is(t, "hogged", found(t, o, "lines.button:Hog"), health.CodeButtonUnreadable, `in use by "somebody"`)
	is(t, "held", found(t, o, "lines.button:Program"), health.CodeButtonUnreadable, "in use by", fmt.Sprintf("process %d", pid))
	is(t, "no such line", found(t, o, "lines.button:Nowhere"), health.CodeButtonUnreadable, "gpiochip9")
	is(t, "lock", found(t, o, "lines.lock"), "", "GPIO27", "free")
	if f := found(t, o, "lines.button:Shorted"); f.Outcome != check.Warning || !strings.Contains(f.Found, "reads as pressed") {
		t.Errorf("shorted: %+v", f)
	}
	release()
	is(t, "given back", found(t, o, "lines.button:Program"), "", "free")
	chip.Line(t, 5).Pull(true)
	if f := found(t, o, "lines.button:Shorted"); f.Outcome != check.OK {
		t.Errorf("mended: %+v", f)
	}
	if err := os.Chmod(chip.Path, 0o600); err != nil {
		t.Fatal(err)
	}
	if said := asNobody(t, o.Config, "lines"); !strings.Contains(said, "lines gpio_unavailable ") || !strings.Contains(said, "group gpio") {
		t.Errorf("not for this user: %s", said)
	}
	if err := os.Chmod(chip.Path, 0o666); err != nil {
		t.Fatal(err)
	}
	if said := asNobody(t, o.Config, "lines"); strings.Contains(said, "lines gpio_unavailable ") || !strings.Contains(said, "pinctrl-bcm2711") {
		t.Errorf("with a group: %s", said)
	}
	right := options(configFile(t, strings.Replace(header, "{chip: gpiochip9, line: 3}", "GPIO6", 1)), HardwareOptions{})
	is(t, "a line that is there", found(t, right, "lines.button:Nowhere"), "", "free")
}

// wired is a local file in which each kind of line but a button has its own.
const wired = `
buttons: [{name: Front, pin: GPIO17, call: ['100']}]
lock: {pin: GPIO27, codes: ['1'], pulse: 1s}
light: {pin: GPIO24}
leds: [{pin: GPIO23}]
inputs: {contact: {pin: GPIO5}, tamper: {pin: GPIO6}}
audio: {device: none}
camera: {source: test}
`

// TestKernelWhoHasALine: a line that another program holds, another driver, or that is not there, is named for what it is for, until it is given
// back or another one is named in the local file.
func TestKernelWhoHasALine(t *testing.T) {
	chip := device.NewChip(t, device.ChipOptions{Busy: map[int]string{4: "somebody"}})
	o := options(configFile(t, wired), HardwareOptions{})
	with := func(pin, other string) Options {
		t.Helper()
		return options(configFile(t, strings.Replace(wired, "{pin: "+pin, "{pin: "+other, 1)), HardwareOptions{})
	}
	for _, c := range []struct {
		link, line string
		code       health.Code
		remedy     string
	}{
		{"lines.lock", "27", health.CodeLockUnavailable, "Check lock.pin in the local file"},
		{"lines.light", "24", health.CodeLightUnavailable, "Check light.pin in the local file"},
		{"lines.led:1", "23", health.CodeLEDUnavailable, "Check leds[].pin in the local file"},
		{"lines.contact", "5", health.CodeInputUnreadable, "Check inputs in the local file"},
		{"lines.tamper", "6", health.CodeInputUnreadable, "Check inputs in the local file"},
	} {
		t.Run(c.link, func(t *testing.T) {
			remedied := func(what string, f check.Finding, words ...string) {
				t.Helper()
				is(t, what, f, c.code, words...)
				if !strings.HasPrefix(f.Remedy, c.remedy) || !strings.Contains(f.Remedy, "that nothing else uses that pin") {
					t.Errorf("%s: the remedy is %q", what, f.Remedy)
				}
			}
			is(t, "free", found(t, o, c.link), "", "free")
			release, pid := holder(t, "line", chip.Path, c.line)
			remedied("held", found(t, o, c.link), "in use by", fmt.Sprintf("process %d", pid))
			is(t, "another line", found(t, with("GPIO"+c.line, "GPIO12"), c.link), "", "free")
			release()
			is(t, "given back", found(t, o, c.link), "", "free")
			remedied("a driver's", found(t, with("GPIO"+c.line, "GPIO4"), c.link), `in use by "somebody"`)
			remedied("no such line", found(t, with("GPIO"+c.line, "{chip: gpiochip9, line: 3}"), c.link), "gpiochip9")
		})
	}
}

// TestKernelAPressIsSeen, with its bounces; one on another line is told from none.
func TestKernelAPressIsSeen(t *testing.T) {
	chip := device.NewChip(t, device.ChipOptions{})
	file := configFile(t, "buttons: [{name: Front, pin: GPIO17, call: ['100']}]\naudio: {device: none}\ncamera: {source: test}\n")
	const ms = time.Millisecond
	press := func(line int) check.Finding {
		t.Helper()
		l := chip.Line(t, line)
		pressed := make(chan struct{})
		o := options(file, HardwareOptions{Press: 4 * time.Second, Tell: func(string) {
			go func() {
				defer close(pressed)
				l.Play(device.Step{High: false, For: 2 * ms}, device.Step{High: true, For: 2 * ms}, device.Step{High: false, For: 150 * ms}, device.Step{High: true, For: ms})
			}()
		}})
		f := found(t, o, "press.button:Front")
		<-pressed
		return f
	}
	f := press(17)
	// A machine that pauses within a bounce of 2 ms makes a short press of it: that is another stimulus than the one meant.
	for tries := 1; tries < 8 && !strings.Contains(f.Found, "with 2 bounces"); tries++ {
		f = press(17)
	}
	is(t, "pressed", f, "", "GPIO17 went low for ", "with 2 bounces")
	if d, ok := f.Data.(pressData); !ok || d.LengthMS < 150 || d.LengthMS > 4000 {
		t.Errorf("%+v", f.Data)
	}
	is(t, "on the wrong pin", press(23), health.CodeButtonStill, "GPIO17 did not move", "another line moved: GPIO23 went low")
}

// TestKernelTheLockClicks after a question only, and is off again.
func TestKernelTheLockClicks(t *testing.T) {
	chip := device.NewChip(t, device.ChipOptions{})
	file := configFile(t, "buttons: [{name: Front, pin: GPIO17, call: ['100']}]\nlock: {pin: GPIO27, codes: ['1'], pulse: 1s}\naudio: {device: none}\ncamera: {source: test}\n")
	line := chip.Line(t, 27)
	asked := 0
	o := options(file, HardwareOptions{
		Click: []string{"lock"}, Guard: gpio.GuardCommands{{"/usr/bin/env", roleVariable + "=guard", os.Args[0]}},
		Ask: func(_ context.Context, question string) bool {
			asked++
			return strings.Contains(question, "1s") && asked > 1
		},
	})
	if f := found(t, o, "click.lock"); f.Outcome != check.Skipped || line.Level() {
		t.Errorf("after a no: %+v", f)
	}
	seen := make(chan bool, 1)
	go func() {
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if line.Level() {
				seen <- true
				return
			}
		}
		seen <- false
	}()
	is(t, "clicked", found(t, o, "click.lock"), "", "and off again")
	if !<-seen || line.Level() {
		t.Errorf("it was on: no; it is on: %v", line.Level())
	}
	release, _ := holder(t, "line", chip.Path, "27")
	is(t, "taken", found(t, o, "click.lock"), health.CodeLockUnavailable)
	release()
}

// TestKernelBesideAnAgent: what the agent holds is no error, and it is asked for its camera and its button.
func TestKernelBesideAnAgent(t *testing.T) {
	chip := device.NewChip(t, device.ChipOptions{})
	path := device.Name(t, device.Vivid)
	config, socket := runAgent(t, fmt.Sprintf(`
home_assistant: {url: 'http://127.0.0.1:1'}
buttons: [{name: Front, pin: GPIO17, call: ['100']}]
lock: {pin: GPIO27, codes: ['1']}
camera: {source: v4l2, device: '%s', width: 640, height: 360, framerate: 15}
audio: {device: test}
monitor: {listen: none}
page: {listen: none}
`, path))
	o := options(config, HardwareOptions{Press: 20 * time.Second})
	o.Socket = socket
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		now, err := control.NewClient(socket).Status(t.Context())
		if err != nil || time.Now().After(end) {
			t.Fatalf("the agent has not taken its lines: %v", err)
		}
		if now.GPIO.Buttons[0].Level == "off" && now.GPIO.Lock == "off" {
			break
		}
	}
	f := found(t, o, "lines.button:Front")
	is(t, "button", f, "", "held by the agent", "at rest now, 0 presses")
	is(t, "lock", found(t, o, "lines.lock"), "", "held by the agent: off")
	is(t, "camera", pictured(t, o), "", "a picture of 640x360", path)
	const ms = time.Millisecond
	line := chip.Line(t, 17)
	pressed := make(chan struct{})
	o.Hardware.Tell = func(string) {
		go func() {
			defer close(pressed)
			line.Play(device.Step{High: false, For: 300 * ms}, device.Step{High: true, For: ms})
		}()
	}
	is(t, "pressed", found(t, o, "press.button:Front"), "", "the agent saw it")
	<-pressed
	is(t, "after it", found(t, o, "lines.button:Front"), "", "1 press and 0 glitches since the start")
}
