package settings

import (
	"errors"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

const renderPath = "/etc/doorstation/config.yaml"

// change renders a text with a change made to what it says.
func change(t *testing.T, text string, edit func(*Local)) (Rendered, string) {
	t.Helper()
	l, err := parseAt(renderPath, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	edit(&l)
	got, err := Render(renderPath, []byte(text), readExample(t), l)
	if err != nil {
		t.Fatal(err)
	}
	now, err := parseAt(renderPath, got.Text)
	if err != nil {
		t.Fatalf("what was written is wrong: %v\n%s", err, got.Text)
	}
	if !alike(reflect.ValueOf(now), reflect.ValueOf(l)) {
		t.Errorf("what was written says something else:\n%s", got.Text)
	}
	return got, string(got.Text)
}

// differing are the lines that one text has and the other has not.
func differing(before, after string) (gone, come []string) {
	count := map[string]int{}
	before, after = strings.ReplaceAll(before, "\n\n", "\n"), strings.ReplaceAll(after, "\n\n", "\n")
	for line := range strings.SplitSeq(before, "\n") {
		count[line]++
	}
	for line := range strings.SplitSeq(after, "\n") {
		count[line]--
		if count[line] < 0 {
			come = append(come, line)
		}
	}
	for line := range strings.SplitSeq(before, "\n") {
		if count[line] > 0 {
			gone = append(gone, line)
			count[line] = 0
		}
	}
	return gone, come
}

// TestAFileKeepsWhatIsNotChanged: comments, order, quotes, and odd spaces of a hand-written file stay; one line changes for one value.
func TestAFileKeepsWhatIsNotChanged(t *testing.T) {
	const file = `# our door
camera:   {source: test, width: 640, height: 480}   # until the camera comes
buttons:
- name: 'Front door'   # the brass one
  # Line 17, the white wire
  pin: {chip: gpiochip0, line: 17}
  call: [101,
         102]  # kitchen and study
-   name: Garden
    pin: GPIO22
    call:
      - [ "101" ]
      - [ "102" ]

home_assistant:
    # by address: the name is not known on this network
    url:    "http://192.168.1.5:8123"   # fixed lease
    token_file: token
`
	for name, c := range map[string]struct {
		edit       func(*Local)
		gone, come []string
	}{
		"nothing": {func(*Local) {}, nil, nil},
		"url": {
			func(l *Local) { l.HomeAssistant.URL = "https://ha.example.org" },
			[]string{`    url:    "http://192.168.1.5:8123"   # fixed lease`}, []string{`    url:    https://ha.example.org   # fixed lease`},
		},
		"a key that was not there": {
			func(l *Local) { l.HomeAssistant.TLS.SkipVerify = true },
			nil, []string{`    tls:`, `      ca_file: ""`, `      skip_verify: true`},
		},
		"a name": {
			func(l *Local) { l.Buttons[0].Name = `The "big" door: #1` },
			[]string{`- name: 'Front door'   # the brass one`}, []string{`- name: "The \"big\" door: #1"   # the brass one`},
		},
		"a pin": {
			func(l *Local) { l.Buttons[0].Pin = Pin{Name: "GPIO4"} },
			[]string{`  pin: {chip: gpiochip0, line: 17}`}, []string{`  pin: GPIO4`},
		},
		"a list over two lines": {
			func(l *Local) { l.Buttons[0].Call = [][]string{{"103"}} },
			[]string{`  call: [101,`, `         102]  # kitchen and study`}, []string{`  call: ["103"]`},
		},
		"a list of lists": {
			func(l *Local) { l.Buttons[1].Call = [][]string{{"101"}, {"102"}, {"103"}} },
			[]string{`    call:`, `      - [ "101" ]`, `      - [ "102" ]`}, []string{`    call: [["101"], ["102"], ["103"]]`},
		},
		"a key of an entry": {
			func(l *Local) { l.Buttons[1].Ring = 90 * time.Second },
			nil, []string{`    ring: 1m30s`},
		},
		"a group of one line": {
			func(l *Local) { l.Camera.Framerate = 15 },
			[]string{`camera:   {source: test, width: 640, height: 480}   # until the camera comes`},
			[]string{
				`camera:`, `  source: test`, `  device: ""`, `  encoder: auto`, `  rotation: 0`, `  mirror: false`, `  overlay:`, `    text: ""`,
				`    time: false`, `  width: 640`, `  height: 480`, `  framerate: 15`, `  bitrate: 1500k`,
			},
		},
		"an entry more": {
			func(l *Local) {
				b := l.Buttons[0]
				b.Name, b.Pin, b.Call = "Gate", Pin{Name: "GPIO5"}, nil
				l.Buttons = append(l.Buttons, b)
			},
			nil, []string{
				`- name: Gate`, `  pin: GPIO5`, `  active: low`, `  pull: up`, `  debounce: 30ms`, `  hold: 50ms`, `  step: 15s`,
				`  keep_ringing: true`, `  ring: 45s`,
			},
		},
		"an entry less": {
			func(l *Local) { l.Buttons = l.Buttons[:1] },
			[]string{`-   name: Garden`, `    pin: GPIO22`, `    call:`, `      - [ "101" ]`, `      - [ "102" ]`},
			[]string{`#-   name: Garden`, `    #pin: GPIO22`, `    #call:`, `      #- [ "101" ]`, `      #- [ "102" ]`},
		},
		"a part more": {
			func(l *Local) {
				l.Lock = &Lock{Pin: Pin{Name: "GPIO27"}, Active: "high", Pulse: time.Second, MaxOpen: time.Minute, Codes: []string{"1"}}
			},
			nil, []string{`lock:`, `  pin: GPIO27`, `  active: high`, `  pulse: 1s`, `  max_open: 1m`, `  codes: ["1"]`, `  codes_file: ""`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, text := change(t, file, c.edit)
			if got.Afresh {
				t.Fatal("the file was made afresh")
			}
			gone, come := differing(file, text)
			if !reflect.DeepEqual(gone, c.gone) || !reflect.DeepEqual(come, c.come) {
				t.Errorf("gone:\n%s\nexpected:\n%s\ncome:\n%s\nexpected:\n%s",
					strings.Join(gone, "\n"), strings.Join(c.gone, "\n"), strings.Join(come, "\n"), strings.Join(c.come, "\n"))
			}
		})
	}
}

// TestANewFileIsTheExample: a new file has all the example's comments; a part that the door has not is left out as a comment, and one
// that the example leaves out takes its place there.
func TestANewFileIsTheExample(t *testing.T) {
	example := readExample(t)
	l, err := parseAt(renderPath, example)
	if err != nil {
		t.Fatal(err)
	}
	l.HomeAssistant.URL = "http://10.0.0.5:8123"
	l.Lock = nil
	l.Light = &Light{Pin: Pin{Name: "GPIO6"}, Active: "high"}
	l.Inputs.Contact = &Contact{
		Pin: Pin{Name: "GPIO24"}, Open: "high", Pull: "up", Debounce: 100 * time.Millisecond, LeftOpen: 2 * time.Minute,
	}
	l.LEDs = []LED{{Pin: Pin{Name: "GPIO23"}, Active: "high", Show: ShowStatus}}
	l.Camera.Source, l.Camera.Device = "v4l2", "/dev/video0"
	got, err := Render(renderPath, nil, example, l)
	if err != nil {
		t.Fatal(err)
	}
	if got.Afresh {
		t.Error("a new file is told to be made afresh")
	}
	text := string(got.Text)
	for _, want := range []string{
		"\n  url: http://10.0.0.5:8123\n",
		"\n#lock:\n  #pin: GPIO27\n  # The level that opens.",
		"\nlight:\n  pin: GPIO6\n  active: high\n",
		"\nleds:\n  - pin: GPIO23\n    active: high\n    show: status\n",
		"\ninputs:\n  # The contact that tells whether the door stands open.\n  contact:\n    pin: GPIO24\n    # The level of an open door.",
		"\n  #tamper:\n    #pin: GPIO25\n",
		"\n  source: v4l2\n", "\n  device: /dev/video0\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	for line := range strings.SplitSeq(string(example), "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "# ") && !strings.Contains(text, line) {
			t.Errorf("this comment is gone: %s", line)
		}
	}
	// And back: what was commented out is taken in where it is.
	back, err := parseAt(renderPath, example)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Render(renderPath, got.Text, nil, back)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(again.Text), "\nlock:\n  pin: GPIO27\n  # The level that opens.") {
		t.Errorf("the lock did not come back where it was:\n%s", again.Text)
	}
}

// TestEachValueIsWritten: whatever one value of the settings is changed to, the file says it afterwards, and the others as before.
func TestEachValueIsWritten(t *testing.T) {
	full := string(commented.ReplaceAll(readExample(t), []byte("$1$2")))
	for i, edit := range []func(*Local){
		func(l *Local) { l.HomeAssistant.TokenFile = "/srv/my token" },
		func(l *Local) { l.HomeAssistant.TLS = TLS{CAFile: "/etc/ssl/my.pem", SkipVerify: true} },
		func(l *Local) {
			l.SIP = SIP{Extension: "8001", Transport: TransportWSS, Server: "wss://[2001:db8::1]:8089/ws"}
		},
		func(l *Local) { l.SIP.Extension = "0x10" },
		func(l *Local) { l.GPIO = "simulated" },
		func(l *Local) { l.Buttons[0].Call = nil },
		func(l *Local) { l.Buttons[0].Name = "ünïcode – “door” #2" },
		func(l *Local) { l.Buttons[0].Name = "yes" },
		func(l *Local) { l.Buttons[0].Name = "1e3" },
		func(l *Local) { l.Buttons[0].Active, l.Buttons[0].Pull = "high", "down" },
		func(l *Local) { l.Buttons[0].KeepRinging, l.Buttons[0].Hold = false, 0 },
		func(l *Local) { l.Lock = nil },
		func(l *Local) { l.Lock.Codes = []string{"0101", "*#A"} },
		func(l *Local) { l.Lock.Codes = nil },
		func(l *Local) { l.Lock.Pulse, l.Lock.MaxOpen = 1500*time.Millisecond, 24*time.Hour },
		func(l *Local) { l.Lock.CodesFile = "/etc/doorstation/codes" },
		func(l *Local) { l.Light = nil },
		func(l *Local) { l.LEDs = nil },
		func(l *Local) {
			l.LEDs = []LED{{Pin{Name: "GPIO9"}, "low", ShowFault}, {Pin{Chip: "gpiochip1", Line: 3}, "high", ShowOpen}}
		},
		func(l *Local) { l.Inputs = Inputs{} },
		func(l *Local) { l.Inputs.Contact = nil },
		func(l *Local) { l.Inputs.Tamper = &Tamper{Pin{Name: "GPIO9"}, "high", "up", time.Second, true} },
		func(l *Local) { l.Call = Call{Video: "never", MaxTalk: 2 * time.Hour} },
		func(l *Local) {
			l.Incoming = Incoming{Allow: AllowList, Callers: []string{"101", "102"}, Answer: "always", Talk: "0"}
		},
		func(l *Local) { l.Incoming.Allow = AllowNone },
		func(l *Local) {
			l.Camera = Camera{Source: "exec", Command: []string{"ffmpeg", "-i", "rtsp://u:p@h/ #1", "", "a\"b\\c"}, Encoder: "auto", Width: 640, Height: 480, Framerate: 10, Bitrate: 123_456, MinBitrate: 100_000, MaxBitrate: 20_000_000}
		},
		func(l *Local) {
			l.Camera.Overlay = Overlay{Text: "Tür: 1 – #2", Time: true}
			l.Camera.Source, l.Camera.Command = "test", nil
		},
		func(l *Local) { l.Camera.Bitrate, l.Camera.MinBitrate, l.Camera.MaxBitrate = 100_000, 100_000, 100_000 },
		func(l *Local) { l.Audio = Audio{Device: "hw:1,0", GainDB: -20} },
		func(l *Local) { l.Audio.Tones = map[string]string{"busy": "/srv/a b.wav"} },
		func(l *Local) { l.Audio.Tones = nil },
		func(l *Local) { l.Monitor.Listen = "" },
		func(l *Local) { l.Monitor.Listen = "[::1]:9517" },
		func(l *Local) {
			l.Page = Page{Listen: "0.0.0.0:9518", PasswordFile: PageCredential, Names: []string{"a.example"}}
		},
		func(l *Local) { l.Page = Page{} },
		func(l *Local) { l.Log = Log{Level: "warn", Format: "json"} },
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			if got, text := change(t, full, edit); got.Afresh {
				t.Errorf("the file was made afresh:\n%s", text)
			}
		})
	}
}

// TestWhatCannotBeEditedIsMadeAfresh: a file that is one line of braces gives way to the example with what it said.
func TestWhatCannotBeEditedIsMadeAfresh(t *testing.T) {
	got, text := change(t, `{home_assistant: {url: "http://h:8123"}, buttons: [{name: a, pin: GPIO1, call: [101]}]}`+"\n",
		func(l *Local) { l.GPIO = "simulated" })
	if !got.Afresh || !strings.Contains(text, "# The bell buttons; at least one.") {
		t.Errorf("the file is (afresh: %t)\n%s", got.Afresh, text)
	}
}

// TestWhatNoFileSaysIsRefused: settings that the reader would refuse never reach a disk.
func TestWhatNoFileSaysIsRefused(t *testing.T) {
	l, err := parseAt(renderPath, readExample(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(l Local) Local{
		"no button": func(l Local) Local { l.Buttons = nil; return l },
		"no url":    func(l Local) Local { l.HomeAssistant.URL = ""; return l },
		"two parts on one pin": func(l Local) Local {
			l.Light = &Light{Pin: l.Buttons[0].Pin, Active: "low"}
			return l
		},
	} {
		if _, err = Render(renderPath, nil, readExample(t), edit(l)); !errors.Is(err, ErrNotWritten) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRender(f *testing.F) {
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("home_assistant: {url: http://h:8123}\nbuttons:\n- {name: a, pin: GPIO1, call: [101]}\n"))
	f.Add(example)
	f.Add(commented.ReplaceAll(example, []byte("$1$2")))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, parseErr := parseAt(renderPath, text)
		if parseErr != nil {
			return
		}
		l.HomeAssistant.URL, l.SIP.Extension = "https://other.example:8123", "8001"
		l.Buttons[0].Call = [][]string{{"101"}, {"102"}}
		l.Buttons[0].Step, l.Buttons[0].Ring = 10*time.Second, time.Minute
		l.Lock = nil
		l.Audio.Volume = 50
		// Whatever Render returns was read again by itself.
		if _, err = Render(renderPath, text, example, l); err != nil && !errors.Is(err, ErrNotWritten) {
			t.Fatal(err)
		}
	})
}
