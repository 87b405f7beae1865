package app

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"doorstation/internal/control"
)

// TestAChangeDuringACallDropsNothingAndTheNextCallHasIt: video off and another STUN server, with the registration as it was.
func TestAChangeDuringACallDropsNothingAndTheNextCallHasIt(t *testing.T) {
	h := newHouse(t)
	kitchen := newTablet(h)
	a := h.start("")
	before := a.registered()
	a.talks(kitchen)
	core := with("sip_video", false)
	core["ice_config"] = map[string]any{"iceGatheringTimeout": 400, "iceServers": []any{}}
	core["popup_config"].(map[string]any)["extensions"] = map[string]any{"200": map[string]any{"camera_entity": "camera.door"}}
	h.home.SetSIPCore(core)
	s := a.until("applied", func(s control.Status) bool { return s.Settings.Applied.After(*before.Settings.Applied) })
	if s.Visit.State != "talking" || s.Settings.Waiting || !s.Registration.Since.Equal(*before.Registration.Since) || s.Settings.Changed == nil {
		t.Errorf("%+v, %+v, %+v", s.Visit, s.Settings, s.Registration)
	}
	if s.Camera.Readers != 1 {
		t.Errorf("the visit lost its picture: %+v", s.Camera)
	}
	kitchen.hangUp()
	a.until("idle, with new offers", func(s control.Status) bool { return s.Visit.State == "idle" && s.WarmOffers.Ready == s.WarmOffers.Want })
	a.press()
	kitchen.pickUp()
	if offer := string(kitchen.invite.Body()); strings.Contains(offer, "m=video 9") {
		t.Errorf("the next call has video:\n%s", offer)
	}
	s = a.visit("talking")
	if !s.Registration.Since.Equal(*before.Registration.Since) {
		t.Error("the registration was made anew")
	}
	kitchen.hangUp()
	a.visit("idle")
}

func TestANewRegistrationSaysThatItWaits(t *testing.T) {
	h := newHouse(t)
	kitchen := newTablet(h)
	a := h.start("")
	a.registered()
	a.talks(kitchen)
	h.home.SetSIPCore(with("users", users(map[string]any{"ha_username": userID, "extension": "201", "password": password})))
	s := a.until("a change waiting", func(s control.Status) bool { return s.Settings.Waiting })
	if s.Visit.State != "talking" || s.Registration.Extension != "200" {
		t.Errorf("%+v %+v", s.Visit, s.Registration)
	}
	kitchen.hangUp()
	a.until("registered as 201", func(s control.Status) bool { return registeredAs("201")(s) && !s.Settings.Waiting })
}

func TestBrokenSettingsAreRefusedAsAWholeAndNamed(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(core map[string]any)
		want  string
	}{
		{"a wrong type", func(core map[string]any) { core["sip_video"] = "yes" }, "sip_video"},
		{"a server", func(core map[string]any) {
			core["ice_config"] = map[string]any{"iceServers": []any{map[string]any{"urls": "http://x"}}}
		}, "ice_config.iceServers[0].urls"},
		{"the door is gone", func(core map[string]any) { core["users"] = users() }, "no entry of users"},
		{"no object", nil, "not a JSON object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			a := h.start("")
			before := a.registered()
			core := with("pbx_server", "another.example") // is not taken with the broken one
			if c.spoil == nil {
				h.home.SetSIPCore([]any{1})
			} else {
				c.spoil(core)
				h.home.SetSIPCore(core)
			}
			s := a.until("settings_refused", func(s control.Status) bool { return fault(s, "settings_refused") != nil })
			if f := fault(s, "settings_refused"); !strings.Contains(f.Detail, c.want) || len(s.Faults) != 1 || !s.Settings.Refused {
				t.Errorf("%+v, %+v", s.Faults, s.Settings)
			}
			if !s.Registration.Since.Equal(*before.Registration.Since) || !s.Settings.Applied.Equal(*before.Settings.Applied) {
				t.Errorf("something was applied: %+v", s)
			}
			h.home.SetSIPCore(sipCore())
			a.until("no fault", func(s control.Status) bool {
				return len(s.Faults) == 0 && !s.Settings.Refused && s.Registration.State == "registered"
			})
		})
	}
}

// TestARevokedTokenLeavesTheLineUp, and another one put in the file is used without a restart, for ingress as well.
func TestARevokedTokenLeavesTheLineUp(t *testing.T) {
	const another = "another-token-of-the-door"
	h := newHouse(t)
	kitchen := newTablet(h)
	a := h.start("")
	before := a.registered()
	h.home.Set(func(o *optionsOfHome) { o.Token = another })
	s := a.until("token_refused", func(s control.Status) bool { return fault(s, "token_refused") != nil })
	if s.Registration.State != "registered" || !s.Registration.Since.Equal(*before.Registration.Since) {
		t.Errorf("%+v", s.Registration)
	}
	a.talks(kitchen)
	kitchen.hangUp()
	a.visit("idle")
	check(t, os.WriteFile(h.path("token"), []byte(another), 0o600))
	a.until("no fault", func(s control.Status) bool { return len(s.Faults) == 0 })
	h.home.DropSessions()
	h.home.DropConnections()
	a.until("registered anew with the other token", func(s control.Status) bool {
		return s.Registration.State == "registered" && s.Registration.Since.After(*before.Registration.Since)
	})
}

// TestThePopupsDigitsAreWarnedAboutUntilTheyFit.
func TestThePopupsDigitsAreWarnedAboutUntilTheyFit(t *testing.T) {
	h := newHouse(t)
	core := with("popup_config", map[string]any{"buttons": []any{map[string]any{"label": "Gate", "type": "dtmf", "data": "9"}}})
	core["users"] = core["users"].([]any)[1:]
	h.home.SetSIPCore(core)
	a := h.start("")
	s := a.until("three warnings", func(s control.Status) bool {
		return fault(s, "dtmf_opens_nothing") != nil && fault(s, "code_not_sent") != nil && fault(s, "unknown_target") != nil
	})
	for code, want := range map[string]string{"dtmf_opens_nothing": `"Gate"`, "code_not_sent": "1 of the 1", "unknown_target": `"Front door" calls 101`} {
		if f := fault(s, code); f.Severity != "warning" || !strings.Contains(f.Detail, want) {
			t.Errorf("%+v", f)
		}
	}
	if strings.Contains(a.log.String(), "42") && strings.Contains(a.log.String(), "codes=[42") {
		t.Error("the log has a code")
	}
	h.home.SetSIPCore(sipCore())
	a.until("no warning", func(s control.Status) bool { return len(s.Faults) == 0 })
}

// TestPollingCostsLittle: one request and no handshake a look, and the answer's size besides.
func TestPollingCostsLittle(t *testing.T) {
	h := newHouse(t)
	h.home.SetSIPCore(h.direct())
	a := h.start("")
	a.registered()
	a.until("settled", func(control.Status) bool { return h.home.Requests().Config > 2 })
	before, dials, bytes := h.home.Requests(), h.dials.Load(), h.bytes.Load()
	a.until("asked 20 times", func(control.Status) bool { return h.home.Requests().Config >= before.Config+20 })
	after := h.home.Requests()
	looks := int64(after.Config - before.Config)
	each := (h.bytes.Load() - bytes) / looks
	body, err := json.Marshal(h.direct())
	check(t, err)
	t.Logf("%d looks, %d bytes each, %d of them the settings", looks, each, len(body))
	if after.CurrentUser != before.CurrentUser || h.dials.Load() != dials {
		t.Errorf("%d questions for the user and %d connections besides", after.CurrentUser-before.CurrentUser, h.dials.Load()-dials)
	}
	if each > 2000 {
		t.Errorf("%d bytes a look", each)
	}
}
