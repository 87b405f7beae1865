package camera

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNotInstalled means that the camera's program is not on this machine.
var ErrNotInstalled = errors.New("the camera's program is not installed")

const (
	// termGrace is what a command has from SIGTERM to SIGKILL: enough for a camera to be let go in an orderly way.
	termGrace = time.Second
	// stallGrace takes its place for a command that has stalled: somebody is waiting for a picture.
	stallGrace = 200 * time.Millisecond
	// endGrace is what a command has to end by itself, and to leave its exit status, when it has closed its output.
	endGrace = 300 * time.Millisecond
	// pipeSize is how much of the stream the kernel holds while the agent is busy: a picture of any size in one piece.
	pipeSize = 1 << 20
)

// command is what to run.
type command struct {
	// argv is the program with its arguments; env is added to the environment.
	argv, env []string
	// merged says that both outputs are read as one.
	merged bool
}

// process is a running command with its children, which are one process group.
type process struct {
	cmd    *exec.Cmd
	name   string
	stdout *os.File
	words  lastWords
	grace  time.Duration // from SIGTERM to SIGKILL
	unhook func() bool
}

// startProcess starts a command. Reading its stdout ends when ctx ends; end must be called in every case.
func startProcess(ctx context.Context, run command) (*process, error) {
	name := filepath.Base(run.argv[0])
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := &process{name: name, stdout: r, grace: termGrace, cmd: exec.Command(run.argv[0], run.argv[1:]...)}
	p.cmd.Stdout, p.cmd.Stderr = w, &p.words
	if run.merged {
		p.cmd.Stderr = w
	}
	p.cmd.Env = append(childEnv(os.Environ()), run.env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = termGrace // for the standard error of children that left the group
	growPipe(r)
	startErr := p.cmd.Start()
	if closeErr := w.Close(); startErr == nil && closeErr != nil {
		startErr = errors.Join(closeErr, p.end(false))
	}
	if startErr != nil {
		if errors.Is(startErr, exec.ErrNotFound) || errors.Is(startErr, fs.ErrNotExist) {
			startErr = fmt.Errorf("%w: %w", ErrNotInstalled, startErr)
		}
		return nil, errors.Join(startErr, ignoreClosed(r.Close()))
	}
	p.unhook = context.AfterFunc(ctx, func() { _ = r.Close() }) // wakes the one who reads
	return p, nil
}

// growPipe gives the kernel's buffer its size; where that is refused, the usual one does.
func growPipe(r *os.File) {
	raw, err := r.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
}

// childEnv leaves out what is the agent's alone: its token, and where systemd put it.
func childEnv(env []string) []string {
	var kept []string
	for _, v := range env {
		if !strings.HasPrefix(v, "DOORSTATION_") && !strings.HasPrefix(v, "CREDENTIALS_DIRECTORY=") {
			kept = append(kept, v)
		}
	}
	return kept
}

// end ends the command and all of its group, and waits for it. closed says that it has closed its output and is likely to end
// by itself. The error is how it ended.
func (p *process) end(closed bool) error {
	if p.unhook != nil {
		p.unhook()
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		p.untilDead()
	}()
	if !closed || !within(gone, endGrace) {
		p.kill(syscall.SIGTERM)
		within(gone, p.grace)
	}
	// The dead leader is not reaped yet: the number of the group is still its own.
	p.kill(syscall.SIGKILL)
	<-gone
	waitErr := p.cmd.Wait()
	return errors.Join(waitErr, ignoreClosed(p.stdout.Close()))
}

// untilDead waits for the command's end without reaping it.
func (p *process) untilDead() {
	for {
		err := unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// kill sends a signal to the whole group. That nobody is left is no error.
func (p *process) kill(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }

// within reports whether a channel was closed in time.
func within(c <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return false
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
