package app

import (
	"doorstation/internal/phone"
	"doorstation/internal/station"
)

// caller makes the station's calls, and takes the calls to the door, with the phone: it adds what only the station's snapshot
// knows, the button and the moment of the press, and what only the app knows, the fault of refused calls.
type caller struct{ app *App }

func (c caller) Call(id station.VisitID, plan station.Plan) {
	s := c.app.station.Snapshot() // tells this visit's press already
	c.app.phone.Call(id, phone.Request{Plan: plan, Button: s.Button, PressedAt: s.PressAt})
	if l := c.app.home.lines.current(); l != nil {
		l.agent.Nudge() // a connection that has died is found out now and not when the INVITE runs into its limit
	}
}

func (c caller) Hangup(id station.VisitID, why station.Outcome) { c.app.phone.Hangup(id, why) }

func (c caller) Admit(id station.LookID) { c.app.phone.Admit(id) }

func (c caller) Refuse(id station.LookID, who string, why station.Refusal) {
	if why == station.RefusedForbidden {
		c.app.refusals.take(who)
	}
	c.app.phone.Refuse(id, why)
}

func (c caller) Loudspeaker(id station.LookID, open bool) { c.app.phone.Loudspeaker(id, open) }

func (c caller) EndLook(id station.LookID, why station.Outcome) { c.app.phone.EndLook(id, why) }
