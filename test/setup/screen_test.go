package setup

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"doorstation/test/lab"
)

// patience is how long a program may take for what should be there at once, on a busy machine.
const patience = 60 * time.Second

// screen is a terminal with a program in it, as the person in front sees it.
type screen struct {
	t        *testing.T
	cmd      *exec.Cmd
	terminal *os.File
	done     chan struct{} // closed when the program and its output have ended

	mu   sync.Mutex
	raw  strings.Builder
	seen int           // how much of the text has been read by the person
	more chan struct{} // closed at the next output
}

// kind is what terminal it is.
type kind struct {
	rows, columns uint16
	env           []string
}

// plain is a terminal without keys and colours, as on a serial console.
func plain() kind { return kind{0, 0, []string{"TERM=dumb", "LANG=C.UTF-8", "LC_ALL=C.UTF-8"}} }

// xterm is what most people have.
func xterm() kind {
	return kind{40, 100, []string{"TERM=xterm-256color", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "NO_COLOR="}}
}

// open starts a program in a terminal.
func open(t *testing.T, k kind, args ...string) *screen {
	t.Helper()
	cmd := exec.Command(binary(t), args...)
	cmd.Env = append(os.Environ(), append([]string{"DOORSTATION_TOKEN="}, k.env...)...)
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: k.rows, Cols: k.columns})
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, cmd: cmd, terminal: terminal, done: make(chan struct{}), more: make(chan struct{})}
	go s.read()
	t.Cleanup(s.close)
	return s
}

func (s *screen) read() {
	defer close(s.done)
	buf := make([]byte, 4096)
	for {
		n, err := s.terminal.Read(buf)
		s.mu.Lock()
		s.raw.Write(buf[:n])
		close(s.more)
		s.more = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) close() {
	select {
	case <-s.done:
	default:
		if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			s.t.Errorf("ending the program: %v", err)
		}
		<-s.done
	}
	// How it ended is what wait is for.
	_ = s.cmd.Wait()
	_ = s.terminal.Close()
	path := filepath.Join(lab.Out(s.t), "screen.txt")
	if err := os.WriteFile(path, []byte(s.raw.String()), 0o600); err != nil {
		s.t.Error(err)
	}
	if s.t.Failed() {
		s.t.Logf("the terminal:\n%s", lab.Tail(s.text(), 60))
	}
}

// text is all that was shown.
func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(lab.WithoutEscapes(s.raw.String()), "\r", "")
}

// bytes is what the program sent.
func (s *screen) bytes() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.String()
}

// sees waits until a text is on the screen that was not read before.
func (s *screen) sees(want string) {
	s.t.Helper()
	if !s.seesOr(want) {
		s.t.Fatalf("the terminal never showed %q", want)
	}
}

func (s *screen) seesOr(want string) bool {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		s.mu.Lock()
		more := s.more
		s.mu.Unlock()
		text := s.text()
		if from := min(s.seen, len(text)); strings.Contains(text[from:], want) {
			s.seen = from + strings.Index(text[from:], want) + len(want)
			return true
		}
		select {
		case <-more:
		case <-s.done:
			return strings.Contains(s.text()[min(s.seen, len(s.text())):], want)
		case <-limit.C:
			return false
		}
	}
}

// types presses keys.
func (s *screen) types(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.terminal, keys); err != nil {
		s.t.Fatalf("typing: %v", err)
	}
}

// answers waits for a question, and then for the prompt, and types.
func (s *screen) answers(question, text string) {
	s.t.Helper()
	s.sees(question)
	s.sees("> ")
	s.types(text + "\n")
}

// wait is the program's exit status, -1 for a signal.
func (s *screen) wait() int {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(patience):
		s.t.Fatal("the program does not end")
	}
	_ = s.cmd.Wait() // the status is looked at below
	return s.cmd.ProcessState.ExitCode()
}

// Keys as a terminal sends them.
const (
	enter = "\r"
	up    = "\x1b[A"
	ctrlC = "\x03"
)

// agent is built once for all tests, apart from what other packages build.
var agent = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp(lab.OutDir(), "bin-")
	if err != nil {
		return "", err
	}
	path, err := filepath.Abs(filepath.Join(dir, "doorstation"))
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", path, "doorstation/cmd/doorstation").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

func binary(t *testing.T) string {
	t.Helper()
	path, err := agent()
	if err != nil {
		t.Fatalf("building the agent: %v", err)
	}
	return path
}

// kill ends the program as a power cut would.
func (s *screen) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
}
