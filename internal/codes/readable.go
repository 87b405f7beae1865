package codes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// ErrUnreadable says that the service's user may not read the file.
var ErrUnreadable = errors.New("the service's user may not read it: chown it to that user")

// ReadableBy tells whether a user of these groups may read a file, by owners and modes of the file and of every directory above it; links are
// followed. It is for root, who may read everything and has to judge with the service's eyes. [ErrUnreadable] says what is in the way;
// other errors are those of looking at it. Access control lists are not looked at.
func ReadableBy(path string, uid int, gids []int) error {
	if uid == 0 {
		return nil
	}
	absolute, err := filepath.Abs(path)
	if err == nil {
		absolute, err = filepath.EvalSymlinks(absolute)
	}
	if err != nil {
		return err
	}
	const read, enter = 4, 1
	for at, bit := absolute, fs.FileMode(read); ; at, bit = filepath.Dir(at), enter {
		info, statErr := os.Stat(at)
		if statErr != nil {
			return statErr
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return fmt.Errorf("%s: %w", at, errors.ErrUnsupported)
		}
		if !allows(info.Mode(), int(owner.Uid), int(owner.Gid), bit, uid, gids) {
			return fmt.Errorf("%s (mode %04o, user %d, group %d): %w", at, info.Mode().Perm(), owner.Uid, owner.Gid, ErrUnreadable)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// allows tells whether a mode allows a bit to a user: the first class that the user belongs to decides alone (path_resolution(7)).
func allows(mode fs.FileMode, owner, group int, bit fs.FileMode, uid int, gids []int) bool {
	switch {
	case uid == owner:
		bit <<= 6
	case slices.Contains(gids, group):
		bit <<= 3
	}
	return mode.Perm()&bit != 0
}

// ServiceUser is the user that the package makes for the agent, with its groups; false: there is none here.
func ServiceUser() (uid int, gids []int, known bool) {
	u, err := user.Lookup(serviceUser)
	if err != nil {
		return 0, nil, false
	}
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, nil, false
	}
	groups, err := u.GroupIds()
	if err != nil {
		return 0, nil, false
	}
	for _, text := range groups {
		gid, numberErr := strconv.Atoi(text)
		if numberErr != nil {
			return 0, nil, false
		}
		gids = append(gids, gid)
	}
	return uid, gids, true
}
