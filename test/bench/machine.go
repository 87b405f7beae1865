package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"doorstation/test/house"
	"doorstation/test/lab"
	"doorstation/test/vm"
)

// Parts that want the package on a machine of its own; they are measured only when they are named.
const (
	partPower = "power"
	partEdge  = "edge"
	partIdle  = "idle"

	// packageEnv names the package, imageEnv what the machine boots.
	packageEnv = "DOORSTATION_VM_PACKAGE"
	imageEnv   = "DOORSTATION_VM_IMAGE"
)

// prepareMachine builds what the machine boots, while there still is a network.
func prepareMachine() error {
	if os.Getenv(imageEnv) != "" {
		return nil
	}
	if err := vm.Ready(); err != nil {
		return err
	}
	image, err := vm.Image()
	if err != nil {
		return err
	}
	return os.Setenv(imageEnv, image)
}

// machineHouse is a household whose door is a machine with the package, registered.
func machineHouse(t lab.T) (*house.House, *vm.Door) {
	t.Helper()
	deb := os.Getenv(packageEnv)
	if deb == "" {
		t.Fatalf("bench: %s must name the package: make bench-vm does", packageEnv)
	}
	h := house.Prepare(t, house.Options{Apart: true})
	d := &vm.Door{Machine: vm.Start(t, os.Getenv(imageEnv))}
	d.Install(deb)
	d.Configure(vm.Config(h.URL(), 5*time.Second, ""), house.Token)
	d.Until("registered", vm.Registered)
	return h, d
}

const aboutPower = `The package on an emulated machine (qemu without KVM, 2 processors, 512 MB, Debian 13 with systemd): the power is cut, and comes back.
Times count from the kernel's start, by the machine's own clock; an emulated processor is several times slower than this one. The agent's process
is started when systemd says so, registered is the 200 of its REGISTER by way of Home Assistant's API and ingress.`

// measurePower switches the machine off and on again.
func measurePower(t lab.T, plan plan, p *part) {
	_, d := machineHouse(t)
	var userspace, started, registered, own series
	for range plan.boots {
		d.Do("sync")
		d.PowerCut()
		d.PowerOn()
		st := d.Until("registered", vm.Registered)
		at := d.SinceBoot(*st.Registration.Since)
		began := monotonic(t, d, "systemctl show -P ExecMainStartTimestampMonotonic doorstation")
		userspace.add(monotonic(t, d, "systemctl show -P UserspaceTimestampMonotonic"))
		started.add(began)
		registered.add(at)
		own.add(at - began)
		t.Logf("%s\n%s", d.Do("systemd-analyze time | head -1"), d.Do("systemd-analyze critical-chain doorstation.service --no-pager | head -20"))
	}
	p.times("kernel's start to systemd", userspace)
	p.times("kernel's start to the agent's process (kernel and systemd)", started)
	p.times("the agent's process to registered (ours)", own)
	p.times("kernel's start to registered", registered)
}

// monotonic is a time of systemd's since the kernel's start.
func monotonic(t lab.T, d *vm.Door, command string) time.Duration {
	t.Helper()
	us, err := strconv.ParseInt(d.Do(command), 10, 64)
	if err != nil {
		t.Fatalf("bench: %v", err)
	}
	return time.Duration(us) * time.Microsecond
}

const aboutEdge = `On the same machine, through the kernel's gpio-sim: a program there moves the button's line and watches the network. The time is from
just before the line is moved (the kernel's stamp of the edge lies within that write, whose length is told as well) to the kernel's stamp of the outgoing
packet with the INVITE. 50 ms of it are the least time that the button must be held.`

// measureEdge presses the simulated button.
func measureEdge(t lab.T, plan plan, p *part) {
	h, d := machineHouse(t)
	kitchen := lab.StartBrowser(t).Popup(t, lab.PopupOptions{Extension: "101", MicHz: micHz, WSURL: h.PBX.WSURL()})
	kitchen.WaitRegistered(vm.Patience)
	program := filepath.Join(os.TempDir(), "edge")
	vm.Build(t, "doorstation/test/vm/edge", program)
	d.Put(program, "/root")
	d.Do("chmod +x /root/edge")
	var write, invite series
	for range plan.edges {
		out := d.Do(fmt.Sprintf("/root/edge /run/lab-gpio/sim_gpio%d/pull", vm.ButtonLine))
		var began, moved, sent int64
		if _, err := fmt.Sscan(out, &began, &moved, &sent); err != nil {
			t.Fatalf("bench: %s: %v", out, err)
		}
		write.add(time.Duration(moved - began))
		invite.add(time.Duration(sent - began))
		kitchen.WaitRinging(vm.Patience)
		kitchen.Decline()
		d.Until("the visit over", vm.Idle)
	}
	p.times("moving the line", write)
	p.times("edge to INVITE on the wire", invite)
}

const aboutIdle = `The same machine for ten minutes with nobody at the door, Home Assistant asked for settings every ten seconds, as always. Memory, processor and
writes of the agent and its lock's guard (/proc/PID/smaps_rollup, stat, io; PSS counts what processes share by halves; these two share next to nothing), lines that the agent had in the
journal, and all that the machine wrote to its disk (/proc/diskstats), which is mostly Debian's own. The emulated processor is several times slower
than this one: so the agent stands on this machine as well meanwhile, as a plain process with the test card, for its processor time.`

// measureIdle leaves the door alone.
func measureIdle(t lab.T, plan plan, p *part) {
	h, d := machineHouse(t)
	beside := house.Open(t, house.Options{Binary: house.BuildRelease(t)})
	beside.Door.WaitRegistered()
	pause(t, plan.idle/10) // what belongs to the start is over
	d.Do("sync")
	pids := map[string]string{"agent": d.Property("MainPID"), "guard": d.Guard()}
	before, asked := look(t, d, pids), h.Home.Requests().Config
	used, began := cpuTime(t, beside.Door.PID()), time.Now()
	pause(t, plan.idle)
	d.Do("sync")
	after := look(t, d, pids)
	var plain processLoad
	plain.add(t, beside.Door.PID(), used, began)
	passed := after.at - before.at
	p.value("measured for", "s", passed)
	p.value("Home Assistant was asked", "times", float64(h.Home.Requests().Config-asked))
	for _, who := range []string{"agent", "guard"} {
		p.value(who+": resident memory (RSS)", "MB", after.who[who].rss/1024)
		p.value(who+": its share of memory (PSS)", "MB", after.who[who].pss/1024)
		p.value(who+": processor (emulated), of one core", "%", 100*(after.who[who].cpu-before.who[who].cpu)/passed)
		p.value(who+": written", "bytes", after.who[who].written-before.who[who].written)
	}
	p.value("agent and guard: PSS together", "MB", (after.who["agent"].pss+after.who["guard"].pss)/1024)
	p.value("lines in the journal", "", after.lines-before.lines)
	p.value("the whole machine wrote to its disk", "KiB", (after.sectors-before.sectors)/2)
	plain.tell(p, "the agent on this machine: ")
}

// looked is what a machine and processes on it have used so far.
type looked struct {
	at, lines, sectors float64 // seconds since boot; lines in the journal; sectors of 512 bytes written
	who                map[string]usage
}

// usage is one process's: kB, seconds of processor time, bytes written.
type usage struct{ rss, pss, cpu, written float64 }

func look(t lab.T, d *vm.Door, pids map[string]string) looked {
	t.Helper()
	l := looked{who: map[string]usage{}}
	var errs []error
	number := func(text string) float64 {
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		errs = append(errs, err)
		return v
	}
	l.at = number(d.Do("cut -d' ' -f1 /proc/uptime"))
	l.lines = number(d.Do("journalctl -u doorstation -o cat --no-pager | wc -l"))
	l.sectors = number(d.Do("awk '$3 == \"vda\" { print $10 }' /proc/diskstats"))
	for who, pid := range pids {
		fields := strings.Fields(d.Do(fmt.Sprintf(`cd /proc/%s && awk '/^Rss:/ { r = $2 } /^Pss:/ { p = $2 } END { print r, p }' smaps_rollup &&
			sed 's/.*) //' stat | awk '{ print $12 + $13 }' && awk '/^write_bytes/ { print $2 }' io`, pid)))
		if len(fields) != 4 {
			t.Fatalf("bench: process %s: %q", pid, fields)
		}
		l.who[who] = usage{rss: number(fields[0]), pss: number(fields[1]), cpu: number(fields[2]) * tick.Seconds(), written: number(fields[3])}
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("bench: %v", err)
	}
	return l
}
