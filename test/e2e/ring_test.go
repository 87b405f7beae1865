package e2e

import (
	"strings"
	"testing"

	"doorstation/test/house"
	"doorstation/test/lab"
)

func TestTheBellRingsAndTheHouseholdSeesAndTalks(t *testing.T) {
	for _, c := range []struct {
		name  string
		popup lab.PopupOptions
	}{
		{"on a tablet without a camera", lab.PopupOptions{}},
		{"on a tablet with a camera", lab.PopupOptions{SIPVideo: true}},
		{"with the JsSIP of the card", lab.PopupOptions{JsSIP: lab.JsSIPCard}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, kitchen := evening(t, house.Options{}, c.popup)
			h.Door.Press("Front door")
			call := kitchen.WaitRinging(patience)
			if call.Number != lab.DoorExtension {
				t.Errorf("the popup says %q calls, want the door's %s", call.Number, lab.DoorExtension)
			}
			h.Door.Wait(patience, "ringing", visitState("ringing"))
			kitchen.Answer()
			kitchen.WaitTalking(patience)
			assertPicture(t, kitchen)
			assertHears(t, kitchen)
			assertDoorHears(t, h.Door, kitchenHz)
			kitchen.Hangup()
			h.Door.WaitOutcome(1, "talked")
			assertVisitLine(t, h.Door)
		})
	}
}

// assertVisitLine checks the one line that tells a whole call.
func assertVisitLine(t *testing.T, d *house.Door) {
	t.Helper()
	lines := d.VisitLines()
	if len(lines) != 1 {
		t.Fatalf("%d lines at the end of one visit", len(lines))
	}
	line := lines[0]
	if line["outcome"] != "talked" || line["answered_by"] != "101" {
		t.Errorf("the line says %v, answered by %v", line["outcome"], line["answered_by"])
	}
	watch, ok := line["after_press"].(map[string]any)
	if !ok {
		t.Fatalf("the line has no stopwatch: %v", line)
	}
	last := 0.0
	for _, mark := range []string{"invite_ms", "ringing_ms", "answer_ms", "dtls_ms", "key_frame_ms"} {
		at, passed := watch[mark].(float64)
		if !passed {
			t.Errorf("the stopwatch has no %s: %v", mark, watch)
			continue
		}
		if at < last {
			t.Errorf("%s is %v, before the mark ahead of it (%v)", mark, at, last)
		}
		last = at
	}
	for _, mark := range []string{"ice_ms", "far_sound_ms"} {
		if _, passed := watch[mark].(float64); !passed {
			t.Errorf("the stopwatch has no %s: %v", mark, watch)
		}
	}
	for _, direction := range []string{"audio_sent", "audio_received", "video_sent"} {
		counts, told := line[direction].(map[string]any)
		if !told || counts["packets"].(float64) == 0 {
			t.Errorf("the line says of %s: %v", direction, line[direction])
		}
	}
}

func TestWithoutSIPVideoTheBellRingsAndTheHouseholdTalks(t *testing.T) {
	h, kitchen := evening(t, house.Options{SIPCore: func(core map[string]any) { core["sip_video"] = false }}, lab.PopupOptions{})
	fault := h.Door.WaitFault("no_picture")
	if fault.Severity != "warning" || !strings.Contains(fault.Remedy, "camera_entity") || !strings.Contains(fault.Remedy, "sip_video") {
		t.Errorf("the standing warning does not say how to mend it: %+v", fault)
	}
	answered(t, h, kitchen)
	assertHears(t, kitchen)
	assertDoorHears(t, h.Door, kitchenHz)
	if v := kitchen.Video(); v.Packets != 0 {
		t.Errorf("%d packets of video came although sip_video is off", v.Packets)
	}
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
}

func TestWithACameraEntityNothingIsMissing(t *testing.T) {
	h := house.Open(t, house.Options{SIPCore: func(core map[string]any) {
		core["sip_video"] = false
		core["popup_config"] = map[string]any{"extensions": map[string]any{
			lab.DoorExtension: map[string]any{"name": "Front door", "camera_entity": "camera.front_door"},
		}}
	}})
	s := h.Door.WaitRegistered()
	if f := house.FaultOf(s, "no_picture"); f != nil {
		t.Errorf("a warning stands although the popup has a camera entity: %+v", f)
	}
}

func TestVideoAlwaysShowsThePictureWhateverSIPCoreSays(t *testing.T) {
	h, kitchen := evening(t, house.Options{
		Config:  "call: {video: always}\n",
		SIPCore: func(core map[string]any) { core["sip_video"] = false },
	}, lab.PopupOptions{})
	answered(t, h, kitchen)
	assertPicture(t, kitchen)
}

func TestAPBXWithoutVideoLeavesAWorkingTalk(t *testing.T) {
	h, kitchen := evening(t, house.Options{Asterisk: lab.AsteriskOptions{NoVideo: true}}, lab.PopupOptions{})
	answered(t, h, kitchen)
	assertHears(t, kitchen)
	assertDoorHears(t, h.Door, kitchenHz)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
}

func TestADeadSTUNServerDelaysNothingAtTheDoor(t *testing.T) {
	const credential = "not-for-logs-9"
	h, kitchen := evening(t, house.Options{Secrets: []string{credential}, SIPCore: func(core map[string]any) {
		core["ice_config"] = map[string]any{
			"iceServers": []any{
				map[string]any{"urls": "stun:" + lab.SilentSTUN(t)},
				map[string]any{"urls": []any{"turn:" + lab.SilentSTUN(t) + "?transport=udp"}, "username": "u", "credential": credential},
			},
			"iceGatheringTimeout": 1000,
		}
	}}, lab.PopupOptions{})
	h.Door.Press("")
	kitchen.WaitRinging(patience)
	kitchen.Answer()
	kitchen.WaitTalking(patience)
	assertPicture(t, kitchen)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
	watch := h.Door.VisitLines()[0]["after_press"].(map[string]any)
	if ms := watch["invite_ms"].(float64); ms > 1000 {
		t.Errorf("the INVITE left %v ms after the press: it waited for the dead server", ms)
	}
}

func TestAPBXThatWaitsForADeadSTUNServerIsNotGivenUp(t *testing.T) {
	t.Parallel()
	h, kitchen := evening(t, house.Options{
		Ring:     "10s",
		Asterisk: lab.AsteriskOptions{STUN: lab.SilentSTUN(t), Ports: ports(3)},
	}, lab.PopupOptions{})
	h.Door.Press("")
	// Asterisk sits out the server for 18 s on each leg.
	kitchen.WaitRinging(3 * patience)
	kitchen.Answer()
	kitchen.WaitTalking(3 * patience)
	assertHears(t, kitchen)
}
