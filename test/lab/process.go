package lab

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Command says what program to run.
type Command struct {
	Path string
	Args []string
	Env  []string // added to this process's environment
	Dir  string
}

// Process is a program that the lab runs. What it prints is kept in a file and can be waited for. It is ended when
// the test ends, with everything it started.
type Process struct {
	name string
	cmd  *exec.Cmd
	out  *output
	done chan struct{} // closed when the process is gone
}

// Start runs a program until the test ends. Its output goes to NAME.log in the test's [Out] directory; the end of it is shown
// when the test fails.
func Start(t T, name string, c Command) *Process {
	t.Helper()
	p := launch(t, name, c, nil)
	t.Cleanup(func() {
		p.Stop(5 * time.Second)
		if t.Failed() {
			t.Logf("--- the end of %s's output (all of it: %s)\n%s", name, p.out.path, Tail(p.Output(), 60))
		}
	})
	return p
}

// launch starts a program in a process group of its own, without arranging for its end. With pipes, the caller may
// take its standard input and output.
func launch(t T, name string, c Command, pipes func(*exec.Cmd) error) *Process {
	t.Helper()
	out, err := newOutput(filepath.Join(Out(t), unsafeInPath.ReplaceAllString(name, "_")+".log"))
	if err != nil {
		t.Fatalf("lab: %s: %v", name, err)
	}
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Dir = c.Dir
	cmd.Stdout, cmd.Stderr = out, out
	// Its own group, so that Stop reaches its children; and a grandchild holding the pipe must not keep Wait.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 2 * time.Second
	if pipes != nil {
		if err = pipes(cmd); err != nil {
			t.Fatalf("lab: %s: %v", name, err)
		}
	}
	if err = cmd.Start(); err != nil {
		t.Fatalf("lab: starting %s: %v", name, err)
	}
	p := &Process{name: name, cmd: cmd, out: out, done: make(chan struct{})}
	go p.reap()
	return p
}

// reap waits for the end of the process.
func (p *Process) reap() {
	defer close(p.done)
	// How it ended is asked by ExitCode; that it ended is what counts here.
	if err := p.cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		p.out.note("lab: " + err.Error())
	}
	p.out.close()
}

// Pid is the process's id inside the lab.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode waits for the end of the process: its exit status, or -1 when a signal ended it.
func (p *Process) ExitCode() int {
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// Signal sends a signal to the process alone, not to its children. One that has ended is left in peace.
func (p *Process) Signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.out.note("lab: " + err.Error())
	}
}

// Stop ends the process politely and, after grace, by force; with it everything in its group. It returns when the process is gone.
func (p *Process) Stop(grace time.Duration) {
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(grace):
		p.out.note("lab: did not end by itself in " + grace.String())
	}
	p.Kill()
}

// Kill ends the process and its group at once, as a power cut would.
func (p *Process) Kill() {
	// The group may be gone already.
	if err := syscall.Kill(-p.Pid(), syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		p.out.note("lab: " + err.Error())
	}
	<-p.done
}

// Output is what the process has printed so far, to both of its outputs.
func (p *Process) Output() string { return p.out.String() }

// WaitOutput waits until a line of the output matches and returns the match with its groups. It fails the test after limit, or
// when the process ends without it.
func (p *Process) WaitOutput(t T, limit time.Duration, line *regexp.Regexp) []string {
	t.Helper()
	timeout := time.After(limit)
	for {
		grown := p.out.grown()
		ended := false
		select {
		case <-p.done:
			ended = true
		default:
		}
		if m := line.FindStringSubmatch(p.Output()); m != nil {
			return m
		}
		if ended {
			t.Fatalf("lab: %s ended (%v) without printing %q", p.name, p.cmd.ProcessState, line)
		}
		select {
		case <-grown:
		case <-p.done:
		case <-timeout:
			t.Fatalf("lab: %s did not print %q within %v", p.name, line, limit)
		case <-t.Context().Done():
			t.Fatalf("lab: %v", t.Context().Err())
		}
	}
}

// Tail is the last n lines of a text.
func Tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// output keeps what a process prints in memory and in a file, and tells when there is more.
type output struct {
	path string

	mu   sync.Mutex
	buf  bytes.Buffer
	file *os.File
	more chan struct{}
}

func newOutput(path string) (*output, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	return &output{path: path, file: f, more: make(chan struct{})}, nil
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(b)
	close(o.more)
	o.more = make(chan struct{})
	return o.file.Write(b)
}

// grown is closed at the next Write.
func (o *output) grown() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.more
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// note adds a line of the lab's own. After the file is closed it is kept in memory only.
func (o *output) note(line string) {
	_, _ = o.Write([]byte(line + "\n"))
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.file.Close()
}
