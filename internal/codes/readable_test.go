package codes

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestReadableBy(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "codes")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatal("no owner")
	}
	mine, group := int(owner.Uid), int(owner.Gid)
	other := mine + 1
	for parent := dir; parent != os.TempDir() && parent != "/"; parent = filepath.Dir(parent) {
		if err = os.Chmod(parent, 0o755); err != nil { // t.TempDir's are the owner's alone
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "link")
	if err = os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, ca := range []struct {
		name      string
		file, dir fs.FileMode
		uid       int
		gids      []int
		may       bool
	}{
		{"its owner's", 0o600, 0o755, mine, nil, true},
		{"somebody else's", 0o600, 0o755, other, nil, false},
		{"somebody else's of the same group", 0o600, 0o755, other, []int{group}, false},
		{"the group's", 0o640, 0o755, other, []int{group + 1, group}, true},
		{"another group's", 0o640, 0o755, other, []int{group + 1}, false},
		{"everybody's", 0o604, 0o755, other, nil, true},
		{"everybody's but the group's", 0o604, 0o755, other, []int{group}, false},
		{"behind a door that is shut", 0o644, 0o700, other, nil, false},
		{"behind a door that lets the group in", 0o644, 0o710, other, []int{group}, true},
		{"root's eyes", 0o000, 0o000, 0, nil, true},
	} {
		if err = errors.Join(os.Chmod(path, ca.file), os.Chmod(dir, ca.dir)); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{path, link} {
			err = ReadableBy(p, ca.uid, ca.gids)
			if os.Geteuid() != 0 && ca.dir&0o100 == 0 {
				continue // who runs this may not look
			}
			if ca.may && err != nil || !ca.may && !errors.Is(err, ErrUnreadable) {
				t.Errorf("%s: %v", ca.name, err)
			}
		}
	}
	if err = os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err = ReadableBy(filepath.Join(dir, "none"), other, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
