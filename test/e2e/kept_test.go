package e2e

import (
	"strings"
	"testing"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
	"doorstation/test/lab/homestub"
)

// noticed is how long a change in SIP Core, or Home Assistant's return, may take to be noticed; a busy machine gets more.
const noticed = 15*time.Second + patience

// keeps is a household that lives on with what the door kept: by custom_wss_url, which needs no Home Assistant.
func keeps(t *testing.T) house.Options { return house.Options{ByWSS: true, StateDir: t.TempDir()} }

// change changes SIP Core's settings as they are.
func change(h *house.House, how func(core map[string]any)) {
	h.Home.Set(func(o *homestub.Options) {
		core := house.SIPCore()
		core["custom_wss_url"] = h.PBX.WSSURL()
		how(core)
		o.SIPCore = core
	})
}

func kept(s control.Status) bool {
	return s.Registration.State == "registered" && s.Settings.Origin == "kept" && house.FaultOf(s, "settings_kept") != nil
}

func TestKeptSettingsRingWithoutHomeAssistant(t *testing.T) {
	h, kitchen := evening(t, keeps(t), lab.PopupOptions{})
	h.Door.Kill() // a power cut
	h.HomeStops()
	h.StartDoor()
	s := h.Door.Wait(patience, "registered with kept settings", kept)
	if s.Registration.Transport != "custom_wss_url" || house.FaultOf(s, "home_assistant_unreachable") == nil {
		t.Errorf("%+v, %+v", s.Registration, s.Faults)
	}
	answered(t, h, kitchen)
	assertPicture(t, kitchen)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")

	// Home Assistant returns, and somebody has changed something meanwhile.
	change(h, func(core map[string]any) { core["users"].([]any)[1].(map[string]any)["extension"] = "103" })
	h.HomeStarts()
	h.Door.Wait(noticed, "registered with the new settings, without faults", func(s control.Status) bool {
		return s.Registration.State == "registered" && s.Registration.Extension == "103" && len(s.Faults) == 0 &&
			s.Settings.Origin == "fresh"
	})
	answered(t, h, kitchen)
}

func TestKeptSettingsRingWithARevokedToken(t *testing.T) {
	h, kitchen := evening(t, keeps(t), lab.PopupOptions{})
	const another = "another-token-of-the-front-door"
	h.Home.Set(func(o *homestub.Options) { o.Token = another })
	h.Door.Wait(noticed, "the token refused, the line up", func(s control.Status) bool {
		return s.Registration.State == "registered" && house.FaultOf(s, "token_refused") != nil
	})
	answered(t, h, kitchen)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
	h.Door.Stop()
	h.StartDoor()
	h.Door.Wait(patience, "registered with kept settings", kept)
	h.Door.WaitFault("token_refused")
	answered(t, h, kitchen)
	h.Door.PutToken(another)
	h.Door.Wait(noticed, "no fault, the call goes on", func(s control.Status) bool { return len(s.Faults) == 0 && s.Visit.State == "talking" })
}

func TestKeptSettingsRingWhileHomeAssistantHangsOrShowsAPage(t *testing.T) {
	for name, mood := range map[string]house.Mood{"hangs": house.Slow, "a page": house.HTML} {
		t.Run(name, func(t *testing.T) {
			h := house.Open(t, keeps(t))
			h.Door.WaitRegistered()
			h.Door.Stop()
			h.HomeMood(mood)
			h.StartDoor()
			s := h.Door.Wait(patience, "registered with kept settings", kept)
			if f := house.FaultOf(s, "home_assistant_unreachable"); f == nil || mood == house.HTML && !strings.Contains(f.Detail, "a web page") {
				t.Errorf("%+v", s.Faults)
			}
			h.HomeMood(house.Well)
			h.Door.Wait(noticed, "no fault", func(s control.Status) bool { return len(s.Faults) == 0 && s.Settings.Origin == "fresh" })
		})
	}
}

// TestKeptCallThroughAChange: the settings change during a call, which goes on as it began; the next one has them.
func TestKeptCallThroughAChange(t *testing.T) {
	h, kitchen := evening(t, keeps(t), lab.PopupOptions{})
	before := h.Door.Wait(patience, "registered", func(s control.Status) bool {
		return s.Registration.State == "registered" && s.Settings.Applied != nil
	})
	answered(t, h, kitchen)
	assertPicture(t, kitchen)
	change(h, func(core map[string]any) {
		core["sip_video"] = false
		core["popup_config"].(map[string]any)["extensions"] = map[string]any{lab.DoorExtension: map[string]any{"camera_entity": "camera.door"}}
	})
	at := time.Now()
	s := h.Door.Wait(noticed, "applied", func(s control.Status) bool {
		return s.Settings.Applied != nil && s.Settings.Applied.After(*before.Settings.Applied)
	})
	t.Logf("applied after %v", s.Settings.Applied.Sub(at).Round(time.Millisecond))
	if s.Visit.State != "talking" || !s.Registration.Since.Equal(*before.Registration.Since) {
		t.Errorf("%+v, %+v", s.Visit, s.Registration)
	}
	assertPicture(t, kitchen)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
	answered(t, h, kitchen)
	if sdp := kitchen.RemoteSDP(); strings.Contains(sdp, "m=video") {
		t.Errorf("the next call has a picture:\n%s", sdp)
	}
}

func TestKeptInForceWhileTheNewOnesAreBroken(t *testing.T) {
	h, kitchen := evening(t, keeps(t), lab.PopupOptions{})
	change(h, func(core map[string]any) { core["sip_video"], core["pbx_server"] = []any{}, "another.example" })
	s := h.Door.Wait(noticed, "refused", func(s control.Status) bool { return house.FaultOf(s, "settings_refused") != nil })
	if f := house.FaultOf(s, "settings_refused"); !strings.Contains(f.Detail, "sip_video") || !s.Settings.Refused || s.Registration.State != "registered" {
		t.Errorf("%+v, %+v, %+v", f, s.Settings, s.Registration)
	}
	answered(t, h, kitchen)
	assertPicture(t, kitchen)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
	change(h, func(map[string]any) {})
	h.Door.Wait(noticed, "no fault", func(s control.Status) bool { return len(s.Faults) == 0 && s.Registration.State == "registered" })
}
