package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"doorstation/internal/control"
)

// stopLimit is how long the agent may take to say goodbye: it ends its call and unregisters.
const stopLimit = 10 * time.Second

// agent is the doorstation process.
type agent struct {
	client *control.Client
	done   chan struct{} // closed when the process has ended
	err    error         // valid once done is closed
}

// startAgent runs `doorstation run`. It ends, in its own orderly way, when the context does.
func startAgent(ctx context.Context, binary string, h *home, log io.Writer) (*agent, error) {
	tail := &tailBuffer{next: log}
	cmd := exec.CommandContext(ctx, binary, "run", "--config", h.config, "--socket", h.socket, "--state-dir", filepath.Join(filepath.Dir(h.config), "state"))
	cmd.Stdout, cmd.Stderr = tail, tail
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopLimit
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:   true, // Ctrl-C on the terminal reaches the demo alone, which then asks the agent to end
		Pdeathsig: syscall.SIGTERM,
	}

	a := &agent{client: control.NewClient(h.socket), done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Pdeathsig follows the thread that started the process, so that one is kept until the end.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(a.done)
		if err := cmd.Start(); err != nil {
			started <- fmt.Errorf("cannot run the agent: %w", err)
			return
		}
		started <- nil
		err := cmd.Wait()
		if ctx.Err() == nil {
			a.err = fmt.Errorf("the agent ended by itself (%v). It said at last:\n%s", cmd.ProcessState, tail)
		} else if exit := new(exec.ExitError); err != nil && errors.As(err, &exit) {
			a.err = fmt.Errorf("the agent did not end cleanly (%v). It said at last:\n%s", cmd.ProcessState, tail)
		}
	}()
	if err := <-started; err != nil {
		<-a.done
		return nil, err
	}
	return a, nil
}

// wait returns when the agent has ended: nil if it was asked to and did.
func (a *agent) wait() error {
	<-a.done
	return a.err
}

// running tells whether the process is there.
func (a *agent) running() bool {
	select {
	case <-a.done:
		return false
	default:
		return true
	}
}

// agentLog is where the agent's log goes besides the tail that is shown when it breaks.
func agentLog(verbose bool) io.Writer {
	if verbose {
		return os.Stderr
	}
	return io.Discard
}

// tailLines is how much of the agent's log is shown when it breaks.
const tailLines = 15

// tailBuffer passes a log on and remembers its last lines.
type tailBuffer struct {
	next  io.Writer
	mu    sync.Mutex
	lines []string
	open  []byte // a line without its end
}

// Write implements io.Writer.
func (t *tailBuffer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = append(t.open, p...)
	for {
		line, rest, found := bytes.Cut(t.open, []byte("\n"))
		if !found {
			break
		}
		t.lines = append(t.lines, string(line))
		t.open = rest
	}
	t.lines = t.lines[max(0, len(t.lines)-tailLines):]
	return t.next.Write(p)
}

// String is the last lines.
func (t *tailBuffer) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(append(append([]string(nil), t.lines...), string(t.open)), "\n")
}
