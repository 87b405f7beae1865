package terminal

import (
	"os"
	"os/signal"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// echoes tells whether a terminal shows what is typed.
func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	now, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	check(t, err)
	return now.Lflag&unix.ECHO != 0
}

// TestASecretIsUnseenAfterAStopToo: Ctrl-Z, and fg, by which the shell turns the echo on.
func TestASecretIsUnseenAfterAStopToo(t *testing.T) {
	person, terminal, err := pty.Open()
	check(t, err)
	t.Cleanup(func() {
		check(t, person.Close())
		check(t, terminal.Close())
	})
	before, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	check(t, err)
	restore, err := unseen(terminal)
	check(t, err)
	if echoes(t, terminal) {
		t.Error("a secret is shown")
	}
	check(t, unix.IoctlSetTermios(int(terminal.Fd()), unix.TCSETS, before)) // as a shell does
	check(t, unix.Kill(os.Getpid(), unix.SIGCONT))
	over := time.After(20 * time.Second)
	for echoes(t, terminal) {
		select {
		case <-over:
			t.Fatal("a secret is shown after a stop")
		case <-time.After(time.Millisecond):
		}
	}
	check(t, restore())
	if !echoes(t, terminal) {
		t.Error("the terminal stays without echo")
	}
	if signal.Ignored(unix.SIGCONT) {
		t.Error("the signal is lost for others")
	}
}
