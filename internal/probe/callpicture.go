package probe

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"doorstation/internal/camera"
	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/internal/peer"
	"doorstation/internal/sip"
)

const (
	// reportLimit is how long a call with a picture lasts at least, unless the far side reports on it earlier: Asterisk does after five seconds.
	reportLimit = 8 * time.Second
	// keyFrameEvery is how often a picture is sent unasked that can be shown at once: the far leg may come up late.
	keyFrameEvery = time.Second
	// mostLost is the part of a picture's packets, 0 to 1, above which nobody sees it.
	mostLost = 0.5
)

// testPicture is what a test call shows: the test card, small. The camera has a link of its own; it may be in use, and shows whoever is at the
// door.
func testPicture() camera.Params {
	return camera.Params{Width: 320, Height: 240, Framerate: 10, Bitrate: 200_000}
}

// conversation is the media of a test call.
type conversation struct {
	peer      *peer.Peer
	lasts     time.Duration
	film      *camera.Hub // nil: no picture is to be sent
	connected chan time.Time
	failed    chan error
	heard     atomic.Uint64
	video     atomic.Bool   // a picture is agreed on
	reported  atomic.Uint64 // the far side's reports on the sound

	mu    sync.Mutex
	by    string // who ended it
	fault error  // of the picture's source
	whole bool   // it lasted for as long as a report may take
}

func newConversation(s *Scene, p *peer.Peer) *conversation {
	c := &conversation{peer: p, lasts: s.CallFor, connected: make(chan time.Time, 1), failed: make(chan error, 1)}
	if s.door.Video {
		source := s.source
		if source == nil {
			source = camera.NewTestSource(s.Now)
		}
		c.film = camera.NewHub(source, testPicture(), camera.HubOptions{Log: s.Log, OnFault: c.broke})
	}
	return c
}

// events are what the peer connection tells.
func (c *conversation) events() peer.Events {
	return peer.Events{
		Connected: func(_, dtls time.Time) { c.connected <- dtls },
		Failed: func(err error) {
			select {
			case c.failed <- err:
			default: // the first counts
			}
		},
		KeyFrame: func() {
			if c.film != nil {
				c.film.RequestKeyFrame()
			}
		},
		Audio:     func(*rtp.Packet, peer.AudioCodec) { c.heard.Add(1) },
		AudioLost: func(float64) { c.reported.Add(1) },
	}
}

func (c *conversation) broke(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.fault = err
	}
}

// end takes how the leg ended.
func (c *conversation) end(e sip.End) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by = e.By
}

// endedBy says who has ended the call, or is about to: the door. A leg that is over tells about the time that it is done.
func (c *conversation) endedBy(done <-chan struct{}) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-done:
		if c.by == "" {
			return sip.EndedByFar
		}
		return c.by
	default:
		return sip.EndedByUs
	}
}

// talk sends silence and the picture until the time is over – a picture's is when the far side has reported on it – or the call ends.
func (c *conversation) talk(ctx context.Context, payload []byte, ended <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	var showing sync.WaitGroup
	defer showing.Wait()
	defer cancel()
	if c.film != nil {
		showing.Go(func() { _ = c.film.Run(ctx) }) // ends with ctx
		showing.Go(func() { c.show(ctx) })
	}
	every := time.NewTicker(frame)
	defer every.Stop()
	over, last := time.NewTimer(c.lasts), time.NewTimer(max(c.lasts, reportLimit))
	defer over.Stop()
	defer last.Stop()
	enough := false
	for !enough || c.film != nil && c.video.Load() && c.peer.Link().Reports == 0 {
		select {
		case <-every.C:
			_ = c.peer.WriteAudio(payload, frame) // a packet that is not sent shows in the figures
		case <-over.C:
			enough = true
		case <-last.C:
			c.mu.Lock()
			c.whole = true
			c.mu.Unlock()
			return
		case <-ended:
			return
		case <-ctx.Done():
			return
		}
	}
}

// show sends the picture while the far side takes it.
func (c *conversation) show(ctx context.Context) {
	reader := c.film.Subscribe()
	defer reader.Close()
	var shown time.Duration
	for {
		unit, err := reader.Next(ctx)
		if err != nil {
			return
		}
		switch {
		case unit.IDR:
			shown = unit.PTS
		case unit.PTS-shown >= keyFrameEvery:
			shown = unit.PTS
			reader.RequestKeyFrame()
		}
		_ = c.peer.WriteVideo(unit.Data, unit.PTS) // as with the sound
	}
}

// picture is what became of a test call's picture, for machines.
type picture struct {
	// Agreed: the far side takes one.
	Agreed bool   `json:"agreed"`
	Sent   uint64 `json:"packets_sent"`
	// Reports counts what the far side has reported; LostFar and LostLately, 0 to 1, are what it said last.
	Reports    uint64  `json:"reports_far"`
	LostFar    int64   `json:"packets_lost_far"`
	LostLately float64 `json:"lost_lately"`
	KeyFrames  uint64  `json:"key_frames_asked"`

	// sound: it has reported on the sound. whole: the call lasted for as long as that may take.
	sound, whole bool
	fault        error
}

// pictured tells what became of it.
func (c *conversation) pictured() picture {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, link := c.peer.Stats(), c.peer.Link()
	return picture{
		Agreed: c.video.Load(), Sent: st.VideoSent.Packets, Reports: link.Reports, LostFar: st.VideoSent.Lost, LostLately: link.FractionLost,
		KeyFrames: st.KeyFrameRequests, sound: c.reported.Load() > 0, whole: c.whole, fault: c.fault,
	}
}

// finding says whether the picture flowed: what left the door, and what the far side says of it.
func (p picture) finding() check.Finding {
	f := check.Finding{Link: "call.picture", Title: "  its picture", Data: p}
	card := testPicture()
	sent := fmt.Sprintf("%s of a test picture sent (H.264, %dx%d)", count(int(p.Sent), "packet"), card.Width, card.Height)
	asked := ""
	if p.KeyFrames > 0 {
		asked = fmt.Sprintf("; it asked for a whole picture %s", times(p.KeyFrames))
	}
	switch {
	case !p.Agreed && p.Sent > 0:
		f.Outcome, f.Found = check.Note, sent+"; then the far side would take no more"
	case !p.Agreed:
		f.Outcome = check.Note
		f.Found = "the far side takes none\na telephone without a screen is like that; for a tablet the exchange must allow H.264 for the door and for the tablet " +
			"(allow=…,h264; in the Asterisk add-on the option video support)"
	case p.Sent == 0:
		f.Code, f.Found = health.CodeCallNoPicture, "one was agreed on, and nothing of it was sent"
		if p.fault != nil {
			f.Found += ": " + p.fault.Error()
		}
	case p.Reports > 0:
		f.Found = fmt.Sprintf("%s; the far side reports %d of them lost%s", sent, p.LostFar, asked)
		if p.LostLately > mostLost {
			f.Code = health.CodeCallNoPicture
			f.Found += fmt.Sprintf("\n%.0f %% of the newest", 100*p.LostLately)
		}
	case p.sound && p.whole:
		f.Code, f.Outcome = health.CodeCallNoPicture, check.Warning
		f.Found = sent + "; the far side reports on the sound, and says nothing of them" + asked
	default:
		f.Outcome, f.Found = check.Note, sent+"; the far side has not said whether they arrived"+asked
	}
	return f
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
