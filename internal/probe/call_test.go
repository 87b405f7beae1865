//go:build !kernel

package probe

import (
	"context"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
	samples "github.com/pion/webrtc/v4/pkg/media"

	"doorstation/internal/camera"
	"doorstation/internal/check"
	"doorstation/internal/health"
	"doorstation/internal/settings"
	"doorstation/internal/sip"
	"doorstation/test/lab/registrar"
)

const callPassword = "of-both"

// kitchen is a telephone that is called: SIP of our own, media of another make.
type kitchen struct {
	t *testing.T
	// codecs are what it takes; nil is all that pion has.
	codecs *webrtc.MediaEngine
	// leaves: it hangs up as soon as it has answered. refuses is the status that it answers by after it rang.
	leaves  bool
	refuses int
	url     string

	mu  sync.Mutex
	pcs []*webrtc.PeerConnection
}

// openKitchen registers extension 101 until the test ends.
func openKitchen(t *testing.T, k *kitchen) *kitchen {
	t.Helper()
	k.t = t
	pbx := registrar.New(registrar.Options{Users: map[string]string{"200": callPassword, "101": callPassword}})
	web := httptest.NewServer(pbx)
	k.url = "ws" + strings.TrimPrefix(web.URL, "http")
	registered := make(chan struct{}, 1)
	agent, err := sip.New(sip.Config{
		Extension: "101", Password: callPassword, Domain: "test",
		Locate: func(context.Context) (sip.Endpoint, error) { return sip.Endpoint{URL: k.url}, nil },
		OnRegistration: func(r sip.Registration) {
			if r.State == sip.Registered {
				select {
				case registered <- struct{}{}:
				default:
				}
			}
		},
		OnInvite: k.called,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if runErr := agent.Run(ctx); runErr != nil {
			t.Error(runErr)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		for _, pc := range k.pcs {
			if closeErr := pc.GracefulClose(); closeErr != nil {
				t.Error(closeErr)
			}
		}
		pbx.Close()
		web.Close()
	})
	<-registered
	return k
}

// called takes a call: it rings, and answers at once.
func (k *kitchen) called(in *sip.Incoming) {
	if err := in.Ring(); err != nil {
		k.t.Error(err)
		return
	}
	if k.refuses > 0 {
		if err := in.Reject(k.refuses, "No"); err != nil {
			k.t.Error(err)
		}
		return
	}
	pc, answer, err := k.connection(in.Offer())
	if err != nil {
		k.t.Error(err)
		return
	}
	leg, err := in.Answer(in.Context(), answer, sip.Handler{})
	if err != nil {
		k.t.Error(err)
		return
	}
	if k.leaves {
		if err = leg.Hangup(context.Background()); err != nil {
			k.t.Error(err)
		}
		return
	}
	<-leg.Done()
	_ = pc.Close() // ends speak
}

// connection answers an offer and begins to speak.
func (k *kitchen) connection(offer string) (*webrtc.PeerConnection, string, error) {
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	s.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	options := []func(*webrtc.API){webrtc.WithSettingEngine(s)}
	if k.codecs != nil {
		options = append(options, webrtc.WithMediaEngine(k.codecs))
	}
	pc, err := webrtc.NewAPI(options...).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, "", err
	}
	k.mu.Lock()
	k.pcs = append(k.pcs, pc)
	k.mu.Unlock()
	voice, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "voice", "kitchen")
	if err != nil {
		return nil, "", err
	}
	if _, err = pc.AddTrack(voice); err != nil {
		return nil, "", err
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for { // what is not read is not reported on
			if _, _, readErr := track.ReadRTP(); readErr != nil {
				return
			}
		}
	})
	over, end := context.WithCancel(context.Background())
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			if !k.leaves {
				go speak(over, voice)
			}
		case webrtc.PeerConnectionStateClosed, webrtc.PeerConnectionStateFailed:
			end()
		default:
		}
	})
	if err = pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return nil, "", err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return nil, "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err = pc.SetLocalDescription(answer); err != nil {
		return nil, "", err
	}
	<-gathered
	return pc, pc.LocalDescription().SDP, nil
}

func speak(ctx context.Context, voice *webrtc.TrackLocalStaticSample) {
	every := time.NewTicker(frame)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			_ = voice.WriteSample(samples.Sample{Data: silence("opus"), Duration: frame}) // before and after the call nobody listens
		case <-ctx.Done():
			return
		}
	}
}

// soundAlone is what a telephone without a screen takes.
func soundAlone(t *testing.T) *webrtc.MediaEngine {
	t.Helper()
	var m webrtc.MediaEngine
	err := m.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, PayloadType: 111,
	}, webrtc.RTPCodecTypeAudio)
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

// callKitchen makes the test call.
func callKitchen(t *testing.T, k *kitchen, change func(*Scene)) []check.Finding {
	t.Helper()
	s := New(Options{Socket: filepath.Join(t.TempDir(), "none"), Getenv: func(string) string { return "" }, Now: time.Now, Call: "101", CallFor: time.Second})
	defer s.Close()
	s.loopback = true
	s.door = &settings.Settings{Extension: "200", Password: callPassword, Domain: "test", Video: true}
	if change != nil {
		change(s)
	}
	s.asSIP = s.sipConfig(sip.Endpoint{URL: k.url})
	links := s.callLinks()
	links[0].Needs = nil
	return check.Walk(t.Context(), links, time.Now, nil).Findings
}

func TestATestCallSaysWhetherThePictureFlowed(t *testing.T) {
	got := callKitchen(t, openKitchen(t, &kitchen{}), nil)
	if len(got) != 2 || got[0].Outcome != check.OK || got[1].Link != "call.picture" || got[1].Outcome != check.OK {
		t.Fatalf("%+v", got)
	}
	if p, ok := got[1].Data.(picture); !ok || !p.Agreed || p.Sent == 0 || p.Reports == 0 {
		t.Errorf("%+v", got[1])
	}
	if !strings.Contains(got[0].Found, "hung up by the door") || !strings.Contains(got[1].Found, "the far side reports") {
		t.Errorf("%+v", got)
	}
}

func TestATestCallToATelephoneWithoutAScreen(t *testing.T) {
	got := callKitchen(t, openKitchen(t, &kitchen{codecs: soundAlone(t)}), nil)
	if len(got) != 2 || got[0].Outcome != check.OK || got[1].Outcome != check.Note || got[1].Code != "" || !strings.Contains(got[1].Found, "allow=") {
		t.Errorf("%+v", got)
	}
}

// TestATestCallOfADoorWithoutAPicture offers none and says nothing of one.
func TestATestCallOfADoorWithoutAPicture(t *testing.T) {
	got := callKitchen(t, openKitchen(t, &kitchen{}), func(s *Scene) { s.door.Video = false })
	if len(got) != 1 || got[0].Outcome != check.OK {
		t.Errorf("%+v", got)
	}
}

// noCamera is a source that cannot begin.
type noCamera struct{ camera.Source }

var errNoEncoder = errors.New("no encoder is to be had")

func (noCamera) Run(context.Context, camera.Params, func(camera.AccessUnit)) error {
	return errNoEncoder
}

func TestAPictureThatWasAgreedOnAndNotSent(t *testing.T) {
	got := callKitchen(t, openKitchen(t, &kitchen{}), func(s *Scene) { s.source = noCamera{camera.NewTestSource(time.Now)} })
	if len(got) != 2 || got[0].Outcome != check.OK || got[1].Code != health.CodeCallNoPicture || got[1].Outcome != check.Error ||
		!strings.Contains(got[1].Found, errNoEncoder.Error()) {
		t.Errorf("%+v", got)
	}
}

// TestATestCallThatIsCutShort proves nothing: no firewall is to be looked for.
func TestATestCallThatIsCutShort(t *testing.T) {
	got := callKitchen(t, openKitchen(t, &kitchen{leaves: true}), nil)
	if f := got[0]; f.Outcome != check.Warning || f.Code != "" || f.Remedy == "" || !strings.Contains(f.Found, "hung up by the far side") {
		t.Errorf("%+v", got)
	}
}

// TestATestCallThatRangAndWasNotTaken: a person's no is none of a telephone that cannot.
func TestATestCallThatRangAndWasNotTaken(t *testing.T) {
	for status, declined := range map[int]bool{603: true, 486: true, 480: true, 488: false, 500: false} {
		f := callKitchen(t, openKitchen(t, &kitchen{refuses: status}), nil)[0]
		if declined && (f.Outcome != check.Note || f.Code != "" || !strings.Contains(f.Found, "declined")) {
			t.Errorf("%d: %+v", status, f)
		}
		if !declined && (f.Outcome != check.Error || f.Code != health.CodeCallFailed || strings.Contains(f.Problem, "nobody") || !strings.Contains(f.Found, "rang after")) {
			t.Errorf("%d: %+v", status, f)
		}
	}
}

// TestWhatIsSaidOfAPicture: only what the far side says makes it one that arrived.
func TestWhatIsSaidOfAPicture(t *testing.T) {
	for _, c := range []struct {
		name    string
		p       picture
		outcome check.Outcome
		code    health.Code
		says    []string
	}{
		{"taken back", picture{Sent: 9}, check.Note, "", []string{"9 packets", "would take no more"}},
		{"arrived", picture{Agreed: true, Sent: 90, Reports: 1, LostFar: 2, KeyFrames: 1}, "", "", []string{"90 packets", "2 of them lost", "whole picture once"}},
		{"mostly lost", picture{Agreed: true, Sent: 90, Reports: 1, LostFar: 60, LostLately: 0.75, KeyFrames: 3}, "", health.CodeCallNoPicture, []string{"75 % of the newest", "3 times"}},
		{"the sound alone arrives", picture{Agreed: true, Sent: 90, sound: true, whole: true}, check.Warning, health.CodeCallNoPicture, []string{"reports on the sound"}},
		{"cut short", picture{Agreed: true, Sent: 90, sound: true}, check.Note, "", []string{"not said"}},
		{"one that reports on nothing", picture{Agreed: true, Sent: 90, whole: true}, check.Note, "", []string{"not said"}},
	} {
		f := c.p.finding()
		if f.Outcome != c.outcome || f.Code != c.code || slices.ContainsFunc(c.says, func(want string) bool { return !strings.Contains(f.Found, want) }) {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}
