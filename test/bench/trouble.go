package main

import (
	"math/rand/v2"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

// measureReturn lets the PBX and the wire go, and takes the time from their return to the registration.
func measureReturn(t lab.T, p plan, r *report) {
	network := lab.NewFarNetwork(t, "door")
	h := openHouse(t, house.Options{Network: network})
	h.Door.WaitRegistered()
	for i := range p.returns {
		if i%2 == 0 {
			h.PBX.Kill()
		} else {
			h.PBX.Stop()
		}
		h.Door.Wait(patience, "the loss noticed", func(s control.Status) bool { return !registered(s) })
		time.Sleep(time.Second + rand.N(9*time.Second)) // as long as a restart takes
		h.PBX.Start(t)
		r.pbxBack.add(untilRegistered(h))
	}
	for range p.holes {
		began := time.Now()
		network.Wire.Cut()
		h.Door.Wait(2*patience, "the black hole noticed", func(s control.Status) bool { return !registered(s) })
		r.holeNoticed.add(time.Since(began))
		time.Sleep(rand.N(10 * time.Second))
		network.Wire.Mend()
		r.wireBack.add(untilRegistered(h))
	}
}

func registered(s control.Status) bool { return s.Registration.State == "registered" }

func untilRegistered(h *house.House) time.Duration {
	began := time.Now()
	// However long it takes is a result.
	h.Door.Wait(6*patience, "registered again", registered)
	return time.Since(began)
}

// measureChange changes the door's user in SIP Core, and takes the time until the door is registered as the new one.
func measureChange(t lab.T, p plan, r *report) {
	h := openHouse(t, house.Options{})
	h.Door.WaitRegistered()
	extensions := []string{"103", lab.DoorExtension}
	for i := range p.changes {
		time.Sleep(rand.N(10 * time.Second)) // not in step with the door's own looking
		extension := extensions[i%len(extensions)]
		core := house.SIPCore()
		core["users"] = []any{map[string]any{"ha_username": house.UserID, "extension": extension, "password": lab.Password}}
		began := time.Now()
		h.Home.SetSIPCore(core)
		h.Door.Wait(6*patience, "registered as "+extension, func(s control.Status) bool {
			return registered(s) && s.Registration.Extension == extension
		})
		r.change.add(time.Since(began))
	}
}
