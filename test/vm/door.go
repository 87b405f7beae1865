package vm

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
)

// Patience is for a machine that is emulated on a busy one. It is no measure of anything: what takes longer hangs.
const Patience = 5 * time.Minute

// Lines of the simulated header: the bell's button, which pulls to ground, and the lock.
const (
	ButtonLine = 17
	LockLine   = 27
)

// Door is a machine with the package on it.
type Door struct {
	*Machine
}

// Install installs a package of the host with apt, and returns what apt says.
func (d *Door) Install(deb string) string {
	d.t.Helper()
	d.Put(deb, "/root")
	return d.Do("DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /root/" + filepath.Base(deb))
}

// Configure writes the local file and the token, and starts the service: it returns when that is ready.
func (d *Door) Configure(config, token string) {
	d.t.Helper()
	d.Write("/etc/doorstation/token", "600", token+"\n")
	d.Write("/etc/doorstation/config.yaml", "640", config)
	d.Do("chgrp doorstation /etc/doorstation/config.yaml && systemctl start doorstation")
}

// Config is a local file for the machine's hardware, with a lock that is open for so long, and ten times that at a stretch: a coil that is
// energised for a minute with each opening need not rest then. More is added to it.
func Config(homeURL string, pulse time.Duration, more string) string {
	return fmt.Sprintf(`
home_assistant: {url: %q, token_file: /etc/doorstation/token}
buttons: [{name: Front door, pin: GPIO%d, call: ["101"], ring: 60s}]
lock: {pin: GPIO%d, pulse: %v, max_open: %v, codes: [%q]}
camera: {source: v4l2, width: 640, height: 480, framerate: 10, bitrate: 600k}
audio: {device: "hw:0,1", echo_cancellation: false}
%s
`, homeURL, ButtonLine, LockLine, pulse, 10*pulse, house.Code, more)
}

// Status asks the agent.
func (d *Door) Status() (st control.Status, err error) {
	out, err := d.try("doorstation status --json")
	if err != nil {
		return st, err
	}
	return st, json.Unmarshal([]byte(out), &st)
}

// Until waits for a status.
func (d *Door) Until(what string, ok func(control.Status) bool) control.Status {
	d.t.Helper()
	var last control.Status
	err := house.Eventually(Patience, func() error {
		if err := d.t.Context().Err(); err != nil {
			d.t.Fatalf("vm: %v", err)
		}
		st, err := d.Status()
		if err != nil {
			return err
		}
		last = st
		if !ok(st) {
			return errors.New("not yet")
		}
		return nil
	})
	if err != nil {
		d.t.Fatalf("it did not come to: %s (%v)\n%s", what, err, last.Text())
	}
	return last
}

// Registered and its like are what [Door.Until] waits for.
func Registered(st control.Status) bool { return st.Registration.State == "registered" }

// Idle is a door without a visit.
func Idle(st control.Status) bool { return st.Visit.State == "idle" }

// Has a fault.
func Has(code string) func(control.Status) bool {
	return func(st control.Status) bool { return house.FaultOf(st, code) != nil }
}

// Not turns a condition round.
func Not(f func(control.Status) bool) func(control.Status) bool {
	return func(st control.Status) bool { return !f(st) }
}

// Property asks systemd about the service.
func (d *Door) Property(name string) string {
	d.t.Helper()
	return d.Do("systemctl show -P " + name + " doorstation.service")
}

// Number is a property that is one.
func (d *Door) Number(property string) int {
	d.t.Helper()
	n, err := strconv.Atoi(d.Property(property))
	if err != nil {
		d.t.Fatalf("vm: %s: %v", property, err)
	}
	return n
}

// Guard is the process id of the lock's guard.
func (d *Door) Guard() string {
	d.t.Helper()
	return d.Do("pgrep -P " + d.Property("MainPID") + " -f lock-guard")
}

// Line is the level of a line of the header, as the circuit behind it has it.
func (d *Door) Line(n int) string {
	d.t.Helper()
	return d.Do(fmt.Sprintf("cat /run/lab-gpio/sim_gpio%d/value", n))
}

// Pull gives a line a resistor, "up" or "down": what it is while nobody drives it.
func (d *Door) Pull(n int, way string) {
	d.t.Helper()
	d.Do(fmt.Sprintf("echo pull-%s >/run/lab-gpio/sim_gpio%d/pull", way, n))
}

// PressBell presses the button between the pin and ground.
func (d *Door) PressBell() {
	d.t.Helper()
	pull := fmt.Sprintf(" >/run/lab-gpio/sim_gpio%d/pull", ButtonLine)
	d.Do("echo pull-down" + pull + "; sleep 0.2; echo pull-up" + pull)
}

// SinceBoot is how long after the kernel's start something was.
func (d *Door) SinceBoot(at time.Time) time.Duration {
	d.t.Helper()
	var up, now float64
	fields := strings.Fields(d.Do("cat /proc/uptime; date +%s.%N"))
	if len(fields) != 3 {
		d.t.Fatalf("vm: the machine's times are %q", fields)
	}
	for i, to := range map[int]*float64{0: &up, 2: &now} {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			d.t.Fatalf("vm: %v", err)
		}
		*to = v
	}
	return time.Duration((float64(at.UnixNano())/1e9 - (now - up)) * float64(time.Second)).Round(10 * time.Millisecond)
}
