package settings

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// least is the least file there can be; wrong files below begin with it, so that their own line 5 is what is wrong.
const least = `home_assistant:
  url: http://ha.local:8123
buttons:
  - {name: Bell, pin: GPIO17, call: ["101"]}
`

func TestParseLocal(t *testing.T) {
	got, err := ParseLocal("config.yaml", []byte(`
home_assistant:
  url: https://ha.example.com/
  token_file: token
  tls: {ca_file: ca.pem, skip_verify: true}
sip:
  extension: 8001
  transport: wss
  server: wss://pbx.example.com:8089/ws?x=1
  tls: {ca_file: pbx.pem}
gpio: simulated
buttons:
  - name: Front door
    pin: {chip: gpiochip0, line: 17}
    active: high
    pull: none
    debounce: 5ms
    hold: 1s
    call: [[101, "102"], [0103]]
    step: 4s
    keep_ringing: false
    ring: 5s
  - name: Garden
    pin: GPIO4
    pull: down
lock: {pin: GPIO27, active: low, pulse: 500ms, codes: [1, "*12#", 007]}
light: {pin: GPIO22}
call: {video: never, max_talk: 1h30m}
incoming: {allow: [101, "102"], answer: always, talk: "0#a"}
camera: {source: test, width: 640, height: 480, framerate: 15, bitrate: 1.2M}
audio: {device: "hw:1,0", echo_cancellation: false}
monitor: {listen: "[::1]:8080"}
page: {listen: 0.0.0.0:80, password_file: credential, names: [Door.example.com]}
log: {level: debug, format: json}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Local{
		HomeAssistant: HomeAssistant{
			URL: "https://ha.example.com", TokenFile: "token", TLS: TLS{CAFile: "ca.pem", SkipVerify: true},
		},
		SIP: SIP{
			Extension: "8001", Transport: TransportWSS, Server: "wss://pbx.example.com:8089/ws?x=1", TLS: TLS{CAFile: "pbx.pem"},
		},
		GPIO: "simulated",
		Buttons: []Button{
			{
				Name: "Front door", Pin: Pin{Chip: "gpiochip0", Line: 17}, Active: "high", Pull: "none",
				Debounce: 5 * time.Millisecond, Hold: time.Second,
				Call: [][]string{{"101", "102"}, {"0103"}}, Step: 4 * time.Second, Ring: 5 * time.Second,
			},
			{
				Name: "Garden", Pin: Pin{Name: "GPIO4"}, Active: "high", Pull: "down",
				Debounce: 30 * time.Millisecond, Hold: 50 * time.Millisecond,
				Step: 15 * time.Second, KeepRinging: true, Ring: 45 * time.Second,
			},
		},
		Lock: &Lock{
			Pin: Pin{Name: "GPIO27"}, Active: "low", Pulse: 500 * time.Millisecond, MaxOpen: time.Minute, Codes: []string{"1", "*12#", "007"},
		},
		Light:    &Light{Pin: Pin{Name: "GPIO22"}, Active: "high"},
		Call:     Call{Video: "never", MaxTalk: 90 * time.Minute},
		Incoming: Incoming{Allow: AllowList, Callers: []string{"101", "102"}, Answer: "always", Talk: "0#A"},
		Camera:   Camera{Source: "test", Encoder: "auto", Width: 640, Height: 480, Framerate: 15, Bitrate: 1_200_000, MinBitrate: 150_000, MaxBitrate: 1_200_000},
		Audio:    Audio{Device: "hw:1,0", NoiseSuppression: true, AutoGain: true, Volume: 100, ToneVolume: 100},
		Monitor:  Monitor{Listen: "[::1]:8080"},
		Page:     Page{Listen: "0.0.0.0:80", PasswordFile: "credential", Names: []string{"door.example.com"}},
		Log:      Log{Level: "debug", Format: "json"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v %v\nwant %+v %v", got, got.Lock.Codes, want, want.Lock.Codes)
	}
}

func TestParseLocalDefaults(t *testing.T) {
	got, err := ParseLocal("config.yaml", []byte("\ufeff"+strings.ReplaceAll(least, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	want := Local{
		HomeAssistant: HomeAssistant{URL: "http://ha.local:8123"},
		SIP:           SIP{Transport: TransportAuto},
		GPIO:          "auto",
		Buttons: []Button{{
			Name: "Bell", Pin: Pin{Name: "GPIO17"}, Active: "low", Pull: "up", Debounce: 30 * time.Millisecond,
			Hold: 50 * time.Millisecond, Call: [][]string{{"101"}}, Step: 15 * time.Second, KeepRinging: true, Ring: 45 * time.Second,
		}},
		Call:     Call{Video: "auto", MaxTalk: 5 * time.Minute},
		Incoming: Incoming{Allow: AllowUsers, Answer: "auto", Talk: "*"},
		Camera:   Camera{Source: "rpicam", Encoder: "auto", Width: 1280, Height: 720, Framerate: 30, Bitrate: 1_500_000, MinBitrate: 150_000, MaxBitrate: 1_500_000},
		Audio:    Audio{Device: "default", EchoCancellation: true, NoiseSuppression: true, AutoGain: true, Volume: 100, ToneVolume: 100},
		Monitor:  Monitor{Listen: DefaultMonitor},
		Page:     Page{Listen: DefaultPage},
		Log:      Log{Level: "info", Format: "text"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestTheSoundAsAPersonWantsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	text := least + "audio: {noise_suppression: false, microphone_gain: -6, volume: 70, tone_volume: 0, tones: {ringing: gong.wav, busy: /b.wav}}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := LoadLocal(path)
	if err != nil {
		t.Fatal(err)
	}
	want := Audio{
		Device: "default", EchoCancellation: true, GainDB: -6, Volume: 70,
		Tones: map[string]string{"ringing": filepath.Join(filepath.Dir(path), "gong.wav"), "busy": "/b.wav"},
	}
	if !reflect.DeepEqual(got.Audio, want) {
		t.Errorf("got %+v, want %+v", got.Audio, want)
	}
}

// wrongFiles are files with one mistake each: the line it is on and what the error must say.
var wrongFiles = []struct {
	name, file string
	line       int
	want       string
}{
	// not YAML, or not such a file
	{"empty", "", 1, "the file is empty; expected at least home_assistant and buttons"},
	{"only comments", "# nothing\n", 1, "the file is empty"},
	{"a list", "- a\n- b\n", 1, "expected the local file (audio, buttons, call, camera, gpio"},
	{"a word", "hello\n", 1, `found "hello"`},
	{"tab", least + "call:\n\tvideo: auto\n", 6, "not valid YAML"},
	{"open quote", least + "gpio: \"auto\n", 5, "not valid YAML"},
	{"open bracket", least + "call: {video: auto\n", 5, "not valid YAML"},
	{"bad indentation", "home_assistant:\n  url: http://ha\n   token_file: x\n", 2, "not valid YAML"},
	{"not UTF-8", "home_assistant:\n  url: http://h\xff\n", 2, "expected UTF-8 text"},
	{"second document", least + "---\ngpio: auto\n", 6, "expected one YAML document"},
	{"alias", least + "call: &c {video: auto}\naudio: *c\n", 6, "found a YAML alias"},
	{"merge key", least + "call:\n  <<: {video: auto}\n", 6, "unknown key"},

	// keys
	{"unknown key", least + "colour: red\n", 5, "colour: unknown key; expected one of the keys of the local file: audio, buttons, call"},
	{"unknown inner key", least + "camera:\n  source: test\n  widht: 640\n", 7, "camera.widht: unknown key; expected one of the keys of camera: bitrate, command, device, encoder, framerate, height, max_bitrate, min_bitrate, mirror, overlay, rotation, source, width"},
	{"duplicate key", least + "gpio: auto\ngpio: auto\n", 6, "already defined"},
	{"no home_assistant", "gpio: auto\nbuttons:\n  - {name: Bell, pin: GPIO17}\n", 1, "home_assistant is missing"},
	{"no buttons", "home_assistant: {url: http://ha}\n", 1, "buttons is missing"},
	{"no url", "home_assistant:\n  token_file: /t\nbuttons:\n  - {name: Bell, pin: GPIO17}\n", 2, "home_assistant: url is missing"},

	// home_assistant
	{"url without scheme", "home_assistant:\n  url: ha.local:8123\nbuttons: [{name: B, pin: GPIO1}]\n", 2, "home_assistant.url: expected Home Assistant's address, such as https://homeassistant.local:8123"},
	{"url with a path", "home_assistant:\n  url: http://ha.local/lovelace\nbuttons: [{name: B, pin: GPIO1}]\n", 2, "host and port only"},
	{"url with a wrong port", "home_assistant:\n  url: http://ha.local:99999\nbuttons: [{name: B, pin: GPIO1}]\n", 2, "home_assistant.url: expected"},
	{"home_assistant empty", "home_assistant:\nbuttons: [{name: B, pin: GPIO1}]\n", 1, "home_assistant: expected home_assistant (tls, token_file, url); found nothing"},
	{"skip_verify as text", "home_assistant:\n  url: http://ha\n  tls: {skip_verify: \"yes\"}\nbuttons: [{name: B, pin: GPIO1}]\n", 3, `home_assistant.tls.skip_verify: expected true or false; found "yes"`},
	{"token_file as list", "home_assistant:\n  url: http://ha\n  token_file: [a]\nbuttons: [{name: B, pin: GPIO1}]\n", 3, "expected the path of a file; found a list"},

	// sip
	{"transport unknown", least + "sip: {transport: smoke}\n", 5, `sip.transport: expected auto, ws, wss, udp, tcp or tls; found "smoke"`},
	{"extension", least + "sip:\n  extension: front door\n", 6, "sip.extension: expected an extension"},
	{"server without transport", least + "sip:\n  server: pbx\n", 6, "sip.server: expected sip.transport: ws, wss, udp, tcp or tls with it"},
	{"server of another transport", least + "sip:\n  server: wss://pbx/ws\n  transport: ws\n", 6, "such as ws://pbx.example.com:8088/ws"},
	{"server of a transport without a path", least + "sip:\n  transport: udp\n  server: wss://pbx/ws\n", 7, "sip.server: expected host or host:port, such as pbx.example.com or [2001:db8::1]:5060"},
	{"server with a bad port", least + "sip:\n  transport: ws\n  server: pbx:http\n", 7, "sip.server: expected host, host:port"},

	// buttons
	{"buttons empty", "home_assistant: {url: http://ha}\nbuttons: []\n", 2, "expected at least one button"},
	{"buttons a mapping", "home_assistant: {url: http://ha}\nbuttons:\n  name: Bell\n", 3, "expected a list of buttons; found a group of keys"},
	{"button a word", "home_assistant: {url: http://ha}\nbuttons:\n  - Bell\n", 3, "buttons[0]: expected a button (active, call, debounce"},
	{"name missing", "home_assistant: {url: http://ha}\nbuttons:\n  - pin: GPIO17\n", 3, "buttons[0]: name is missing"},
	{"pin missing", "home_assistant: {url: http://ha}\nbuttons:\n  - name: Bell\n", 3, "buttons[0]: pin is missing; expected a pin such as GPIO17"},
	{"same name", "home_assistant: {url: http://ha}\nbuttons:\n  - {name: Bell, pin: GPIO1}\n  - {name: Bell, pin: GPIO2}\n", 4, `buttons[1].name: expected a name of its own; another button is "Bell" already`},
	{"same pin", "home_assistant: {url: http://ha}\nbuttons:\n  - {name: A, pin: GPIO1}\n  - {name: B, pin: GPIO1}\n", 4, `buttons[1].pin: expected a pin of its own; button "A" has this one already`},
	{"lock on a button's pin", least + "lock:\n  pin: GPIO17\n", 6, `lock.pin: expected a pin of its own; button "Bell" has this one already`},
	{"pin by number", "home_assistant: {url: http://ha}\nbuttons:\n  - name: Bell\n    pin: 17\n", 4, `buttons[0].pin: expected a pin such as GPIO17, or {chip: gpiochip0, line: 17}; found "17"`},
	{"pin without line", "home_assistant: {url: http://ha}\nbuttons:\n  - name: Bell\n    pin: {chip: gpiochip0}\n", 4, "expected both chip and line"},
	{"line out of range", "home_assistant: {url: http://ha}\nbuttons:\n  - name: Bell\n    pin: {chip: gpiochip0, line: -1}\n", 4, "buttons[0].pin.line: expected a whole number from 0 to 511"},
	{"ring too short", "home_assistant: {url: http://ha}\nbuttons:\n  - name: Bell\n    pin: GPIO1\n    ring: 1s\n", 5, `buttons[0].ring: expected a length of time from 5s to 5m, such as 45s; found "1s"`},
	{"ring without a unit", "home_assistant: {url: http://ha}\nbuttons:\n  - name: Bell\n    pin: GPIO1\n    ring: 45\n", 5, `such as 45s; found "45"`},
	{"debounce", "home_assistant: {url: http://ha}\nbuttons:\n  - {name: Bell, pin: GPIO1, debounce: 2s}\n", 3, "debounce: expected a length of time from 1ms to 500ms"},
	{"hold", "home_assistant: {url: http://ha}\nbuttons:\n  - {name: Bell, pin: GPIO1, hold: -1s}\n", 3, "hold: expected a length of time from 0s to 5s"},
	{"active", "home_assistant: {url: http://ha}\nbuttons:\n  - {name: Bell, pin: GPIO1, active: 0}\n", 3, `active: expected low or high; found "0"`},
	{"always pressed", "home_assistant: {url: http://ha}\nbuttons:\n  - name: Bell\n    pin: GPIO1\n    pull: down\n    active: low\n", 6, "would always be pressed"},
	{"call a word", "home_assistant: {url: http://ha}\nbuttons:\n  - {name: Bell, pin: GPIO1, call: 101}\n", 3, `expected a list of extensions, such as ["101", "102"]`},
	{"call an address", "home_assistant: {url: http://ha}\nbuttons:\n  - name: Bell\n    pin: GPIO1\n    call:\n      - 101\n      - sip:102@pbx\n", 7, "buttons[0].call[1]: expected an extension"},
	{"call twice", "home_assistant: {url: http://ha}\nbuttons:\n  - {name: Bell, pin: GPIO1, call: [101, 101]}\n", 3, "101 is in the list already"},
	{"too many buttons", "home_assistant: {url: http://ha}\nbuttons:\n" + strings.Repeat("  - {}\n", 17), 19, "expected at most 16 entries"},

	{"call without a list in one step", twoSteps("[[101], 102]"), 5, "buttons[0].call[1]: expected a list of extensions, as the other steps are"},
	{"call with a list among extensions", twoSteps("[101, [102]]"), 5, "buttons[0].call[0]: expected a list of extensions, as the other steps are"},
	{"an empty step", twoSteps("[[101], []]"), 5, "buttons[0].call[1]: expected at least one extension in a step"},
	{"a step in a step", twoSteps("[[101], [[102]]]"), 5, "buttons[0].call[1][0]: expected an extension"},
	{"call twice in two steps", twoSteps("[[101], [102, 101]]"), 5, "101 rings already since an earlier step; expected it once, or keep_ringing: false"},
	{"steps beyond ring", twoSteps("[[101], [102], [103], [104]]"), 5, "step 4 of 4 would begin after 45s, but ring ends after 45s; expected a longer ring, a shorter step (now 15s) or fewer steps"},
	{"a step too short", "home_assistant: {url: http://ha}\nbuttons:\n  - {name: Bell, pin: GPIO1, step: 0s}\n", 3, "step: expected a length of time from 1s to 5m, such as 15s"},
	{"keep_ringing", "home_assistant: {url: http://ha}\nbuttons:\n  - {name: Bell, pin: GPIO1, keep_ringing: 1}\n", 3, "keep_ringing: expected true or false"},
	{"too many in all steps", twoSteps("[[1,2,3,4,5,6,7,8,9], [11,12,13,14,15,16,17,18]]"), 5, "expected at most 16 extensions in all steps together"},

	// lock, light
	{"pulse", least + "lock:\n  pin: GPIO27\n  pulse: 2m\n", 7, "lock.pulse: expected a length of time from 100ms to 1m, such as 3s"},
	{"code", least + "lock:\n  pin: GPIO27\n  codes: [\"12E\"]\n", 7, "lock.codes[0]: expected a code of 1 to 16 of the telephone's keys"},
	{"codes a word", least + "lock:\n  pin: GPIO27\n  codes: 1\n", 7, `expected a list of codes, such as ["1"]`},
	{"code twice", least + "lock:\n  pin: GPIO27\n  codes: [\"1\", 1]\n", 7, "in the list already"},
	{"lock empty", least + "lock:\n", 5, "lock: expected lock (active, codes, codes_file, max_open, pin, pulse); found nothing"},
	{"light without a pin", least + "light: {active: low}\n", 5, "light: pin is missing"},

	// incoming
	{"allow a word", least + "incoming: {allow: everybody}\n", 5, `incoming.allow: expected users, none or a list of extensions, such as ["101", "102"]; found "everybody"`},
	{"allow nobody", least + "incoming: {allow: []}\n", 5, "expected at least one extension; allow: none lets nobody call"},
	{"allow an address", least + "incoming: {allow: [101, \"sip:1@x\"]}\n", 5, "incoming.allow[1]: expected an extension"},
	{"allow twice", least + "incoming: {allow: [101, 101]}\n", 5, "101 is in the list already"},
	{"answer", least + "incoming: {answer: true}\n", 5, "incoming.answer: expected auto, always or never"},
	{"talk", least + "incoming: {talk: \"\"}\n", 5, "incoming.talk: expected 1 to 16 of the telephone's keys"},

	// the rest
	{"gpio", least + "gpio: none\n", 5, `gpio: expected auto or simulated; found "none"`},
	{"video", least + "call: {video: true}\n", 5, `call.video: expected auto, always or never; found "true"`},
	{"max_talk", least + "call: {max_talk: 1s}\n", 5, "call.max_talk: expected a length of time from 5s to 2h"},
	{"source", least + "camera: {source: /dev/video0}\n", 5, "camera.source: expected rpicam, v4l2, exec or test"},
	{"exec without a command", least + "camera:\n  source: exec\n", 6, "camera.source: command is missing; expected a program and its arguments as a list"},
	{"a command line", least + "camera: {source: exec, command: ffmpeg -i x}\n", 5, "camera.command: expected a program and its arguments as a list"},
	{"a command of nothing", least + "camera: {source: exec, command: []}\n", 5, "camera.command: expected a program and its arguments as a list"},
	{"a program without a name", least + "camera: {source: exec, command: ['', -i]}\n", 5, "camera.command[0]: expected a program and its arguments as a list"},
	{"rotation", least + "camera: {rotation: 45, source: v4l2}\n", 5, "camera.rotation: expected 0, 90, 180 or 270; found \"45\""},
	{"rotation of rpicam", least + "camera: {rotation: 90}\n", 5, "camera.rotation: expected 0 or 180 with source: rpicam"},
	{"a command that is turned", least + "camera: {source: exec, command: [a], rotation: 180}\n", 5, "camera.rotation: expected rotation and mirror with source: rpicam, v4l2 or test only"},
	{"a command in a mirror", least + "camera: {mirror: true, source: exec, command: [a]}\n", 5, "camera.mirror: expected rotation and mirror with source: rpicam, v4l2 or test only"},
	{"a device of rpicam", least + "camera: {device: /dev/video0}\n", 5, "camera.device: expected device with source: v4l2 only"},
	{"a device of two lines", least + "camera: {source: v4l2, device: \"a\\nb\"}\n", 5, "camera.device: expected a path such as /dev/video0, or a part of the camera's name"},
	{"an encoder", least + "camera: {source: v4l2, encoder: x264}\n", 5, "camera.encoder: expected auto, chip or software"},
	{"an encoder of a command", least + "camera:\n  source: exec\n  command: [a]\n  encoder: chip\n", 8, "camera.encoder: expected encoder with source: v4l2 only"},
	{"an overlay of rpicam", least + "camera:\n  source: rpicam\n  overlay:\n    time: true\n", 8, "camera.overlay.time: expected overlay with source: v4l2 or test only"},
	{"an overlay of a command", least + "camera: {overlay: {text: Door}, source: exec, command: [a]}\n", 5, "camera.overlay.text: expected overlay with source: v4l2 or test only"},
	{"an overlay that is a text", least + "camera: {source: test, overlay: Door}\n", 5, "camera.overlay: expected overlay (text, time)"},
	{"a long overlay", least + "camera: {source: test, overlay: {text: " + strings.Repeat("x", 65) + "}}\n", 5, "camera.overlay.text: expected a line of text, at most 64 characters"},
	{"odd width", least + "camera: {width: 641}\n", 5, "camera.width: expected an even number from 160 to 1920"},
	{"height", least + "camera: {height: 4320}\n", 5, "camera.height: expected an even number from 120 to 1080"},
	{"framerate", least + "camera: {framerate: 29.97}\n", 5, `camera.framerate: expected a whole number from 1 to 60; found "29.97"`},
	{"bitrate", least + "camera: {bitrate: 1500kbit}\n", 5, "camera.bitrate: expected bits a second from 100k to 20M, such as 1500k, 2M or 800000"},
	{"least above", least + "camera: {bitrate: 300k, min_bitrate: 400k}\n", 5, "camera.min_bitrate: expected a min_bitrate that is not above bitrate"},
	{"most below", least + "camera: {max_bitrate: 400k}\n", 5, "camera.max_bitrate: expected a max_bitrate that is not below bitrate"},
	{"bitrate too small", least + "camera: {bitrate: 1500}\n", 5, "camera.bitrate: expected"},
	{"device", least + "audio: {device: \"\"}\n", 5, "audio.device: expected default, test, none or the name"},
	{"monitor", least + "monitor: {listen: localhost:80}\n", 5, "monitor.listen: expected an address and port such as 127.0.0.1:9517, or none"},
	{"page", least + "page: {listen: door:80}\n", 5, "page.listen: expected an address and port such as 127.0.0.1:9518, or none"},
	{"page on the network", least + "page:\n  names: []\n  listen: 0.0.0.0:9518\n", 7, "page.listen: page.password_file is missing"},
	{"page on every address", least + "page: {listen: \":9518\"}\n", 5, "page.password_file is missing"},
	{"page names", least + "page: {names: [\"door:80\"]}\n", 5, "page.names[0]: expected a host name such as door.example.com, without port"},
	{"monitor port", least + "monitor: {listen: \"127.0.0.1:0\"}\n", 5, "monitor.listen: expected"},
	{"echo", least + "audio: {echo_cancellation: 1}\n", 5, `audio.echo_cancellation: expected true or false; found "1"`},
	{"gain", least + "audio: {microphone_gain: 40}\n", 5, `audio.microphone_gain: expected auto, or a whole number of dB from -20 to 30; found "40"`},
	{"gain word", least + "audio: {microphone_gain: loud}\n", 5, "audio.microphone_gain: expected auto, or"},
	{"volume", least + "audio: {volume: 101}\n", 5, "audio.volume: expected a whole number from 0 to 100"},
	{"tone volume", least + "audio: {tone_volume: -1}\n", 5, "audio.tone_volume: expected a whole number from 0 to 100"},
	{"tone", least + "audio: {tones: {gong: a.wav}}\n", 5, "audio.tones.gong: unknown key; expected one of the keys of the tones: busy, ended, fault, nobody, opened, ringing"},
	{"tone file", least + "audio: {tones: {busy: \"\"}}\n", 5, "audio.tones.busy: expected the path of a WAV file"},
	{"level", least + "log: {level: verbose}\n", 5, "log.level: expected debug, info, warn or error"},
	{"format", least + "log: {format: xml}\n", 5, "log.format: expected text or json"},
}

// twoSteps is a file with its steps on line 5.
func twoSteps(call string) string {
	return "home_assistant: {url: http://ha}\nbuttons:\n  - name: Bell\n    pin: GPIO1\n    call: " + call + "\n"
}

func TestWithoutKeepRingingALaterStepMayCallAgain(t *testing.T) {
	l, err := ParseLocal("c", []byte(twoSteps("[[101], [101, 102]]")+"    keep_ringing: false\n"))
	if err != nil || len(l.Buttons[0].Call) != 2 || len(l.Buttons[0].Call[1]) != 2 {
		t.Errorf("%v %v", l.Buttons, err)
	}
	if l, err = ParseLocal("c", []byte(twoSteps("[]"))); err != nil || l.Buttons[0].Call != nil {
		t.Errorf("nobody: %v %v", l.Buttons, err)
	}
}

func TestWrongFilesSayTheLineAndWhatWasExpected(t *testing.T) {
	for _, tt := range wrongFiles {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseLocal("config.yaml", []byte(tt.file))
			var f *FileError
			if !errors.As(err, &f) {
				t.Fatalf("got %v, want a FileError", err)
			}
			if f.Line != tt.line || !strings.Contains(f.Message, tt.want) {
				t.Errorf("got line %d: %s\nwant line %d: …%s…", f.Line, f.Message, tt.line, tt.want)
			}
			if !strings.HasPrefix(err.Error(), "config.yaml:") || !strings.Contains(err.Error(), "^") ||
				!strings.Contains(err.Error(), "\n> ") {
				t.Errorf("the error does not show the place:\n%v", err)
			}
		})
	}
}

func TestAFileErrorShowsThePlace(t *testing.T) {
	_, err := ParseLocal("/etc/doorstation/config.yaml", []byte(least+"camera: {source: test, width: 641}\nlog: {level: info}\n"))
	want := `/etc/doorstation/config.yaml:5: camera.width: expected an even number from 160 to 1920; found "641"
     3 | buttons:
     4 |   - {name: Bell, pin: GPIO17, call: ["101"]}
>    5 | camera: {source: test, width: 641}
       |                               ^
     6 | log: {level: info}`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestAllMistakesAreShownInOrder(t *testing.T) {
	_, err := ParseLocal("c", []byte("gpio: none\nbuttons:\n  - {pin: 1}\nhome_assistant: {url: x}\n"))
	if err == nil {
		t.Fatal("no error")
	}
	at := -1
	for _, want := range []string{"c:1: gpio", "c:3: buttons[0]: name", "c:3: buttons[0].pin", "c:4: home_assistant.url"} {
		i := strings.Index(err.Error(), want)
		if i <= at {
			t.Errorf("%q is not there, or not in its order:\n%v", want, err)
		}
		at = i
	}
}

func TestLoadLocal(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.yaml")
	_, err := LoadLocal(path)
	var f *FileError
	if !errors.As(err, &f) || f.Path != path || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("without the file: %v", err)
	}
	if _, err = LoadLocal(dir); err == nil {
		t.Error("a folder was read")
	}

	write(t, path, "home_assistant: {url: http://ha, token_file: token, tls: {ca_file: /abs/ca.pem}}\nbuttons: [{name: B, pin: GPIO1}]\n")
	l, err := LoadLocal(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := l.HomeAssistant.TokenFile, filepath.Join(dir, "token"); got != want {
		t.Errorf("a relative token_file is %s, want %s", got, want)
	}
	if l.HomeAssistant.TLS.CAFile != "/abs/ca.pem" || l.SIP.TLS.CAFile != "" {
		t.Errorf("ca_file %q and %q, want the absolute one as it is and the empty one empty", l.HomeAssistant.TLS.CAFile, l.SIP.TLS.CAFile)
	}

	write(t, path, strings.Repeat("#", maxLocalFile+1))
	if _, err = LoadLocal(path); !errors.As(err, &f) || !strings.Contains(f.Message, "too long") {
		t.Errorf("a huge file: %v", err)
	}
}

// TestHostileNestingIsAnError: nesting far beyond any file that means something.
func TestHostileNestingIsAnError(t *testing.T) {
	for _, unit := range []string{"[", "{a: ", "- ", "? ", "&a ", "!a ", "[{a: "} {
		file := strings.Repeat(unit, 4096/len(unit))
		if _, err := ParseLocal("c", []byte(file)); err == nil {
			t.Errorf("%q again and again is accepted", unit)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestACameraOnV4L2(t *testing.T) {
	l, err := ParseLocal("file", []byte(least+`camera:
  overlay: {text: "Gartentür 2", time: true}
  device: Logitech
  encoder: software
  rotation: 270
  mirror: true
  source: v4l2
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Camera{
		Source: "v4l2", Device: "Logitech", Encoder: "software", Rotation: 270, Mirror: true, Overlay: Overlay{Text: "Gartentür 2", Time: true},
		Width: 1280, Height: 720, Framerate: 30, Bitrate: 1_500_000, MinBitrate: 150_000, MaxBitrate: 1_500_000,
	}
	if !reflect.DeepEqual(l.Camera, want) {
		t.Errorf("got %+v\nwant %+v", l.Camera, want)
	}
	// What says what holds anyway is no mistake anywhere.
	if _, err = ParseLocal("file", []byte(least+"camera: {source: exec, command: [a], device: '', encoder: auto, rotation: 0, mirror: false, overlay: {text: '', time: false}}\n")); err != nil {
		t.Error(err)
	}
}
