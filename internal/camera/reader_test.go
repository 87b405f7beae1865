package camera

import (
	"testing"
	"time"
)

// TestAKeyFrameThatLeavesSlowlyCostsNoPictures is a slow way: a large picture takes as long to leave as the pace of the packets lets it,
// and another key frame for what was lost meanwhile would take as long again.
func TestAKeyFrameThatLeavesSlowlyCostsNoPictures(t *testing.T) {
	const slowest = 600 * time.Millisecond // of internal/peer
	for _, framerate := range []int{10, 15, 25, 30} {
		h := NewHub(newFakeSource(nil), Params{Width: 640, Height: 480, Framerate: framerate, Bitrate: 500_000}, HubOptions{})
		r := h.Subscribe()
		h.deliver(AccessUnit{IDR: true, Data: []byte{1}})
		if au := next(t, r); !au.IDR {
			t.Fatal("the first picture is no IDR")
		}
		for n := range int(slowest*time.Duration(framerate)/time.Second) + 1 {
			h.deliver(AccessUnit{PTS: time.Duration(n+1) * time.Second / time.Duration(framerate), Data: []byte{1}})
		}
		if got := r.Dropped(); got > 0 {
			t.Errorf("at %d/s %d pictures are lost while a key frame leaves", framerate, got)
		}
		r.Close()
	}
}
