package vm

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"doorstation/test/lab"
)

// Terminal is a person at a terminal of the machine, by ssh as on a Raspberry Pi without a screen: what a program shows there is read, and
// keys are typed.
type Terminal struct {
	t     lab.T
	cmd   *exec.Cmd
	keys  io.WriteCloser
	ended chan struct{}
	err   error // how it ended

	mu    sync.Mutex
	shown []byte
	read  int // of what is shown without escapes, what was expected already
	grown chan struct{}
	kept  *os.File // all that was shown, as it came
}

// Terminal starts a command at a terminal of 100 columns and 40 rows. It is ended with the test.
func (m *Machine) Terminal(command string) *Terminal {
	m.t.Helper()
	// -tt: a terminal there, although there is none here, whose ways it could take.
	cmd := exec.Command("ssh", append(append([]string{"-tt"}, m.ssh()...), "stty sane cols 100 rows 40; TERM=xterm-256color exec "+command)...)
	t := &Terminal{t: m.t, cmd: cmd, ended: make(chan struct{}), grown: make(chan struct{})}
	keys, err := cmd.StdinPipe()
	if err == nil {
		t.kept, err = os.Create(filepath.Join(lab.Out(m.t), "terminal.log"))
	}
	if err != nil {
		m.t.Fatalf("vm: %v", err)
	}
	t.keys = keys
	cmd.Stdout, cmd.Stderr = t, t
	cmd.WaitDelay = time.Second
	if err = cmd.Start(); err != nil {
		m.t.Fatalf("vm: %v", err)
	}
	go func() {
		defer close(t.ended)
		if waitErr := cmd.Wait(); !errors.Is(waitErr, exec.ErrWaitDelay) {
			t.err = waitErr
		}
	}()
	m.t.Cleanup(func() {
		_ = t.keys.Close()
		_ = cmd.Process.Kill() // it has ended, as a rule
		<-t.ended
		_ = t.kept.Close()
		if t.t.Failed() {
			t.t.Logf("--- the end of what the terminal showed:\n%s", lab.Tail(t.Shown(), 60))
		}
	})
	return t
}

// Write implements io.Writer for the command's output.
func (t *Terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shown = append(t.shown, b...)
	close(t.grown)
	t.grown = make(chan struct{})
	return t.kept.Write(b)
}

// Shown is all that was shown, without escape sequences; what came after a carriage return stands on a line of its own.
func (t *Terminal) Shown() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := lab.WithoutEscapes(string(t.shown))
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

// Expect waits until what is shown after the match before this one matches, and returns the match with its groups. A space in the pattern
// stands for any that the terminal makes: it may be the end of a line, or a jump of the cursor.
func (t *Terminal) Expect(pattern string) []string {
	t.t.Helper()
	re := regexp.MustCompile(strings.ReplaceAll(pattern, " ", `\s*`))
	timeout := time.After(Patience)
	for {
		t.mu.Lock()
		grown := t.grown
		t.mu.Unlock()
		ended := false
		select {
		case <-t.ended:
			ended = true
		default:
		}
		text := t.Shown()
		rest := text[min(t.read, len(text)):]
		if at := re.FindStringSubmatchIndex(rest); at != nil {
			t.read += at[1]
			return re.FindStringSubmatch(rest)
		}
		if ended {
			t.t.Fatalf("vm: the command ended (%v) and did not show %q but:\n%s", t.err, pattern, lab.Tail(rest, 30))
		}
		select {
		case <-grown:
		case <-t.ended:
		case <-timeout:
			t.t.Fatalf("vm: the terminal did not show %q but:\n%s", pattern, lab.Tail(rest, 30))
		case <-t.t.Context().Done():
			t.t.Fatalf("vm: %v", t.t.Context().Err())
		}
	}
}

// Shows reports whether what is shown after the last match matches.
func (t *Terminal) Shows(pattern string) bool {
	text := t.Shown()
	return regexp.MustCompile(strings.ReplaceAll(pattern, " ", `\s*`)).MatchString(text[min(t.read, len(text)):])
}

// Type types a line and Enter.
func (t *Terminal) Type(line string) { t.t.Helper(); t.Keys(line + "\r") }

// Keys types keys as they are.
func (t *Terminal) Keys(keys string) {
	t.t.Helper()
	if _, err := io.WriteString(t.keys, keys); err != nil {
		t.t.Fatalf("vm: typing: %v", err)
	}
}

// Answer waits for a question and for the sign that it is time to answer, and types a line.
func (t *Terminal) Answer(question, line string) {
	t.t.Helper()
	t.Expect(question)
	t.Expect("> ")
	t.Type(line)
}

// End waits for the end of the command and returns its exit status.
func (t *Terminal) End() int {
	t.t.Helper()
	select {
	case <-t.ended:
	case <-time.After(Patience):
		t.t.Fatalf("vm: the command goes on:\n%s", lab.Tail(t.Shown(), 30))
	}
	var status *exec.ExitError
	if t.err != nil && !errors.As(t.err, &status) {
		t.t.Fatalf("vm: the terminal: %v", t.err)
	}
	return t.cmd.ProcessState.ExitCode()
}
