package terminal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"

	"doorstation/internal/setup"
)

// longestLine bounds a typed line, in bytes; a token has some hundreds.
const longestLine = 16 << 10

var errLongLine = errors.New("the line is too long")

// lines reads lines from a terminal, a pipe or a file so that a read ends when nobody wants it any more, and never takes more from a
// terminal than the line.
type lines struct {
	file *os.File
	held []byte // read and not yet given
	end  bool
}

// read returns a line without its end. The errors are setup.ErrStopped at the end of the input and when ctx ends.
func (l *lines) read(ctx context.Context) (string, error) {
	wake, err := wakePipe()
	if err != nil {
		return "", err
	}
	defer wake.close()
	stop := context.AfterFunc(ctx, wake.wake)
	defer stop()
	for {
		if i := bytes.IndexByte(l.held, '\n'); i >= 0 {
			line := string(bytes.TrimSuffix(l.held[:i], []byte("\r")))
			l.held = l.held[i+1:]
			return line, nil
		}
		if len(l.held) > longestLine {
			l.held = nil
			return "", errLongLine
		}
		if l.end && len(l.held) > 0 {
			line := string(l.held)
			l.held = nil
			return line, nil
		}
		if l.end {
			return "", setup.ErrStopped
		}
		if err = l.more(ctx, wake); err != nil {
			return "", err
		}
	}
}

// more waits for input and takes what is there.
func (l *lines) more(ctx context.Context, wake *waker) error {
	fd := int32(l.file.Fd())
	set := []unix.PollFd{{Fd: fd, Events: unix.POLLIN}, {Fd: wake.reads(), Events: unix.POLLIN}}
	_, err := unix.Poll(set, -1)
	switch {
	case ctx.Err() != nil:
		return setup.ErrStopped
	case errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("terminal: waiting for input: %w", err)
	case set[0].Revents == 0:
		return nil
	}
	buf := make([]byte, 1<<10)
	n, err := unix.Read(int(fd), buf)
	switch {
	case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		return nil
	case errors.Is(err, unix.EIO), err == nil && n == 0: // the terminal is gone, or the pipe has ended
		l.end = true
		return nil
	case err != nil:
		return fmt.Errorf("terminal: reading: %w", err)
	}
	l.held = append(l.held, buf[:n]...)
	return nil
}

// forget drops what was typed before a question was there: an Enter too many must not answer it.
func (l *lines) forget() {
	fd := int(l.file.Fd())
	if !isTerminal(l.file) {
		return
	}
	l.held = nil
	_ = unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) // what can't be dropped is an answer
}

// waker ends a poll.
type waker struct{ r, w *os.File }

func wakePipe() (*waker, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	return &waker{r, w}, nil
}

func (w *waker) reads() int32 { return int32(w.r.Fd()) }

// wake may come after close: then there is nobody to wake.
func (w *waker) wake() { _, _ = w.w.Write([]byte{0}) }

func (w *waker) close() { _ = errors.Join(w.r.Close(), w.w.Close()) }

// isTerminal says whether a file is one.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// size is a terminal's in characters; ok is false where it is not known, as on a serial console.
func size(w io.Writer) (columns, rows int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile {
		return 0, 0, false
	}
	ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || ws.Col == 0 || ws.Row == 0 {
		return 0, 0, false
	}
	return int(ws.Col), int(ws.Row), true
}

// unseen turns the terminal's echo off and returns what turns it on again. A shell gives a program that was stopped (Ctrl-Z) its own settings when it
// goes on: then the echo is turned off anew.
func unseen(f *os.File) (restore func() error, err error) {
	before, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil { // no terminal: nothing is echoed
		return func() error { return nil }, nil //nolint:nilerr // as said
	}
	quiet := *before
	quiet.Lflag &^= unix.ECHO
	if err = unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &quiet); err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	again, over := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(again, unix.SIGCONT)
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-again:
				_ = unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &quiet) // as it could be before
			case <-over:
				return
			}
		}
	})
	return func() error {
		signal.Stop(again)
		close(over)
		watching.Wait()
		if backErr := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, before); backErr != nil {
			return fmt.Errorf("terminal: %w", backErr)
		}
		return nil
	}, nil
}
