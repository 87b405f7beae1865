package chaos

import (
	"errors"
	"testing"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

// inBadWeather is for what takes as many attempts as the weather wants.
const inBadWeather = 60 * time.Second

const kitchenHz = 700

func TestTheBellWorksInBadWeather(t *testing.T) {
	t.Parallel()
	network := lab.NewFarNetwork(t, "door7")
	h := &household{
		t: t, wire: network.Wire,
		House: house.Prepare(t, house.Options{Network: network, Ring: "60s", Asterisk: lab.AsteriskOptions{Ports: ports(7)}}),
	}
	kitchen := lab.StartBrowser(t).Popup(t, lab.PopupOptions{Extension: "101", WSURL: h.PBX.WSURL(), MicHz: kitchenHz})
	kitchen.WaitRegistered(patience)
	h.StartDoor()
	h.Door.WaitRegistered()
	h.seenAndHeard(kitchen)
	h.held = h.Door.WaitRest(patience)
	for _, w := range []struct {
		name    string
		weather lab.Weather
	}{
		{"5 % loss", lab.Weather{Loss: 0.05}},
		{"20 % loss", lab.Weather{Loss: 0.2}},
		{"200 ms of delay and up to 100 ms of jitter", lab.Weather{Delay: 200 * time.Millisecond, Jitter: 100 * time.Millisecond}},
	} {
		began := time.Now()
		h.wire.Both(w.weather)
		h.seenAndHeard(kitchen)
		h.wire.Mend()
		t.Logf("in %s a visit took %v", w.name, time.Since(began).Round(time.Millisecond))
	}
	lab.Eventually(t, afterBlindness, "no call left at the PBX", func() bool { return h.PBX.Channels(t) == 0 })
	h.seenAndHeard(kitchen)
	h.nothingLeft()
}

// seenAndHeard is a visit in which the household sees and hears the door, and the door the household.
func (h *household) seenAndHeard(p *lab.Popup) {
	h.t.Helper()
	h.Door.Wait(inBadWeather, "ready for a visit", func(s control.Status) bool {
		return idle(s) && registered(s) && s.WarmOffers.Ready >= s.WarmOffers.Want
	})
	h.Door.Press("")
	p.WaitRinging(inBadWeather)
	p.Answer()
	p.WaitTalking(inBadWeather)
	p.WaitPicture(inBadWeather)
	// The picture moves.
	p.WaitFrames(inBadWeather, p.Video().Shown+15)
	var heard lab.Sound
	if err := house.Eventually(inBadWeather, func() error {
		if heard = p.Hear(400 * time.Millisecond); heard.Hz < doorHz-15 || heard.Hz > doorHz+15 {
			return errAnotherTone
		}
		return nil
	}); err != nil {
		h.t.Errorf("the tablet hears %.0f Hz at %.1f dBFS, want the door's %d Hz", heard.Hz, heard.DBFS, doorHz)
	}
	h.Door.Wait(inBadWeather, "the kitchen heard at the door", func(s control.Status) bool {
		return s.Sound.FarFrequency != nil && *s.Sound.FarFrequency > kitchenHz-15 && *s.Sound.FarFrequency < kitchenHz+15
	})
	p.Hangup()
	h.Door.Wait(inBadWeather, "idle", idle)
}

var errAnotherTone = errors.New("another tone is heard")
