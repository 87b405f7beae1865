package app

import (
	"doorstation/internal/phone"
	"doorstation/internal/station"
)

// caller makes the station's calls with the phone: it adds what only the station's snapshot knows, the button and
// the moment of the press.
type caller struct{ app *App }

func (c caller) Call(id station.VisitID, plan station.Plan) {
	s := c.app.station.Snapshot() // tells this visit's press already
	c.app.phone.Call(id, phone.Request{Plan: plan, Button: s.Button, PressedAt: s.PressAt})
	if l := c.app.home.lines.current(); l != nil {
		l.agent.Nudge() // a connection that has died is found out now and not when the INVITE runs into its limit
	}
}

func (c caller) Hangup(id station.VisitID, why station.Outcome) { c.app.phone.Hangup(id, why) }
