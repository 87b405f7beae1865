package main

import (
	"math/rand/v2"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

const aboutReturn = `The PBX is stopped or killed in turn and comes back after 1 to 10 s; then the wire passes nothing for up to 10 s after the door has
noticed. From the return of each to the door's registration.`

// measureReturn lets the PBX and the wire go, and takes the time from their return to the registration.
func measureReturn(t lab.T, plan plan, p *part) {
	network := lab.NewFarNetwork(t, "door")
	h := openHouse(t, house.Options{Network: network})
	h.Door.WaitRegistered()
	var back, wireBack, noticed series
	for i := range plan.returns {
		if i%2 == 0 {
			h.PBX.Kill()
		} else {
			h.PBX.Stop()
		}
		h.Door.Wait(patience, "the loss noticed", func(s control.Status) bool { return !registered(s) })
		time.Sleep(time.Second + rand.N(9*time.Second)) // as long as a restart takes
		h.PBX.Start(t)
		back.add(untilRegistered(h))
	}
	for range plan.holes {
		began := time.Now()
		network.Wire.Cut()
		h.Door.Wait(2*patience, "the black hole noticed", func(s control.Status) bool { return !registered(s) })
		noticed.add(time.Since(began))
		time.Sleep(rand.N(10 * time.Second))
		network.Wire.Mend()
		wireBack.add(untilRegistered(h))
	}
	p.times("PBX back to registered", back)
	p.times("a black hole on the wire until noticed", noticed)
	p.times("the wire mended to registered", wireBack)
}

func registered(s control.Status) bool { return s.Registration.State == "registered" }

func untilRegistered(h *house.House) time.Duration {
	began := time.Now()
	// However long it takes is a result.
	h.Door.Wait(6*patience, "registered again", registered)
	return time.Since(began)
}

const aboutChange = `The door's user in SIP Core's settings is changed at a random moment: until the door is registered as the new one.`

// measureChange changes the door's user in SIP Core, and takes the time until the door is registered as the new one.
func measureChange(t lab.T, plan plan, p *part) {
	h := openHouse(t, house.Options{})
	h.Door.WaitRegistered()
	extensions := []string{"103", lab.DoorExtension}
	var change series
	for i := range plan.changes {
		time.Sleep(rand.N(10 * time.Second)) // not in step with the door's own looking
		extension := extensions[i%len(extensions)]
		core := house.SIPCore()
		core["users"] = []any{map[string]any{"ha_username": house.UserID, "extension": extension, "password": lab.Password}}
		began := time.Now()
		h.Home.SetSIPCore(core)
		h.Door.Wait(6*patience, "registered as "+extension, func(s control.Status) bool {
			return registered(s) && s.Registration.Extension == extension
		})
		change.add(time.Since(began))
	}
	p.times("settings changed to registered with them", change)
}
