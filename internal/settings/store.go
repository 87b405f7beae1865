package settings

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrNoStateDir says that there is no directory to keep settings in.
var ErrNoStateDir = errors.New("there is no directory to keep the settings in")

// The names in the state directory.
const (
	keptFileName = "sip-core.settings"
	corruptEnd   = ".corrupt"
	newEnd       = ".new"
)

// Store keeps the last good settings in a directory of the agent's own. It is used by one goroutine.
type Store struct {
	dir  string
	last Kept // what the file holds, as far as known
}

// NewStore makes a store in dir; "" makes one that keeps nothing. Nothing is touched yet.
func NewStore(dir string) *Store { return &Store{dir: dir} }

// Path is where the file is.
func (s *Store) Path() string { return filepath.Join(s.dir, keptFileName) }

// CorruptPath is where a damaged file is set aside.
func (s *Store) CorruptPath() string { return s.Path() + corruptEnd }

// Load reads what is kept for the Home Assistant at url. A damaged file is set aside under the same name with ".corrupt" at its
// end, in the place of an earlier one. The errors are ErrNothingKept, ErrKeptCorrupt, ErrKeptNewer, ErrKeptElsewhere, and what
// the operating system said.
func (s *Store) Load(url string) (Kept, error) {
	k, err := s.Peek(url)
	if errors.Is(err, ErrKeptCorrupt) {
		err = s.setAside(err)
	}
	return k, err
}

// Peek is Load for who only wants to look: a damaged file stays where it is.
func (s *Store) Peek(url string) (Kept, error) {
	if s.dir == "" {
		return Kept{}, ErrNothingKept
	}
	data, err := s.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Kept{}, ErrNothingKept
	case err != nil && !errors.Is(err, ErrKeptCorrupt):
		return Kept{}, fmt.Errorf("read the kept settings: %w", keptReason(err))
	}
	var k Kept
	if err == nil {
		k, err = decodeKept(data)
	}
	if err != nil {
		return Kept{}, err
	}
	s.last = k
	if k.HomeAssistant != url {
		return Kept{}, fmt.Errorf("%w: %s", ErrKeptElsewhere, k.HomeAssistant)
	}
	return k, nil
}

// read reads the file if it is one, and no more of it than may be there.
func (s *Store) read() ([]byte, error) {
	// Neither a link nor a pipe is followed or waited for.
	f, err := os.OpenFile(s.Path(), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%w: a link", ErrKeptCorrupt)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: not a plain file", ErrKeptCorrupt)
	}
	var data []byte
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(f, maxKept+1))
	}
	return data, errors.Join(err, f.Close())
}

// setAside moves the damaged file away, so that it is neither used nor overwritten unseen.
func (s *Store) setAside(why error) error {
	aside := s.CorruptPath()
	// What is in the way may be a directory, which a file does not replace.
	if err := os.Rename(s.Path(), aside); err != nil {
		if err = errors.Join(os.RemoveAll(aside), os.Rename(s.Path(), aside)); err != nil {
			return fmt.Errorf("%s: %w; it cannot be set aside: %w", s.Path(), why, err)
		}
	}
	return fmt.Errorf("%s: %w; set aside as %s", s.Path(), why, filepath.Base(aside))
}

// Save keeps k, unless the file holds just that already: an SD card wears out by writing. The file is replaced as a whole or
// not at all, whenever the power is cut. It says whether it wrote. The errors are ErrNoStateDir, ErrTooLarge, and what the
// operating system said.
func (s *Store) Save(k Kept) (wrote bool, err error) {
	if s.dir == "" {
		return false, ErrNoStateDir
	}
	if s.last.same(k) && s.isThere() {
		return false, nil
	}
	data, err := encodeKept(k)
	if err != nil {
		return false, err
	}
	if err = os.MkdirAll(s.dir, 0o700); err != nil {
		return false, fmt.Errorf("keep the settings: %w", keptReason(err))
	}
	if err = ReplaceFile(s.Path(), data); err != nil {
		return false, fmt.Errorf("keep the settings: %w", keptReason(err))
	}
	s.last = k
	return true, nil
}

// isThere says whether the file has not been taken away since. What can't be told is for the next start to find out.
func (s *Store) isThere() bool {
	_, err := os.Lstat(s.Path())
	return !errors.Is(err, fs.ErrNotExist)
}

// ReplaceFile writes beside a file, waits until that is on the disk, and puts it in the file's place: whenever the power is cut the file is
// there as a whole, the old one or the new. Only this user may read it. The errors are what the operating system says.
func ReplaceFile(path string, data []byte) error {
	beside := path + newEnd
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) { // left by a power cut
		return err
	}
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(beside, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(beside))
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a change of names in a directory last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) {
		err = nil // a file system that knows no such thing
	}
	return errors.Join(err, d.Close())
}
