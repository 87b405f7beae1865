// Command shots takes the pictures of the status page for the docs: go run ./test/page/shots DIR. It needs what the lab needs.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"doorstation/test/house"
	"doorstation/test/lab"
	"doorstation/test/page"
)

func main() { os.Exit(lab.Shots("shots", take)) }

// take plays an evening at the door, and takes pictures of it.
func take(t lab.T, dir string) {
	s := page.Open(t, house.Options{Binary: house.BuildRelease(t)})
	tab := s.Browser.Open(page.URL, page.Desk)
	shoot := func(name string) {
		for _, v := range []struct {
			view page.View
			what string
		}{{page.Desk, "desk"}, {page.Phone, "phone"}} {
			for _, scheme := range []string{"light", "dark"} {
				tab.Look(v.view.In(scheme))
				tab.Rest(300 * time.Millisecond)
				tab.Shot(filepath.Join(dir, fmt.Sprintf("page-%s-%s-%s.png", name, v.what, scheme)), v.what == "phone")
			}
		}
		tab.Look(page.Desk)
	}
	tab.Sees("#title", "Ready.")
	tab.Sees("#visits-title ~ #no-visits", "Nobody has rung")
	shoot("empty")

	// An evening before this one.
	s.House.Door.Press("")
	s.Kitchen.WaitRinging(page.Patience)
	s.Kitchen.Decline()
	s.House.Door.WaitOutcome(1, "declined")
	s.House.Door.Press("")
	s.Kitchen.WaitRinging(page.Patience)
	tab.Rest(3 * time.Second)
	s.Kitchen.Answer()
	s.Kitchen.WaitPicture(page.Patience)
	s.Kitchen.OpenDoor()
	tab.Sees("#groups", "opened 1×")
	tab.Rest(5 * time.Second) // nobody talks for less
	s.Kitchen.Hangup()
	s.House.Door.WaitOutcome(2, "talked")
	tab.Sees("#visit-list", "Answered")
	shoot("idle")

	tab.Click("#show")
	tab.Do(page.Moving, nil)
	tab.Click("#buttons button")
	tab.Sees("#ask", "This rings 101")
	shoot("asking")
	tab.Click("#ask-yes")
	s.Kitchen.WaitRinging(page.Patience)
	tab.Sees("#visit-list", "Ringing")
	shoot("ringing")
	s.Kitchen.Answer()
	s.Kitchen.WaitPicture(page.Patience)
	tab.Sees("#visit-list", "Talking")
	tab.Until("document.getElementById('near').getAttribute('aria-valuenow') > -55")
	shoot("talking")
	s.Kitchen.Hangup()
	s.House.Door.WaitOutcome(3, "talked")
	tab.Click("#hide")

	core := house.SIPCore()
	core["backup_user"] = nil
	core["users"] = []any{}
	s.House.Home.SetSIPCore(core)
	tab.Sees("#fault-list", "What to do")
	shoot("fault")
}
