package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func (m *Machine) path(name string) string { return filepath.Join(m.dir, name) }

func (m *Machine) ssh() []string {
	return []string{
		"-q", "-F", "none", "-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "ConnectTimeout=2",
		"-o", "ServerAliveInterval=5", "-o", "ControlMaster=auto", "-o", "ControlPath=" + m.path("ssh"), "-o", "ControlPersist=yes", "root@" + m.Addr,
	}
}

// closeSSH forgets the connection, which would not notice that the machine is another one.
func (m *Machine) closeSSH() {
	if _, err := os.Stat(m.path("ssh")); err == nil {
		args := append([]string{"-O", "exit"}, m.ssh()...)
		_ = exec.Command("ssh", args...).Run() // it may have ended
	}
}

// failure is a command that ended with another status than 0.
type failure struct {
	command, output string
	err             error
}

func (f *failure) Error() string { return fmt.Sprintf("%s: %v\n%s", f.command, f.err, f.output) }
func (f *failure) Unwrap() error { return f.err }

// try runs a shell command in the machine and returns what it prints.
func (m *Machine) try(command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.t.Context()), commandLimit)
	defer cancel()
	return m.runSSH(ctx, command, nil)
}

func (m *Machine) runSSH(ctx context.Context, command string, input io.Reader) (string, error) {
	cmd := exec.CommandContext(ctx, "ssh", append(m.ssh(), command)...)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &out, &out
	cmd.WaitDelay = time.Second // the connection that stays behind holds the pipe
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	if err != nil {
		return out.String(), &failure{command, out.String(), err}
	}
	return out.String(), nil
}

// Do runs a shell command in the machine and returns what it prints; it must succeed.
func (m *Machine) Do(command string) string {
	m.t.Helper()
	out, err := m.try(command)
	if err != nil {
		m.t.Fatalf("vm: in the machine: %v", err)
	}
	return strings.TrimSpace(out)
}

// Write makes a file in the machine.
func (m *Machine) Write(path, mode, text string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.t.Context()), commandLimit)
	defer cancel()
	if _, err := m.runSSH(ctx, fmt.Sprintf("umask 077; mkdir -p %q && cat >%q && chmod %s %q", filepath.Dir(path), path, mode, path), strings.NewReader(text)); err != nil {
		m.t.Fatalf("vm: %v", err)
	}
}

// Put copies a file of the host into a directory of the machine.
func (m *Machine) Put(file, dir string) {
	m.t.Helper()
	f, err := os.Open(file)
	if err != nil {
		m.t.Fatalf("vm: %v", err)
	}
	defer f.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.t.Context()), commandLimit)
	defer cancel()
	at := filepath.Join(dir, filepath.Base(file))
	if _, err = m.runSSH(ctx, fmt.Sprintf("mkdir -p %q && cat >%q", dir, at), f); err != nil {
		m.t.Fatalf("vm: %v", err)
	}
}
