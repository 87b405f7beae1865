package e2e

import (
	"testing"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

// A camera as a real door has it. The agent is the released one: with the race detector a small machine would be too slow for it.
const (
	wideCamera = "{source: test, width: 1280, height: 720, framerate: 30, bitrate: 1500k}"
	wideRate   = 1_500_000
)

// wideTalk is a talk with that camera, the door being in a network of its own.
func wideTalk(t *testing.T) (*house.House, *lab.Popup, *lab.Network) {
	t.Helper()
	network := lab.NewNetwork(t, "door")
	h, kitchen := evening(t, house.Options{Network: network, Camera: wideCamera, Binary: house.BuildRelease(t)}, lab.PopupOptions{})
	answered(t, h, kitchen)
	kitchen.WaitPicture(patience)
	return h, kitchen, network
}

// assertClockGoesOn checks that the clock in the picture goes on, and that it is not long behind.
func assertClockGoesOn(t *testing.T, kitchen *lab.Popup) {
	t.Helper()
	before, _ := readClock(t, kitchen)
	kitchen.WaitFrames(patience, kitchen.Video().Shown+30)
	after, _ := readClock(t, kitchen)
	if !after.After(before) {
		t.Errorf("the clock in the picture stands still at %v", before)
	}
	if age := time.Since(after); age > 5*time.Second {
		t.Errorf("the picture is %v old", age)
	}
}

func TestThePictureFollowsASlowUplinkAndComesBack(t *testing.T) {
	h, kitchen, network := wideTalk(t)
	kitchen.WaitFrames(patience, 60)
	const slow = 500_000
	network.Shape(t, slow, 200*time.Millisecond)
	began := time.Now()
	h.Door.Wait(10*time.Second, "an encoder slower than the uplink", func(s control.Status) bool {
		return s.Camera.Bitrate < slow && s.Camera.BitrateCause != ""
	})
	t.Logf("the encoder is slower than the uplink after %v", time.Since(began))
	// Moving means a picture now and then at least, whatever else the machine does.
	kitchen.WaitFrames(patience, kitchen.Video().Shown+30)
	assertClockGoesOn(t, kitchen)
	if s, err := h.Door.Status(); err != nil || s.Camera.Bitrate >= slow {
		t.Errorf("then the encoder has %d bit/s (%v)", s.Camera.Bitrate, err)
	}
	network.Unshape(t)
	began = time.Now()
	h.Door.Wait(2*patience, "the usual rate again", func(s control.Status) bool { return s.Camera.Bitrate > wideRate*4/5 })
	t.Logf("four fifths of the usual rate %v after the end of the slowness", time.Since(began))
	assertClockGoesOn(t, kitchen)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
	rate, ok := h.Door.VisitLines()[0]["video_bitrate"].(map[string]any)
	if !ok || rate["lowest"].(float64) >= slow || rate["mean"].(float64) <= rate["lowest"].(float64) {
		t.Errorf("the line of the visit says of the rate: %v", rate)
	}
}

func TestABadRadioCostsNoPicture(t *testing.T) {
	h, kitchen, network := wideTalk(t)
	network.LoseUDP(t, 5)
	kitchen.WaitFrames(2*patience, kitchen.Video().Shown+240)
	assertClockGoesOn(t, kitchen)
	kitchen.Hangup()
	h.Door.WaitOutcome(1, "talked")
	line := h.Door.VisitLines()[0]
	sent := line["video_sent"].(map[string]any)
	if sent["resent"].(float64) == 0 {
		t.Errorf("nothing was sent again: %v", sent)
	}
	if rate := line["video_bitrate"].(map[string]any); rate["mean"].(float64) < wideRate*2/3 {
		t.Errorf("random loss made the picture coarse: %v", rate)
	}
}

// TestThePictureFollowsWhatABrowserReports is a household whose PBX leaves the media to the two ends: door and browser speak with each
// other, and the browser reports on each packet.
func TestThePictureFollowsWhatABrowserReports(t *testing.T) {
	network := lab.NewNetwork(t, "door")
	h, kitchen := evening(t, house.Options{
		Proxy: true, Network: network, Camera: wideCamera, Binary: house.BuildRelease(t), Config: welcome,
	}, lab.PopupOptions{})
	kitchen.Dial(lab.DoorExtension)
	kitchen.WaitTalking(patience)
	kitchen.WaitPicture(patience)
	kitchen.WaitFrames(patience, 90)
	const slow = 500_000
	network.Shape(t, slow, 200*time.Millisecond)
	began := time.Now()
	h.Door.Wait(patience, "an encoder slower than the uplink by the browser's reports", func(s control.Status) bool {
		return s.Camera.Bitrate < slow && s.Camera.BitrateCause == "gcc"
	})
	t.Logf("the encoder is slower than the uplink after %v", time.Since(began))
	kitchen.WaitFrames(patience, kitchen.Video().Shown+30)
	assertClockGoesOn(t, kitchen)
	network.Unshape(t)
	began = time.Now()
	h.Door.Wait(2*patience, "the usual rate again", func(s control.Status) bool { return s.Camera.Bitrate > wideRate*4/5 })
	t.Logf("four fifths of the usual rate %v after the end of the slowness", time.Since(began))
	assertClockGoesOn(t, kitchen)
	kitchen.Hangup()
}
