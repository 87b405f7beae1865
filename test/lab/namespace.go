package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
)

// insideEnv marks the second run of the binary, the one inside the namespaces.
const insideEnv = "DOORSTATION_LAB_INSIDE"

// ErrNoNamespace says that this machine does not let the lab have a network of its own.
var ErrNoNamespace = errors.New("the lab could not make a network namespace of its own. It needs root, or user namespaces " +
	"for everyone (sysctl kernel.unprivileged_userns_clone=1 or kernel.apparmor_restrict_unprivileged_userns=0); " +
	"in a container, the right to make them (--privileged)")

// Part is something that prepare.sh fetches before the tests begin.
type Part string

// What can be prepared.
const (
	PartAsterisk Part = "asterisk" // Asterisk and coturn
	PartPopup    Part = "popup"    // npm modules of the popup and of the browser's driver
	PartARM64    Part = "arm64"    // libraries to build for arm64 with; only if named
	// PartHomeAssistant is Home Assistant Core; only if named.
	PartHomeAssistant Part = "homeassistant"
)

// Main is the TestMain of a package of scenarios: os.Exit(lab.Main(m)). The tests run inside the lab's namespaces; afterwards
// no goroutine may be left. Without parts named, all are prepared.
func Main(m *testing.M, parts ...Part) int {
	code, inside := Enter("out", parts...)
	if !inside {
		return code
	}
	if code = m.Run(); code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "lab: goroutines left at the end:", err)
		return 1
	}
	return 0
}

// Enter brings a program into the lab. The first run of the program prepares the parts, starts the program again in namespaces
// of its own and waits for it: inside is false and code is what to exit with. In the second run inside is true,
// and the program does its work, its files going to the directory out.
func Enter(out string, parts ...Part) (code int, inside bool) {
	var err error
	if os.Getenv(insideEnv) != "" {
		if err = furnish(); err == nil {
			return 0, true
		}
	} else {
		code, err = runInside(out, parts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		return 1, false
	}
	return code, false
}

// runInside prepares the parts, while there still is a network, and runs this binary again in new namespaces. The process
// namespace makes the kernel kill everything in it when the inner run ends, however it ends.
func runInside(out string, parts []Part) (int, error) {
	if err := prepare(parts); err != nil {
		return 1, err
	}
	if os.Getenv(outEnv) == "" {
		if err := os.Setenv(outEnv, out); err != nil {
			return 1, err
		}
	}
	if err := os.RemoveAll(OutDir()); err != nil {
		return 1, err
	}
	self, err := os.Executable()
	if err != nil {
		return 1, err
	}
	// Whatever the parts leave in their temporary directory, also when they are killed, goes with it.
	temp, err := os.MkdirTemp("", "lab")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(temp)
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideEnv+"=1", "TMPDIR="+temp)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return await(cmd)
}

// await starts the inner run, passes on the signals that are meant for it, and tells how it ended.
func await(cmd *exec.Cmd) (int, error) {
	// Pdeathsig is sent when the thread that started the child ends, so this thread must be kept.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP)
	defer signal.Stop(signals)
	err := cmd.Start()
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOSPC) {
		return 1, fmt.Errorf("%w: %w", ErrNoNamespace, err)
	} else if err != nil {
		return 1, err
	}
	waited := make(chan error, 1)
	go func() { waited <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			if err = cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return 1, err
			}
		case err = <-waited:
			if err != nil && !errors.As(err, new(*exec.ExitError)) {
				return 1, err
			}
			// A signal ended it: no exit code of its own.
			if cmd.ProcessState.ExitCode() < 0 {
				return 1, nil
			}
			return cmd.ProcessState.ExitCode(), nil
		}
	}
}

// furnish sets up the namespaces from inside: its own /proc, the loopback interface, and one end of a veth pair with the lab's
// address (the dummy driver is often missing). What is sent to that address never leaves the kernel.
func furnish() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("%w: making mounts private: %w", ErrNoNamespace, err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("%w: mounting /proc: %w", ErrNoNamespace, err)
	}
	addr, err := netlink.ParseAddr(Addr + "/24")
	if err != nil {
		return err
	}
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "lab0"}, PeerName: "lab1"}
	if err = netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("making the lab's interface: %w", err)
	}
	if err = netlink.AddrAdd(pair, addr); err != nil {
		return fmt.Errorf("giving the lab its address: %w", err)
	}
	for _, name := range []string{"lo", "lab0", "lab1"} {
		var link netlink.Link
		if link, err = netlink.LinkByName(name); err != nil {
			return fmt.Errorf("finding %s: %w", name, err)
		}
		if err = netlink.LinkSetUp(link); err != nil {
			return fmt.Errorf("bringing up %s: %w", name, err)
		}
	}
	return nil
}

// prepare fetches what is missing.
func prepare(parts []Part) error {
	args := make([]string, len(parts))
	for i, p := range parts {
		args[i] = string(p)
	}
	cmd := exec.Command(source("prepare.sh"), args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("preparing the lab: %w (are the packages there? scripts/deps.sh lab)", err)
	}
	return nil
}
