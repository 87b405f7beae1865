package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"doorstation/internal/control"
	"doorstation/internal/page"
)

// freeAddress is one of loopback that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	check(t, l.Close())
	return l.Addr().String()
}

// browser is a status page that is open.
type browser struct {
	t     *testing.T
	base  string
	token string
	leave func()
}

func openPage(t *testing.T, address string) *browser {
	t.Helper()
	b := &browser{t: t, base: "http://" + address}
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+"/api/events", nil)
	check(t, err)
	resp, err := http.DefaultClient.Do(req)
	check(t, err)
	b.leave = func() {
		cancel()
		_ = resp.Body.Close()
		http.DefaultClient.CloseIdleConnections()
	}
	t.Cleanup(b.leave)
	lines := bufio.NewScanner(resp.Body)
	for b.token == "" && lines.Scan() {
		if data, is := strings.CutPrefix(lines.Text(), "data: "); is {
			var hello struct{ Token string }
			check(t, json.Unmarshal([]byte(data), &hello))
			b.token = hello.Token
		}
	}
	return b
}

func (b *browser) post(path, kind, body string) (int, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+path, strings.NewReader(body))
	check(b.t, err)
	req.Header.Set("X-Page-Token", b.token)
	req.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(req)
	check(b.t, err)
	text, err := io.ReadAll(resp.Body)
	check(b.t, err)
	check(b.t, resp.Body.Close())
	return resp.StatusCode, string(text)
}

// look shows the picture, and tells of its packets.
func (b *browser) look() (packets <-chan struct{}, status int) {
	b.t.Helper()
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	media := &webrtc.MediaEngine{}
	check(b.t, media.RegisterDefaultCodecs())
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(media)).NewPeerConnection(webrtc.Configuration{})
	check(b.t, err)
	b.t.Cleanup(func() { check(b.t, pc.GracefulClose()) })
	came := make(chan struct{}, 1)
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, readErr := track.ReadRTP(); readErr != nil {
				return
			}
			select {
			case came <- struct{}{}:
			default:
			}
		}
	})
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		_, err = pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		check(b.t, err)
	}
	offer, err := pc.CreateOffer(nil)
	check(b.t, err)
	gathered := webrtc.GatheringCompletePromise(pc)
	check(b.t, pc.SetLocalDescription(offer))
	<-gathered
	status, answer := b.post("/api/picture", "application/sdp", pc.LocalDescription().SDP)
	if status == http.StatusCreated {
		check(b.t, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	}
	return came, status
}

// TestWhoLooksOnTheStatusPageIsALook: the light is on, the call's rate is untouched, and all of it ends with the page.
func TestWhoLooksOnTheStatusPageIsALook(t *testing.T) {
	h := newHouse(t)
	kitchen := newTablet(h)
	address := freeAddress(t)
	a := h.start("page: {listen: \"" + address + "\"}\n")
	a.registered()
	a.until("the page is served", func(s control.Status) bool { return s.Page.Address == address })
	b := openPage(t, address)
	pictures, status := b.look()
	if status != http.StatusCreated {
		t.Fatalf("%d", status)
	}
	for range 20 {
		select {
		case <-pictures:
		case <-time.After(patience):
			t.Fatal("no picture")
		}
	}
	s := a.until("the light", func(s control.Status) bool { return s.GPIO.Light == "on" })
	if s.Page.Viewers != 1 || s.Camera.Readers != 1 || s.Visit.State != "idle" || s.Look != nil {
		t.Errorf("while somebody looks: %+v, %+v", s.Page, s.Camera)
	}
	a.talks(kitchen)
	s = a.until("both watch", func(s control.Status) bool { return s.Camera.Readers == 2 })
	if s.Camera.BitrateTarget != 200_000 {
		t.Errorf("the call's rate: %+v", s.Camera)
	}
	if refused, text := b.post("/api/sound", "", ""); refused != http.StatusConflict {
		t.Errorf("a sound test during a call: %d, %s", refused, text)
	}
	kitchen.hangUp()
	a.visit("idle")
	if s = a.until("the call has left", func(s control.Status) bool { return s.Camera.Readers == 1 }); s.GPIO.Light != "on" {
		t.Errorf("the light is %s while somebody looks", s.GPIO.Light)
	}
	for n := range mostWatchers { // one to a page
		other := openPage(t, address)
		if _, status = other.look(); (status == http.StatusCreated) != (n < mostWatchers-1) {
			t.Errorf("viewer %d: %d", n+2, status)
		}
		if n == mostWatchers-1 {
			if refused, text := other.post("/api/picture", "application/sdp", "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"); refused < 400 {
				t.Errorf("an offer of nothing: %d, %s", refused, text)
			}
		}
		defer other.leave()
	}
	b.leave()
	a.until("one less", func(s control.Status) bool { return s.Page.Viewers == mostWatchers-1 })
}

// TestTheSoundIsTestedFromThePage: the microphone is open for a while, and its level shows.
func TestTheSoundIsTestedFromThePage(t *testing.T) {
	h := newHouse(t)
	address := freeAddress(t)
	a := h.start("page: {listen: \"" + address + "\"}\n")
	a.until("the page is served", func(s control.Status) bool { return s.Page.Address == address })
	b := openPage(t, address)
	if status, text := b.post("/api/sound", "", ""); status != http.StatusOK {
		t.Fatalf("%d, %s", status, text)
	}
	a.until("a level", func(s control.Status) bool { return s.Sound.State == "running" && s.Sound.NearLevel != nil })
	a.until("silence", func(s control.Status) bool { return s.Sound.State == "idle" && s.Sound.NearLevel == nil })
}

// TestAPageThatCantBeServedIsAFault: and goes when it can.
func TestAPageThatCantBeServedIsAFault(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	h := newHouse(t)
	a := h.start(fmt.Sprintf("page: {listen: %q}\n", l.Addr()))
	a.registered()
	a.until("the fault", func(s control.Status) bool {
		f := fault(s, "page_unavailable")
		return f != nil && f.Severity == "warning"
	})
	a.stop()

	p, err := page.NewPassword("correct horse battery")
	check(t, err)
	check(t, os.WriteFile(h.path("password"), []byte(p.Line()), 0o644))
	a = h.start(fmt.Sprintf("page: {listen: \"0.0.0.0:1\", password_file: %q}\n", h.path("password")))
	a.until("a password that others may read is refused", func(s control.Status) bool {
		f := fault(s, "page_unavailable")
		return f != nil && strings.Contains(f.Detail, "chmod 600")
	})
}
