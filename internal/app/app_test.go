package app

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"doorstation/internal/control"
)

func TestTheAgentRegistersAndItsStatusSaysSo(t *testing.T) {
	h := newHouse(t)
	a := h.start("")
	s := a.until("registered, with warm offers", func(s control.Status) bool {
		return s.Registration.State == "registered" && s.WarmOffers.Ready == s.WarmOffers.Want
	})
	r := s.Registration
	if r.Extension != "200" || r.Transport != "ingress" || r.Expires == nil || r.Since == nil || r.BackupUser || !strings.Contains(h.url, r.Server) {
		t.Errorf("registration: %+v", r)
	}
	if s.Version != "1.2.3" || s.Started.IsZero() || s.Visit.State != "idle" || s.Calls.Visits != 0 || s.WarmOffers.Want != 1 {
		t.Errorf("status: %+v", s)
	}
	if g := s.GPIO; g.Chip != "simulated" || g.Lock != "off" || g.Light != "off" || len(g.Buttons) != 1 || g.Buttons[0].Edges != "proven" {
		t.Errorf("gpio: %+v", s.GPIO)
	}
	if c := s.Camera; c.Source != "test" || c.State != "idle" || c.Width != 160 || c.Readers != 0 {
		t.Errorf("camera: %+v", c)
	}
	if s.Sound.Device != "test" || s.Sound.FarLevel != nil {
		t.Errorf("sound: %+v", s.Sound)
	}
	if len(s.Faults) != 0 {
		t.Errorf("faults: %+v", s.Faults)
	}
	raw, err := json.Marshal(s)
	check(t, err)
	for _, secret := range []string{token, password, credential} {
		if strings.Contains(string(raw), secret) {
			t.Error("the status has a secret")
		}
	}
	a.stop()
	if n := h.pbx.Registered("200"); n != 0 {
		t.Errorf("%d contacts of the door are left at the PBX", n)
	}
	if _, err = os.Stat(h.path("control.sock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func TestACallFromPressToGoodbye(t *testing.T) {
	h := newHouse(t)
	kitchen := newTablet(h)
	a := h.start("")
	a.registered()
	a.press()
	s := a.until("ringing, and the light on", func(s control.Status) bool { return s.Visit.State == "ringing" && s.GPIO.Light == "on" })
	if s.Visit.Button != "Front door" || len(s.Visit.Targets) != 1 || s.Visit.Targets[0] != "101" {
		t.Errorf("ringing: %+v, %+v", s.Visit, s.GPIO)
	}
	a.press() // does nothing but count
	kitchen.pickUp()
	if s = a.visit("talking"); s.Visit.AnsweredBy != "101" {
		t.Errorf("talking: %+v", s.Visit)
	}
	kitchen.digit('4')
	kitchen.digit('3')
	kitchen.digit('4')
	if s = a.visit("talking"); s.GPIO.LockOpenings != 0 {
		t.Errorf("a wrong code opened the door: %+v", s.GPIO)
	}
	kitchen.digit('2')
	a.until("the lock open", func(s control.Status) bool { return s.GPIO.Lock == "on" })
	s = a.until("the lock closed", func(s control.Status) bool { return s.GPIO.Lock == "off" })
	if s.GPIO.LockOpenings != 1 || s.Visit.State != "talking" {
		t.Errorf("after the code: %+v, %+v", s.GPIO, s.Visit)
	}
	a.until("one reader of the camera", func(s control.Status) bool { return s.Camera.Readers == 1 && s.Camera.KeyFrames > 1 })
	kitchen.hangUp()
	s = a.until("idle, and the light off", func(s control.Status) bool { return s.Visit.State == "idle" && s.GPIO.Light == "off" })
	if c := s.Calls; c.Visits != 1 || c.Answered != 1 || c.IgnoredPresses != 1 || c.Last == nil || c.Last.Outcome != "talked" || c.Last.AnsweredBy != "101" {
		t.Errorf("calls: %+v, %+v", c, c.Last)
	}
	if len(s.Visits) != 1 {
		t.Fatalf("visits: %+v", s.Visits)
	}
	if v := s.Visits[0]; v.Number != 1 || v.Button != "Front door" || v.Outcome != "talked" || v.AnsweredBy != "101" || len(v.Called) != 1 ||
		len(v.Openings) != 1 || v.Openings[0].By != "101" || v.Ended.Before(v.At) || v.RingSeconds <= 0 || v.TalkSeconds <= 0 {
		t.Errorf("the visit: %+v", v)
	}
}

func TestTheAgentStopsFromTheTopDown(t *testing.T) {
	h := newHouse(t)
	kitchen := newTablet(h)
	a := h.start("")
	a.registered()
	a.talks(kitchen)
	a.stop()
	kitchen.waits("BYE", kitchen.byes)
	if n := h.pbx.Registered("200"); n != 0 {
		t.Errorf("%d contacts of the door are left at the PBX", n)
	}
	if err := a.log.after("doorstation stops", stopped("control"), stopped("presses"), `msg="visit ended"`, stopped("station"), stopped("phone"),
		stopped("home"), stopped("audio"), stopped("camera"), stopped("gpio"), "doorstation stopped"); err != nil {
		t.Error(err)
	}
	if strings.Contains(a.log.String(), "not stopped cleanly") {
		t.Error("a room did not stop cleanly")
	}
}

func stopped(room string) string { return `msg="room stopped" room=` + room }

func TestAPressBeforeTheDoorIsRegisteredRingsAllTheSame(t *testing.T) {
	h := newHouse(t)
	kitchen := newTablet(h)
	h.home.Set(func(o *optionsOfHome) { o.NotSetUp = true })
	a := h.start("")
	a.until("a fault", func(s control.Status) bool { return fault(s, "not_set_up") != nil })
	a.press()
	a.visit("calling")
	h.home.Set(func(o *optionsOfHome) { o.NotSetUp = false })
	kitchen.pickUp()
	a.visit("talking")
	kitchen.hangUp()
	if s := a.visit("idle"); s.Calls.Last.Outcome != "talked" {
		t.Errorf("last: %+v", s.Calls.Last)
	}
}

func TestChangedSettingsApplyWhenIdleAndWaitForAVisit(t *testing.T) {
	h := newHouse(t)
	kitchen := newTablet(h)
	a := h.start("")
	a.registered()
	as := func(extension string) {
		h.home.SetSIPCore(with("users", []any{map[string]any{"ha_username": userID, "extension": extension, "password": password}}))
	}
	as("201")
	a.until("registered as 201", func(s control.Status) bool {
		return s.Registration.State == "registered" && s.Registration.Extension == "201"
	})
	if n := h.pbx.Registered("200"); n != 0 {
		t.Errorf("%d contacts of the old extension are left", n)
	}
	a.talks(kitchen)
	as("200")
	asked := h.home.Requests().Config
	a.until("Home Assistant was asked twice more", func(control.Status) bool { return h.home.Requests().Config >= asked+2 })
	if s := a.visit("talking"); s.Registration.Extension != "201" || s.Registration.State != "registered" {
		t.Errorf("the registration was changed during a visit: %+v", s.Registration)
	}
	kitchen.hangUp()
	a.until("registered as 200", func(s control.Status) bool {
		return s.Registration.State == "registered" && s.Registration.Extension == "200"
	})
}

func TestASecondAgentIsRefusedAndTouchesNothing(t *testing.T) {
	h := newHouse(t)
	a := h.start("")
	a.registered()
	before := h.home.Requests().Config
	log := &logBuffer{}
	err := Run(context.Background(), Options{Local: h.local(""), Socket: h.path("control.sock"), Log: textLog(log), Now: time.Now,
		Getenv: func(string) string { return "" }})
	if !errors.Is(err, control.ErrInUse) {
		t.Errorf("got %v", err)
	}
	if log.String() != "" {
		t.Errorf("it did something:\n%s", log.String())
	}
	if s := a.registered(); s.Registration.Extension != "200" || before == 0 {
		t.Errorf("registration: %+v", s.Registration)
	}
}

func TestASocketThatCannotBeMadeEndsTheAgent(t *testing.T) {
	h := newHouse(t)
	check(t, os.WriteFile(h.path("file"), nil, 0o600))
	err := Run(context.Background(), Options{Local: h.local(""), Socket: h.path("file"), Log: textLog(&logBuffer{}), Now: time.Now,
		Getenv: func(string) string { return "" }})
	if !errors.Is(err, control.ErrNotSocket) {
		t.Errorf("got %v", err)
	}
}

func TestAButtonThatIsNotThereCannotBePressed(t *testing.T) {
	h := newHouse(t)
	a := h.start("")
	a.registered()
	if _, err := a.client.Press(context.Background(), "Back door"); err == nil || !strings.Contains(err.Error(), "Back door") {
		t.Errorf("got %v", err)
	}
}

func TestAHomeAssistantThatHangsDoesNotHoldUpTheEnd(t *testing.T) {
	h := newHouse(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel, never answers
	check(t, err)
	defer func() { check(t, silent.Close()) }()
	h.url = "http://" + silent.Addr().String()
	a := h.start("")
	a.until("it is there", func(control.Status) bool { return true })
	began := time.Now()
	a.stop()
	if took := time.Since(began); took > fetchLimit/2 {
		t.Errorf("it took %v to stop", took)
	}
	if strings.Contains(a.log.String(), "fault: Home Assistant") {
		t.Error("the end of the agent was taken for a fault")
	}
}
