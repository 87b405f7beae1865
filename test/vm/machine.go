// Package vm runs the Debian package on a machine of its own: Debian with systemd on a real kernel, with a Raspberry Pi's GPIO, a camera and a
// sound card simulated by that kernel's drivers (gpio-sim, vivid, snd-aloop). It is qemu without KVM, so that it runs
// anywhere; a machine that has booted once is kept, and begins again from there in a second.
//
// A machine stands in the lab's network at the end of a wire of its own; the network ends there.
package vm

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"doorstation/test/lab"
)

const (
	bootLimit    = 10 * time.Minute
	commandLimit = 10 * time.Minute
	// booted names the machine's saved state.
	booted = "booted"
	// maxMachines is how many machines can be there at once.
	maxMachines = 8
)

// hardware is the machine, as qemu is told: of a Raspberry Pi Zero 2 W's size.
var hardware = []string{
	"-accel", "tcg,thread=multi", "-M", "q35", "-cpu", "max", "-smp", "2", "-m", "512", "-nodefaults", "-display", "none", "-no-reboot",
	"-object", "rng-random,id=random,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=random",
}

// Machine is a virtual machine.
type Machine struct {
	// Addr is the machine's address, Gateway the lab's on the same wire.
	Addr, Gateway string
	// StartedIn is how long it took until the machine answered.
	StartedIn time.Duration

	t      lab.T  // whose failure it is
	whole  lab.T  // for as long as which the machine lives
	image  string // directory of the image
	dir    string
	disk   string
	number int
	run    *lab.Process
	runs   int
}

// Image builds what the machines boot, unless it is there, and returns its directory. It needs the network: before [lab.Enter].
func Image() (string, error) {
	cmd := exec.Command(source("build.sh"))
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
	saved := filepath.Join(image, m.savedName())
	if _, err := os.Stat(saved); errors.Is(err, os.ErrNotExist) {
		m.makeDisk()
		m.PowerOn()
		m.Do("systemctl is-system-running --wait || true; sync")
		m.save(saved)
	}
	m.tool("cp", "--reflink=auto", saved, m.disk)
	m.powerOn("-loadvm", booted)
	m.Do(fmt.Sprintf("date -s @%.3f >/dev/null", float64(time.Now().UnixMilli())/1000)) // the saved machine has the time of the save
	return m
}

// savedName is that of a saved machine, which only the qemu that made it is sure to read, and which has its address.
func (m *Machine) savedName() string {
	m.t.Helper()
	version, err := exec.Command("qemu-system-x86_64", "--version").Output()
	if err != nil {
		m.t.Fatalf("vm: qemu's version: %v", err)
	}
	made := sha256.Sum256([]byte(string(version) + strings.Join(hardware, " ")))
	return fmt.Sprintf("%s-%d-%x.qcow2", booted, m.number, made[:6])
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
	m.claimNumber()
	m.Addr, m.Gateway = fmt.Sprintf("10.79.%d.2", m.number), fmt.Sprintf("10.79.%d.1", m.number)
	wire := &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: m.wire()}, Mode: netlink.TUNTAP_MODE_TAP}
	addr, err := netlink.ParseAddr(m.Gateway + "/24")
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

// claimNumber takes the lowest number that no other machine of this lab has. The kernel gives a name to one socket only.
func (m *Machine) claimNumber() {
	m.t.Helper()
	for ; m.number < maxMachines; m.number++ {
		if claim, err := net.Listen("unix", fmt.Sprintf("@doorstation-lab-machine-%d", m.number)); err == nil {
			m.whole.Cleanup(func() { _ = claim.Close() })
			return
		}
	}
	m.t.Fatalf("vm: %d machines are there already", maxMachines)
}

// wire is the name of the lab's end of the machine's cable.
func (m *Machine) wire() string { return "vm" + strconv.Itoa(m.number) }

// tool runs a program of the host.
func (m *Machine) tool(name string, args ...string) {
	m.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		m.t.Fatalf("vm: %s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// makeDisk makes a disk as it was built.
func (m *Machine) makeDisk() {
	m.t.Helper()
	m.tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", filepath.Join(m.image, "disk.img"), "-F", "raw", m.disk)
}

// save keeps the machine as it is now, memory and all, and ends it.
func (m *Machine) save(path string) {
	m.t.Helper()
	m.closeSSH()
	m.monitor("savevm " + booted)
	m.monitor("quit")
	<-m.run.Done()
	// Beside its place first: another run may be doing the same.
	beside, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err == nil {
		err = beside.Close()
	}
	if err != nil {
		m.t.Fatalf("vm: %v", err)
	}
	m.tool("mv", m.disk, beside.Name())
	m.tool("mv", beside.Name(), path)
}

// PowerOn boots the machine from its disk; args go to the kernel.
func (m *Machine) PowerOn(kernel ...string) {
	m.t.Helper()
	m.powerOn("-append", strings.Join(append([]string{
		"console=ttyS0 quiet systemd.show_status=false panic=-1 mitigations=off lab.net=" + strconv.Itoa(m.number)}, kernel...), " "))
}

func (m *Machine) powerOn(args ...string) {
	m.t.Helper()
	began := time.Now()
	m.runs++
	if args[0] == "-loadvm" {
		args = append(args, "-append", "console=ttyS0")
	}
	n := strconv.Itoa(m.number)
	m.run = lab.Start(m.whole, fmt.Sprintf("machine-%s-%d", n, m.runs), lab.Command{Path: "qemu-system-x86_64", Args: append(append(hardware[:len(hardware):len(hardware)],
		"-serial", "file:"+filepath.Join(lab.Out(m.whole), fmt.Sprintf("console-%s-%d.log", n, m.runs)),
		"-monitor", "unix:"+m.path("monitor")+",server,nowait",
		"-kernel", filepath.Join(m.image, "vmlinuz"), "-initrd", filepath.Join(m.image, "initrd"),
		"-drive", "file="+m.disk+",if=none,id=disk,cache=unsafe", "-device", "virtio-blk-pci,drive=disk",
		"-netdev", "tap,id=wire,ifname="+m.wire()+",script=no,downscript=no",
		"-device", "virtio-net-pci,netdev=wire,id=eth,romfile=,mac=52:54:00:12:34:5"+n,
	), args...)})
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
