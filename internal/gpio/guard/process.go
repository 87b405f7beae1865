package guard

import (
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// collectAt lets the garbage collector begin at a tenth of the 4 MB of rubbish that it waits for otherwise.
const collectAt = 10

// Process is what a process does that is a guard and nothing else, until in ends.
//
// systemd and a terminal tell all processes to end at once: the guard has to be the last.
// The watchdog's SIGABRT goes to all processes, too; it says that the agent hangs, which would not close the lock any more.
func Process(c Config, in io.Reader, out io.Writer) error {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	abort := make(chan os.Signal, 1)
	signal.Notify(abort, syscall.SIGABRT)
	defer signal.Stop(abort)
	debug.SetGCPercent(collectAt)
	return Run(c, untilSignal(in, abort), out)
}

// untilSignal is in, which ends early when there is a signal. Whoever waits for in itself is left behind then, to the end of the process.
func untilSignal(in io.Reader, signals <-chan os.Signal) io.Reader {
	r, w := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, err := io.Copy(w, in)
		_ = w.CloseWithError(err) // never fails
	}()
	go func() {
		select {
		case <-signals:
			_ = w.Close() // never fails
		case <-ended:
		}
	}()
	return r
}
