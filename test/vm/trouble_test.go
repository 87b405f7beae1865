package vm

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

// pulse is so long that a lock that is closed meanwhile was closed by something else than the end of its time.
const pulse = time.Minute

// settle does what [street.install] and [street.configure] look at more closely.
func (s *street) settle() {
	s.Install(s.older)
	s.Configure(Config(s.URL(), pulse, "log: {level: debug}"), house.Token)
	s.Until("registered", Registered)
}

// openLock lets the kitchen open the door. The agent does not trust a guard that is a second late, as on a computer that has too much to do: it
// takes the line anew, closed, and the kitchen has to try again.
func (s *street) openLock() {
	s.t.Helper()
	s.talk()
	s.kitchen.WaitFrames(Patience, 5) // a digit goes by the same way
	if err := house.Eventually(Patience, func() error {
		s.kitchen.OpenDoor()
		s.Until("the lock open, or in trouble", func(st control.Status) bool { return st.GPIO.Lock == "on" || Has("lock_unavailable")(st) })
		if got := s.Line(LockLine); got != "1" {
			return errors.New("the lock's line is " + got)
		}
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
}

// drivenLow is the kernel's word, with its time since the boot, that a program drove an output low. The lock's is the only output.
var drivenLow = regexp.MustCompile(`([0-9]+\.[0-9]+): gpio_value: [0-9]+ set 0`)

// untilClosed runs a command in the machine, and reports how long after it a program drove the lock's line low, by the kernel's own account: what is
// low for a moment only is seen as well.
func (s *street) untilClosed(command string) time.Duration {
	s.t.Helper()
	began := s.number(s.Do("cd /sys/kernel/tracing && echo boot >trace_clock && echo >trace && echo 1 >events/gpio/gpio_value/enable && cut -d' ' -f1 /proc/uptime; " + command))
	defer s.Do("echo 0 >/sys/kernel/tracing/events/gpio/gpio_value/enable")
	var found []string
	if err := house.Eventually(Patience, func() error {
		trace := s.Do("cat /sys/kernel/tracing/trace")
		if found = drivenLow.FindStringSubmatch(trace); found == nil {
			return errors.New(trace)
		}
		return nil
	}); err != nil {
		s.t.Fatalf("nobody closed the lock: %v", err)
	}
	return time.Duration((s.number(found[1]) - began) * float64(time.Second)).Round(10 * time.Millisecond)
}

func (s *street) number(text string) float64 {
	s.t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func (s *street) killed() {
	s.openLock()
	restarts := s.Number("NRestarts")
	took := s.untilClosed("kill -9 " + s.Property("MainPID"))
	if took >= pulse/2 {
		s.t.Errorf("the lock closed %v after the agent was killed", took)
	}
	s.t.Logf("the lock closed %v after the agent was killed", took)
	s.Until("registered again, with its lock", func(st control.Status) bool { return Registered(st) && st.GPIO.Lock == "off" })
	if got := s.Number("NRestarts"); got != restarts+1 {
		s.t.Errorf("restarted %d times, want once", got-restarts)
	}
	if got := s.Line(LockLine); got != "0" {
		s.t.Errorf("the lock's line is %s after the restart", got)
	}
	s.kitchen.HangupIfUp()
}

func (s *street) bothHang() { s.bothGone("STOP", "watchdog") }

func (s *street) bothKilled() { s.bothGone("KILL", "signal") }

// withoutGuardProgram takes the guard's program away, as a damaged card might: the agent's own does its work, and as soon as it is back it does it again.
// That the agent's own closes is shown by the tests of internal/gpio on the kernel's driver: beside a call this machine takes longer for its start than
// the agent waits.
func (s *street) withoutGuardProgram() {
	const program = "/usr/lib/doorstation/lock-guard"
	s.guardBecomes(program)
	s.Do("chmod -x " + program)
	s.guardBecomes("/usr/bin/doorstation")
	s.Do("chmod +x " + program)
	s.guardBecomes(program)
}

// guardBecomes kills the lock's guard until it is a certain program, and the lock is well. On a computer that has too much to do the preferred one may be
// late, and another one in its place.
func (s *street) guardBecomes(program string) {
	s.t.Helper()
	if err := house.Eventually(Patience, func() error {
		s.Until("with its lock", func(st control.Status) bool { return Registered(st) && st.GPIO.Lock == "off" })
		if out := s.Do(fmt.Sprintf(`guard=$(pgrep -P %s -f lock-guard) && readlink /proc/$guard/exe || echo none
			[ "$(readlink /proc/$guard/exe)" = %s ] || kill -KILL $guard || true`, s.Property("MainPID"), program)); out != program {
			return errors.New("the guard is " + out)
		}
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
}

// bothGone sends agent and guard a signal while the lock is open: STOP as when a debugger or the kernel's freezer has them, KILL as when
// memory is short. Nothing but systemd is left then: at once, or by its watchdog, it ends the unit, and what it runs afterwards drives the line. A Raspberry
// Pi's kernel leaves a line as it was when the process that drove it is gone; the simulated one lets it go, so a resistor holds it where it was.
func (s *street) bothGone(signal, result string) {
	s.openLock()
	s.kitchen.HangupIfUp()
	s.endTurn()
	s.Pull(LockLine, "up")
	const alone = "/run/systemd/system/doorstation.service.d/alone.conf" // nor is it the next agent that closes
	s.Write(alone, "644", "[Service]\nRestart=no\n")
	s.Do("systemctl daemon-reload")
	took := s.untilClosed("kill -" + signal + " " + s.Property("MainPID") + " " + s.Guard())
	s.t.Logf("the lock closed %v after agent and guard got SIG%s", took, signal)
	if err := house.Eventually(Patience, func() error {
		if got := s.Property("ActiveState") + " " + s.Property("Result"); got != "failed "+result {
			return errors.New("the service is " + got)
		}
		return nil
	}); err != nil {
		s.t.Error(err)
	}
	s.Do("! pidof doorstation lock-guard")
	s.Do("rm -r " + filepath.Dir(alone) + "; systemctl daemon-reload; systemctl reset-failed doorstation; systemctl start doorstation")
	s.Until("registered again, with its lock", func(st control.Status) bool { return Registered(st) && st.GPIO.Lock == "off" })
	if got := s.Line(LockLine); got != "0" {
		s.t.Errorf("the lock's line is %s after the restart", got)
	}
	s.Pull(LockLine, "down")
}

func (s *street) hangs() {
	restarts := s.Number("NRestarts")
	s.Do("kill -STOP " + s.Property("MainPID"))
	if err := house.Eventually(Patience, func() error {
		if s.Number("NRestarts") == restarts {
			return errors.New("not restarted")
		}
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
	s.Until("registered again, with its lock", func(st control.Status) bool { return Registered(st) && st.GPIO.Lock == "off" })
	if out := s.Do("journalctl -u doorstation -o cat --no-pager | grep -ci watchdog"); out == "0" {
		s.t.Error("the journal does not say that the watchdog did it")
	}
}

func (s *street) camera() {
	s.talk()
	s.kitchen.WaitFrames(Patience, 10)
	s.Do("echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind")
	s.Until("the camera's fault", func(st control.Status) bool { return Has("camera_stalled")(st) || Has("camera_unavailable")(st) })
	if st, err := s.Status(); err != nil || st.Visit.State != "talking" {
		s.t.Errorf("the call did not go on without a picture: %v, %v", st.Visit, err)
	}
	s.Do("echo vivid.0 >/sys/bus/platform/drivers/vivid/bind")
	s.Until("the camera back", func(st control.Status) bool {
		return Not(Has("camera_stalled"))(st) && Not(Has("camera_unavailable"))(st)
	})
	before := s.kitchen.Video()
	s.kitchen.WaitFrames(Patience, before.Shown+20)
	s.kitchen.Hangup()
	s.Until("the visit over", Idle)
}

func (s *street) cable() {
	s.Unplug()
	// Longer than a door takes to give its connection up (18 s). Nobody can be asked meanwhile.
	select {
	case <-time.After(25 * time.Second):
	case <-s.t.Context().Done():
	}
	s.Plug()
	s.Until("registered again, with its lock", func(st control.Status) bool { return Registered(st) && st.GPIO.Lock == "off" })
	s.ring()
}

// cameraModule removes the camera's driver and the kernel's whole video subsystem, and starts the service without: what comes later
// must work all the same, although the service may open nothing but some kinds of devices.
func (s *street) cameraModule() {
	s.Do(`systemctl stop doorstation; modprobe -r vivid; ! test -e /dev/video0
		while modules=$(lsmod | awk '$3 == 0 && /^(v4l2|video|cec|mc|rc_core)/ { print $1 }') && [ -n "$modules" ]; do rmmod $modules; done
		! grep -q video4linux /proc/devices && systemctl start doorstation`)
	s.Until("registered", Registered)
	s.talk()
	s.Until("the camera's fault", func(st control.Status) bool { return Has("camera_stalled")(st) || Has("camera_unavailable")(st) })
	s.Do("modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0; udevadm settle")
	s.Until("the camera there", func(st control.Status) bool {
		return Not(Has("camera_stalled"))(st) && Not(Has("camera_unavailable"))(st)
	})
	s.kitchen.WaitFrames(Patience, 20)
	s.kitchen.Hangup()
	s.Until("the visit over", Idle)
}

// quiet is for the life of SD cards: while Home Assistant is asked again and again, nothing is written, be it by the agent or for it by the journal.
func (s *street) quiet() {
	s.Do("sed -i 's/level: debug/level: info/' /etc/doorstation/config.yaml; systemctl restart doorstation")
	s.Until("registered", Registered)
	asked := s.Home.Requests().Config
	rounds := func(n int) {
		s.t.Helper()
		lab.Eventually(s.t, Patience, strconv.Itoa(n)+" rounds of asking Home Assistant", func() bool { return s.Home.Requests().Config >= asked+n })
	}
	rounds(2) // what belongs to the start is over
	before := s.written()
	rounds(8)
	if after := s.written(); after != before {
		s.t.Errorf("idle, it wrote something: %s became %s", before, after)
		s.t.Log(s.Do("journalctl -u doorstation -o short-precise --no-pager -n 20"))
	}
}

// written is what agent and guard had written to disks, in bytes, and their lines in the journal.
func (s *street) written() string {
	s.t.Helper()
	return s.Do("sync; grep -h ^write_bytes /proc/" + s.Property("MainPID") + "/io /proc/" + s.Guard() + "/io; echo lines: $(journalctl -u doorstation -o cat --no-pager | wc -l)")
}
