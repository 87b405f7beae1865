// Command shots photographs doorstation's commands in a terminal, for the docs: go run ./test/shots DIR. It plays a household of the lab, types as a
// person would, and leaves what the screen shows as DIR/NAME.ansi; scripts/screenshots.sh makes pictures of these. It needs what the lab
// needs, and tmux.
package main

import (
	"os"
	"strings"
	"time"

	"doorstation/test/house"
	"doorstation/test/lab"
	"doorstation/test/lab/homestub"
)

func main() { os.Exit(lab.Shots("terminal", take)) }

// take sets a door up, looks it over, and asks how it is.
func take(t lab.T, dir string) {
	// A short name: what is printed of it is as long as the name it has on a Raspberry Pi.
	door, err := os.MkdirTemp("", "door")
	if err != nil {
		t.Fatalf("shots: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(door) })
	binary := house.BuildRelease(t)
	h := house.Prepare(t, house.Options{Binary: binary, SIPCore: household, Home: func(o *homestub.Options) {
		o.User = homestub.User{ID: house.UserID, Name: "Front door"}
	}})
	s := openScreen(t, door, binary, h.URL())

	// A camera, a sound card and pins are what this machine lacks.
	s.fresh("sudo doorstation setup --home-assistant " + h.URL() + " --camera test --sound test --simulated")
	s.play([]answer{
		{shows: "Which of SIP Core's users is the door?", keys: "Enter"},
		{shows: "Who rings when", keys: "Enter"},
		{shows: "For how long", keys: "Enter", picture: "setup"},
		{shows: "Is there a relay", keys: "n"},
		{shows: "Is there a light", keys: "n"},
		{shows: "Write", keys: "Enter", picture: "setup-summary"},
	})
	s.wait("All is well")
	s.keep("setup-end")
	s.fresh("doorstation run >/dev/null 2>&1 &")
	s.fresh("sudo doorstation check --skip " + strings.Join(hardware(), ","))
	s.wait("Nothing needs to be done")
	s.keep("check")
	s.fresh("sudo doorstation status")
	s.wait("faults")
	s.keep("status")
	s.shoot(dir)
}

// hardware are the links about the machine that this runs on, which is no Raspberry Pi.
func hardware() []string {
	return []string{"camera", "sound", "lines", "machine", "versions", "service"}
}

// household is a family with a tablet in the kitchen and one in the hall.
func household(core map[string]any) {
	core["users"] = append(core["users"].([]any), map[string]any{
		"ha_username": "hall", "display_name": "Hall tablet", "extension": "102", "password": lab.Password,
	})
}

// patience is how long a screen may take to show what is waited for.
const patience = 40 * time.Second

// answer is what a person types when the screen shows something.
type answer struct {
	shows, keys string
	// picture is the name of the picture that is taken before the keys are typed; empty: none.
	picture string
}

// play answers in turn.
func (s *screen) play(all []answer) {
	for _, a := range all {
		s.wait(a.shows)
		if a.picture != "" {
			s.keep(a.picture)
		}
		if a.keys != "" {
			s.press(strings.Fields(a.keys)...)
		}
	}
}
