package phone

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"doorstation/internal/audio"
	"doorstation/internal/camera"
	"doorstation/internal/peer"
)

// mediaOptions say what is special about the media of a call.
type mediaOptions struct {
	// muted keeps the far voice from the loudspeaker until it is asked for.
	muted bool
}

// media moves sound and picture of one call. The far voice is heard from the beginning; microphone and camera are open from
// goLive on.
type media struct {
	call   *call
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	live   atomic.Bool

	mu      sync.Mutex
	stream  *audio.Stream  // nil without a sound device
	reader  *camera.Reader // of the camera, nil while no pictures are sent
	now     peer.Negotiated
	changed chan struct{}
}

// openMedia begins to play what comes, once for a call. A missing sound device leaves the call without sound, not without call.
func (c *call) openMedia(o mediaOptions) *media {
	c.mu.Lock()
	m, n := c.media, c.negotiated
	c.mu.Unlock()
	if m != nil {
		return m
	}
	m = &media{call: c, now: n, changed: make(chan struct{}, 1)}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	stream, err := c.phone.opt.Audio.Open(codecOf(n.Audio), m.say, audio.StreamOptions{Muted: o.muted})
	if err != nil {
		c.log.Error("no sound in this call", "error", err)
	}
	m.stream = stream
	c.mu.Lock()
	c.media = m
	latest := c.negotiated
	c.mu.Unlock()
	if latest != n {
		m.renegotiated(latest)
	}
	return m
}

// say sends a frame of the microphone. The peer drops what a far side on hold does not want to hear, and keeps the clock of the
// stream going.
func (m *media) say(payload []byte, d time.Duration) {
	if m.live.Load() {
		m.logDropped("sound", m.call.peer.WriteAudio(payload, d))
	}
}

// goLive opens microphone and camera.
func (m *media) goLive() {
	if m.live.CompareAndSwap(false, true) {
		m.wg.Go(func() { m.sendVideo(m.ctx) })
	}
}

// stop ends both directions and waits until nothing is sent any more. It may be called more than once.
func (m *media) stop() {
	m.cancel()
	m.wg.Wait()
	if m.stream != nil {
		m.stream.Close()
	}
}

// mute closes the loudspeaker to the far voice, or opens it.
func (m *media) mute(muted bool) {
	if m.stream != nil {
		m.stream.Mute(muted)
	}
}

func (m *media) negotiated() peer.Negotiated {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// renegotiated follows what another round of offer and answer changed.
func (m *media) renegotiated(n peer.Negotiated) {
	m.mu.Lock()
	codec := m.now.Audio != n.Audio && n.Audio.Name != ""
	m.now = n
	m.mu.Unlock()
	if codec && m.stream != nil {
		if err := m.stream.SetCodec(codecOf(n.Audio)); err != nil {
			m.call.log.Error("the changed codec can't be used", "codec", n.Audio.Name, "error", err)
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
			m.cameraIsOurs()
			select {
			case <-m.changed:
			case <-ctx.Done():
			}
			continue
		}
		m.sendPictures(ctx)
	}
}

// cameraIsOurs says that the call reads the camera by itself from now on, or does not need it.
func (m *media) cameraIsOurs() {
	if m.call.on.camera != nil {
		m.call.on.camera()
	}
}

// sendPictures sends pictures until ctx ends or the far side takes no more.
func (m *media) sendPictures(ctx context.Context) {
	reader := m.call.phone.opt.Camera.Subscribe()
	defer reader.Close()
	m.reads(reader)
	defer m.reads(nil)
	m.cameraIsOurs()
	early, stopEarly := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer stopEarly()
	asking.Go(func() { m.call.phone.rates.follow(early, m.call, reader) })
	begun := false
	for {
		picture, err := reader.Next(ctx)
		if err != nil || !m.negotiated().Video {
			return
		}
		m.logDropped("picture", m.call.peer.WriteVideo(picture.Data, picture.PTS))
		if picture.IDR && !begun {
			begun = true
			m.call.watch.mark(MarkKeyFrame, m.call.phone.opt.Now())
			asking.Go(func() { askEarly(early, reader.RequestKeyFrame) })
		}
	}
}

// reads notes which reader the pictures are from.
func (m *media) reads(r *camera.Reader) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reader = r
}

// onKeyFrame takes the far side's requests for a key frame (PLI, FIR).
func (c *call) onKeyFrame() {
	c.mu.Lock()
	m := c.media
	c.mu.Unlock()
	if m == nil {
		return // its first picture will be one
	}
	m.mu.Lock()
	reader := m.reader
	m.mu.Unlock()
	if reader == nil {
		return
	}
	switch c.keyFrameFor(c.phone.opt.Now()) {
	case keyFrameNow:
		reader.RequestKeyFrame()
	case keyFrameOnly:
		c.phone.opt.Camera.RequestKeyFrame()
	case keyFrameNone:
	}
}

func (m *media) logDropped(what string, err error) {
	if err != nil {
		m.call.log.Debug("not sent", "what", what, "error", err)
	}
}

// onFarAudio takes the far voice from the peer connection to the loudspeaker, in whichever codec it comes: the far side may use
// any that was agreed on, and change in the middle (RFC 3264 section 7).
func (c *call) onFarAudio(pkt *rtp.Packet, codec peer.AudioCodec) {
	c.mu.Lock()
	m := c.media
	c.mu.Unlock()
	if m == nil || m.stream == nil {
		return
	}
	m.stream.Receive(codecOf(codec), pkt.SequenceNumber, pkt.Timestamp, pkt.Payload, c.phone.opt.Now())
}

// onAudioLost lets the codec protect the door's voice as well as the way to the far side needs it.
func (c *call) onAudioLost(fraction float64) {
	c.mu.Lock()
	m := c.media
	c.mu.Unlock()
	if m != nil && m.stream != nil {
		m.stream.ExpectLoss(fraction)
	}
}

func codecOf(c peer.AudioCodec) audio.Codec {
	return audio.Codec{Name: c.Name, ClockRate: c.ClockRate, Channels: c.Channels}
}
