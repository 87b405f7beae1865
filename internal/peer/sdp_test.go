package peer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"
)

func fixture(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func host(address string, port uint16) webrtc.ICECandidate {
	return webrtc.ICECandidate{Foundation: "1", Priority: 1, Address: address, Port: port, Typ: webrtc.ICECandidateTypeHost, Component: 1}
}

func someLocal(candidates ...webrtc.ICECandidate) local {
	return local{session: 1, version: 1, cname: "c", fingerprint: "sha-256 " + strings.Repeat("AB:", 31) + "AB", ufrag: "ufrag",
		pwd: "0123456789abcdef0123456789abcdef", setup: "actpass", candidates: candidates,
		audio: stream{1, "voice"}, video: stream{2, "picture"}}
}

func TestOfferOnTheWire(t *testing.T) {
	d := newDoor(t, Config{Video: true})
	offer := d.Offer()
	if len(offer) >= 2000 {
		t.Errorf("the offer has %d bytes", len(offer))
	}
	for _, bad := range []string{"0.0.0.0", "transport-cc", "goog-remb", "extmap", "cryptex", "rtx", "m=audio 9 ", "ssrc-group"} {
		if strings.Contains(offer, bad) {
			t.Errorf("the offer has %q:\n%s", bad, offer)
		}
	}
	audio, video, _ := strings.Cut(offer, "m=video")
	for _, want := range []string{"o=- ", " IN IP4 127.0.0.1\r\n", "c=IN IP4 127.0.0.1", "a=setup:actpass", "a=sendrecv", "opus/48000/2",
		"telephone-event/8000", "a=candidate:", "a=rtcp-mux", "a=group:BUNDLE 0 1"} {
		if !strings.Contains(audio, want) {
			t.Errorf("the offer lacks %q before the video:\n%s", want, offer)
		}
	}
	for _, want := range []string{"profile-level-id=42e01f", "packetization-mode=1", "a=sendonly", "nack pli", "ccm fir", "c=IN IP4 127.0.0.1"} {
		if !strings.Contains(video, want) {
			t.Errorf("the video lacks %q:\n%s", want, video)
		}
	}
	if strings.Contains(video, "a=candidate:") {
		t.Error("candidates stand in the second m-line too")
	}
	if strings.Contains(newDoor(t, Config{}).Offer(), "m=video") {
		t.Error("video is offered although it is off")
	}
}

func TestDefaultAddress(t *testing.T) {
	relay := host("198.51.100.9", 3)
	relay.Typ, relay.RelatedAddress, relay.RelatedPort = webrtc.ICECandidateTypeRelay, "192.0.2.7", 40000
	six := host("2001:db8::1", 4)
	for name, c := range map[string]struct {
		candidates []webrtc.ICECandidate
		want       string
	}{
		"host":                      {[]webrtc.ICECandidate{host("192.0.2.7", 40000)}, "c=IN IP4 192.0.2.7"},
		"IPv4 before IPv6":          {[]webrtc.ICECandidate{six, host("192.0.2.7", 40000)}, "c=IN IP4 192.0.2.7"},
		"IPv6 alone":                {[]webrtc.ICECandidate{six}, "c=IN IP6 2001:db8::1"},
		"a relay reaches most":      {[]webrtc.ICECandidate{host("192.0.2.7", 40000), relay}, "c=IN IP4 198.51.100.9"},
		"nothing but a relay known": {[]webrtc.ICECandidate{relay}, "m=audio 3 "},
	} {
		t.Run(name, func(t *testing.T) {
			l := someLocal(c.candidates...)
			if text := l.write(l.offerSections(true)); !strings.Contains(text, c.want) {
				t.Errorf("no %q in\n%s", c.want, text)
			}
		})
	}
	l := someLocal(relay)
	l.hideBases = true
	if text := l.write(l.offerSections(true)); strings.Contains(text, "192.0.2.7") {
		t.Errorf("the address behind the relay shows:\n%s", text)
	}
}

func TestAnswersAreRead(t *testing.T) {
	asterisk := fixture(t, "asterisk-answer-to-door.sdp")
	edit := func(old, with string) string {
		if !strings.Contains(asterisk, old) {
			t.Fatalf("no %q in the fixture", old)
		}
		return strings.ReplaceAll(asterisk, old, with)
	}
	opus, pcma, g722 := AudioCodec{"opus", 48000, 2}, AudioCodec{"PCMA", 8000, 1}, AudioCodec{"G722", 8000, 1}
	all := Negotiated{Audio: opus, AudioSend: true, AudioReceive: true, Video: true, TelephoneEvent: true}
	noVideo := all
	noVideo.Video = false
	audioOnly, video, _ := strings.Cut(asterisk, "m=video")
	declined := func(line string) string { return audioOnly + line + "\r\n" }
	with := func(n Negotiated, change func(*Negotiated)) Negotiated { change(&n); return n }
	for name, c := range map[string]struct {
		sdp  string
		want Negotiated
		err  error
	}{
		"Asterisk":                           {asterisk, all, nil},
		"line ends without CR":               {strings.ReplaceAll(asterisk, "\r\n", "\n"), all, nil},
		"video port 0 with rtpmap":           {edit("m=video 18964", "m=video 0"), noVideo, nil},
		"video port 0 without rtpmap":        {declined("m=video 0 UDP/TLS/RTP/SAVPF 102"), noVideo, nil},
		"video port 0, format 0":             {declined("m=video 0 UDP/TLS/RTP/SAVPF 0"), noVideo, nil},
		"video m-line missing":               {audioOnly, noVideo, nil},
		"video inactive":                     {audioOnly + "m=video" + strings.Replace(video, "a=sendrecv", "a=inactive", 1), noVideo, nil},
		"video sendonly":                     {audioOnly + "m=video" + strings.Replace(video, "a=sendrecv", "a=sendonly", 1), noVideo, nil},
		"video recvonly":                     {audioOnly + "m=video" + strings.Replace(video, "a=sendrecv", "a=recvonly", 1), all, nil},
		"other codec":                        {edit("H264/90000", "VP8/90000"), noVideo, nil},
		"High profile":                       {edit("profile-level-id=42001F", "profile-level-id=640c1f"), noVideo, nil},
		"H264 without fmtp":                  {edit("a=fmtp:102 packetization-mode=1;level-asymmetry-allowed=1;profile-level-id=42001F\n", ""), all, nil},
		"video on a transport of its own":    {strings.Replace(audioOnly, "a=group:BUNDLE 0 1", "a=x", 1) + "m=video" + strings.ReplaceAll(video, "a=ice-ufrag:2370", "a=ice-ufrag:9"), noVideo, nil},
		"audio PCMA":                         {edit("SAVPF 111 0 8 9 110 126", "SAVPF 8 126"), with(all, func(n *Negotiated) { n.Audio = pcma }), nil},
		"static payload type without rtpmap": {strings.Replace(edit("SAVPF 111 0 8 9 110 126", "SAVPF 8 126"), "a=rtpmap:8 PCMA/8000", "a=x", 1), with(all, func(n *Negotiated) { n.Audio = pcma }), nil},
		"audio G722":                         {edit("SAVPF 111 0 8 9 110 126", "SAVPF 9 126"), with(all, func(n *Negotiated) { n.Audio = g722 }), nil},
		"unknown codec first":                {edit("SAVPF 111 0 8 9 110 126", "SAVPF 18 8 126"), with(all, func(n *Negotiated) { n.Audio = pcma }), nil},
		"no telephone-event":                 {edit("SAVPF 111 0 8 9 110 126", "SAVPF 111"), with(all, func(n *Negotiated) { n.TelephoneEvent = false }), nil},
		"held at once":                       {strings.Replace(asterisk, "a=sendrecv", "a=sendonly", 1), with(all, func(n *Negotiated) { n.AudioSend = false }), nil},
		"held by 0.0.0.0":                    {edit("c=IN IP4 10.77.0.1", "c=IN IP4 0.0.0.0"), with(noVideo, func(n *Negotiated) { n.AudioSend = false }), nil},
		"no audio codec":                     {edit("SAVPF 111 0 8 9 110 126", "SAVPF 18"), Negotiated{}, ErrNoAudio},
		"audio declined":                     {edit("m=audio 18964", "m=audio 0"), Negotiated{}, ErrNoAudio},
		"only video":                         {"v=0\r\nm=video" + video, Negotiated{}, ErrNoAudio},
		"plain RTP":                          {edit("UDP/TLS/RTP/SAVPF", "RTP/AVP"), Negotiated{}, ErrNoAudio},
		"nothing":                            {"", Negotiated{}, ErrSDP},
		"port not a number":                  {edit("m=audio 18964", "m=audio x"), Negotiated{}, ErrSDP},
		"too long":                           {asterisk + strings.Repeat("a=x\r\n", 20000), Negotiated{}, ErrSDP},
		"too many m-lines":                   {asterisk + strings.Repeat("m=audio 0 x 0\r\n", 20), Negotiated{}, ErrSDP},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := readSDP(c.sdp)
			var a *agreement
			if err == nil {
				a, err = agreedWith(&d)
			}
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if err == nil && a.Negotiated != c.want {
				t.Errorf("%+v, want %+v", a.Negotiated, c.want)
			}
		})
	}
}

// agreedWith is what an answer to an offer with video comes to.
func agreedWith(d *description) (*agreement, error) {
	a, l := &agreement{}, someLocal()
	a.addOwn()
	return a, a.agreeAnswer(d, l.offerSections(true))
}

func TestReofferFixture(t *testing.T) {
	d, err := readSDP(fixture(t, "asterisk-answer-to-door.sdp"))
	check(t, err)
	before, err := agreedWith(&d)
	check(t, err)
	again, err := readSDP(fixture(t, "asterisk-reinvite-to-door.sdp"))
	check(t, err)
	a, plans, err := agreeOffer(&again, before, true)
	check(t, err)
	if a.Video || !a.AudioSend {
		t.Errorf("VP8 alone, audio sendrecv: %+v", a.Negotiated)
	}
	if a.receive[101].kind != payloadEvent || a.receive[104].kind != payloadEvent || a.receive[126].kind != payloadEvent {
		t.Error("telephone-event is not known by its new numbers, or forgotten by its old ones")
	}
	l := someLocal(host("192.0.2.7", 40000))
	text := l.write(l.answerSections(plans))
	if !strings.Contains(text, "m=audio 40000 UDP/TLS/RTP/SAVPF 111 0 8 9 101 104\r\n") || !strings.Contains(text, "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n") {
		t.Errorf("answer:\n%s", text)
	}
}
