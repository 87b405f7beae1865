package app

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"doorstation/internal/control"
)

// borrowerEnv makes the test's program a borrower: the value is the agent's socket.
const borrowerEnv = "DOORSTATION_TEST_BORROWER"

// TestBorrower is no test but the borrower's process: it borrows, says so, and stays.
func TestBorrower(t *testing.T) {
	socket := os.Getenv(borrowerEnv)
	if socket == "" {
		return
	}
	borrowed, err := control.NewClient(socket).Borrow(t.Context())
	check(t, err)
	_, err = os.Stdout.WriteString("lent\n")
	check(t, err)
	_, _ = os.Stdin.Read(make([]byte, 1)) // until it is killed, or the test is
	check(t, borrowed.Close())
}

// ends waits for the agent's end.
func (a *agent) ends() {
	a.t.Helper()
	select {
	case err := <-a.ended:
		check(a.t, err)
		a.ended = nil
	case <-time.After(patience):
		a.t.Fatal("the agent did not end")
	}
}

// TestHardwareThatWasLentComesBackWhateverBecomesOfTheBorrower: also when that is killed, so that the door never stays dead.
func TestHardwareThatWasLentComesBackWhateverBecomesOfTheBorrower(t *testing.T) {
	h, m := newHouse(t), newManager()
	h.service = Service{Notify: m.notify, Watchdog: 300 * time.Millisecond}
	a := h.start("")
	a.registered()
	m.waits(t, "READY=1")
	command := append(strings.Fields(os.Getenv("DOORSTATION_TEST_EMULATOR")), os.Args[0], "-test.run=^TestBorrower$")
	borrower := exec.CommandContext(t.Context(), command[0], command[1:]...)
	borrower.Env = append(os.Environ(), borrowerEnv+"="+h.path("control.sock"))
	borrower.Stderr = os.Stderr
	_, err := borrower.StdinPipe()
	check(t, err)
	out, err := borrower.StdoutPipe()
	check(t, err)
	check(t, borrower.Start())
	if line, readErr := bufio.NewReader(out).ReadString('\n'); line != "lent\n" {
		t.Fatalf("%q, %v", line, readErr)
	}
	// Every room has stopped. Who asks is told why, as soon as the socket is there again.
	for {
		if _, err = a.client.Status(context.Background()); !errors.Is(err, control.ErrNotRunning) {
			t.Fatalf("while it is lent the agent answers %v", err)
		}
		if errors.Is(err, control.ErrLent) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err = a.client.Press(t.Context(), ""); !errors.Is(err, control.ErrLent) || !strings.Contains(err.Error(), "doorstation setup") {
		t.Errorf("a press while it is lent: %v", err)
	}
	if n := h.pbx.Registered("200"); n != 0 {
		t.Errorf("%d contacts of the door are left at the PBX", n)
	}
	if told := m.waits(t, "STATUS=the hardware is lent"); slices.Contains(told, "STOPPING=1") {
		t.Errorf("systemd would end the loan: %q", told)
	}
	m.forget()
	m.waits(t, "WATCHDOG=1") // and it goes on to be content
	check(t, borrower.Process.Kill())
	if err = borrower.Wait(); err == nil {
		t.Error("the borrower was not killed")
	}
	a.ends()
	m.waits(t, "STOPPING=1")
}

// TestALoanWaitsForTheCall, and a borrower who can't wait for it goes; a stop does not wait for the loan's end.
func TestALoanWaitsForTheCall(t *testing.T) {
	h, m := newHouse(t), newManager()
	h.service = Service{Notify: m.notify}
	kitchen := newTablet(h)
	a := h.start("")
	a.registered()
	a.press()
	kitchen.pickUp()
	a.visit("talking")
	ctx, cancel := context.WithCancel(t.Context())
	lent := make(chan error, 1)
	go func() {
		_, err := a.client.Borrow(ctx)
		lent <- err
	}()
	a.until("it is asked for", func(control.Status) bool { return strings.Contains(a.log.String(), "the hardware is to be lent") })
	if _, err := a.client.Borrow(t.Context()); err == nil || !strings.Contains(err.Error(), "lent already") {
		t.Errorf("a second borrower: %v", err)
	}
	a.visit("talking")
	cancel()
	if err := <-lent; !errors.Is(err, context.Canceled) {
		t.Errorf("who does not wait: %v", err)
	}
	kitchen.hangUp()
	a.ends() // to be started again

	a = h.start("")
	a.registered()
	borrowed, err := a.client.Borrow(t.Context())
	check(t, err)
	a.stop()
	check(t, borrowed.Close())
}

func TestNothingIsLentWithoutSomebodyWhoStartsTheAgentAgain(t *testing.T) {
	h := newHouse(t)
	a := h.start("")
	a.registered()
	if _, err := a.client.Borrow(t.Context()); err == nil || !strings.Contains(err.Error(), "no service manager") {
		t.Errorf("it says %v", err)
	}
	a.registered()
}
