// Package vm runs the Debian package on a machine of its own: Debian with systemd on a real kernel, with a Raspberry Pi's GPIO, a camera and a
// sound card simulated by that kernel's drivers (gpio-sim, vivid, snd-aloop). It is qemu without KVM, so that it runs
// anywhere; a machine that has booted once is kept, and begins again from there in a second.
//
// The machine stands in the lab's network, at Addr; its network ends there.
package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"doorstation/test/lab"
)

const (
	// Addr is the machine's address, Gateway the lab's on the same wire.
	Addr    = "10.79.0.2"
	Gateway = "10.79.0.1"

	bootLimit    = 5 * time.Minute
	commandLimit = 3 * time.Minute
	// booted names the machine's saved state.
	booted = "booted"
)

// Machine is a virtual machine that runs.
type Machine struct {
	t     lab.T  // whose failure it is
	whole lab.T  // for as long as which the machine lives
	image string // directory of the image
	dir   string
	disk  string
	run   *lab.Process
	runs  int
	// StartedIn is how long it took until the machine answered.
	StartedIn time.Duration
}

// Image builds what the machines boot, unless it is there, and returns its directory. It needs the network: before [lab.Enter].
func Image() (string, error) {
	cmd := exec.Command("./build.sh")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("vm: build.sh: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Start gives a machine that has booted: the saved one, or, the first time, one that boots and is then saved.
func Start(t lab.T, image string) *Machine {
	t.Helper()
	m := newMachine(t, image)
	saved := filepath.Join(image, "booted.qcow2")
	if _, err := os.Stat(saved); errors.Is(err, os.ErrNotExist) {
		m.makeDisk(filepath.Join(image, "disk.img"), "raw")
		m.PowerOn()
		m.Do("systemctl is-system-running --wait || true; sync")
		m.save(saved)
	}
	m.copyDisk(saved)
	m.powerOn("-loadvm", booted)
	m.Do(fmt.Sprintf("date -s @%.3f >/dev/null", float64(time.Now().UnixMilli())/1000)) // the saved machine has the time of the save
	return m
}

func newMachine(t lab.T, image string) *Machine {
	t.Helper()
	dir, err := os.MkdirTemp("", "vm") // a socket's path is short
	if err != nil {
		t.Fatalf("vm: %v", err)
	}
	m := &Machine{t: t, whole: t, image: image, dir: dir, disk: filepath.Join(dir, "disk.qcow2")}
	t.Cleanup(func() {
		m.PowerCut()
		if err = os.RemoveAll(dir); err != nil {
			t.Errorf("vm: %v", err)
		}
	})
	wire := &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: "vm0"}, Mode: netlink.TUNTAP_MODE_TAP}
	addr, err := netlink.ParseAddr(Gateway + "/24")
	if err == nil {
		err = netlink.LinkAdd(wire)
	}
	if err == nil {
		t.Cleanup(func() {
			if err = netlink.LinkDel(wire); err != nil {
				t.Errorf("vm: %v", err)
			}
		})
		err = errors.Join(netlink.AddrAdd(wire, addr), netlink.LinkSetUp(wire))
	}
	if err != nil {
		t.Fatalf("vm: the wire to the machine: %v", err)
	}
	return m
}

// tool runs a program of the host.
func (m *Machine) tool(name string, args ...string) {
	m.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		m.t.Fatalf("vm: %s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func (m *Machine) makeDisk(backing, format string) {
	m.t.Helper()
	m.tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", format, m.disk)
}

func (m *Machine) copyDisk(from string) {
	m.t.Helper()
	m.tool("cp", "--reflink=auto", from, m.disk)
}

// save keeps the machine as it is now, memory and all, and ends it.
func (m *Machine) save(path string) {
	m.t.Helper()
	m.closeSSH()
	m.monitor("savevm " + booted)
	m.monitor("quit")
	<-m.run.Done()
	m.tool("mv", m.disk, path+".new")
	m.tool("mv", path+".new", path)
}

// PowerOn boots the machine from its disk; args go to the kernel.
func (m *Machine) PowerOn(kernel ...string) {
	m.t.Helper()
	m.powerOn("-append", strings.Join(append([]string{
		"console=ttyS0 quiet systemd.show_status=false panic=-1 mitigations=off"}, kernel...), " "))
}

func (m *Machine) powerOn(args ...string) {
	m.t.Helper()
	began := time.Now()
	m.runs++
	if args[0] == "-loadvm" {
		args = append(args, "-append", "console=ttyS0")
	}
	m.run = lab.Start(m.whole, fmt.Sprintf("machine-%d", m.runs), lab.Command{Path: "qemu-system-x86_64", Args: append([]string{
		"-accel", "tcg,thread=multi", "-M", "q35", "-cpu", "max", "-smp", "2", "-m", "1024",
		"-nodefaults", "-display", "none", "-no-reboot",
		"-serial", "file:" + filepath.Join(lab.Out(m.whole), fmt.Sprintf("console-%d.log", m.runs)),
		"-monitor", "unix:" + m.path("monitor") + ",server,nowait",
		"-kernel", filepath.Join(m.image, "vmlinuz"), "-initrd", filepath.Join(m.image, "initrd"),
		"-drive", "file=" + m.disk + ",if=none,id=disk,cache=unsafe", "-device", "virtio-blk-pci,drive=disk",
		"-object", "rng-random,id=random,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=random",
		"-netdev", "tap,id=wire,ifname=vm0,script=no,downscript=no", "-device", "virtio-net-pci,netdev=wire,id=eth,romfile=,mac=52:54:00:12:34:56",
	}, args...)})
	limit := time.Now().Add(bootLimit)
	for {
		_, err := m.try("true")
		if err == nil {
			break
		}
		select {
		case <-m.run.Done():
			m.t.Fatalf("vm: qemu ended: %s", m.run.Output())
		case <-m.t.Context().Done():
			m.t.Fatalf("vm: %v", m.t.Context().Err())
		default:
		}
		if time.Now().After(limit) {
			m.t.Fatalf("vm: the machine does not answer: %v", err)
		}
	}
	m.StartedIn = time.Since(began)
}

// PowerCut ends the machine as a pulled plug does: nothing is written that was not.
func (m *Machine) PowerCut() {
	if m.run == nil {
		return
	}
	m.closeSSH()
	m.run.Kill()
	m.run = nil
}

func (m *Machine) path(name string) string { return filepath.Join(m.dir, name) }

func (m *Machine) ssh() []string {
	return []string{
		"-q", "-F", "none", "-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "ConnectTimeout=2",
		"-o", "ServerAliveInterval=5", "-o", "ControlMaster=auto", "-o", "ControlPath=" + m.path("ssh"), "-o", "ControlPersist=yes", "root@" + Addr,
	}
}

// closeSSH forgets the connection, which would not notice that the machine is another one.
func (m *Machine) closeSSH() {
	if _, err := os.Stat(m.path("ssh")); err == nil {
		args := append([]string{"-O", "exit"}, m.ssh()...)
		_ = exec.Command("ssh", args...).Run() // it may have ended
	}
}

// failure is a command that ended with another status than 0.
type failure struct {
	command, output string
	err             error
}

func (f *failure) Error() string { return fmt.Sprintf("%s: %v\n%s", f.command, f.err, f.output) }
func (f *failure) Unwrap() error { return f.err }

// try runs a shell command in the machine and returns what it prints.
func (m *Machine) try(command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.t.Context()), commandLimit)
	defer cancel()
	return m.runSSH(ctx, command, nil)
}

func (m *Machine) runSSH(ctx context.Context, command string, input io.Reader) (string, error) {
	cmd := exec.CommandContext(ctx, "ssh", append(m.ssh(), command)...)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &out, &out
	cmd.WaitDelay = time.Second // the connection that stays behind holds the pipe
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	if err != nil {
		return out.String(), &failure{command, out.String(), err}
	}
	return out.String(), nil
}

// Do runs a shell command in the machine and returns what it prints; it must succeed.
func (m *Machine) Do(command string) string {
	m.t.Helper()
	out, err := m.try(command)
	if err != nil {
		m.t.Fatalf("vm: in the machine: %v", err)
	}
	return strings.TrimSpace(out)
}

// Write makes a file in the machine.
func (m *Machine) Write(path, mode, text string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.t.Context()), commandLimit)
	defer cancel()
	if _, err := m.runSSH(ctx, fmt.Sprintf("umask 077; mkdir -p %q && cat >%q && chmod %s %q", filepath.Dir(path), path, mode, path), strings.NewReader(text)); err != nil {
		m.t.Fatalf("vm: %v", err)
	}
}

// Put copies a file of the host into a directory of the machine.
func (m *Machine) Put(file, dir string) {
	m.t.Helper()
	f, err := os.Open(file)
	if err != nil {
		m.t.Fatalf("vm: %v", err)
	}
	defer f.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.t.Context()), commandLimit)
	defer cancel()
	at := filepath.Join(dir, filepath.Base(file))
	if _, err = m.runSSH(ctx, fmt.Sprintf("mkdir -p %q && cat >%q", dir, at), f); err != nil {
		m.t.Fatalf("vm: %v", err)
	}
}

// monitor gives qemu a command.
func (m *Machine) monitor(command string) {
	m.t.Helper()
	conn, err := net.DialTimeout("unix", m.path("monitor"), 10*time.Second)
	if err != nil {
		m.t.Fatalf("vm: qemu's monitor: %v", err)
	}
	defer conn.Close()
	if err = conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		m.t.Fatalf("vm: qemu's monitor: %v", err)
	}
	prompt := func() error {
		var seen []byte
		b := make([]byte, 512)
		for !bytes.Contains(seen, []byte("(qemu) ")) {
			n, readErr := conn.Read(b)
			seen = append(seen, b[:n]...)
			if readErr != nil {
				return readErr
			}
		}
		return nil
	}
	if err = prompt(); err == nil {
		_, err = io.WriteString(conn, command+"\n")
	}
	switch {
	case err != nil:
	case command == "quit":
		// A connection closed too early takes the command with it.
		_, _ = io.Copy(io.Discard, conn)
	default:
		err = prompt() // the echo of the command ends with it
	}
	if err != nil {
		m.t.Fatalf("vm: qemu's monitor: %s: %v", command, err)
	}
}

// Unplug and Plug pull the network cable and put it back.
func (m *Machine) Unplug() { m.t.Helper(); m.monitor("set_link eth off") }

// Plug puts the network cable back.
func (m *Machine) Plug() { m.t.Helper(); m.monitor("set_link eth on") }
