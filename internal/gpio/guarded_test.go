package gpio

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// shellGuard is a guard in the words of a shell, with whatever ails it.
func shellGuard(t *testing.T, script string) (relay, chan struct{}, error) {
	t.Helper()
	ended := make(chan struct{})
	s := guards{command: []string{"/bin/sh", "-c", script, "sh"}}
	r, err := s.start(GuardConfig{Device: "/dev/gpiochip0", Line: 27}, func() { close(ended) })
	return r, ended, err
}

const obedient = `echo ok; while read -r command; do echo ok; done`

func TestTheAgentAndItsGuard(t *testing.T) {
	r, ended, err := shellGuard(t, obedient)
	if err != nil {
		t.Fatal(err)
	}
	if err = errors.Join(r.on(time.Second), r.off(), r.failed(), r.close()); err != nil {
		t.Error(err)
	}
	<-ended
}

// TestAGuardThatFails is ended and told, so that the line can be taken anew, which switches it off.
func TestAGuardThatFails(t *testing.T) {
	for name, script := range map[string]string{
		"it dies":            `echo ok; read -r command; exit 1`,
		"it does not answer": `echo ok; exec sleep 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			r, ended, err := shellGuard(t, script)
			if err != nil {
				t.Fatal(err)
			}
			if err = r.on(time.Second); !errors.Is(err, ErrGuard) {
				t.Errorf("on: %v", err)
			}
			<-ended
			if err = r.failed(); !errors.Is(err, ErrGuard) {
				t.Errorf("failed: %v", err)
			}
			if err = r.close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

// TestAGuardThatCannotBegin gives its own words.
func TestAGuardThatCannotBegin(t *testing.T) {
	_, ended, err := shellGuard(t, `echo "error the line is in use by another program"; exit 1`)
	if err == nil || !strings.Contains(err.Error(), "in use by another program") {
		t.Errorf("%v", err)
	}
	<-ended
	if _, err = (&guards{command: []string{"/nonexistent"}}).start(GuardConfig{}, func() {}); !errors.Is(err, ErrGuard) {
		t.Errorf("no program: %v", err)
	}
}

// TestNoOtherChildHoldsTheGuard: the guard's end of the agent is the end of its input, which a camera's command that lives on must not have
// inherited.
func TestNoOtherChildHoldsTheGuard(t *testing.T) {
	r, ended, err := shellGuard(t, obedient)
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command("/bin/sh", "-c", "read -r forever")
	stdin, err := other.StdinPipe()
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err = r.(*guardedRelay).in.Close(); err != nil { // as the kernel does when the agent dies
		t.Error(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the guard goes on")
	}
	if err = errors.Join(stdin.Close(), r.(*guardedRelay).out.Close()); err != nil {
		t.Error(err)
	}
	_ = other.Wait() // it reads no line, which is a failure to a shell
}

// TestAGuardThatHangsInTheKernel outlives being killed. Nobody waits for it for ever, no second one is started behind it, and when it has
// ended at last the line is taken anew.
func TestAGuardThatHangsInTheKernel(t *testing.T) {
	s := guards{command: []string{"/bin/sh", "-c", `echo ok; exec sleep 1000`, "sh"}}
	ended := make(chan struct{})
	r, err := s.start(GuardConfig{}, func() { close(ended) })
	if err != nil {
		t.Fatal(err)
	}
	kill := s.last.kill
	s.last.kill = func() error { return nil } // what waits in a driver takes no notice
	if err = r.on(time.Second); !errors.Is(err, ErrGuardHangs) {
		t.Errorf("on: %v", err)
	}
	if err = r.failed(); !errors.Is(err, ErrGuardHangs) {
		t.Errorf("failed: %v", err)
	}
	if err = r.close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err = s.start(GuardConfig{}, func() {}); !errors.Is(err, ErrGuardHangs) {
		t.Errorf("another one: %v", err)
	}
	if err = kill(); err != nil {
		t.Error(err)
	}
	<-ended
	s.command[2] = obedient
	r, err = s.start(GuardConfig{}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if err = r.close(); err != nil {
		t.Error(err)
	}
}
