package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"doorstation/test/house"
	"doorstation/test/lab"
)

// screen is a terminal of tmux's, which knows what a program made of it.
type screen struct {
	t      lab.T
	door   string // the door's directory
	home   string // Home Assistant's address
	socket string
	kept   map[string]string
}

// The size of the terminal, in characters: what an ssh window has, and a bit more height.
const columns, rows = "122", "46"

// openScreen starts a shell on a machine that has just been installed.
func openScreen(t lab.T, door, binary, home string) *screen {
	t.Helper()
	s := &screen{t: t, door: door, home: home, socket: filepath.Join(lab.Out(t), "tmux"), kept: map[string]string{}}
	for _, d := range []string{"etc", "state", "bin"} {
		if err := os.MkdirAll(filepath.Join(door, d), 0o755); err != nil {
			t.Fatalf("shots: %v", err)
		}
	}
	// The commands as they are typed on a Raspberry Pi, though this machine's /etc is left alone.
	s.script("sudo", `exec "$@"`)
	s.script("doorstation", fmt.Sprintf(`command=$1; shift
case $command in
setup | check | run) exec %[1]s "$command" --config %[2]s/etc/config.yaml --state-dir %[2]s/state --socket %[2]s/socket "$@" ;;
*) exec %[1]s "$command" --socket %[2]s/socket "$@" ;;
esac`, binary, door))
	s.tmux("-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", rows,
		"env", "PATH="+filepath.Join(door, "bin")+":"+os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TERM=xterm-256color",
		"DOORSTATION_TOKEN="+house.Token, `PS1=\[\e[32m\]pi@doorstation\[\e[0m\]:\[\e[34m\]~\[\e[0m\] $ `, "bash", "--norc", "--noprofile")
	t.Cleanup(func() { s.tmux("kill-server") })
	s.wait("pi@doorstation")
	return s
}

func (s *screen) script(name, text string) {
	if err := os.WriteFile(filepath.Join(s.door, "bin", name), []byte("#!/bin/bash\n"+text+"\n"), 0o755); err != nil {
		s.t.Fatalf("shots: %v", err)
	}
}

func (s *screen) tmux(args ...string) string {
	s.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", s.socket}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("shots: tmux %s: %v: %s", args[0], err, out)
	}
	return string(out)
}

// press types keys, by tmux's names: Enter, Down, or text.
func (s *screen) press(keys ...string) {
	s.t.Helper()
	s.tmux(append([]string{"send-keys"}, keys...)...)
}

// fresh types a line on an empty screen.
func (s *screen) fresh(line string) {
	s.t.Helper()
	s.press("C-l")
	s.tmux("send-keys", "-l", line)
	s.press("Enter")
}

// wait waits until the screen shows a text.
func (s *screen) wait(text string) {
	s.t.Helper()
	err := house.Eventually(patience, func() error {
		if now := s.tmux("capture-pane", "-p"); !strings.Contains(now, text) {
			return fmt.Errorf("the screen does not show %q:\n%s", text, now)
		}
		return nil
	})
	if err != nil {
		s.t.Fatalf("shots: %v", err)
	}
	time.Sleep(200 * time.Millisecond) // the rest of what is printed with it; only the picture's looks depend on it
}

// keep takes what the screen shows, with its colours.
func (s *screen) keep(name string) {
	s.t.Helper()
	text := s.tmux("capture-pane", "-p", "-e")
	text = strings.NewReplacer(strings.TrimPrefix(s.home, "http://"), "homeassistant.local:8123", s.door+"/etc", "/etc/doorstation", s.door+"/state", "/var/lib/doorstation", s.door+"/socket", "/run/doorstation/control.sock",
		"docs/faults/", "/usr/share/doc/doorstation/faults/").Replace(text)
	s.kept[name] = strings.TrimRight(text, "\n") + "\n"
}

// shoot writes what was kept.
func (s *screen) shoot(dir string) {
	s.t.Helper()
	for name, text := range s.kept {
		if err := os.WriteFile(filepath.Join(dir, name+".ansi"), []byte(text), 0o644); err != nil {
			s.t.Fatalf("shots: %v", err)
		}
	}
}
