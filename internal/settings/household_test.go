package settings

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

const householdJSON = `{
	"users": [
		{"ha_username": "u-anna", "display_name": "Anna\u001b[31m", "extension": "101", "password": "anna-secret"},
		{"ha_username": "Door", "display_name": "Front door", "extension": "8001", "password": "door-secret"},
		{"ha_username": "u-ben", "extension": 102},
		{"ha_username": "u-ben", "extension": "no good!"},
		{"ha_username": "again", "extension": "101", "password": "x"}
	],
	"backup_user": {"ha_username": "backup", "extension": "100", "password": "backup-secret"},
	"sip_video": true,
	"custom_wss_url": "wss://pbx.example.com/ws",
	"popup_config": {
		"buttons": [{"label": "Open", "type": "dtmf", "data": "1234"}, {"label": "Light", "type": "service_call", "data": {"a": 1}},
			{"label": "Odd", "type": "dtmf", "data": "w1"}],
		"extensions": {"8001": {"name": "The door", "camera_entity": "camera.door"}}
	}
}`

// TestTheHouseholdIsDescribed: setup shows who there is, which entry is the door's, whom to call and which digits open, and never a
// password.
func TestTheHouseholdIsDescribed(t *testing.T) {
	h, err := DescribeSIPCore([]byte(householdJSON), Identity{ID: "u-door", Name: "Door"})
	if err != nil {
		t.Fatal(err)
	}
	door := Person{Extension: "8001", Name: "The door", HAUsername: "Door", HasPassword: true, CameraEntity: "camera.door"}
	if h.Door == nil || *h.Door != door {
		t.Errorf("the door is %+v", h.Door)
	}
	var who []string
	for _, p := range h.Callable("8001") {
		who = append(who, p.Extension+" "+p.Name)
	}
	if want := []string{"101 Anna[31m", "102 ", "100 "}; !reflect.DeepEqual(who, want) {
		t.Errorf("to be called are %q, expected %q", who, want)
	}
	if !h.People[len(h.People)-1].Backup || h.People[2].HasPassword {
		t.Errorf("the people are %+v", h.People)
	}
	if len(h.Openers) != 2 || h.Openers[0].Label != "Open" || h.Openers[0].Digits != "1234" || !h.Openers[0].Usable() || h.Openers[1].Usable() {
		t.Errorf("%d buttons open", len(h.Openers))
	}
	if !h.Video || h.PBX.Kind != PBXCustomWSSURL || len(h.Problems) != 1 {
		t.Errorf("video %t, exchange %+v, problems %v", h.Video, h.PBX, h.Problems)
	}
	shown := fmt.Sprintf("%v %+v %#v", h, h, h.Openers)
	for _, secret := range []string{"secret", "1234"} {
		if strings.Contains(shown, secret) {
			t.Errorf("%s is shown in %s", secret, shown)
		}
	}
}

// TestADoorWithoutAnEntry: without one of its own the door is the backup user, or nobody.
func TestADoorWithoutAnEntry(t *testing.T) {
	h, err := DescribeSIPCore([]byte(householdJSON), Identity{ID: "stranger", Name: "Stranger"})
	if err != nil || h.Door == nil || !h.Door.Backup {
		t.Errorf("the door is %+v, %v", h.Door, err)
	}
	h, err = DescribeSIPCore([]byte(`{"users": []}`), Identity{ID: "stranger"})
	if err != nil || h.Door != nil || h.PBX.Kind != PBXIngress {
		t.Errorf("the door is %+v, %v", h.Door, err)
	}
	if _, err = DescribeSIPCore([]byte(`[]`), Identity{}); !errors.Is(err, ErrNotAnObject) {
		t.Errorf("no object: %v", err)
	}
}
