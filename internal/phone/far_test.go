package phone

import (
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"doorstation/internal/audio"
)

// tablet is a far end of another make: pion's own PeerConnection, with a sound engine of its own.
type tablet struct {
	t      *testing.T
	pc     *webrtc.PeerConnection
	voice  *webrtc.TrackLocalStaticRTP
	engine *audio.Engine
	codec  audio.Codec
	events uint8 // payload type of telephone-event

	mu      sync.Mutex
	raw     interceptor.RTPWriter
	ssrc    uint32
	stream  *audio.Stream
	seq     uint16
	ts      uint32
	keys    int // key frames that arrived
	packets int // of video
	heard   int // packets of sound
}

func newTablet(t *testing.T) *tablet {
	t.Helper()
	f := &tablet{t: t, codec: audio.Codec{Name: "opus", ClockRate: 48000, Channels: 2}}
	var m webrtc.MediaEngine
	opus := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	check(t, m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: opus, PayloadType: 111}, webrtc.RTPCodecTypeAudio))
	check(t, m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: "audio/telephone-event", ClockRate: 48000, SDPFmtpLine: "0-16"}, PayloadType: 110}, webrtc.RTPCodecTypeAudio))
	check(t, m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	}, PayloadType: 102}, webrtc.RTPCodecTypeVideo))
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	s.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.DisableCloseByDTLS(true)
	registry := &interceptor.Registry{}
	registry.Add(&wire{f: f})
	var err error
	f.pc, err = webrtc.NewAPI(webrtc.WithMediaEngine(&m), webrtc.WithSettingEngine(s),
		webrtc.WithInterceptorRegistry(registry)).NewPeerConnection(webrtc.Configuration{})
	check(t, err)
	f.voice, err = webrtc.NewTrackLocalStaticRTP(opus, "voice", "kitchen")
	check(t, err)
	_, err = f.pc.AddTrack(f.voice)
	check(t, err)
	f.engine = audio.NewEngine(audio.NewTestDevice(kitchenHz), audio.EngineOptions{})
	f.stream, err = f.engine.Open(f.codec, f.say, audio.StreamOptions{})
	check(t, err)
	f.pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { f.receive(tr) })
	own(t, f.engine.Run)
	t.Cleanup(func() {
		f.stream.Close()
		check(t, f.pc.GracefulClose())
	})
	return f
}

// answer is the SDP of the tablet's 200.
func (f *tablet) answer(offer string) string {
	f.t.Helper()
	check(f.t, f.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}))
	a, err := f.pc.CreateAnswer(nil)
	check(f.t, err)
	gathered := webrtc.GatheringCompletePromise(f.pc)
	check(f.t, f.pc.SetLocalDescription(a))
	select {
	case <-gathered:
	case <-time.After(patience):
		f.t.Fatal("no candidates")
	}
	sdp := f.pc.LocalDescription().SDP
	if m := regexp.MustCompile(`a=rtpmap:(\d+) telephone-event/48000`).FindStringSubmatch(sdp); m != nil {
		n, numErr := strconv.ParseUint(m[1], 10, 7)
		check(f.t, numErr)
		f.events = uint8(n)
	}
	return sdp
}

// pickUp answers a call.
func (f *tablet) pickUp(in *incoming) *leg {
	f.t.Helper()
	in.ringing()
	return in.answer(f.answer(in.offer))
}

func (f *tablet) say(payload []byte, d time.Duration) {
	f.mu.Lock()
	f.seq++
	f.ts += uint32(d.Seconds() * 48000)
	pkt := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: f.seq, Timestamp: f.ts}, Payload: payload}
	f.mu.Unlock()
	if err := f.voice.WriteRTP(&pkt); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		f.t.Errorf("the tablet can't speak: %v", err)
	}
}

// press sends a digit as an RFC 4733 event of three packets.
func (f *tablet) press(event byte) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, end := range []byte{0, 0x80, 0x80} {
		f.seq++
		h := rtp.Header{Version: 2, SequenceNumber: f.seq, Timestamp: f.ts, Marker: i == 0, PayloadType: f.events, SSRC: f.ssrc}
		_, err := f.raw.Write(&h, []byte{event, end | 10, 3, 0xC0}, nil)
		check(f.t, err)
	}
}

// speakPCMU goes on in G.711 with another tone, until the end of the test.
func (f *tablet) speakPCMU(hz float64) {
	f.t.Helper()
	f.stream.Close()
	device := audio.NewEngine(audio.NewTestDevice(hz), audio.EngineOptions{})
	f.mu.Lock()
	seq, ts := f.seq, f.ts
	f.mu.Unlock()
	stream, err := device.Open(audio.Codec{Name: "PCMU", ClockRate: 8000, Channels: 1}, func(payload []byte, _ time.Duration) {
		f.mu.Lock()
		defer f.mu.Unlock()
		seq++
		ts += 160
		h := rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: ts, PayloadType: 0, SSRC: f.ssrc}
		if _, err := f.raw.Write(&h, payload, nil); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			f.t.Errorf("the tablet can't speak: %v", err)
		}
	}, audio.StreamOptions{})
	check(f.t, err)
	own(f.t, device.Run)
	f.t.Cleanup(stream.Close)
}

// wire lets the tablet write packets with a payload type that is not the track's.
type wire struct {
	interceptor.NoOp
	f *tablet
}

// NewInterceptor implements interceptor.Factory.
func (w *wire) NewInterceptor(string) (interceptor.Interceptor, error) { return w, nil }

// BindLocalStream implements interceptor.Interceptor.
func (w *wire) BindLocalStream(info *interceptor.StreamInfo, writer interceptor.RTPWriter) interceptor.RTPWriter {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	w.f.raw, w.f.ssrc = writer, info.SSRC
	return writer
}

func (f *tablet) receive(tr *webrtc.TrackRemote) {
	for {
		pkt, _, err := tr.ReadRTP()
		if err != nil {
			return
		}
		if tr.Kind() == webrtc.RTPCodecTypeAudio {
			f.mu.Lock()
			f.heard++
			f.mu.Unlock()
			f.stream.Receive(f.codec, pkt.SequenceNumber, pkt.Timestamp, pkt.Payload, time.Now())
			continue
		}
		f.mu.Lock()
		f.packets++
		// FU-A start of an IDR slice (RFC 6184 section 5.8), or a whole one.
		if p := pkt.Payload; len(p) > 1 && (p[0]&0x1F == 28 && p[1]&0x9F == 0x85 || p[0]&0x1F == 5) {
			f.keys++
		}
		f.mu.Unlock()
	}
}

func (f *tablet) video() (packets, keys int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.packets, f.keys
}

func (f *tablet) sound() (packets int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.heard
}

// hears waits until an engine hears a tone.
func hears(t *testing.T, who string, e *audio.Engine, hz float64) {
	t.Helper()
	eventually(t, who+" hears the other end's tone", func() bool { return math.Abs(e.Status().Far.FrequencyHz-hz) < 5 })
}

// withoutAudio declines the sound of an answer.
func withoutAudio(sdp string) string {
	return regexp.MustCompile(`m=audio \d+`).ReplaceAllString(sdp, "m=audio 0")
}

// withoutVideo takes the picture off.
func withoutVideo(sdp string) string {
	return regexp.MustCompile(`m=video \d+`).ReplaceAllString(sdp, "m=video 0")
}

// ofAStranger replaces the fingerprint of an answer.
func ofAStranger(sdp string) string {
	return regexp.MustCompile(`a=fingerprint:.*`).ReplaceAllString(sdp, "a=fingerprint:sha-256 "+strings.Repeat("AB:", 31)+"AB\r")
}

// offer is the SDP of the tablet's INVITE: sound only, as a popup has it.
func (f *tablet) offer() string {
	f.t.Helper()
	o, err := f.pc.CreateOffer(nil)
	check(f.t, err)
	gathered := webrtc.GatheringCompletePromise(f.pc)
	check(f.t, f.pc.SetLocalDescription(o))
	select {
	case <-gathered:
	case <-time.After(patience):
		f.t.Fatal("no candidates")
	}
	f.events = 110
	return f.pc.LocalDescription().SDP
}

// accept takes the answer to offer.
func (f *tablet) accept(sdp string) {
	f.t.Helper()
	check(f.t, f.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp}))
}
