// Command homeassistant photographs Home Assistant's own pages, for docs/sip-core.md: go run ./test/shots/homeassistant DIR, with SIP_CORE
// in the environment, a clone of SIP Core's repository (github.com/TECH7Fox/sipcore-hass-integration). Home Assistant and SIP Core are the
// real ones; of the libraries for voice and cameras, which no picture shows, there are shadows (absent/sitecustomize.py). There is no
// Supervisor, and so no page of the Asterisk add-on.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"doorstation/test/lab"
)

func main() {
	if os.Getenv("SIP_CORE") == "" {
		fmt.Fprintln(os.Stderr, "homeassistant: SIP_CORE must name a clone of SIP Core's repository")
		os.Exit(2)
	}
	os.Exit(lab.Shots("homeassistant", take, lab.PartHomeAssistant, lab.PartPopup))
}

// household is what the picture of SIP Core's settings shows: a tablet and the door, as docs/sip-core.md has them, before SIP Core's defaults.
const household = `{
	"users": [
		{"ha_username": "Anna", "display_name": "Kitchen tablet", "extension": "101", "password": "auto_add_secret"},
		{"ha_username": "Front door", "display_name": "Front door", "extension": "8001", "password": "putAPasswordOfYourOwnHere"}
	],
	"popup_config": {
		"auto_open": true,
		"buttons": [{"label": "Open door", "icon": "mdi:door-open", "type": "dtmf", "data": "1"}],
		"extensions": {"8001": {"name": "Front door", "camera_entity": "camera.front_door"}}
	},
	"sip_video": true,
	"auto_answer": false,
	"ice_config": {"iceGatheringTimeout": 1000, "iceServers": [{"urls": ["stun:stun.l.google.com:19302"]}]},
	"outgoingRingtoneUrl": "/sip_core_files/ringback-tone.mp3",
	"incomingRingtoneUrl": "/sip_core_files/ring-tone.mp3"
}`

func take(t lab.T, dir string) {
	_, file, _, _ := runtime.Caller(0)
	here := filepath.Dir(file)
	home := lab.StartHomeAssistant(t, lab.HomeAssistantOptions{
		Name: "Home", Config: "config:\n", NoIntegration: true, OwnerIs: "Anna",
		Components: filepath.Join(os.Getenv("SIP_CORE"), "custom_components"), Python: filepath.Join(here, "absent"),
	})
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("shots: %v: run scripts/deps.sh lab", err)
	}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join(here, "pages.mjs"), home.URL, dir)
	cmd.Env = append(os.Environ(), "LAB_MODULES="+filepath.Join(lab.Cache(), "popup"), "LAB_CHROMIUM="+chromium,
		"OWNER="+lab.OwnerName, "PASSWORD="+lab.OwnerPassword, "HOUSEHOLD="+household)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err = cmd.Run(); err != nil {
		t.Fatalf("shots: the browser: %v", err)
	}
}
