//go:build !kernel

package probe

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"doorstation/internal/check"
	"doorstation/internal/hardware"
)

const besideFile = `
home_assistant: {url: 'http://127.0.0.1:1'}
gpio: simulated
buttons: [{name: Front, pin: GPIO17, call: ['100']}]
camera: {source: test, width: 320, height: 240, framerate: 10}
audio: {device: test}
monitor: {listen: none}
page: {listen: none}
`

// TestBesideAnAgent: the agent is asked for its picture and its sound device; nothing is opened beside it.
func TestBesideAnAgent(t *testing.T) {
	config, socket := runAgent(t, besideFile)
	picture := filepath.Join(t.TempDir(), "door.jpg")
	scene := New(Options{
		Config: config, StateDir: filepath.Dir(config), Socket: socket, Getenv: func(string) string { return "" }, Now: time.Now,
		Hardware: HardwareOptions{Picture: picture},
	})
	defer scene.Close()
	links, err := check.Select(scene.Links(), []string{"agent", "camera", "sound"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	report := check.Walk(t.Context(), links, time.Now, nil)
	said := map[string]check.Finding{}
	for _, f := range report.Findings {
		said[f.Link] = f
		t.Logf("%s: %s %s %s", f.Link, f.Outcome, f.Code, f.Found)
	}
	if f := said["camera"]; f.Code != "" || !strings.Contains(f.Found, "a picture of 320x240") {
		t.Errorf("camera: %+v", f)
	}
	if info, ok := said["camera"].Data.(hardware.PictureInfo); !ok || info.Rate <= 0 || info.Light == nil || info.Light.Blank() {
		t.Errorf("measured: %+v", said["camera"].Data)
	}
	if data, readErr := os.ReadFile(picture); readErr != nil || !strings.HasPrefix(string(data), "\xff\xd8\xff") {
		t.Errorf("the picture that was written: %v", readErr)
	}
	if f := said["sound"]; f.Outcome != check.OK || !strings.Contains(f.Found, "-15 dBFS while nothing is played") {
		t.Errorf("sound: %+v", f)
	}
}

// TestBesideAnAgentThatDoesNotAnswer: it may have camera and sound device, so neither is opened.
func TestBesideAnAgentThatDoesNotAnswer(t *testing.T) {
	dir := t.TempDir()
	config, socket := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "s")
	if err := os.WriteFile(config, []byte(besideFile), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Listener = listener
	server.Start()
	defer server.Close()
	scene := New(Options{Config: config, StateDir: dir, Socket: socket, Getenv: func(string) string { return "" }, Now: time.Now})
	defer scene.Close()
	links, err := check.Select(scene.Links(), []string{"camera", "sound"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	report := check.Walk(t.Context(), links, time.Now, nil)
	for _, link := range []string{"camera", "sound"} {
		if f := report.Of(link); len(f) != 1 || f[0].Outcome != check.Skipped || !strings.Contains(f[0].Found, "an agent runs") {
			t.Errorf("%s: %+v", link, f)
		}
	}
}

// TestAnAgentThatIsStartedMeanwhile is asked from then on.
func TestAnAgentThatIsStartedMeanwhile(t *testing.T) {
	config, socket := runAgent(t, besideFile)
	scene := New(Options{Config: config, StateDir: filepath.Dir(config), Socket: socket, Getenv: func(string) string { return "" }, Now: time.Now})
	defer scene.Close()
	if why := scene.mayNotAsk(t.Context()); why != nil || scene.Agent == nil {
		t.Errorf("%v, %v", why, scene.Agent)
	}
}

// TestNothingIsSaidButByCheck: what encoders written in C complain of on the standard error is in no report.
func TestNothingIsSaidButByCheck(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, []byte(besideFile), 0o600); err != nil {
		t.Fatal(err)
	}
	scene := New(Options{Config: config, StateDir: dir, Socket: filepath.Join(dir, "none"), Getenv: func(string) string { return "" }, Now: time.Now})
	defer scene.Close()
	links, err := check.Select(scene.Links(), []string{"camera"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	said, err := os.Create(filepath.Join(dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	const stderr = 2
	kept, err := unix.FcntlInt(stderr, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err = unix.Dup3(int(said.Fd()), stderr, 0); err != nil {
		t.Fatal(err)
	}
	report := check.Walk(t.Context(), links, time.Now, nil)
	if err = errors.Join(unix.Dup3(kept, stderr, 0), unix.Close(kept), said.Close()); err != nil {
		t.Fatal(err)
	}
	if f := report.Of("camera")[0]; f.Outcome != check.OK && f.Outcome != check.Note { // a machine that has much to do has fewer pictures
		t.Errorf("%+v", f)
	}
	if text, readErr := os.ReadFile(said.Name()); readErr != nil || len(text) > 0 {
		t.Errorf("%q, %v", text, readErr)
	}
}
