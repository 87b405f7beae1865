package control

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	dirMode    = 0o750
	socketMode = 0o660
	// probeLimit is how long an agent that may be alive has to accept a connection.
	probeLimit = time.Second
	// lockLimit is how long another agent may be busy with the same start.
	lockLimit = 5 * time.Second
	lockPause = 20 * time.Millisecond
	// maxPath is what sockaddr_un holds (unix(7)) less the terminating zero.
	maxPath = 107
)

// listener is our socket at its path.
type listener struct {
	*net.UnixListener
	path string
	file fs.FileInfo // to know our socket from one that has taken its place
}

// listen makes the socket. It is bound inside a directory of its own that only this user can enter, given its mode there and
// then moved to its place: so it is never open to anybody else for a moment, without touching the umask of the whole process.
func listen(path string) (*listener, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	unlock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err = vacant(path); err != nil {
		return nil, err
	}
	private, err := os.MkdirTemp(dir, ".new")
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	l, err := bind(filepath.Join(private, "s"), path)
	if rmErr := os.RemoveAll(private); rmErr != nil && err == nil {
		err = errors.Join(fmt.Errorf("control: %w", rmErr), l.Close(), os.Remove(path))
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// bind makes the socket at temporary and moves it to path, over a stale one if need be.
func bind(temporary, path string) (*listener, error) {
	if longest := max(len(temporary), len(path)); longest > maxPath {
		return nil, fmt.Errorf("%w: %s (%d characters are too many by %d)", ErrPathTooLong, path, len(path), longest-maxPath)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temporary, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	l.SetUnlinkOnClose(false) // it would unlink the name it was bound to
	if err = os.Chmod(temporary, socketMode); err == nil {
		err = os.Rename(temporary, path)
	}
	var file fs.FileInfo
	if err == nil {
		file, err = os.Lstat(path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("control: %w", err), l.Close())
	}
	return &listener{UnixListener: l, path: path, file: file}, nil
}

// vacant tells whether path may be taken: nothing there, or a socket nobody answers on.
func vacant(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("control: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%w: %s", ErrNotSocket, path)
	}
	c, err := net.DialTimeout("unix", path, probeLimit)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return nil // stale, or removed since
	}
	if err != nil {
		return fmt.Errorf("%w: %s (%w)", ErrInUse, path, err) // alive, though too busy or not ours to ask
	}
	if err = c.Close(); err != nil {
		return errors.Join(fmt.Errorf("%w: %s", ErrInUse, path), err)
	}
	return fmt.Errorf("%w: %s", ErrInUse, path)
}

// lockDir keeps two agents that start at once from both finding the place vacant. The lock is on the directory itself, so it
// leaves no file behind.
func lockDir(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	for tries := int(lockLimit / lockPause); ; tries-- {
		err = unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = d.Close() }, nil // closing a directory that was only read from loses nothing
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) || tries == 0 {
			return nil, errors.Join(fmt.Errorf("control: locking %s: %w", dir, err), d.Close())
		}
		time.Sleep(lockPause)
	}
}

// remove takes the socket away, unless another one has taken its place.
func (l *listener) remove(log *slog.Logger) {
	now, err := os.Lstat(l.path)
	if err == nil && os.SameFile(now, l.file) {
		err = os.Remove(l.path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("control socket is left behind", "path", l.path, "error", err)
	}
}

// limitConns lets at most n connections be open at once; more wait in the kernel's queue.
func limitConns(l net.Listener, n int) net.Listener {
	return &limited{Listener: l, slots: make(chan struct{}, n), done: make(chan struct{})}
}

type limited struct {
	net.Listener
	slots chan struct{}
	done  chan struct{}
	once  sync.Once
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: c, free: sync.OnceFunc(func() { <-l.slots })}, nil
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	free func()
}

func (c *limitedConn) Close() error {
	defer c.free()
	return c.Conn.Close()
}
