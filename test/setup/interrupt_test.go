package setup

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"doorstation/test/house"
)

// tree is everything below a directory: paths, modes and contents.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(path + " " + info.Mode().String() + "\n")
		if info.Mode().IsRegular() {
			data, readErr := os.ReadFile(path)
			if readErr != nil {
				return readErr
			}
			b.Write(data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// cooked says whether a terminal is as a shell wants it.
func cooked(t *testing.T, s *screen) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(s.terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0 && state.Lflag&unix.ICANON != 0
}

// established writes a door's files, as an earlier setup would have.
func established(t *testing.T, h *house.House, dir string) {
	t.Helper()
	etc := filepath.Join(dir, "etc")
	config := "# ours\nhome_assistant: {url: \"" + h.URL() + "\", token_file: token}\ngpio: simulated\n" +
		"buttons:\n  - name: Gate\n    pin: GPIO5\n    active: low\n    pull: up\n    call: [\"101\"]\n"
	for path, text := range map[string]string{"config.yaml": config, "token": "another.old.token\n"} {
		if err := os.MkdirAll(etc, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(etc, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// until runs a setup on a console up to the n-th question, and leaves it there.
func until(t *testing.T, h *house.House, n int, flags []string) *screen {
	t.Helper()
	turns := append(conversation(h), turn{question: "Is that right?"})
	first, args := 0, append([]string{"setup"}, flags...)
	if n > 0 { // the search of the network takes its time
		first, args = 1, append(args, "--home-assistant", h.URL())
	}
	s := open(t, plain(), args...)
	for _, turn := range turns[first:n] {
		s.answers(turn.question, turn.line)
	}
	s.sees(turns[n].question)
	s.sees("> ")
	return s
}

// TestInterruptedAtAnyQuestion: Ctrl-C leaves nothing behind, neither here nor in Home Assistant, and the terminal as it was; a power cut
// leaves nothing here.
func TestInterruptedAtAnyQuestion(t *testing.T) {
	h := family(t)
	questions := len(conversation(h)) + 1
	t.Run("Ctrl-C", func(t *testing.T) {
		for n := range questions {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				dir, flags := door(t)
				before := tree(t, dir)
				s := until(t, h, n, flags)
				s.types(ctrlC)
				s.sees("Stopped. Nothing was changed.")
				if status := s.wait(); status != 1 {
					t.Errorf("question %d: status %d", n, status)
				}
				if after := tree(t, dir); after != before {
					t.Errorf("question %d: it left\n%s", n, after)
				}
				if !cooked(t, s) {
					t.Errorf("question %d: the terminal is not as it was", n)
				}
			})
		}
	})
	if left := h.Home.Tokens(); len(left) != 0 {
		t.Errorf("Home Assistant has tokens that nobody uses: %+v", left)
	}
	t.Run("a power cut", func(t *testing.T) {
		for n := range questions {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				dir, flags := door(t)
				before := tree(t, dir)
				s := until(t, h, n, flags)
				s.kill()
				s.wait()
				if after := tree(t, dir); after != before {
					t.Errorf("question %d: it left\n%s", n, after)
				}
			})
		}
	})
}

// TestInterruptedBesideADoorThatIsThere: what is there stays as it was, to the byte, until "Write it"; then it is another, whole, and the
// person's own lines are in it.
func TestInterruptedBesideADoorThatIsThere(t *testing.T) {
	h := family(t)
	dir, flags := door(t)
	established(t, h, dir)
	before := tree(t, dir)
	s := open(t, plain(), append([]string{"setup"}, flags...)...)
	for _, turn := range []turn{
		{question: "Which Home Assistant is it?"},
		{question: "How does the door get in?"},
		{question: "logs in with?", line: doorName},
		{question: "The password?", line: doorPassword},
		{question: "second factor?", line: doorFactor},
		{question: "Which of SIP Core's users is the door?"},
		{question: "Who rings"},
		{question: "For how long", line: "30s"},
		{question: "Which camera", line: "1"},
		{question: "Is this the right camera?"},
		{question: "With what does the visitor talk?", line: "1"},
		{question: "Is there a relay"},
		{question: "Is there a light"},
	} {
		s.answers(turn.question, turn.line)
	}
	s.sees("ring: 30s")
	s.sees("Is that right?")
	s.sees("> ")
	if tree(t, dir) != before {
		t.Error("something was written before it was agreed on")
	}
	s.types("1\n")
	s.sees("Written:")
	if status := s.wait(); status != 0 {
		t.Errorf("status %d", status)
	}
	data, err := os.ReadFile(filepath.Join(dir, "etc", "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# ours", "name: Gate", "pin: GPIO5", "ring: 30s"} {
		if !strings.Contains(string(data), want) {
			t.Errorf("the local file has no %q:\n%s", want, data)
		}
	}
}
