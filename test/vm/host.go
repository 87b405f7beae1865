package vm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"doorstation/test/lab"
)

// ErrHost says that this computer can't run the machines; the text says what is missing, and what to do.
var ErrHost = errors.New("this computer can't run the door as a machine of its own")

// tun is what a machine's network cable is made of.
const tun = "/dev/net/tun"

// room is what the machines' disks and memory files take at most, in bytes.
const room = 2 << 30

// Ready looks for what the machines need, before anything is built or started.
func Ready() error {
	var missing []string
	for _, program := range []string{"qemu-system-x86_64", "qemu-img", "ssh"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, fmt.Sprintf("there is no %s: scripts/deps.sh vm installs it", program))
		}
	}
	f, err := os.OpenFile(tun, os.O_RDWR, 0)
	switch {
	case err == nil:
		err = f.Close()
		if err != nil {
			missing = append(missing, fmt.Sprintf("%s: %v", tun, err))
		}
	case errors.Is(err, fs.ErrPermission):
		missing = append(missing, fmt.Sprintf("user %d may not open %s: run as root, or chmod 0666 %s", os.Getuid(), tun, tun))
	default:
		missing = append(missing, fmt.Sprintf("%s can't be opened (%v): modprobe tun; in a container, hand it in (docker run --device %s --cap-add NET_ADMIN)",
			tun, err, tun))
	}
	var disk unix.Statfs_t
	if err = unix.Statfs(os.TempDir(), &disk); err == nil {
		if free := disk.Bavail * uint64(disk.Bsize); free < room {
			missing = append(missing, fmt.Sprintf("%s has %d MB left, the machines' disks want %d: set TMPDIR to another place", os.TempDir(), free>>20, room>>20))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w:\n  %s", ErrHost, strings.Join(missing, "\n  "))
	}
	return nil
}

// source is the path of a file beside this one.
func source(name string) string {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return name
	}
	return filepath.Join(filepath.Dir(here), name)
}

// Build builds a program for a machine.
func Build(t lab.T, pkg, binary string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-o", binary, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("vm: building %s: %v\n%s", pkg, err, out)
	}
}
