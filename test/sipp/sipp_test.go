package sipp

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"doorstation/internal/sip"
	"doorstation/test/logbuffer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

//go:embed scenarios/*.xml
var scenarios embed.FS

const (
	password = "secret-of-the-door" // as in end.xml
	patience = 40 * time.Second
	offer    = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
)

func TestRetransmittedAndReorderedAnswers(t *testing.T) {
	rang := 0
	d := newDoor(t, "retransmitted_reordered")
	digits := make(chan sip.Digit, 1)
	leg, err := d.agent.Invite(t.Context(), "101", offer, sip.Handler{
		Progress: func(int, string, string) { rang++ },
		Digit:    func(digit sip.Digit) { digits <- digit }, // after the second ACK
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-digits:
	case <-time.After(patience):
		t.Error("no digit")
	}
	d.ringsAtMost(rang)
	d.hangUp(leg)
	d.verdict()
}

func TestCancelCrossing200(t *testing.T) {
	d := newDoor(t, "cancel_crossing_200")
	ctx, cancel := context.WithCancel(t.Context())
	leg, err := d.agent.Invite(ctx, "101", offer, sip.Handler{Progress: func(int, string, string) { cancel() }})
	if leg != nil || !errors.Is(err, sip.ErrCancelled) {
		t.Errorf("Invite: %v, %v", leg, err)
	}
	d.verdict()
}

func TestTwoTargetsAnswerAtOnce(t *testing.T) {
	d := newDoor(t, "two_200s")
	leg := d.call()
	select {
	case <-leg.Done():
	case <-time.After(patience):
		t.Error("the call is still up")
	}
	d.verdict()
}

func TestByeCrossingBye(t *testing.T) {
	d := newDoor(t, "bye_crossing_bye")
	d.hangUp(d.call())
	d.verdict()
}

func TestReinviteGlare(t *testing.T) {
	d := newDoor(t, "reinvite_glare")
	leg := d.call()
	if _, err := leg.Reinvite(t.Context(), offer); err != nil {
		t.Errorf("re-INVITE: %v", err)
	}
	d.hangUp(leg)
	d.verdict()
}

func TestRedirectedWithinTheDomain(t *testing.T) {
	d := newDoor(t, "redirected")
	d.hangUp(d.call())
	d.verdict()
}

func TestRedirectedElsewhere(t *testing.T) {
	d := newDoor(t, "redirected_away")
	_, err := d.agent.Invite(t.Context(), "101", offer, sip.Handler{})
	var rejected *sip.RejectedError
	if !errors.As(err, &rejected) || rejected.Status != 302 {
		t.Errorf("Invite: %v", err)
	}
	d.verdict()
}

// door is a registered agent and the sipp it is registered at.
type door struct {
	t      *testing.T
	agent  *sip.Agent
	ended  chan error // of sipp
	output *bytes.Buffer
	dir    string
}

func newDoor(t *testing.T, scenario string) *door {
	t.Helper()
	path, err := exec.LookPath("sipp")
	if err != nil {
		t.Fatal("sipp is not installed: make deps, or apt-get install sip-tester")
	}
	d := &door{t: t, ended: make(chan error, 1), output: &bytes.Buffer{}, dir: t.TempDir()}
	port := freePort(t)
	// Two calls in sipp's words: the registration and the call.
	cmd := exec.Command(path, "-sf", d.compose(scenario), "-i", "127.0.0.1", "-p", strconv.Itoa(port), "-m", "2", "-t", "u1",
		"-nostdin", "-timeout", "30", "-trace_err", "-error_file", d.errors())
	cmd.Dir, cmd.Stdout, cmd.Stderr = d.dir, d.output, d.output
	if err = cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.ended <- cmd.Wait() }()

	log := &logbuffer.Buffer{}
	registered := make(chan struct{}, 100)
	d.agent, err = sip.New(sip.Config{
		Extension: "8001", Password: password, Domain: "pbx.example",
		Locate: func(context.Context) (sip.Endpoint, error) {
			return sip.Endpoint{URL: fmt.Sprintf("udp://127.0.0.1:%d", port), Via: "udp"}, nil
		},
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnRegistration: func(r sip.Registration) {
			if r.State == sip.Registered {
				registered <- struct{}{}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- d.agent.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if failed := <-stopped; failed != nil {
			t.Error(failed)
		}
		select {
		case failed := <-d.ended:
			d.ended <- failed
		default:
			cmd.Process.Kill() //nolint:errcheck // it may have ended in between
			t.Logf("sipp was ended: %v", <-d.ended)
		}
		if t.Failed() {
			t.Logf("the door's log:\n%s", log.String())
		}
	})
	select {
	case <-registered:
	case failed := <-d.ended:
		d.ended <- failed
		t.Fatalf("sipp: %v\n%s", failed, d.said())
	case <-time.After(patience):
		t.Fatalf("not registered: %+v\n%s", d.agent.Registration(), d.said())
	}
	return d
}

// compose writes the scenario with the registration around it.
func (d *door) compose(name string) string {
	d.t.Helper()
	text := d.read(name)
	for _, part := range []string{"begin", "end"} {
		text = strings.Replace(text, "<!-- registration: "+part+".xml -->", d.read(part), 1)
	}
	path := filepath.Join(d.dir, name+".xml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

func (d *door) read(name string) string {
	d.t.Helper()
	text, err := scenarios.ReadFile("scenarios/" + name + ".xml")
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

func (d *door) errors() string { return filepath.Join(d.dir, "errors.log") }

// said is what sipp complains of.
func (d *door) said() string {
	text, err := os.ReadFile(d.errors())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (d *door) call() *sip.Leg {
	d.t.Helper()
	leg, err := d.agent.Invite(d.t.Context(), "101", offer, sip.Handler{})
	if err != nil {
		d.t.Fatalf("%v\n%s", err, d.said())
	}
	return leg
}

func (d *door) hangUp(leg *sip.Leg) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	if err := leg.Hangup(ctx); err != nil {
		d.t.Error(err)
	}
}

// ringsAtMost checks that what came after the answer was not told.
func (d *door) ringsAtMost(told int) {
	d.t.Helper()
	if told < 1 || told > 3 {
		d.t.Errorf("%d provisional answers", told)
	}
}

// verdict waits for sipp, which ends well when both calls went as the scenario says.
func (d *door) verdict() {
	d.t.Helper()
	select {
	case err := <-d.ended:
		d.ended <- err
		if err != nil {
			d.t.Errorf("sipp: %v\n%s\n%s", err, d.said(), d.output)
		}
	case <-time.After(patience):
		d.t.Errorf("sipp does not end\n%s", d.said())
	}
}

// freePort is one that no socket which leaves the port to the kernel will take before sipp does.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(10000) // below the usual range of such ports
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			continue
		}
		if err = c.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("no port is free")
	return 0
}
