package phone

import (
	"context"
	"sync"
	"time"

	"github.com/pion/rtp"

	"doorstation/internal/audio"
	"doorstation/internal/peer"
)

// earlyKeyFrames are the moments after the first picture at which another key frame is sent unasked: the
// far leg of a PBX may not be up yet when the first one passes, and a browser asks again only every 3 s.
var earlyKeyFrames = [...]time.Duration{100 * time.Millisecond, 300 * time.Millisecond, 700 * time.Millisecond, 1500 * time.Millisecond}

// media moves sound and picture of one answered call.
type media struct {
	call   *call
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	stream  *audio.Stream
	now     peer.Negotiated
	changed chan struct{}
}

// startMedia begins sending and playing. A missing sound device leaves the call without sound, not without call.
func startMedia(c *call) *media {
	ctx, cancel := context.WithCancel(context.Background())
	c.mu.Lock()
	n := c.negotiated
	c.mu.Unlock()
	m := &media{call: c, cancel: cancel, now: n, changed: make(chan struct{}, 1)}
	stream, err := c.visit.phone.opt.Audio.Open(codecOf(n.Audio), func(payload []byte, d time.Duration) {
		if m.negotiated().AudioSend {
			m.logDropped("sound", c.peer.WriteAudio(payload, d))
		}
	})
	if err != nil {
		c.visit.phone.opt.Log.Error("no sound in this call", "target", c.target, "error", err)
	}
	m.stream = stream
	m.wg.Go(func() { m.sendVideo(ctx) })
	c.mu.Lock()
	c.media = m
	latest := c.negotiated
	c.mu.Unlock()
	if latest != n {
		m.renegotiated(latest)
	}
	return m
}

// stop ends both directions and waits until nothing is sent any more.
func (m *media) stop() {
	m.cancel()
	m.wg.Wait()
	if m.stream != nil {
		m.stream.Close()
	}
}

func (m *media) negotiated() peer.Negotiated {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// renegotiated follows what a re-offer changed.
func (m *media) renegotiated(n peer.Negotiated) {
	m.mu.Lock()
	codec := m.now.Audio != n.Audio && n.Audio.Name != ""
	m.now = n
	m.mu.Unlock()
	if codec && m.stream != nil {
		if err := m.stream.SetCodec(codecOf(n.Audio)); err != nil {
			m.call.visit.phone.opt.Log.Error("the changed codec can't be used", "codec", n.Audio.Name, "error", err)
		}
	}
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// sendVideo sends the camera's pictures while the far side takes them, beginning with a key frame.
func (m *media) sendVideo(ctx context.Context) {
	select {
	case <-m.call.connected:
	case <-ctx.Done():
		return
	}
	for ctx.Err() == nil {
		if !m.negotiated().Video {
			select {
			case <-m.changed:
			case <-ctx.Done():
			}
			continue
		}
		m.sendPictures(ctx)
	}
}

func (m *media) sendPictures(ctx context.Context) {
	hub := m.call.visit.phone.opt.Camera
	now := m.call.visit.phone.opt.Now
	reader := hub.Subscribe()
	defer reader.Close()
	var first time.Time
	early := earlyKeyFrames[:]
	for {
		picture, err := reader.Next(ctx)
		if err != nil {
			return
		}
		if !m.negotiated().Video {
			return
		}
		m.logDropped("picture", m.call.peer.WriteVideo(picture.Data, picture.PTS))
		if picture.IDR {
			m.call.watch.mark(MarkKeyFrame, now())
			if first.IsZero() {
				first = now()
			}
		}
		if !first.IsZero() && len(early) > 0 && now().Sub(first) >= early[0] {
			early = early[1:]
			hub.RequestKeyFrame()
		}
	}
}

func (m *media) logDropped(what string, err error) {
	if err != nil {
		m.call.visit.phone.opt.Log.Debug("not sent", "what", what, "error", err)
	}
}

// onFarAudio takes the far voice from the peer connection to the loudspeaker.
func (c *call) onFarAudio(pkt *rtp.Packet, codec peer.AudioCodec) {
	c.mu.Lock()
	m := c.media
	c.mu.Unlock()
	if m == nil || m.stream == nil {
		return
	}
	_ = codec // the engine was told the negotiated codec; the peer delivers no other
	m.stream.Receive(pkt.SequenceNumber, pkt.Timestamp, pkt.Payload, c.visit.phone.opt.Now())
}

func codecOf(c peer.AudioCodec) audio.Codec {
	return audio.Codec{Name: c.Name, ClockRate: c.ClockRate, Channels: c.Channels}
}
