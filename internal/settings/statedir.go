package settings

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const systemStateDir = "/var/lib/doorstation"

// DefaultStateDir is where settings are kept when nothing else is said: in systemd's $STATE_DIRECTORY, else in
// /var/lib/doorstation if this user may write there, else in the user's state directory ($XDG_STATE_HOME or ~/.local/state).
// It is empty when there is none of these.
func DefaultStateDir(getenv func(string) string) string {
	return defaultStateDir(getenv, writable)
}

func defaultStateDir(getenv func(string) string, writable func(dir string) bool) string {
	// systemd lists several directories with colons between them: the first is the unit's own.
	if dir, _, _ := strings.Cut(getenv("STATE_DIRECTORY"), ":"); dir != "" {
		return dir
	}
	if writable(systemStateDir) {
		return systemStateDir
	}
	// The XDG base directory specification wants relative paths ignored.
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "doorstation")
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "doorstation")
	}
	return ""
}

// writable says whether this user may make files in dir, or may make dir itself.
func writable(dir string) bool {
	const make = unix.W_OK | unix.X_OK
	if info, err := os.Stat(dir); err == nil {
		return info.IsDir() && unix.Access(dir, make) == nil
	}
	return unix.Access(filepath.Dir(dir), make) == nil
}
