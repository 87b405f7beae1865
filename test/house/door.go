// Package house starts a household around the real agent for tests and for the bench: the agent's own process, Home
// Assistant's stand-in, and the real parts of package lab.
package house

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"doorstation/internal/control"
	"doorstation/test/lab"
	"doorstation/test/logbuffer"
)

// DoorOptions are what a test says about the agent.
type DoorOptions struct {
	// Binary is the agent.
	Binary string
	// Config is the local file; Token is what its token file holds.
	Config string
	Token  string
	// Env is added to the environment.
	Env []string
	// Network is where the agent is, nil for the lab's own.
	Network *lab.Network
	// StateDir is where it keeps settings; default: a directory of the run's own.
	StateDir string
	// Secrets must not appear anywhere in the log of the run.
	Secrets []string
}

// Door is a running agent.
type Door struct {
	t      lab.T
	dir    string
	socket string
	state  string
	binary string
	cmd    *exec.Cmd
	log    *logbuffer.Buffer
	exited chan struct{}
	client *control.Client
}

// StartDoor starts the agent. The end of the test stops it and looks for secrets in its log.
// In o.Config the word TOKEN_FILE stands for the path of the token file.
func StartDoor(t lab.T, o DoorOptions) *Door {
	t.Helper()
	dir, err := os.MkdirTemp("", "door")
	if err != nil {
		t.Fatalf("house: %v", err)
	}
	d := &Door{t: t, dir: dir, log: &logbuffer.Buffer{}, exited: make(chan struct{})}
	d.socket = filepath.Join(d.dir, "control.sock")
	token := filepath.Join(d.dir, "token")
	config := filepath.Join(d.dir, "config.yaml")
	state := o.StateDir
	if state == "" {
		state = filepath.Join(d.dir, "state")
	}
	if err = os.WriteFile(token, []byte(o.Token+"\n"), 0o600); err != nil {
		t.Fatalf("house: %v", err)
	}
	if err = os.WriteFile(config, []byte(strings.ReplaceAll(o.Config, "TOKEN_FILE", token)), 0o600); err != nil {
		t.Fatalf("house: %v", err)
	}
	d.state, d.binary = state, o.Binary
	agent := lab.Command{Path: o.Binary, Args: []string{"run", "--config", config, "--socket", d.socket, "--state-dir", state}}
	if o.Network != nil {
		agent = o.Network.Command(agent)
	}
	d.cmd = exec.Command(agent.Path, agent.Args...)
	d.cmd.Stderr, d.cmd.Stdout = d.log, d.log
	d.cmd.Env = append(append(os.Environ(), "GOTRACEBACK=all"), o.Env...)
	if err = d.cmd.Start(); err != nil {
		t.Fatalf("house: %v", err)
	}
	go func() {
		// The exit status is read from ProcessState by whoever waits for exited.
		if waitErr := d.cmd.Wait(); waitErr != nil {
			fmt.Fprintln(d.log, "agent ended:", waitErr)
		}
		close(d.exited)
	}()
	d.client = control.NewClient(d.socket)
	t.Cleanup(func() {
		d.end()
		d.checkLog(o.Secrets)
		if removeErr := os.RemoveAll(d.dir); removeErr != nil {
			t.Errorf("house: %v", removeErr)
		}
		if t.Failed() {
			t.Logf("the agent's log:\n%s", d.log.String())
		}
	})
	return d
}

// PutToken puts another token into the agent's token file, as a person does: one that was deleted in Home Assistant is never good again.
func (d *Door) PutToken(token string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, "token"), []byte(token+"\n"), 0o600); err != nil {
		d.t.Fatalf("house: %v", err)
	}
}

// PID is the agent's process id.
func (d *Door) PID() int { return d.cmd.Process.Pid }

// Press presses a button, "" the first one.
func (d *Door) Press(button string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := d.client.Press(ctx, button); err != nil {
		d.t.Fatalf("press: %v", err)
	}
}

// Status is the agent's status now.
func (d *Door) Status() (control.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return d.client.Status(ctx)
}

// Wait waits until the status is as the test wants it and returns it.
func (d *Door) Wait(limit time.Duration, what string, ok func(control.Status) bool) control.Status {
	d.t.Helper()
	var last control.Status
	err := Eventually(limit, func() error {
		s, err := d.Status()
		if err != nil {
			return err
		}
		last = s
		if !ok(s) {
			return errors.New("not yet")
		}
		return nil
	})
	if err != nil {
		text, jsonErr := json.MarshalIndent(last, "", " ")
		d.t.Fatalf("the door did not come to: %s (%v, %v); its status:\n%s", what, err, jsonErr, text)
	}
	return last
}

// WaitRegistered waits for the registration.
func (d *Door) WaitRegistered() control.Status {
	d.t.Helper()
	return d.Wait(20*time.Second, "registered", func(s control.Status) bool { return s.Registration.State == "registered" })
}

// WaitOutcome waits until n visits have ended and the last one's outcome is the one given.
func (d *Door) WaitOutcome(n int, outcome string) control.Status {
	d.t.Helper()
	return d.Wait(30*time.Second, fmt.Sprintf("visit %d ended as %s", n, outcome), func(s control.Status) bool {
		return s.Visit.State == "idle" && s.Calls.Visits == n && s.Calls.Last != nil && s.Calls.Last.Outcome == outcome
	})
}

// WaitFault waits until a fault stands.
func (d *Door) WaitFault(code string) control.Fault {
	d.t.Helper()
	s := d.Wait(20*time.Second, "fault "+code, func(s control.Status) bool { return FaultOf(s, code) != nil })
	return *FaultOf(s, code)
}

// FaultOf finds a standing fault, nil when it does not stand.
func FaultOf(s control.Status, code string) *control.Fault {
	for i := range s.Faults {
		if s.Faults[i].Code == code {
			return &s.Faults[i]
		}
	}
	return nil
}

// Stop sends SIGTERM and returns the exit status.
func (d *Door) Stop() int {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatalf("SIGTERM: %v", err)
	}
	select {
	case <-d.exited:
		return d.cmd.ProcessState.ExitCode()
	case <-time.After(20 * time.Second):
		d.t.Fatalf("the agent did not stop within 20 s of SIGTERM")
		return -1
	}
}

// Kill ends the agent like a power cut.
func (d *Door) Kill() {
	d.t.Helper()
	if err := d.cmd.Process.Kill(); err != nil {
		d.t.Fatalf("SIGKILL: %v", err)
	}
	<-d.exited
}

// Dump ends the agent and lets it write all its goroutines to its log.
func (d *Door) Dump() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		d.t.Fatalf("SIGQUIT: %v", err)
	}
	<-d.exited
}

// Log is everything the agent has logged.
func (d *Door) Log() string { return d.log.String() }

// VisitLines are the structured lines at the end of each visit, oldest first. The local file must say log.format: json.
func (d *Door) VisitLines() []map[string]any {
	return slices.DeleteFunc(d.LogLines(), func(m map[string]any) bool { return m["msg"] != "visit ended" })
}

// LogLines are all structured lines of the log.
func (d *Door) LogLines() []map[string]any {
	var out []map[string]any
	for line := range strings.Lines(d.log.String()) {
		var m map[string]any
		if json.Unmarshal([]byte(line), &m) == nil {
			out = append(out, m)
		}
	}
	return out
}

func (d *Door) end() {
	select {
	case <-d.exited:
		return
	default:
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Logf("SIGTERM: %v", err)
	}
	select {
	case <-d.exited:
	case <-time.After(10 * time.Second):
		d.t.Errorf("the agent did not stop within 10 s; its goroutines follow in the log")
		if err := d.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
			d.t.Logf("SIGQUIT: %v", err)
		}
		<-d.exited
	}
}

func (d *Door) checkLog(secrets []string) {
	text := d.log.String()
	for _, s := range secrets {
		if s != "" && strings.Contains(text, s) {
			d.t.Errorf("a secret of %d characters stands in the agent's log", len(s))
		}
	}
	for _, bad := range []string{"DATA RACE", "panic:", "fatal error:"} {
		if strings.Contains(text, bad) {
			d.t.Errorf("the agent's log has %q", bad)
		}
	}
}

// Eventually asks until there is no error or the limit has passed; it returns the last error.
func Eventually(limit time.Duration, ok func() error) error {
	end := time.Now().Add(limit)
	for {
		err := ok()
		if err == nil || time.Now().After(end) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}
