package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"doorstation/internal/control"
	"doorstation/internal/setup"
)

const unit = "doorstation.service"

// Agent is the agent of this machine, as systemd's service where there is one.
type Agent struct {
	// Socket is its control socket.
	Socket string
	// Own says that the setup is not for the service: another local file, or a user who may not.
	Own bool

	borrowed *control.Borrowed // nil: the agent has its hardware, or was stopped
}

var _ setup.Agent = (*Agent)(nil)

// systemctlTime bounds a call: stopping hangs up on a call, starting waits for a registration or for knowing why there is none.
const systemctlTime = 2 * time.Minute

var errSystemctl = errors.New("systemctl")

// systemctl runs it. It outlives Ctrl-C, which a terminal sends to every process of the group.
func systemctl(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, systemctlTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "systemctl", args...)
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		text := strings.TrimSpace(complaint.String())
		if text == "" {
			text = err.Error()
		}
		return out.String(), fmt.Errorf("%w %s: %s", errSystemctl, args[0], text)
	}
	return out.String(), nil
}

// State implements setup.Agent.
func (a *Agent) State(ctx context.Context) (setup.AgentState, error) {
	var now setup.AgentState
	_, err := control.NewClient(a.Socket).Status(ctx)
	now.Running = err == nil
	if a.Own {
		return now, ctx.Err()
	}
	// Without systemd there is no service; that is no error.
	out, err := systemctl(ctx, "show", "--property=LoadState,ActiveState", unit)
	if ctx.Err() != nil {
		return now, ctx.Err()
	}
	if err == nil && strings.Contains(out, "LoadState=loaded") {
		now.Service = true
		now.Running = now.Running || strings.Contains(out, "ActiveState=active") || strings.Contains(out, "ActiveState=activating") ||
			strings.Contains(out, "ActiveState=reloading")
	}
	return now, nil
}

// Stop implements setup.Agent. The agent lends its hardware, and takes it back when this process ends, however it does. One that can't – it
// is older than this program, or does not answer – is stopped.
func (a *Agent) Stop(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, systemctlTime)
	defer cancel()
	var err error
	if a.borrowed, err = control.NewClient(a.Socket).Borrow(limited); err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	_, err = systemctl(ctx, "stop", unit)
	return err
}

// Start implements setup.Agent.
func (a *Agent) Start(ctx context.Context, enable bool) error {
	err := a.start(ctx, enable)
	if err == nil && a.borrowed != nil { // it was ended by that start
		err, a.borrowed = a.borrowed.Close(), nil
	}
	return err
}

func (a *Agent) start(ctx context.Context, enable bool) error {
	if enable {
		if _, err := systemctl(ctx, "enable", unit); err != nil {
			return err
		}
	}
	_, err := systemctl(ctx, "restart", unit)
	return err
}

const (
	// registering is how long a door may need: Asterisk may be starting, too.
	registering = time.Minute
	lookEvery   = 300 * time.Millisecond
)

var errNotRegistered = errors.New("the door station runs, but is not registered yet; see why with: sudo doorstation status")

// follow looks at the status again and again until look says that it has seen enough.
func (a *Agent) follow(ctx context.Context, look func(control.Status) bool) error {
	c := control.NewClient(a.Socket)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		// One that does not answer is starting.
		if s, err := c.Status(ctx); err == nil && look(s) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Registered implements setup.Agent.
func (a *Agent) Registered(ctx context.Context) (string, error) {
	limited, cancel := context.WithTimeout(ctx, registering)
	defer cancel()
	var last control.Status
	err := a.follow(limited, func(s control.Status) bool {
		last = s
		return s.Registration.State == "registered"
	})
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err == nil:
		return fmt.Sprintf("the door station runs and is registered as %s at %s", last.Registration.Extension, last.Registration.Server), nil
	}
	for _, f := range last.Faults {
		if f.Severity == "error" {
			return "", fmt.Errorf("%w\n%s: %s", errNotRegistered, f.Title, f.Remedy)
		}
	}
	return "", errNotRegistered
}

// Ring implements setup.Agent.
func (a *Agent) Ring(ctx context.Context) error {
	_, err := control.NewClient(a.Socket).Press(ctx, "")
	return err
}

// beginning is how long a press may need to become a visit.
const beginning = 10 * time.Second

// Visit implements setup.Agent.
func (a *Agent) Visit(ctx context.Context, show func(string)) error {
	began := time.Now()
	seen := false
	return a.follow(ctx, func(s control.Status) bool {
		v := s.Visit
		if v.State == "idle" || v.State == "" {
			return seen || time.Since(began) > beginning
		}
		seen = true
		if v.AnsweredBy != "" {
			show(v.AnsweredBy + " has answered")
		} else {
			show(strings.Join(v.Targets, ", ") + ": " + v.State)
		}
		return false
	})
}
