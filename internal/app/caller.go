package app

import (
	"doorstation/internal/phone"
	"doorstation/internal/station"
)

// caller makes the station's calls with the phone: it adds what only the station's snapshot knows, the button and
// the moment of the press.
type caller struct{ app *App }

func (c caller) Call(id station.VisitID, targets []string) {
	s := c.app.station.Snapshot() // tells this visit's press already
	c.app.phone.Call(id, phone.Request{Targets: targets, Button: s.Button, PressedAt: s.PressAt})
}

func (c caller) Hangup(id station.VisitID, why station.Outcome) { c.app.phone.Hangup(id, why) }
