package e2e

import (
	"strings"
	"testing"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

// talkAgain checks, after something went wrong in a call, that the tablet sees the picture move and hears the door, and that the door hears
// the kitchen: what comes after the trouble, not what was still on its way.
func talkAgain(t *testing.T, h *house.House, kitchen *lab.Popup) {
	t.Helper()
	kitchen.WaitFrames(2*patience, kitchen.Video().Shown+45)
	assertHears(t, kitchen)
	received, _ := kitchen.AudioPackets()
	lab.Eventually(t, patience, "the tablet gets the door's sound", func() bool {
		now, _ := kitchen.AudioPackets()
		return now > received+50
	})
	assertDoorHears(t, h.Door, kitchenHz)
	if ended := kitchen.Calls()[len(kitchen.Calls())-1].Ended; !ended.IsZero() {
		t.Error("the call has ended")
	}
}

// The door changes its address in the middle of a call, as between two access points that are two routers: its connection to the PBX dies
// with the old address, and so does the path of sound and picture.
func TestCallGoesOnAtAnotherAddress(t *testing.T) {
	for _, c := range []struct {
		name  string
		relay bool
		byWSS bool
	}{{"by ingress", false, false}, {"by custom_wss_url", false, true}, {"by a relay", true, false}} {
		t.Run(c.name, func(t *testing.T) {
			porch := lab.NewNetwork(t, "porch")
			o := house.Options{Network: porch, ByWSS: c.byWSS}
			if c.relay {
				turn := lab.StartTURN(t)
				porch.Wall(t)
				o.SIPCore = relayedBy(turn, "udp", "relay")
			}
			h, kitchen := evening(t, o, lab.PopupOptions{})
			answered(t, h, kitchen)
			assertPicture(t, kitchen)
			assertHears(t, kitchen)

			for _, last := range []string{".77", ".78"} {
				changed := time.Now()
				porch.SetAddress(t, porch.Addr[:strings.LastIndex(porch.Addr, ".")]+last)
				talkAgain(t, h, kitchen)
				t.Logf("at %s; the picture stood from the change on for %v", porch.Addr, standstill(kitchen, changed).Round(10*time.Millisecond))
			}
			kitchen.OpenDoor()
			h.Door.Wait(patience, "the lock open", func(s control.Status) bool { return s.GPIO.LockOpenings > 0 })
			kitchen.Hangup()
			h.Door.WaitOutcome(1, "talked")
			line := h.Door.VisitLines()[0]
			if n, _ := line["ice_restarts"].(float64); n < 2 {
				t.Errorf("%v restarts of ICE in the visit's line", line["ice_restarts"])
			}
			lab.Eventually(t, patience, "no channel is left", func() bool { return h.PBX.Channels(t) == 0 })
		})
	}
}

// standstill is how long after a moment the tablet showed nothing new, at the longest.
func standstill(p *lab.Popup, from time.Time) time.Duration {
	longest := time.Duration(0)
	last := from
	for _, at := range p.FrameTimes() {
		if at.Before(from) {
			continue
		}
		longest = max(longest, at.Sub(last))
		last = at
	}
	return longest
}

// For ten seconds nothing passes between the door and the house, neither sound nor signalling. Then the call goes on.
func TestCallOutlivesTenSecondsOfNothing(t *testing.T) {
	porch := lab.NewFarNetwork(t, "porch")
	h, kitchen := evening(t, house.Options{Network: porch}, lab.PopupOptions{})
	answered(t, h, kitchen)
	assertPicture(t, kitchen)
	assertHears(t, kitchen)

	porch.Wire.Cut()
	select { // what is tested is this time itself
	case <-time.After(10 * time.Second):
	case <-t.Context().Done():
	}
	porch.Wire.Mend()
	mended := time.Now()
	talkAgain(t, h, kitchen)
	t.Logf("the picture stood after the mending for %v", standstill(kitchen, mended).Round(10*time.Millisecond))
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
	lab.Eventually(t, patience, "no channel is left", func() bool { return h.PBX.Channels(t) == 0 })
}
