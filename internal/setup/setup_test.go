package setup_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"doorstation/internal/settings"
	"doorstation/internal/setup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const theToken = "eyJ.door.token"

// household is a home with the door's user and two tablets, found in the network.
func household() *home {
	return &home{
		places: []setup.Place{{Name: "Home", URL: "http://10.0.0.2:8123", Version: "2026.10.1"}},
		reach:  map[string]error{"http://10.0.0.2:8123": nil},
		token:  theToken,
		user:   setup.User{ID: "abc", Name: "Front door"},
		core: settings.SIPCore{
			SIPVideo: true,
			Users: []settings.User{
				{HAUsername: "abc", DisplayName: "Door", Extension: "8001"},
				{HAUsername: "kitchen", DisplayName: "Kitchen", Extension: "101"},
				{HAUsername: "study", DisplayName: "Study", Extension: "102"},
			},
			Popup: settings.Popup{DTMF: []settings.DTMFButton{{Label: "Open", Digits: "1"}}},
		},
	}
}

// pi is a machine with everything, and nothing set up.
func pi() *machine {
	button := setup.Line{Pin: settings.Pin{Name: "GPIO17"}, Label: "GPIO17, pin 11 of the header"}
	camera := settings.Defaults().Camera
	return &machine{
		cameras: []setup.Camera{{Name: "imx708", Settings: camera}},
		sound:   []setup.SoundDevice{{Name: "USB Audio", Device: "USB Audio", Microphone: true, Loudspeaker: true}},
		lines: []setup.Line{
			button, {Pin: settings.Pin{Name: "GPIO27"}, Label: "GPIO27"}, {Pin: settings.Pin{Name: "GPIO2"}, Label: "GPIO2", User: "I2C"},
		},
		moves:   map[string]setup.Moved{"up": {Line: button, High: false}},
		service: true,
		local:   settings.Defaults(),
	}
}

func parts(p setup.Person, h *home, m *machine) setup.Parts {
	return setup.Parts{Person: p, Home: h, Exchange: m, Hardware: m, Agent: m, Files: m, Checker: m}
}

func usual() []answer {
	return []answer{
		{to: "How does the door get in", is: "long-lived"},
		{to: "The token?", is: theToken},
		{to: "Is there a relay", is: "yes"},
		{to: "The relay of the door, GPIO27, will be switched", is: "yes"},
	}
}

func TestFromNothingToADoorThatRings(t *testing.T) {
	p, h, m := &person{t: t, answers: usual()}, household(), pi()
	if err := setup.Run(t.Context(), parts(p, h, m), setup.Options{}); err != nil {
		t.Fatal(err)
	}
	if len(m.written) != 1 {
		t.Fatalf("written %d times", len(m.written))
	}
	w := m.written[0]
	if w.Token != theToken || w.Local.HomeAssistant.TokenFile != "/etc/door/token" || w.Local.HomeAssistant.URL != "http://10.0.0.2:8123" {
		t.Errorf("token %q in %q, Home Assistant at %q", w.Token, w.Local.HomeAssistant.TokenFile, w.Local.HomeAssistant.URL)
	}
	if w.Local.SIP.Extension != "" {
		t.Errorf("extension %q is written although the door's user is found by the token", w.Local.SIP.Extension)
	}
	b := w.Local.Buttons[0]
	if b.Pin.Name != "GPIO17" || b.Active != "low" || b.Pull != "up" || b.Name != "Front door" {
		t.Errorf("the button is %+v", b)
	}
	if !reflect.DeepEqual(b.Call, [][]string{{"101", "102"}}) {
		t.Errorf("it calls %v, want both tablets and not the door", b.Call)
	}
	if l := w.Local.Lock; l == nil || l.Pin.Name != "GPIO27" || l.Active != "high" || !slices.Equal(l.Codes, []string{"1"}) {
		t.Errorf("the lock is %+v, want GPIO27 with the popup's code", l)
	}
	if w.Local.Camera.Source != "rpicam" || w.Local.Audio.Device != "USB Audio" {
		t.Errorf("camera %q, sound %q", w.Local.Camera.Source, w.Local.Audio.Device)
	}
	if got := strings.Join(m.log, ", "); got != "check, enable and start, ring" {
		t.Errorf("then it did: %s", got)
	}
	if got := strings.Join(m.clicks, ", "); got != "GPIO27 high 1s" {
		t.Errorf("clicks: %s", got)
	}
}

// TestARelayIsNotSwitchedUnasked: a click needs a yes of its own each time, and the level at which it worked is written.
func TestARelayIsNotSwitchedUnasked(t *testing.T) {
	t.Run("no means no", func(t *testing.T) {
		p, m := &person{t: t, answers: []answer{
			{to: "How does the door", is: "long-lived"}, {to: "The token?", is: theToken}, {to: "Is there a relay", is: "yes"},
			{to: "What now?", is: "Go on without"},
		}}, pi()
		if err := setup.Run(t.Context(), parts(p, household(), m), setup.Options{}); err != nil {
			t.Fatal(err)
		}
		if len(m.clicks) != 0 {
			t.Errorf("it was switched: %v", m.clicks)
		}
	})
	t.Run("the other level", func(t *testing.T) {
		p, m := &person{t: t, answers: append(usual(), answer{to: "Did the door opener work", is: "no", once: true})}, pi()
		if err := setup.Run(t.Context(), parts(p, household(), m), setup.Options{}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(m.clicks, ", "); got != "GPIO27 high 1s, GPIO27 let go, GPIO27 low 1s" || m.written[0].Local.Lock.Active != "low" {
			t.Errorf("clicks %s, written %s", got, m.written[0].Local.Lock.Active)
		}
	})
}

// TestStoppedAnywhere: whoever gives up at any question finds nothing written, the token of a login deleted, and the agent running as before.
func TestStoppedAnywhere(t *testing.T) {
	answers := append([]answer{
		{to: "How does the door get in", is: "I type the name"},
		{to: "The name that the door's user", is: "door"},
		{to: "The password?", is: "garden"},
		{to: "The code of the second factor", is: "123456"},
	}, usual()[2:]...)
	whole := &person{t: t, answers: slices.Clone(answers)}
	machine := pi()
	machine.running = true
	if err := setup.Run(t.Context(), parts(whole, household(), machine), setup.Options{}); err != nil {
		t.Fatal(err)
	}
	write := slices.Index(whole.asked, "Is that right?") + 1
	if write < 15 {
		t.Fatalf("asked only %q", whole.asked)
	}
	for n := 1; n <= len(whole.asked); n++ {
		for _, cut := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			p, h, m := &person{t: t, answers: slices.Clone(answers), stopAt: n}, household(), pi()
			m.running = true
			if cut {
				p.cancel = cancel
			}
			err := setup.Run(ctx, parts(p, h, m), setup.Options{})
			cancel()
			at := p.asked[len(p.asked)-1]
			if !errors.Is(err, setup.ErrStopped) {
				t.Errorf("at %q: %v", at, err)
			}
			if n <= write && len(m.written) != 0 {
				t.Errorf("at %q: something was written", at)
			}
			if !m.running {
				t.Errorf("at %q: the agent does not run any more: %v", at, m.log)
			}
			login := slices.IndexFunc(whole.asked, func(q string) bool { return strings.HasPrefix(q, "The code of the second") }) + 1
			if revoked := len(h.revoked) == 1; revoked != (n > login && n <= write) {
				t.Errorf("at %q: tokens deleted: %d", at, len(h.revoked))
			}
		}
	}
}

// TestWhatIsThereIsTheDefault: a setup run again, every question answered by Enter, changes nothing.
func TestWhatIsThereIsTheDefault(t *testing.T) {
	first := &person{t: t, answers: usual()}
	m := pi()
	if err := setup.Run(t.Context(), parts(first, household(), m), setup.Options{}); err != nil {
		t.Fatal(err)
	}
	was := m.written[0]
	was.Local.Buttons[0].Call = [][]string{{"102"}, {"101"}} // somebody has made steps of it
	again := pi()
	again.local, again.exists, again.token = was.Local, true, theToken
	p := &person{t: t}
	if err := setup.Run(t.Context(), parts(p, household(), again), setup.Options{}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.written[0].Local, was.Local) {
		t.Errorf("it became\n%+v\nfrom\n%+v", again.written[0].Local, was.Local)
	}
	if again.written[0].Token != "" || len(again.clicks) != 0 {
		t.Errorf("token %q, clicks %v", again.written[0].Token, again.clicks)
	}
}

func TestAnExtensionThatIsNotThereYet(t *testing.T) {
	h, m := household(), pi()
	h.core.Users = h.core.Users[1:]
	h.added = func(h *home) {
		if h.looks == 3 { // the first time the person was too quick
			h.core.Users = append(h.core.Users, settings.User{HAUsername: "abc", Extension: "8001"})
		}
	}
	p := &person{t: t, answers: usual()}
	if err := setup.Run(t.Context(), parts(p, h, m), setup.Options{}); err != nil {
		t.Fatal(err)
	}
	if !p.heard("webrtc=yes") || !p.heard("ha_username") {
		t.Error("it was not said what to add")
	}
	if m.written[0].Local.SIP.Extension != "" || !p.heard("is not") && !p.heard("no user with the extension") {
		t.Errorf("extension %q; told %q", m.written[0].Local.SIP.Extension, p.told)
	}
}

func TestSIPCoreThatIsNotSetUpIsWaitedFor(t *testing.T) {
	h := household()
	h.coreErr = []error{setup.ErrNotInstalled, setup.ErrNotSetUp}
	p := &person{t: t, answers: usual()}
	if err := setup.Run(t.Context(), parts(p, h, pi()), setup.Options{}); err != nil {
		t.Fatal(err)
	}
	if !p.heard("not installed") || !p.heard("HACS") {
		t.Errorf("told %q", p.told)
	}
}

// TestTextsFromTheNetworkAreHarmless: what a stranger announces can't move the cursor.
func TestTextsFromTheNetworkAreHarmless(t *testing.T) {
	const evil = "Ho\x1b[2Jme\r\n\x07\u202etxt"
	h := household()
	h.places[0].Name, h.user.Name = evil, evil
	h.core.Users[1].DisplayName, h.core.Popup.DTMF[0].Label = evil, evil
	p := &person{t: t, answers: usual()}
	if err := setup.Run(t.Context(), parts(p, h, pi()), setup.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, text := range slices.Concat(p.told, p.asked) {
		if strings.ContainsAny(text, "\x1b\x07\r\u202e") {
			t.Errorf("shown: %q", text)
		}
	}
}

func TestAnAdministratorsTokenIsWarnedOf(t *testing.T) {
	h := household()
	h.user.Admin = true
	p := &person{t: t, answers: append(usual(), answer{to: "Use this one all the same", is: "yes"})}
	if err := setup.Run(t.Context(), parts(p, h, pi()), setup.Options{}); err != nil {
		t.Fatal(err)
	}
	if !p.heard("administrator") {
		t.Errorf("told %q", p.told)
	}
}
