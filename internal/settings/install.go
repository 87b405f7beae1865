package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The names of what stands beside a local file for a moment, or as the file before.
const (
	planEnd   = ".plan"
	backupEnd = ".bak"
)

// ServiceGroup is the group of the agent's user, as the package makes it.
const ServiceGroup = "doorstation"

// ErrNotInstalled says that the files could not be written. What was there before is there still.
var ErrNotInstalled = errors.New("the settings could not be written")

// Install is what is to be written of a door's settings.
type Install struct {
	// Path is the local file's, and Text what it says: see Render.
	Path string
	Text []byte
	// TokenFile is where the token goes, and Token what it is, without a line break; an empty Token leaves the file as it is.
	TokenFile, Token string
}

// Write puts the files in their places: both or neither, whenever the power is cut or the program killed. What is cut off in the
// middle of it the next Write or Recover finishes or forgets. The local file as it was stays beside it as ".bak".
//
// Written by root, the local file belongs to root and the agent's group, which may read it (0640), and the token to root alone (0600):
// the unit hands it over as a credential. Written by anybody else, both are that user's alone (0600).
//
// The error is ErrNotInstalled with what the operating system said, or what the reader found wrong with Text; neither holds the token.
func (i Install) Write() error {
	if err := (installer{do: func(_ string, f func() error) error { return f() }}).write(i); err != nil {
		return fmt.Errorf("%w: %w", ErrNotInstalled, keptReason(err))
	}
	return nil
}

// Recover finishes what a Write that was cut off had begun, if all of it was on the disk already, and else takes it away. It says
// whether there was something to finish. The paths are those of Install.
func Recover(path, tokenFile string) (finished bool, err error) {
	return (installer{do: func(_ string, f func() error) error { return f() }}).recover(path, tokenFile)
}

// installer writes files; do runs each step, so that a test can stop between any two.
type installer struct {
	do func(step string, f func() error) error
}

// move is a file that takes another's place.
type move struct{ From, To string }

func (in installer) write(i Install) error {
	if err := absolute(&i.Path, &i.TokenFile); err != nil {
		return err
	}
	if _, err := ParseLocal(i.Path, i.Text); err != nil {
		return err
	}
	if i.Token != "" {
		if _, err := checkToken(i.Token, "the new token"); err != nil {
			return err
		}
		if i.TokenFile == "" || filepath.Clean(i.TokenFile) == filepath.Clean(i.Path) {
			return fmt.Errorf("%w: the token needs a file of its own", ErrNoToken)
		}
	}
	dir := filepath.Dir(i.Path)
	group := serviceGroup()
	if err := in.do("directory", func() error { return makeDir(dir, group) }); err != nil {
		return err
	}
	if _, err := in.recover(i.Path, i.TokenFile); err != nil {
		return err
	}
	var moves []move
	stage := func(to string, data []byte, mode fs.FileMode, gid int) error {
		m := move{From: to + newEnd, To: to}
		moves = append(moves, m)
		return in.do("stage "+filepath.Base(to), func() error { return writeBeside(m.From, data, mode, gid) })
	}
	mode := fs.FileMode(0o640)
	if group < 0 {
		mode = 0o600
	}
	err := stage(i.Path, i.Text, mode, group)
	if err == nil && i.Token != "" {
		if err = os.MkdirAll(filepath.Dir(i.TokenFile), 0o700); err == nil {
			err = stage(i.TokenFile, []byte(i.Token+"\n"), 0o600, -1)
		}
	}
	if err == nil {
		err = in.backup(i.Path, mode, group)
	}
	if err == nil {
		err = in.plan(i.Path, moves)
	}
	if err != nil {
		err = errors.Join(err, removeIfThere(i.Path+planEnd))
		for _, m := range moves {
			err = errors.Join(err, removeIfThere(m.From))
		}
		return err
	}
	return in.finish(i.Path, moves)
}

// backup keeps the local file as it is.
func (in installer) backup(path string, mode fs.FileMode, gid int) error {
	old, err := readLimited(path, maxLocalFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	to := path + backupEnd
	return in.do("backup", func() error {
		if stageErr := writeBeside(to+newEnd, old, mode, gid); stageErr != nil {
			return stageErr
		}
		return os.Rename(to+newEnd, to)
	})
}

// plan writes down what is to be moved: until it is there the old state comes back after an interruption, from then on the new one.
func (in installer) plan(path string, moves []move) error {
	plan, err := json.Marshal(moves)
	if err != nil {
		return err
	}
	return in.do("plan", func() error {
		if stageErr := writeBeside(path+planEnd+newEnd, plan, 0o600, -1); stageErr != nil {
			return stageErr
		}
		if renameErr := os.Rename(path+planEnd+newEnd, path+planEnd); renameErr != nil {
			return renameErr
		}
		return syncDirs(path, moves)
	})
}

// finish moves what is not moved yet, and forgets the plan.
func (in installer) finish(path string, moves []move) error {
	for _, m := range moves {
		err := in.do("move "+filepath.Base(m.To), func() error {
			renameErr := os.Rename(m.From, m.To)
			if errors.Is(renameErr, fs.ErrNotExist) {
				return nil // before the interruption
			}
			return renameErr
		})
		if err != nil {
			return err
		}
	}
	return in.do("end", func() error {
		if err := syncDirs(path, moves); err != nil {
			return err
		}
		return errors.Join(removeIfThere(path+planEnd), syncDir(filepath.Dir(path)))
	})
}

// recover looks for what an interrupted write left.
func (in installer) recover(path, tokenFile string) (finished bool, err error) {
	if err = absolute(&path, &tokenFile); err != nil {
		return false, err
	}
	data, err := readLimited(path+planEnd, maxLocalFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
		// It was interrupted before all was there, if at all: what is beside the file is worth nothing.
		for _, left := range []string{path, path + planEnd, path + backupEnd, tokenFile} {
			if left != "" {
				err = errors.Join(err, removeIfThere(left+newEnd))
			}
		}
		return false, err
	}
	if err != nil {
		return false, err
	}
	var moves []move
	if json.Unmarshal(data, &moves) != nil || slices.ContainsFunc(moves, func(m move) bool {
		// Whoever may write into the directory must not have root move other files.
		return m.From != m.To+newEnd || m.To != path && m.To != tokenFile || m.To == ""
	}) {
		return false, removeIfThere(path + planEnd) // not of ours
	}
	return true, in.finish(path, moves)
}

// absolute makes paths mean the same wherever the program is started from: a plan outlives it.
func absolute(paths ...*string) error {
	for _, p := range paths {
		if *p == "" {
			continue
		}
		abs, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		*p = abs
	}
	return nil
}

// serviceGroup is the id of the agent's group for root, and -1 where there is none and for others.
func serviceGroup() int {
	if os.Geteuid() != 0 {
		return -1
	}
	g, err := user.LookupGroup(ServiceGroup)
	if err != nil {
		return -1
	}
	id, err := strconv.Atoi(g.Gid)
	if err != nil {
		return -1
	}
	return id
}

// makeDir makes the local file's directory, as the package would, unless it is there.
func makeDir(dir string, gid int) error {
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil || gid < 0 {
		return err
	}
	return errors.Join(os.Chown(dir, -1, gid), os.Chmod(dir, 0o750))
}

// writeBeside writes a file that is to take another's place, and waits until it is on the disk. gid -1 leaves the group.
func writeBeside(path string, data []byte, mode fs.FileMode, gid int) error {
	if err := removeIfThere(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if gid >= 0 {
		err = f.Chown(-1, gid)
	}
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncDirs makes the changes of names last in each directory.
func syncDirs(path string, moves []move) error {
	dirs := []string{filepath.Dir(path)}
	for _, m := range moves {
		if dir := filepath.Dir(m.To); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	var err error
	for _, dir := range dirs {
		err = errors.Join(err, syncDir(strings.TrimSpace(dir)))
	}
	return err
}
