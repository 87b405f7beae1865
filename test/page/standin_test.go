package page

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"doorstation/internal/control"
	"doorstation/internal/page"
)

// standIn is an agent that says what a test wants, behind the real page: for what a real one does not say on demand.
type standIn struct {
	t       *testing.T
	buttons []page.Button

	mu      sync.Mutex
	status  control.Status
	viewers []*deafViewer
	stop    func()
}

// standFor serves the page of a stand-in until the test ends.
func standFor(t *testing.T, buttons ...page.Button) *standIn {
	t.Helper()
	now := time.Now()
	s := &standIn{t: t, buttons: buttons, status: control.Status{
		Version: "1.2.3", Started: now.Add(-time.Hour), Registration: control.Registration{State: "registered", Extension: "105"},
		Visit: control.Visit{State: "idle"}, GPIO: control.GPIO{Chip: "header", Lock: "off", Light: "off"},
		Camera: control.Camera{Source: "rpicam", State: "idle", Width: 1280, Height: 720, Framerate: 30, Bitrate: 1_500_000},
		Visits: []control.PastVisit{{
			Number: 1, Button: "Front door", At: now.Add(-time.Minute), Outcome: "talked", AnsweredBy: "101", RingSeconds: 7, TalkSeconds: 33,
		}},
	}}
	s.start()
	t.Cleanup(func() {
		s.end()
		for _, v := range s.viewers {
			v.Close()
		}
	})
	return s
}

// start serves the page, again after an end.
func (s *standIn) start() {
	s.t.Helper()
	up := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- page.Serve(ctx, page.Options{
			Address: Address, Station: s, Buttons: s.buttons, Log: slog.New(slog.DiscardHandler), OnFault: func(err error) { up <- err },
		})
	}()
	if err := <-up; err != nil {
		s.t.Error(err)
	}
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	})
}

// end stops serving.
func (s *standIn) end() { s.stop() }

// set changes what it says.
func (s *standIn) set(change func(*control.Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.status)
}

// Status implements page.Station.
func (s *standIn) Status() control.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Press implements page.Station.
func (*standIn) Press(button string) (control.PressReply, error) {
	return control.PressReply{ID: 1, Button: button}, nil
}

// TestSound implements page.Station.
func (*standIn) TestSound() error { return nil }

// deafViewer answers an offer and is never reached: its answer names no address.
type deafViewer struct {
	pc   *webrtc.PeerConnection
	done chan struct{}
	once sync.Once
}

// Done implements page.Viewer.
func (v *deafViewer) Done() <-chan struct{} { return v.done }

// Close implements page.Viewer.
func (v *deafViewer) Close() {
	v.once.Do(func() { _ = v.pc.GracefulClose() }) // it never was more than an answer
}

// Watch implements page.Station.
func (s *standIn) Watch(_ context.Context, offer string) (page.Viewer, string, error) {
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, "", err
	}
	err = pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer})
	var answer webrtc.SessionDescription
	if err == nil {
		answer, err = pc.CreateAnswer(nil)
	}
	if err == nil {
		err = pc.SetLocalDescription(answer)
	}
	if err != nil {
		return nil, "", errors.Join(err, pc.GracefulClose())
	}
	v := &deafViewer{pc: pc, done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewers = append(s.viewers, v)
	return v, answer.SDP, nil
}

// endPicture ends the newest picture by itself.
func (s *standIn) endPicture() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.viewers[len(s.viewers)-1].done)
}
