package peer

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"
)

// ring offers a call to a door; f must have its tracks.
func ring(t *testing.T, c Config, offer string) (*door, string, Negotiated, error) {
	t.Helper()
	pool, err := NewPool(onLoopback(c), 0)
	check(t, err)
	p, answer, n, err := pool.Answer(context.Background(), offer)
	if err != nil {
		return nil, "", n, err
	}
	t.Cleanup(func() { check(t, p.Close()) })
	d := watched(p)
	d.pool = pool
	p.Start(d.events())
	return d, answer, n, nil
}

// offers is the far end's first offer.
func (f *far) offers(o *webrtc.OfferOptions) string {
	f.t.Helper()
	d, err := f.pc.CreateOffer(o)
	check(f.t, err)
	return f.complete(d)
}

func (f *far) takes(answer string) {
	f.t.Helper()
	if strings.Contains(answer, "m=video 0 ") {
		answer += "a=rtpmap:102 H264/90000\r\n" // pion needs one even where nothing is meant
	}
	check(f.t, f.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
}

func (f *far) wantsVideo() {
	f.t.Helper()
	_, err := f.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	check(f.t, err)
}

func TestIncomingCall(t *testing.T) {
	plain := func(s string) string { return s }
	for name, c := range map[string]struct {
		config   Config
		video    bool
		change   func(string) string // of the offer
		settings func(*webrtc.SettingEngine)
		want     []string // in the answer
		picture  bool
	}{
		"with a picture": {Config{Video: true}, true, plain, nil, []string{"a=setup:active", "m=video", "a=sendonly", "c=IN IP4 127.0.0.1", "a=group:BUNDLE 0 1"}, true},
		"picture off":    {Config{}, true, plain, nil, []string{"a=setup:active", "m=video 0 "}, false},
		"sound alone":    {Config{Video: true}, false, plain, nil, []string{"a=setup:active", "telephone-event"}, false},
		"the far side is active": {Config{}, false, func(s string) string { return strings.ReplaceAll(s, "a=setup:actpass", "a=setup:active") }, func(s *webrtc.SettingEngine) {
			check(t, s.SetAnsweringDTLSRole(webrtc.DTLSRoleClient))
		}, []string{"a=setup:passive"}, false},
		"ICE lite": {Config{Video: true}, true, plain, func(s *webrtc.SettingEngine) { s.SetLite(true) }, []string{"a=setup:active"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var settings []func(*webrtc.SettingEngine)
			if c.settings != nil {
				settings = append(settings, c.settings)
			}
			f := newFar(t, webrtc.MimeTypeOpus, settings...)
			if c.video {
				f.wantsVideo()
			}
			d, answer, n, err := ring(t, c.config, c.change(f.offers(nil)))
			check(t, err)
			if n.Video != c.picture || !n.AudioSend || !n.AudioReceive || !n.TelephoneEvent || n.Audio.Name != "opus" {
				t.Errorf("negotiated %+v", n)
			}
			for _, want := range append(c.want, "typ host", "a=end-of-candidates") {
				if !strings.Contains(answer, want) {
					t.Errorf("no %q in\n%s", want, answer)
				}
			}
			f.takes(answer)
			await(t, d.up, "connection")
			talkingBoth(t, d, f, 1)
			if c.picture {
				await(t, d.keyFrame, "request for a key frame")
				check(t, d.WriteVideo(idr, 0))
				await(t, f.video, "picture")
			}
			// Later offers of the far side are answered as in any call.
			if text, _, wrong := d.Reoffer(f.offers(nil)); wrong != nil {
				t.Error(wrong)
			} else {
				f.takes(text)
			}
			talkingBoth(t, d, f, 1000)
			none(t, d.failed, "failure")
		})
	}
}

func TestPictureIsAddedToACallFromTheHouse(t *testing.T) {
	f := newFar(t, webrtc.MimeTypeOpus)
	d, answer, n, err := ring(t, Config{Video: true}, f.offers(nil))
	check(t, err)
	if n.Video || strings.Contains(answer, "m=video") {
		t.Fatalf("%+v\n%s", n, answer)
	}
	f.takes(answer)
	await(t, d.up, "connection")
	talkingBoth(t, d, f, 1)
	path := d.inUse.Load()

	// Refused: sound stays, and what follows has one m-line.
	offer, err := d.Renew(t.Context(), Renewal{Video: true})
	check(t, err)
	if !strings.Contains(offer, "m=video ") || !strings.Contains(offer, "a=group:BUNDLE 0 1") || !strings.Contains(offer, "a=ice-ufrag:"+path.ufrag) {
		t.Errorf("offer\n%s", offer)
	}
	d.Withdraw()
	talkingBoth(t, d, f, 500)

	offer, err = d.Renew(t.Context(), Renewal{Video: true})
	check(t, err)
	n, err = d.Renewed(f.answer(offer))
	check(t, err)
	if !n.Video || !n.AudioSend {
		t.Errorf("%+v", n)
	}
	await(t, d.keyFrame, "request for a key frame")
	check(t, d.WriteVideo(idr, 0))
	await(t, f.video, "picture")
	talkingBoth(t, d, f, 1000)
	if d.inUse.Load() != path {
		t.Error("the path changed")
	}

	// And a restart after that keeps both.
	offer, err = d.Renew(t.Context(), Renewal{Restart: true})
	check(t, err)
	n, err = d.Renewed(f.answer(offer))
	check(t, err)
	if !n.Video {
		t.Errorf("%+v", n)
	}
	talkingBoth(t, d, f, 2000)
	check(t, d.WriteVideo(idr, 0))
	await(t, f.video, "picture")
}

func TestPictureThatIsDeclinedCanBeOfferedAgain(t *testing.T) {
	d, f, n := call(t, Config{Video: true}, func(a string) string {
		h, _, _ := strings.Cut(a, "m=video ")
		return h + "m=video 0 UDP/TLS/RTP/SAVPF 102\r\na=mid:1\r\n"
	})
	if n.Video {
		t.Fatalf("%+v", n)
	}
	offer, err := d.Renew(t.Context(), Renewal{Restart: true})
	check(t, err)
	if !strings.Contains(offer, "m=video 0 UDP/TLS/RTP/SAVPF 102") {
		t.Errorf("a restart alone offers\n%s", offer)
	}
	d.Withdraw()
	offer, err = d.Renew(t.Context(), Renewal{Video: true})
	check(t, err)
	if strings.Count(offer, "m=video") != 1 || strings.Contains(offer, "m=video 0") {
		t.Errorf("offer\n%s", offer)
	}
	if n, err = d.Renewed(f.answer(offer)); err != nil || !n.Video {
		t.Fatalf("%+v, %v", n, err)
	}
	check(t, d.WriteVideo(idr, 0))
	await(t, f.video, "picture")
}

func TestIncomingOffersThatCannotBeTaken(t *testing.T) {
	f := newFar(t, webrtc.MimeTypeOpus)
	good := f.offers(nil)
	for name, c := range map[string]struct {
		sdp  string
		want error
	}{
		"nothing":        {"", ErrSDP},
		"no audio":       {strings.Replace(good, "m=audio 9", "m=audio 0", 1), ErrNoAudio},
		"plain RTP":      {strings.ReplaceAll(good, "UDP/TLS/RTP/SAVPF", "RTP/AVP"), ErrNoAudio},
		"no ICE":         {strings.ReplaceAll(good, "a=ice-", "a=x-"), ErrNoICE},
		"no certificate": {strings.ReplaceAll(good, "a=fingerprint", "a=x"), ErrNoFingerprint},
	} {
		if _, _, _, err := ring(t, Config{}, c.sdp); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestEarlyMedia(t *testing.T) {
	d, f := newDoor(t, Config{Video: true}), newFar(t, webrtc.MimeTypeOpus)
	answer := f.answer(d.Offer())
	if _, err := d.SetEarlyAnswer("v=0\r\n"); !errors.Is(err, ErrSDP) {
		t.Errorf("%v", err)
	}
	n, err := d.SetEarlyAnswer(answer)
	check(t, err)
	if n.AudioSend || n.Video || !n.AudioReceive {
		t.Errorf("%+v", n)
	}
	await(t, d.up, "connection")
	d.listenTo(t, f, 1)
	check(t, d.WriteAudio([]byte{1}, 0))
	check(t, d.WriteVideo(idr, 0))
	if s := d.Stats(); s.AudioSent.Packets+s.VideoSent.Packets != 0 {
		t.Errorf("sent before the answer: %+v", s)
	}
	if _, err = d.Renew(t.Context(), Renewal{Restart: true}); !errors.Is(err, ErrState) {
		t.Errorf("%v", err)
	}
	if _, err = d.SetEarlyAnswer(answer); !errors.Is(err, ErrState) {
		t.Errorf("a second early answer: %v", err)
	}

	// Somebody else answers: another certificate, another ICE session.
	for name, other := range map[string]string{
		"certificate": strings.ReplaceAll(answer, "a=fingerprint:sha-256 ", "a=fingerprint:sha-512 "+strings.Repeat("00:", 32)),
		"ICE":         strings.ReplaceAll(answer, "a=ice-ufrag:", "a=ice-ufrag:other"),
	} {
		if _, err = d.SetAnswer(other); !errors.Is(err, ErrForked) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	n, err = d.SetAnswer(answer)
	check(t, err)
	if !n.AudioSend || !n.Video {
		t.Errorf("%+v", n)
	}
	talkingBoth(t, d, f, 1000)
	await(t, d.keyFrame, "request for a key frame")
	check(t, d.WriteVideo(idr, 0))
	await(t, f.video, "picture")
}

func TestEarlyMediaInAnotherCodec(t *testing.T) {
	d, f := newDoor(t, Config{}), newFar(t, webrtc.MimeTypeOpus)
	answer := f.answer(d.Offer())
	early := strings.Replace(answer, "SAVPF 111 9 0 8", "SAVPF 8 111 9 0", 1)
	if n, err := d.SetEarlyAnswer(early); err != nil || n.Audio.Name != "PCMA" {
		t.Fatalf("%+v, %v", n, err)
	}
	n, err := d.SetAnswer(answer)
	check(t, err)
	if n.Audio.Name != "opus" {
		t.Errorf("%+v", n)
	}
	await(t, d.up, "connection")
	talkingBoth(t, d, f, 1)
}
