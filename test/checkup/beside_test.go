package checkup

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"doorstation/internal/check"
	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

// TestBesideARunningAgentNothingIsDisturbed: while a visitor talks, check looks at everything, and the registration and the call go on; it
// asks no camera away and calls nobody.
func TestBesideARunningAgentNothingIsDisturbed(t *testing.T) {
	h := house.Open(t, house.Options{Asterisk: lab.AsteriskOptions{CA: lasting(t)}})
	kitchen := lab.StartBrowser(t).Popup(t, lab.PopupOptions{Extension: "101", MicHz: 700, WSURL: h.WSURL()})
	kitchen.WaitRegistered(patience)
	before := h.Door.WaitRegistered()
	contacts := h.PBX.CLI(t, "pjsip show aor "+lab.DoorExtension)
	h.Door.Press("")
	kitchen.WaitRinging(patience)
	kitchen.Answer()
	kitchen.WaitTalking(patience)
	h.Door.Wait(patience, "talking", func(s control.Status) bool { return s.Visit.State == "talking" })

	r := checkBeside(t, h, "--call", "102")
	for _, f := range r.Findings {
		if f.Outcome == check.Error || f.Outcome == check.Warning {
			t.Errorf("%s: %s %s", f.Link, f.Code, f.Found)
		}
	}
	if f := r.Of("registration"); len(f) != 1 || !strings.Contains(f[0].Found, "the agent is registered") || !strings.Contains(f[0].Found, "1 contact ") {
		t.Errorf("registration: %+v", f)
	}
	if f := r.Of("call"); len(f) != 1 || f[0].Outcome != check.Skipped {
		t.Errorf("it calls although the door is in a call: %+v", f)
	}
	after, err := h.Door.Status()
	if err != nil {
		t.Fatal(err)
	}
	if after.Visit.State != "talking" || after.Registration.State != "registered" || !after.Registration.Since.Equal(*before.Registration.Since) {
		t.Errorf("disturbed: %+v, %+v", after.Visit, after.Registration)
	}
	if now := h.PBX.CLI(t, "pjsip show aor "+lab.DoorExtension); contactLine(now) != contactLine(contacts) {
		t.Errorf("the exchange's contacts were\n%s\nand are\n%s", contacts, now)
	}
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
}

// contactLine is the line of an extension's contact.
func contactLine(aor string) string {
	for line := range strings.Lines(aor) {
		if strings.Contains(line, "Contact:  ") {
			fields := strings.Fields(line)
			return fields[1]
		}
	}
	return ""
}

// TestATestCall rings a telephone, is answered, has sound both ways and a picture that is shown, and is over soon; the agent beside stays registered. A telephone that
// is off, one that declines and one that nobody takes up are told apart.
func TestATestCall(t *testing.T) {
	h := house.Open(t, house.Options{Asterisk: lab.AsteriskOptions{CA: lasting(t)}})
	h.Door.WaitRegistered()
	kitchen := lab.StartBrowser(t).Popup(t, lab.PopupOptions{Extension: "101", MicHz: 700, WSURL: h.WSURL()})
	kitchen.WaitRegistered(patience)

	reports := make(chan check.Report, 1)
	go func() { reports <- checkBeside(t, h, "--only", "call", "--call", "101", "--call-for", "2s") }()
	kitchen.WaitRinging(patience)
	kitchen.Answer()
	kitchen.WaitPicture(patience)
	r := <-reports
	f := r.Of("call")
	if len(f) != 2 || f[0].Outcome != check.OK || f[1].Outcome != check.OK {
		t.Fatalf("answered: %+v", f)
	}
	var call struct {
		Rang, Answered bool
		Sent           int `json:"packets_sent"`
		Received       int `json:"packets_received"`
	}
	decode(t, f[0].Data, &call)
	if !call.Rang || !call.Answered || call.Sent < 20 || call.Received < 20 {
		t.Errorf("%+v", f[0])
	}
	var picture struct {
		Agreed  bool
		Sent    int `json:"packets_sent"`
		Reports int `json:"reports_far"`
	}
	decode(t, f[1].Data, &picture)
	if !picture.Agreed || picture.Sent < 20 || picture.Reports < 1 {
		t.Errorf("%+v", f[1])
	}
	kitchen.WaitEnded(patience)

	go func() { reports <- checkBeside(t, h, "--only", "call", "--call", "101") }()
	kitchen.WaitRinging(patience)
	kitchen.Decline()
	if f = (<-reports).Of("call"); len(f) != 1 || f[0].Outcome != check.Note || !strings.Contains(f[0].Found, "declined") {
		t.Errorf("declined: %+v", f)
	}
	assertTold(t, checkBeside(t, h, "--only", "call", "--call", "103"), "call", "call_failed")
	if s := h.Door.WaitRegistered(); s.Calls.Visits != 0 {
		t.Errorf("the agent had %d visits", s.Calls.Visits)
	}
	if n := h.PBX.Channels(t); n != 0 {
		t.Errorf("%d legs are left in the exchange", n)
	}
}

func decode(t *testing.T, from, into any) {
	t.Helper()
	b, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Error(err)
	}
}

// patience is how long a person waits for things that should take well under a second, on a busy machine.
const patience = 45 * time.Second

// checkBeside runs doorstation check beside the house's agent.
func checkBeside(t *testing.T, h *house.House, args ...string) check.Report {
	t.Helper()
	out := h.Door.Doorstation(slices.Concat([]string{"check", "--json"}, args)...)
	var r check.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Errorf("no report: %v\n%s", err, out)
	}
	return r
}
