package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"doorstation/test/lab"
)

// TestMain builds the page while there is a network, then goes into the lab, where there is none.
func TestMain(m *testing.M) {
	if _, err := buildPage(context.Background(), func(string, ...any) {}); err != nil {
		_, _ = os.Stderr.WriteString("demo: " + err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(lab.Main(m, lab.PartPopup))
}

// seen is what the person in front of the page reports after a step.
type seen struct {
	Step      string
	PageError string
	Strip     map[string][]string
	Picture   *struct {
		Width, Height, Frames, Changed, Colours int
	}
	Voice      string
	Microphone string
}

// TestHouseholdInMiniature is the promise of `make demo`: the bell rings the tablet, answering shows the picture, a button
// opens the door, and Ctrl-C leaves nothing behind.
func TestHouseholdInMiniature(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "demo")
	build := exec.Command("go", "build", "-tags=nolibopusfile", "-buildvcs=false", "-o", bin, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	demo := lab.Start(t, "demo", lab.Command{Path: bin, Args: []string{"--no-open", "--verbose"}})
	address := demo.WaitOutput(t, 5*time.Minute, regexp.MustCompile(`doorstation demo: open (http://127\.0\.0\.1:\d+)\n`))[1]

	visits := drive(t, address)

	wall, phone := visits["wall"], visits["phone"]
	if wall == nil || phone == nil {
		t.Fatalf("the person did not report: %v", visits)
	}
	for _, v := range []visit{wall, phone} {
		v.want(t, "ready", "line", "Registered")
		v.want(t, "ready", "visit", "Quiet")
		v.want(t, "ready", "lock", "Locked")
		v.want(t, "ringing", "visit", "Ringing")
		v.want(t, "talking", "visit", "Talking")
		v.want(t, "talking", "camera", "Filming")
		v.want(t, "door open", "lock", "Open")
		v.want(t, "door closed again", "lock", "Locked")
		v.want(t, "hang up", "visit", "Quiet")
		v.picture(t)
	}
	if got := wall["talking"].Microphone; !strings.Contains(got, "hears your microphone") {
		t.Errorf("with a microphone the page says %q", got)
	}
	if got := phone["talking"].Microphone; !strings.Contains(got, "refused") {
		t.Errorf("with the microphone refused the page says %q", got)
	}
	wall.want(t, "declined", "calls", "2")
	wall.want(t, "another tablet is quicker", "calls", "3")

	demo.Signal(syscall.SIGINT)
	if code := demo.ExitCode(); code != 0 {
		t.Errorf("after Ctrl-C the demo ended with status %d, want 0", code)
	}
	if left := running(t, "run", "--config"); left != "" {
		t.Errorf("the agent is still there after the demo's end: %s", left)
	}
}

// visit is what one person saw, by step.
type visit map[string]seen

func (v visit) want(t *testing.T, step, box, text string) {
	t.Helper()
	if got := v[step].Strip[box]; len(got) == 0 || got[0] != text {
		t.Errorf("%s: the strip says %s %q, want %q", step, box, got, text)
	}
}

// picture checks that there is one, of the right size, that moves.
func (v visit) picture(t *testing.T) {
	t.Helper()
	p := v["talking"].Picture
	switch {
	case p == nil:
		t.Error("no picture was looked at")
	case p.Width != 1280 || p.Height != 720:
		t.Errorf("the picture is %d × %d, want 1280 × 720", p.Width, p.Height)
	case p.Frames == 0 || p.Changed == 0 || p.Colours < 3:
		t.Errorf("the picture stands still or is empty: %+v", *p)
	}
}

// drive plays the persons of browser/drive.mjs. Their screenshots go to $DEMO_SHOTS, or to the test's output.
func drive(t *testing.T, address string) map[string]visit {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("%v: run scripts/deps.sh lab", err)
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: run scripts/deps.sh lab", err)
	}
	shots := os.Getenv("DEMO_SHOTS")
	if shots == "" {
		shots = lab.Out(t)
	}
	person := lab.Start(t, "person", lab.Command{
		Path: node, Args: []string{filepath.Join("browser", "drive.mjs"), address, shots},
		Env: []string{"DEMO_MODULES=" + filepath.Join(lab.Cache(), "popup"), "DEMO_CHROMIUM=" + chromium},
	})
	code := person.ExitCode()
	visits := map[string]visit{}
	lines := bufio.NewScanner(strings.NewReader(person.Output()))
	for lines.Scan() {
		var s seen
		if json.Unmarshal(lines.Bytes(), &s) != nil {
			continue // not a report; the end of the output is shown when the test fails
		}
		if s.PageError != "" {
			t.Errorf("%s: error on the page: %s", s.Step, s.PageError)
			continue
		}
		name, step, _ := strings.Cut(s.Step, ": ")
		if visits[name] == nil {
			visits[name] = visit{}
		}
		visits[name][step] = s
	}
	if code != 0 {
		t.Fatalf("the person could not go on:\n%s", lab.Tail(person.Output(), 3))
	}
	return visits
}

// running finds a process of the lab by words of its command line.
func running(t *testing.T, words ...string) string {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		line, gone := os.ReadFile(path)
		if gone != nil {
			continue // it has ended meanwhile
		}
		args := strings.ReplaceAll(string(line), "\x00", " ")
		found := true
		for _, w := range words {
			found = found && strings.Contains(args, " "+w+" ")
		}
		if found {
			return args
		}
	}
	return ""
}
