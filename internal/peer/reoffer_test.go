package peer

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// reinvite is a re-offer as Asterisk writes it, for the transport that an answer described.
type reinvite struct {
	audio     string // formats
	direction string
	address   string
	setup     string
	video     string // the whole m-line with what is particular, empty for none
}

func (r reinvite) from(t *testing.T, answer string) string {
	t.Helper()
	d, err := readSDP(answer)
	check(t, err)
	s := d.media[0]
	or := func(v, otherwise string) string {
		if v == "" {
			return otherwise
		}
		return v
	}
	transport := fmt.Sprintf("a=connection:existing\r\na=setup:%s\r\na=fingerprint:%s\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n",
		or(r.setup, "actpass"), s.fingerprints[0], s.ufrag, s.pwd)
	text := "v=0\r\no=- 33 5 IN IP4 10.77.0.1\r\ns=Asterisk\r\nc=IN IP4 " + or(r.address, "10.77.0.1") +
		"\r\nt=0 0\r\na=group:BUNDLE 0 1\r\nm=audio 19092 UDP/TLS/RTP/SAVPF " + or(r.audio, "111 0 8 9 102 104") + "\r\n" + transport
	for _, c := range s.candidates {
		text += "a=candidate:" + c + "\r\n"
	}
	text += "a=rtpmap:111 opus/48000/2\r\na=rtpmap:9 G722/8000\r\na=rtpmap:102 telephone-event/48000\r\na=fmtp:102 0-16\r\n" +
		"a=rtpmap:104 telephone-event/8000\r\na=fmtp:104 0-16\r\na=" + or(r.direction, "sendrecv") + "\r\na=rtcp-mux\r\na=mid:0\r\n"
	if r.video != "" {
		text += r.video + transport + "a=rtcp-mux\r\na=mid:1\r\n"
	}
	return text
}

const threeVideoCodecs = "m=video 19092 UDP/TLS/RTP/SAVPF 99 100 108\r\na=rtpmap:99 H264/90000\r\n" +
	"a=fmtp:99 packetization-mode=1;level-asymmetry-allowed=1;profile-level-id=42E01F\r\na=rtpmap:100 VP8/90000\r\n" +
	"a=rtpmap:108 VP9/90000\r\na=recvonly\r\n"

func TestReofferBeforeICEIsUp(t *testing.T) {
	for range 10 {
		d, f := newDoor(t, Config{Video: true}), newFar(t, webrtc.MimeTypeOpus)
		answer := f.answer(d.Offer())
		_, err := d.SetAnswer(answer)
		check(t, err)
		for range 2 {
			text, n, wrong := d.Reoffer(reinvite{video: threeVideoCodecs}.from(t, answer))
			check(t, wrong)
			if !n.Video || !n.AudioSend || !n.TelephoneEvent || n.Audio.Name != "opus" {
				t.Errorf("negotiated %+v", n)
			}
			for _, want := range []string{"a=setup:passive", " UDP/TLS/RTP/SAVPF 111 0 8 9 102 104\r\n", "SAVPF 99\r\n", "a=sendonly", "IN IP4 127.0.0.1"} {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in the answer:\n%s", want, text)
				}
			}
			if u := "a=ice-ufrag:"; strings.Count(d.Offer(), u+d.local.ufrag) != 2 || strings.Count(text, u+d.local.ufrag) != 2 {
				t.Errorf("other ICE credentials in the answer:\n%s", text)
			}
		}
		await(t, d.up, "connection")
		d.speak(t, f)
		d.listenTo(t, f, 1)
		none(t, d.failed, "failure")
	}
}

func TestDTLSRoleIsKept(t *testing.T) {
	for setup, want := range map[string]string{"active": "a=setup:passive", "passive": "a=setup:active"} {
		t.Run(setup, func(t *testing.T) {
			d := newDoor(t, Config{})
			role := webrtc.DTLSRoleClient
			if setup == "passive" {
				role = webrtc.DTLSRoleServer
			}
			f := newFar(t, webrtc.MimeTypeOpus, func(s *webrtc.SettingEngine) { check(t, s.SetAnsweringDTLSRole(role)) })
			answer := f.answer(d.Offer())
			_, err := d.SetAnswer(answer)
			check(t, err)
			for range 2 {
				text, _, wrong := d.Reoffer(reinvite{}.from(t, answer))
				check(t, wrong)
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			await(t, d.up, "connection")
			d.speak(t, f)
		})
	}
}

func TestDigitsByTheNumbersAgreedLast(t *testing.T) {
	d, f := newDoor(t, Config{}), newFar(t, "audio/telephone-event")
	answer := f.answer(d.Offer())
	_, err := d.SetAnswer(answer)
	check(t, err)
	await(t, d.up, "connection")
	await(t, f.up, "connection of the far end")
	for i := range 3 {
		f.say(uint16(i), 1000, event(7, i == 2, 160))
	}
	if r := await(t, d.digits, "digit"); r != '7' {
		t.Fatalf("digit %c", r)
	}
	// The far side now says PT 101, until then telephone-event, is its Opus, and its events have another number.
	_, _, err = d.Reoffer(strings.Replace(reinvite{audio: "101 104"}.from(t, answer), "a=rtpmap:111 opus", "a=rtpmap:101 opus", 1))
	check(t, err)
	f.say(3, 2000, event(8, false, 160))
	if h := await(t, d.sound, "packet"); h.codec.Name != "opus" {
		t.Fatalf("PT 101 is %+v", h.codec)
	}
	none(t, d.digits, "voice taken for a digit")
	if s := d.Stats(); s.Digits != 1 {
		t.Errorf("%d digits counted", s.Digits)
	}
}

func TestHold(t *testing.T) {
	d, f, _ := call(t, Config{Video: true}, nil)
	answer := f.pc.LocalDescription().SDP
	check(t, d.WriteVideo(idr, 0))
	await(t, f.video, "picture")
	for _, c := range []struct {
		name          string
		offer         reinvite
		want          string
		send, receive bool
	}{
		{"sendonly", reinvite{direction: "sendonly"}, "a=recvonly", false, true},
		{"inactive", reinvite{direction: "inactive"}, "a=inactive", false, false},
		{"recvonly", reinvite{direction: "recvonly"}, "a=sendonly", true, false},
		{"0.0.0.0", reinvite{address: "0.0.0.0"}, "a=recvonly", false, true},
		{"sendrecv", reinvite{video: threeVideoCodecs}, "a=sendrecv", true, true},
	} {
		text, n, err := d.Reoffer(c.offer.from(t, answer))
		check(t, err)
		if n.AudioSend != c.send || n.AudioReceive != c.receive || !strings.Contains(text, c.want) {
			t.Errorf("%s: %+v\n%s", c.name, n, text)
		}
		before := d.Stats().AudioSent.Packets
		check(t, d.WriteAudio([]byte{1}, 20*time.Millisecond))
		if sent := d.Stats().AudioSent.Packets > before; sent != c.send {
			t.Errorf("%s: sound sent: %v", c.name, sent)
		}
	}
	// The picture was away with the hold: it starts again with a key frame, which is asked for.
	for range 2 {
		await(t, d.keyFrame, "request for a key frame")
	}
	before := d.Stats().VideoSent.Packets
	check(t, d.WriteVideo(slice, time.Second))
	if d.Stats().VideoSent.Packets != before {
		t.Error("the picture resumes without a key frame")
	}
	check(t, d.WriteVideo(idr, time.Second))
	if d.Stats().VideoSent.Packets == before {
		t.Error("the picture does not resume")
	}
}

func TestAudioGoesOnWhereVideoIsDeclined(t *testing.T) {
	video := func(answer string) (head, tail string) {
		head, tail, ok := strings.Cut(answer, "m=video ")
		if !ok {
			t.Fatalf("no video in\n%s", answer)
		}
		return head, tail
	}
	for name, change := range map[string]func(string) string{
		"port 0":                 func(a string) string { h, v := video(a); return h + "m=video 0 " + v[strings.Index(v, " ")+1:] },
		"port 0 without rtpmap":  func(a string) string { h, _ := video(a); return h + "m=video 0 UDP/TLS/RTP/SAVPF 102\r\n" },
		"port 0 of another kind": func(a string) string { h, _ := video(a); return h + "m=video 0 RTP/AVP 0\r\n" },
		"m-line missing":         func(a string) string { h, _ := video(a); return h },
		"inactive": func(a string) string {
			h, v := video(a)
			return h + "m=video " + strings.Replace(v, "a=recvonly", "a=inactive", 1)
		},
		"other codec":  func(a string) string { return strings.ReplaceAll(a, "H264/90000", "VP9/90000") },
		"High profile": func(a string) string { return strings.ReplaceAll(a, "42e01f", "640c1f") },
	} {
		t.Run(name, func(t *testing.T) {
			d, f, n := call(t, Config{Video: true}, change)
			if n.Video {
				t.Fatalf("negotiated %+v", n)
			}
			check(t, d.WriteVideo(idr, 0))
			d.speak(t, f)
			d.listenTo(t, f, 1)
			if s := d.Stats(); s.VideoSent.Packets != 0 {
				t.Errorf("%d packets of video sent", s.VideoSent.Packets)
			}
			f.tell(&rtcp.PictureLossIndication{MediaSSRC: uint32(d.picture.ssrc)})
			none(t, d.keyFrame, "a key frame is asked for")
		})
	}
}

func TestICERestartOfTheFarSide(t *testing.T) {
	d, f, _ := call(t, Config{Video: true}, nil)
	d.speak(t, f)
	d.listenTo(t, f, 1)
	for round := range 2 {
		before := d.local.ufrag
		o, err := f.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
		check(t, err)
		answer, n, err := d.Reoffer(f.complete(o))
		check(t, err)
		if !n.Video || strings.Contains(answer, before) {
			t.Fatalf("round %d: %+v\n%s", round, n, answer)
		}
		up := make(chan struct{}, 8)
		f.pc.OnICEConnectionStateChange(func(s webrtc.ICEConnectionState) {
			if s == webrtc.ICEConnectionStateConnected || s == webrtc.ICEConnectionStateCompleted {
				up <- struct{}{}
			}
		})
		check(t, f.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
		await(t, up, "connection after the restart")
		drain(f.audio)
		drain(d.sound)
		d.speak(t, f)
		d.listenTo(t, f, uint16(1000*(round+1)))
	}
	none(t, d.failed, "failure")
}

func drain[T any](c <-chan T) {
	for {
		select {
		case <-c:
		default:
			return
		}
	}
}

func TestReofferThatIsRefused(t *testing.T) {
	d, f, _ := call(t, Config{Video: true}, nil)
	good := reinvite{video: threeVideoCodecs}.from(t, f.pc.LocalDescription().SDP)
	for name, c := range map[string]struct {
		sdp  string
		want error
	}{
		"nothing":             {"", ErrSDP},
		"no audio":            {strings.Replace(good, "m=audio 19092", "m=audio 0", 1), ErrNoAudio},
		"no codec":            {strings.Replace(good, "SAVPF 111 0 8 9", "SAVPF 96 97 98 18", 1), ErrNoAudio},
		"another certificate": {strings.ReplaceAll(good, "a=fingerprint:sha-256 ", "a=fingerprint:sha-512 "+strings.Repeat("00:", 32)), ErrNewCertificate},
	} {
		if _, _, err := d.Reoffer(c.sdp); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	d.speak(t, f)
	d.listenTo(t, f, 1)
	check(t, d.WriteVideo(idr, 0))
	await(t, f.video, "picture")
}
