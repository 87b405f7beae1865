package peer

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

const patience = time.Minute

// far is a far end of another make: pion's own PeerConnection with its own SDP.
type far struct {
	t      *testing.T
	pc     *webrtc.PeerConnection
	voice  *webrtc.TrackLocalStaticRTP
	up     chan struct{}
	audio  chan *rtp.Packet
	video  chan *rtp.Packet
	mu     sync.Mutex
	sender *webrtc.RTPSender
	ssrc   map[webrtc.RTPCodecType]webrtc.SSRC
}

func newFar(t *testing.T, mime string, settings ...func(*webrtc.SettingEngine)) *far {
	t.Helper()
	m, err := mediaEngine()
	check(t, err)
	// No interceptors: what the door does by itself must be enough.
	return newFarWith(t, mime, m, &interceptor.Registry{}, settings...)
}

// newFarWith is a far end with manners of its own.
func newFarWith(t *testing.T, mime string, m *webrtc.MediaEngine, r *interceptor.Registry, settings ...func(*webrtc.SettingEngine)) *far {
	t.Helper()
	var err error
	f := &far{t: t, up: make(chan struct{}, 8), audio: make(chan *rtp.Packet, 4096), video: make(chan *rtp.Packet, 4096), ssrc: make(map[webrtc.RTPCodecType]webrtc.SSRC)}
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	s.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	for _, set := range settings {
		set(&s)
	}
	f.pc, err = webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s),
		webrtc.WithInterceptorRegistry(r)).NewPeerConnection(webrtc.Configuration{})
	check(t, err)
	t.Cleanup(func() { check(t, f.pc.GracefulClose()) })
	f.voice, err = webrtc.NewTrackLocalStaticRTP(capability(mime), "v", "far")
	check(t, err)
	f.sender, err = f.pc.AddTrack(f.voice)
	check(t, err)
	f.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			f.up <- struct{}{}
		}
	})
	f.pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		f.mu.Lock()
		f.ssrc[tr.Kind()] = tr.SSRC()
		f.mu.Unlock()
		to := f.audio
		if tr.Kind() == webrtc.RTPCodecTypeVideo {
			to = f.video
		}
		for {
			p, _, end := tr.ReadRTP()
			if end != nil {
				return
			}
			select {
			case to <- p:
			default:
			}
		}
	})
	return f
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *far) answer(offer string) string {
	f.t.Helper()
	check(f.t, f.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}))
	a, err := f.pc.CreateAnswer(nil)
	check(f.t, err)
	return f.complete(a)
}

func (f *far) complete(d webrtc.SessionDescription) string {
	f.t.Helper()
	done := webrtc.GatheringCompletePromise(f.pc)
	check(f.t, f.pc.SetLocalDescription(d))
	await(f.t, done, "far gathering")
	return f.pc.LocalDescription().SDP
}

func (f *far) say(seq uint16, ts uint32, payload []byte) {
	f.t.Helper()
	check(f.t, f.voice.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: ts}, Payload: payload}))
}

func (f *far) tell(packets ...rtcp.Packet) {
	f.t.Helper()
	check(f.t, f.pc.WriteRTCP(packets))
}

func await[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s in %v", what, patience)
		panic("unreachable")
	}
}

// none says that nothing more is there after something that was sent later has arrived.
func none[T any](t *testing.T, c <-chan T, what string) {
	t.Helper()
	select {
	case v := <-c:
		t.Fatalf("%s: %v", what, v)
	default:
	}
}

func onLoopback(c Config) Config {
	c.Loopback = true
	c.GatheringTimeout = 5 * time.Second
	c.IncludeInterface = func(name string) bool { return name == "lo" }
	return c
}

// door is a peer with its events in channels.
type door struct {
	*Peer
	pool     *Pool
	trouble  chan string
	up       chan [2]time.Time
	failed   chan error
	keyFrame chan struct{}
	sound    chan heard
	digits   chan rune
}

type heard struct {
	pkt   *rtp.Packet
	codec AudioCodec
}

func newDoor(t *testing.T, c Config) *door {
	t.Helper()
	pool, err := NewPool(onLoopback(c), 0)
	check(t, err)
	p, err := pool.Take(context.Background())
	check(t, err)
	t.Cleanup(func() { check(t, p.Close()) })
	d := watched(p)
	d.pool = pool
	p.Start(d.events())
	return d
}

func watched(p *Peer) *door {
	return &door{Peer: p, up: make(chan [2]time.Time, 4), failed: make(chan error, 4), keyFrame: make(chan struct{}, 64),
		sound: make(chan heard, 4096), digits: make(chan rune, 64), trouble: make(chan string, 64)}
}

func (d *door) events() Events {
	return Events{
		Connected:     func(a, b time.Time) { d.up <- [2]time.Time{a, b} },
		Failed:        func(err error) { d.failed <- err },
		RestartWanted: func(reason string) { d.trouble <- reason },
		KeyFrame: func() {
			select {
			case d.keyFrame <- struct{}{}:
			default:
			}
		},
		Audio: func(p *rtp.Packet, c AudioCodec) { d.sound <- heard{p, c} },
		Digit: func(r rune, _ uint32) { d.digits <- r },
	}
}

// call connects a door and a far end; change may edit the answer on its way.
func call(t *testing.T, c Config, change func(string) string) (*door, *far, Negotiated) {
	t.Helper()
	d, f := newDoor(t, c), newFar(t, webrtc.MimeTypeOpus)
	a := f.answer(d.Offer())
	if change != nil {
		a = change(a)
	}
	n, err := d.SetAnswer(a)
	check(t, err)
	await(t, d.up, "connection")
	await(t, f.up, "connection of the far end")
	return d, f, n
}

// speak sends frames of the door's voice until the far end has one.
func (d *door) speak(t *testing.T, f *far) *rtp.Packet {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case p := <-f.audio:
			return p
		case <-tick.C:
			check(t, d.WriteAudio([]byte{0xf8, 1, 2}, 20*time.Millisecond))
		case <-deadline:
			t.Fatal("the far end hears nothing")
		}
	}
}

// listen lets the far end speak until the door hears it.
func (d *door) listenTo(t *testing.T, f *far, seq uint16) heard {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ; ; seq++ {
		select {
		case h := <-d.sound:
			return h
		case <-tick.C:
			f.say(seq, uint32(seq)*960, []byte{0xf8, 9})
		case <-deadline:
			t.Fatal("the door hears nothing")
		}
	}
}

var (
	idr   = append([]byte{0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 0, 1, 0x65}, make([]byte, 4000)...)
	slice = append([]byte{0, 0, 0, 1, 0x41}, []byte(strings.Repeat("x", 500))...)
)

func capability(mime string) webrtc.RTPCodecCapability {
	for _, f := range audioOffer() {
		if c := f.parametersOf("audio").RTPCodecCapability; strings.EqualFold(c.MimeType, mime) {
			return c
		}
	}
	return webrtc.RTPCodecCapability{MimeType: mime}
}
