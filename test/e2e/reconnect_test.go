package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"doorstation/internal/sip"
	"doorstation/test/lab"
)

// relay passes TCP on to a server until it is cut.
type relay struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	conns map[net.Conn]bool
	shut  bool
	wg    sync.WaitGroup
}

func newRelay(t *testing.T, server string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener, server: server, conns: map[net.Conn]bool{}}
	r.wg.Go(func() {
		for c, failed := listener.Accept(); failed == nil; c, failed = listener.Accept() {
			r.wg.Go(func() { r.pass(c) })
		}
	})
	t.Cleanup(func() {
		r.listener.Close() //nolint:errcheck // the end of a test
		r.cut()
		r.wg.Wait()
	})
	return r
}

func (r *relay) pass(c net.Conn) {
	defer c.Close() //nolint:errcheck // either end may be first
	s, err := net.Dial("tcp", r.server)
	if err != nil {
		return
	}
	defer s.Close() //nolint:errcheck // either end may be first
	r.mu.Lock()
	r.conns[c], r.conns[s] = true, true
	shut := r.shut
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.conns, c)
		delete(r.conns, s)
		r.mu.Unlock()
	}()
	if shut {
		return
	}
	var both sync.WaitGroup
	for _, ends := range [][2]net.Conn{{c, s}, {s, c}} {
		both.Go(func() {
			io.Copy(ends[0], ends[1]) //nolint:errcheck // ends when either end does
			ends[0].Close()           //nolint:errcheck // so that the other direction ends too
		})
	}
	both.Wait()
}

// cut ends all connections that are up.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.Close() //nolint:errcheck // the other side may have
	}
}

// open says whether new connections are let through.
func (r *relay) open(yes bool) {
	r.mu.Lock()
	r.shut = !yes
	r.mu.Unlock()
}

// sdp is a description that Asterisk accepts from a WebRTC endpoint; nobody is behind it.
func sdp(version int, setup string) string {
	return strings.Join([]string{
		"v=0", fmt.Sprintf("o=- 4711 %d IN IP4 %s", version, lab.Addr), "s=-", "t=0 0", "a=group:BUNDLE 0",
		"m=audio 40000 UDP/TLS/RTP/SAVPF 0", "c=IN IP4 " + lab.Addr, "a=mid:0", "a=sendrecv", "a=rtcp-mux", "a=rtpmap:0 PCMU/8000",
		fmt.Sprintf("a=ice-ufrag:ufrag%d", version), "a=ice-pwd:0123456789abcdef0123456789abcdef", "a=setup:" + setup,
		"a=fingerprint:sha-256 " + strings.TrimSuffix(strings.Repeat("AB:", 32), ":"),
		"a=candidate:1 1 udp 2130706431 " + lab.Addr + " 40000 typ host", "",
	}, "\r\n")
}

// line is a SIP user without sound.
type line struct {
	*sip.Agent
	states chan sip.Registration
	calls  chan *sip.Incoming
	ended  chan sip.End
}

func newLine(t *testing.T, extension, url string) *line {
	t.Helper()
	log, err := os.Create(filepath.Join(lab.Out(t), extension+".log"))
	if err != nil {
		t.Fatal(err)
	}
	l := &line{
		states: make(chan sip.Registration, 1000), calls: make(chan *sip.Incoming, 10), ended: make(chan sip.End, 10),
	}
	l.Agent, err = sip.New(sip.Config{
		Extension: extension, Password: lab.Password, Domain: "127.0.0.1",
		Locate: func(context.Context) (sip.Endpoint, error) { return sip.Endpoint{URL: url, Via: "ws"}, nil },
		Log:    slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnInvite: func(i *sip.Incoming) {
			l.calls <- i
			<-i.Context().Done()
		},
		OnRegistration: func(r sip.Registration) { l.states <- r },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if failed := <-done; failed != nil {
			t.Error(failed)
		}
		log.Close() //nolint:errcheck // the end of a test
	})
	l.wait(t, sip.Registered)
	return l
}

func (l *line) wait(t *testing.T, state sip.RegistrationState) {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case r := <-l.states:
			if r.State == state {
				return
			}
		case <-limit:
			t.Fatalf("never %s: %+v", state, l.Registration())
		}
	}
}

func (l *line) handler() sip.Handler {
	return sip.Handler{
		Reoffer: func(context.Context, string) (string, error) { return sdp(9, "passive"), nil },
		Ended:   func(e sip.End) { l.ended <- e },
	}
}

// call has door call another line, and returns both ends of the call.
func call(t *testing.T, from, to *line, extension string) (near, far *sip.Leg) {
	t.Helper()
	answered := make(chan *sip.Leg, 1)
	go func() {
		i := <-to.calls
		leg, err := i.Answer(t.Context(), sdp(1, "active"), to.handler())
		if err != nil {
			t.Errorf("answering: %v", err)
		}
		answered <- leg
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	near, err := from.Invite(ctx, extension, sdp(1, "actpass"), from.handler())
	if err != nil {
		t.Fatal(err)
	}
	select {
	case far = <-answered:
	case <-ctx.Done():
		t.Fatal("the call was never acknowledged")
	}
	return near, far
}

var updates = regexp.MustCompile(`CSeq: \d+ UPDATE`)

// TestACallOutlivesItsConnection cuts the door's connection while it talks, in a call that it made and in one that it got.
func TestACallOutlivesItsConnection(t *testing.T) {
	for _, c := range []struct {
		scheme            string
		doorCalls, roamed bool
	}{{"ws", true, true}, {"ws", false, true}, {"ws", true, false}, {"tcp", true, true}, {"tcp", false, false}} {
		t.Run(fmt.Sprintf("%s, door calls %v, roamed %v", c.scheme, c.doorCalls, c.roamed), func(t *testing.T) {
			pbx := lab.StartAsterisk(t, lab.AsteriskOptions{})
			pbx.TraceSIP(t)
			way, url := wayTo(t, pbx, c.scheme)
			door := newLine(t, lab.DoorExtension, url)
			kitchen := newLine(t, "101", pbx.WSURL())
			var atDoor, inKitchen *sip.Leg
			if c.doorCalls {
				atDoor, inKitchen = call(t, door, kitchen, "101")
			} else {
				inKitchen, atDoor = call(t, kitchen, door, lab.DoorExtension)
			}
			way.cut()
			door.wait(t, sip.Unreachable)
			door.wait(t, sip.Registered)
			lab.Eventually(t, patience, "Asterisk was told of the new connection", func() bool {
				return len(updates.FindAllString(pbx.Log(), 2)) == 2 // asked and answered
			})
			if c.roamed { // the path changed too: SDP of an ICE restart
				// Asterisk may have had a re-INVITE of its own on the connection that was cut: for the 32 s of Timer B it
				// answers ours with 491.
				ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
				defer cancel()
				answer, err := atDoor.Reinvite(ctx, sdp(100, "actpass"))
				if err != nil || !strings.Contains(answer, "m=audio") {
					t.Fatalf("re-INVITE: %v %q", err, answer)
				}
			}
			if n := pbx.Channels(t); n != 2 {
				t.Errorf("%d channels, want 2", n)
			}
			// The BYE of the far side finds the door on its new connection.
			if err := inKitchen.Hangup(t.Context()); err != nil {
				t.Error(err)
			}
			door.ends(t, sip.EndedByFar)
			lab.Eventually(t, patience, "no channel is left", func() bool { return pbx.Channels(t) == 0 })
		})
	}
}

// wayTo is a relay between the door and Asterisk, and how to dial it.
func wayTo(t *testing.T, pbx *lab.Asterisk, scheme string) (*relay, string) {
	t.Helper()
	if scheme == "tcp" {
		way := newRelay(t, fmt.Sprintf("%s:%d", pbx.Host, pbx.Ports.SIP))
		return way, "tcp://" + way.listener.Addr().String()
	}
	way := newRelay(t, strings.TrimPrefix(pbx.HTTPURL(), "http://"))
	return way, "ws://" + way.listener.Addr().String() + "/ws"
}

// ends waits for the end of the line's call.
func (l *line) ends(t *testing.T, by string) {
	t.Helper()
	select {
	case e := <-l.ended:
		if e.By != by {
			t.Errorf("ended %+v, want by %s", e, by)
		}
	case <-time.After(patience):
		t.Error("the call never ended")
	}
}

// TestTheFarSideHangsUpBehindTheDoorsBack: the BYE goes to a connection that is no more, and the door learns of it when it is back.
func TestTheFarSideHangsUpBehindTheDoorsBack(t *testing.T) {
	pbx := lab.StartAsterisk(t, lab.AsteriskOptions{})
	pbx.TraceSIP(t)
	way, url := wayTo(t, pbx, "ws")
	door := newLine(t, lab.DoorExtension, url)
	kitchen := newLine(t, "101", pbx.WSURL())
	_, inKitchen := call(t, door, kitchen, "101")
	way.open(false)
	way.cut()
	door.wait(t, sip.Unreachable)
	if err := inKitchen.Hangup(t.Context()); err != nil {
		t.Error(err)
	}
	lab.Eventually(t, patience, "the kitchen's channel is gone", func() bool { return pbx.Channels(t) < 2 })
	way.open(true)
	door.wait(t, sip.Registered)
	door.ends(t, sip.EndedByConnection)
	lab.Eventually(t, patience, "no channel is left", func() bool { return pbx.Channels(t) == 0 })
}

// TestAsteriskRestartsWhileTalking: the call is gone, and the door learns of it as soon as it is back.
func TestAsteriskRestartsWhileTalking(t *testing.T) {
	pbx := lab.StartAsterisk(t, lab.AsteriskOptions{})
	pbx.TraceSIP(t)
	door := newLine(t, lab.DoorExtension, pbx.WSURL())
	kitchen := newLine(t, "101", pbx.WSURL())
	leg, _ := call(t, door, kitchen, "101")
	pbx.Kill()
	pbx.Start(t)
	door.wait(t, sip.Registered)
	door.ends(t, sip.EndedByConnection)
	if _, err := leg.Reinvite(t.Context(), sdp(2, "actpass")); !errors.Is(err, sip.ErrEnded) {
		t.Errorf("re-INVITE: %v", err)
	}
	if n := pbx.Channels(t); n != 0 {
		t.Errorf("%d channels are left", n)
	}
}
