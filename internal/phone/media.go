package phone

import (
	"context"
	"sync"
	"time"

	"github.com/pion/rtp"

	"doorstation/internal/audio"
	"doorstation/internal/peer"
)

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
		// The peer drops what a far side on hold does not want to hear, and keeps the clock of the stream going.
		m.logDropped("sound", c.peer.WriteAudio(payload, d))
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
			m.call.visit.letCameraGo()
			select {
			case <-m.changed:
			case <-ctx.Done():
			}
			continue
		}
		m.sendPictures(ctx)
	}
}

// sendPictures sends pictures until ctx ends or the far side takes no more.
func (m *media) sendPictures(ctx context.Context) {
	hub := m.call.visit.phone.opt.Camera
	reader := hub.Subscribe()
	defer reader.Close()
	m.call.visit.letCameraGo()
	early, stopEarly := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer stopEarly()
	begun := false
	for {
		picture, err := reader.Next(ctx)
		if err != nil || !m.negotiated().Video {
			return
		}
		m.logDropped("picture", m.call.peer.WriteVideo(picture.Data, picture.PTS))
		if picture.IDR && !begun {
			begun = true
			m.call.watch.mark(MarkKeyFrame, m.call.visit.phone.opt.Now())
			asking.Go(func() { askEarly(early, hub.RequestKeyFrame) })
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
	if codec != m.negotiated().Audio {
		// The far side may change to any codec it answered with; decoded as another one it would be noise.
		c.noteWrongCodec(codec)
		return
	}
	m.stream.Receive(pkt.SequenceNumber, pkt.Timestamp, pkt.Payload, c.visit.phone.opt.Now())
}

// noteWrongCodec logs, once for a call, that the far voice can't be played.
func (c *call) noteWrongCodec(codec peer.AudioCodec) {
	c.mu.Lock()
	said := c.wrongCodec
	c.wrongCodec = true
	c.mu.Unlock()
	if !said {
		c.visit.phone.opt.Log.Warn("the far voice comes in another codec than agreed and is left out", "target", c.target, "codec", codec.Name)
	}
}

func codecOf(c peer.AudioCodec) audio.Codec {
	return audio.Codec{Name: c.Name, ClockRate: c.ClockRate, Channels: c.Channels}
}
