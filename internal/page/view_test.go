package page

import (
	"errors"
	"strings"
	"testing"

	"doorstation/internal/control"
)

func TestTheDoorInALine(t *testing.T) {
	wrong := func(severity string, n int) func(*control.Status) {
		return func(s *control.Status) {
			for range n {
				s.Faults = append(s.Faults, control.Fault{Code: "a", Severity: severity, Title: "It is broken."})
			}
		}
	}
	registration := func(state string) func(*control.Status) {
		return func(s *control.Status) { s.Registration.State = state }
	}
	visit := func(v control.Visit) func(*control.Status) { return func(s *control.Status) { s.Visit = v } }
	for _, c := range []struct {
		name                string
		change              func(*control.Status)
		mood, title, detail string
	}{
		{"ready", func(*control.Status) {}, moodGood, "Ready. Registered as 105.", "A press of the bell rings the household."},
		{"a warning", wrong("warning", 1), moodWarn, "Ready. Registered as 105.", "One thing is not as it should be"},
		{"warnings", wrong("warning", 3), moodWarn, "Ready. Registered as 105.", "3 things are not"},
		{"an error", wrong("error", 1), moodBad, "It is broken.", "Registered as 105. The fault is below"},
		{"errors", wrong("error", 2), moodBad, "It is broken.", "2 faults are below"},
		{"starting", registration("registering"), moodWarn, "Registering", "would reach nobody"},
		{"refused", registration("refused"), moodBad, "Not ready: the telephone exchange refuses the door.", "would reach nobody"},
		{"unreachable", registration("unreachable"), moodBad, "Not ready: the telephone exchange is not reached.", "would reach nobody"},
		{"offline", registration("offline"), moodBad, "Not ready: the door is not registered.", "would reach nobody"},
		{"calling", visit(control.Visit{State: "calling", Button: "Gate", Targets: []string{"1", "2"}}), moodBusy, "Somebody is at the door.", "Calling 1, 2."},
		{"ringing", visit(control.Visit{State: "ringing", Button: "Gate", Targets: []string{"1"}}), moodBusy, "The household is being rung.", "Pressed at “Gate”. Ringing 1."},
		{"talking", visit(control.Visit{State: "talking", Button: "Gate", AnsweredBy: "1"}), moodBusy, "1 is talking to the visitor.", "“Gate”"},
		{"a look", func(s *control.Status) { s.Look = &control.Look{Caller: "102", Loudspeaker: true} }, moodBusy, "102 is looking", "loudspeaker is open"},
	} {
		s := ready()
		c.change(&s)
		mood, title, detail := headline(s)
		if mood != c.mood || !strings.HasPrefix(title, c.title) || !strings.Contains(detail, c.detail) {
			t.Errorf("%s: %s, %q, %q", c.name, mood, title, detail)
		}
	}
}

func TestWhatIsSaidOfThePicture(t *testing.T) {
	for _, c := range []struct {
		camera, light string
		failing, lamp bool
		text          string
	}{
		{"idle", "off", false, true, "The picture is off."},
		{"running", "on", false, true, "The picture is off."},
		{"restarting", "absent", true, false, "The camera gives no picture just now."},
		{"failed", "fault", true, true, "The camera gives no picture just now."},
	} {
		s := ready()
		s.Camera.State, s.GPIO.Light = c.camera, c.light
		if p := viewOf(s, viewOptions{}).Picture; p.Failing != c.failing || p.Light != c.lamp || p.Text != c.text {
			t.Errorf("%s: %+v", c.camera, p)
		}
	}
}

// TestASentenceBeginsWithItsLetter: a name may begin with one of several bytes.
func TestASentenceBeginsWithItsLetter(t *testing.T) {
	s := ready()
	s.Visits = []control.PastVisit{{Outcome: "talked", AnsweredBy: "küche"}, {Outcome: "talked", AnsweredBy: "östlich"}, {Outcome: "busy"}}
	for i, want := range []string{"Küche answered", "Östlich answered", "Busy"} {
		if text := viewOf(s, viewOptions{}).Visits[i].Text; !strings.HasPrefix(text, want) {
			t.Errorf("%q", text)
		}
	}
	if text := sentence(errors.New("übersteuert")); text != "Übersteuert." {
		t.Errorf("%q", text)
	}
}

func TestWhatStandsInDetail(t *testing.T) {
	now := control.Status{
		Registration: control.Registration{State: "refused", Extension: "105", Server: "pbx:8089", Transport: "ingress", BackupUser: true, Error: "403 Forbidden"},
		Settings:     control.Settings{Origin: "kept"}, WarmOffers: control.WarmOffers{Ready: 1, Want: 2}, ICE: control.ICE{Servers: 2, Relay: 1, RelayOnly: true},
		GPIO: control.GPIO{Chip: "absent", Lock: "on", Light: "fault", Buttons: []control.Button{{Name: "Gate", Level: "on", Presses: 1, Glitches: 2, Edges: "proven"}}},
		Door: control.Door{Mode: "held", Contact: "open", Tamper: true, WrongCodes: 4, LockOuts: 1}, Camera: control.Camera{State: "failed", Readers: 3, BitrateCause: "loss"},
		Page: control.Page{Viewers: 1}, Sound: control.Sound{State: "failed", Echo: "half_duplex", Call: &control.CallSound{MicrophoneMuted: true}},
		Calls: control.Calls{Visits: 1, Looks: 1},
	}
	want := map[string][2]string{
		"Registration": {"Refused", moodBad}, "Extension": {"105, SIP Core's backup user", ""}, "Exchange": {"pbx:8089, through Home Assistant", ""},
		"It said": {"403 Forbidden", moodBad}, "SIP Core’s settings": {"Kept from before the start", moodWarn}, "Ways for a call (ICE)": {"1 of 2 ready", moodWarn},
		"Addresses for it": {"1 by TURN", ""}, "Servers": {"2 STUN or TURN servers, everything by TURN", ""}, "Lock": {"Held open", moodBusy}, "Door": {"Stands open", moodWarn},
		"Tamper switch": {"Alarm", moodBad}, "Codes": {"4 wrong codes, locked out 1×", moodWarn}, "Light": {"Fault", moodBad}, "Pins": {"No GPIO chip", moodWarn},
		"“Gate”": {"1 press, pressed now, 2 glitches, its line works", ""}, "Camera": {"Failed, tried again", moodBad}, "Network": {"Holds the picture’s rate down", moodWarn},
		"Who watches": {"2 calls, 1 status page", ""}, "Sound": {"Failed, tried again", moodBad}, "Echo": {"Can’t be taken out: one speaks at a time", ""},
		"Muted": {"Microphone, for this call", moodWarn}, "Calls to the door": {"1 answered, 0 refused", ""},
	}
	for _, g := range groups(now) {
		for _, r := range g.Rows {
			if w, is := want[r.Name]; is && (r.Value != w[0] || r.Mood != w[1]) {
				t.Errorf("%s: %q, %q; want %q", r.Name, r.Value, r.Mood, w)
			}
			delete(want, r.Name)
		}
	}
	for name := range want {
		t.Errorf("%s is not told", name)
	}
}
