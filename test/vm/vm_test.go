package vm

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"doorstation/internal/control"
	"doorstation/test/house"
	"doorstation/test/lab"
)

// Where things are. packagesEnv names the package and, after a colon, the same with a higher version.
const (
	packagesEnv = "DOORSTATION_VM_PACKAGES"
	imageEnv    = "DOORSTATION_VM_IMAGE"
)

// patience is for a machine that is emulated on a busy one.
const patience = 2 * time.Minute

const (
	kitchenHz = 700 // what is said in the kitchen
	doorHz    = 500 // what is said at the door
)

// TestMain builds the machine's image before it goes where there is no network.
func TestMain(m *testing.M) {
	if os.Getenv(imageEnv) == "" {
		image, err := Image()
		if err == nil {
			err = os.Setenv(imageEnv, image)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(lab.Main(m))
}

// street is a household whose door is a machine with the package installed.
type street struct {
	*house.House
	*Machine
	t       *testing.T
	kitchen *lab.Popup
	newer   string // the upgrade
}

// TestTheDoorIsAMachineOfItsOwn installs the package and goes through the door's life, from the first start to its removal. The
// steps build on each other: booting and installing for each would take the time of all.
func TestTheDoorIsAMachineOfItsOwn(t *testing.T) {
	packages := strings.Split(os.Getenv(packagesEnv), ":")
	if len(packages) != 2 {
		t.Fatalf("%s must name the package and a newer one: make test-vm does", packagesEnv)
	}
	for i, p := range packages {
		if abs, err := filepath.Abs(p); err == nil {
			packages[i] = abs
		}
	}
	s := &street{t: t, House: house.Prepare(t, house.Options{Apart: true}), Machine: Start(t, os.Getenv(imageEnv)), newer: packages[1]}
	t.Logf("the machine was there after %v", s.StartedIn.Round(time.Millisecond))
	t.Cleanup(func() {
		if t.Failed() {
			out, err := s.try("cat /run/tone.log | tail -n 5; cat /proc/asound/Loopback/cable*; journalctl --no-pager -o short-precise | tail -n 150; doorstation status")
			t.Logf("the machine's journal (%v):\n%s", err, out)
		}
	})
	s.kitchen = lab.StartBrowser(t).Popup(t, lab.PopupOptions{Extension: "101", MicHz: kitchenHz, WSURL: s.PBX.WSURL()})
	s.kitchen.WaitRegistered(patience)
	s.Put(packages[0], "/root")
	s.Put(packages[1], "/root")

	for _, step := range []struct {
		name string
		do   func(*street)
	}{
		{"apt installs it, and it waits for its settings", (*street).install},
		{"it registers", (*street).configure},
		{"the bell rings, the household sees and talks, the lock opens", (*street).visit},
		{"killed with the lock open: the lock closes and the door is back", (*street).killed},
		{"a process that hangs is found by the watchdog", (*street).hangs},
		{"the camera is pulled out and put back", (*street).camera},
		{"the network cable is pulled out and put back", (*street).cable},
		{"the disk is full", (*street).fullDisk},
		{"an upgrade waits for the call that is up", (*street).upgrade},
		{"the power goes while it writes", (*street).powerCut},
		{"it boots without Home Assistant", (*street).withoutHome},
		{"it boots with a root file system that is read-only", (*street).readOnly},
		{"it is removed and purged", (*street).purge},
	} {
		began := time.Now()
		if !t.Run(step.name, func(t *testing.T) {
			s.t, s.Machine.t = t, t
			step.do(s)
		}) {
			t.FailNow() // the next step builds on this one
		}
		s.t, s.Machine.t = t, t
		t.Logf("%-70s %v", step.name, time.Since(began).Round(100*time.Millisecond))
	}
}

// status asks the agent in the machine.
func (s *street) status() (st control.Status, err error) {
	out, err := s.try("doorstation status --json")
	if err != nil {
		return st, err
	}
	return st, json.Unmarshal([]byte(out), &st)
}

// until waits for a status.
func (s *street) until(what string, ok func(control.Status) bool) control.Status {
	s.t.Helper()
	var last control.Status
	err := house.Eventually(patience, func() error {
		st, err := s.status()
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
		s.t.Fatalf("it did not come to: %s (%v)\n%s", what, err, last.Text())
	}
	return last
}

func registered(st control.Status) bool { return st.Registration.State == "registered" }

func has(code string) func(control.Status) bool {
	return func(st control.Status) bool {
		for _, f := range st.Faults {
			if f.Code == code {
				return true
			}
		}
		return false
	}
}

func not(f func(control.Status) bool) func(control.Status) bool {
	return func(st control.Status) bool { return !f(st) }
}

// property asks systemd.
func (s *street) property(name string) string {
	s.t.Helper()
	return s.Do("systemctl show -P " + name + " doorstation.service")
}

func (s *street) number(name string) int {
	s.t.Helper()
	n, err := strconv.Atoi(s.property(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// line is the level of a line of the header, as the circuit behind it has it.
func (s *street) line(n int) string {
	s.t.Helper()
	return s.Do(fmt.Sprintf("cat /run/lab-gpio/sim_gpio%d/value", n))
}

// pressBell presses the button between the pin and ground.
func (s *street) pressBell() {
	s.t.Helper()
	s.Do("echo pull-down >/run/lab-gpio/sim_gpio17/pull; sleep 0.2; echo pull-up >/run/lab-gpio/sim_gpio17/pull")
}

// talk rings and answers.
func (s *street) talk() {
	s.t.Helper()
	s.pressBell()
	s.kitchen.WaitRinging(patience)
	s.kitchen.Answer()
	s.kitchen.WaitTalking(patience)
}

func (s *street) install() {
	out := s.Do("DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /root/" + filepath.Base(s.older()))
	if !strings.Contains(out, "/etc/doorstation/config.yaml") {
		s.t.Errorf("the installation does not say what to do next:\n%s", out)
	}
	if got := s.property("ActiveState") + " " + s.property("UnitFileState"); got != "inactive enabled" {
		s.t.Errorf("without settings the service is %s", got)
	}
	if mode := s.Do("stat -c '%a %U:%G' /etc/doorstation"); mode != "750 root:doorstation" {
		s.t.Errorf("/etc/doorstation is %s", mode)
	}
	if out = s.Do("doorstation --help"); !strings.Contains(out, "front-door station") {
		s.t.Error(out)
	}
}

// older is the package that is installed first.
func (s *street) older() string { return strings.Split(os.Getenv(packagesEnv), ":")[0] }

func (s *street) configure() {
	s.Write("/etc/doorstation/token", "600", house.Token+"\n")
	s.Write("/etc/doorstation/config.yaml", "640", fmt.Sprintf(`
home_assistant: {url: %q, token_file: /etc/doorstation/token}
buttons: [{name: Front door, pin: GPIO17, call: ["101"], ring: 60s}]
lock: {pin: GPIO27, pulse: 5s, codes: [%q]}
camera: {source: v4l2, width: 640, height: 480, framerate: 10, bitrate: 600k}
audio: {device: "hw:0,1", echo_cancellation: false}
log: {level: debug}
`, s.URL(), house.Code))
	s.Do("chgrp doorstation /etc/doorstation/config.yaml && systemctl start doorstation") // returns when it is ready
	st := s.until("registered", registered)
	if st.Registration.Transport != "ingress" || st.GPIO.Chip != "header" {
		s.t.Errorf("it is not as configured: %+v, %+v", st.Registration, st.GPIO)
	}
	if len(st.Faults) != 0 {
		s.t.Errorf("faults: %+v", st.Faults)
	}
	if got := s.property("StatusText"); !strings.HasPrefix(got, "registered as "+lab.DoorExtension) {
		s.t.Errorf("systemd is told %q", got)
	}
	if user := s.Do("ps -o user= -p " + s.property("MainPID")); user != "doorstat+" && user != "doorstation" {
		s.t.Errorf("it runs as %s", user)
	}
	if got := s.line(27); got != "0" {
		s.t.Errorf("the lock's line is %s", got)
	}
	// In the journal with fields of their own, and without a secret.
	if out := s.Do("journalctl -u doorstation ROOM=sip -o cat --no-pager | head -3"); out == "" {
		s.t.Error("nothing in the journal has the field ROOM")
	}
	if out := s.Do("journalctl -o export --no-pager"); strings.Contains(out, house.Token) || strings.Contains(out, lab.Password) {
		s.t.Error("a secret is in the journal")
	}
	if code := s.Do("busybox wget -q -O - http://127.0.0.1:9517/readyz"); !strings.Contains(code, `"ok"`) {
		s.t.Errorf("/readyz says %s", code)
	}
}

func (s *street) visit() {
	s.Do("nohup sh -c 'speaker-test -D plughw:Loopback,0,0 -c 2 -r 48000 -F S16_LE -t sine -f " + strconv.Itoa(doorHz) + " -l 0' >/run/tone.log 2>&1 & echo $! >/run/tone.pid")
	s.talk()
	first := s.kitchen.WaitFrames(patience, 10)
	if first.Width != 640 || first.Height != 480 {
		s.t.Errorf("the picture is %dx%d", first.Width, first.Height)
	}
	s.kitchen.WaitFrames(patience, first.Shown+20)
	// vivid's colour bars, with a counter over them: many colours.
	colours := map[[3]uint32]bool{}
	frame := s.kitchen.Frame()
	for x := 0; x < 640; x += 16 {
		r, g, b, _ := frame.At(x, 400).RGBA()
		colours[[3]uint32{r >> 13, g >> 13, b >> 13}] = true
	}
	if len(colours) < 5 {
		s.t.Errorf("the picture is not the camera's: %d colours along a line through colour bars", len(colours))
	}
	s.kitchen.Screenshot(filepath.Join(lab.Out(s.t), "popup.png"))
	if err := house.Eventually(patience, func() error {
		if heard := s.kitchen.Hear(500 * time.Millisecond); heard.Hz < doorHz-15 || heard.Hz > doorHz+15 {
			return fmt.Errorf("the tablet hears %.0f Hz at %.0f dBFS", heard.Hz, heard.DBFS)
		}
		return nil
	}); err != nil {
		s.t.Error(err)
	}
	// What the kitchen says comes out of the loudspeaker: recorded from the loopback's other end.
	s.Do("arecord -q -D plughw:Loopback,0,0 -f S16_LE -r 48000 -c 2 -d 2 /run/heard.wav")
	if n := s.windowsWith("/run/heard.wav", kitchenHz); n < 10 {
		s.t.Errorf("the loudspeaker says the kitchen's %d Hz for %d windows of 20 ms in two seconds", kitchenHz, n)
	}
	s.kitchen.OpenDoor()
	s.until("the lock open", func(st control.Status) bool { return st.GPIO.Lock == "on" })
	if got := s.line(27); got != "1" {
		s.t.Errorf("the lock's line is %s while the door says it is open", got)
	}
	s.until("the lock closed", func(st control.Status) bool { return st.GPIO.Lock == "off" })
	if got := s.line(27); got != "0" {
		s.t.Errorf("the lock's line is %s after the pulse", got)
	}
	s.kitchen.Hangup()
	s.until("the visit over", func(st control.Status) bool {
		return st.Visit.State == "idle" && st.Calls.Last != nil && st.Calls.Last.Outcome == "talked"
	})
	s.Do("kill $(cat /run/tone.pid) || true")
}

// windowsWith counts the windows of 20 ms of a WAV file that are mostly this tone. An emulated machine is too slow now and then, and
// leaves holes in its sound: that it is sound is what counts here.
func (s *street) windowsWith(file string, hz float64) (n int) {
	s.t.Helper()
	const rate, window = 48000, 960
	samples := decodeLeft(s.t, s.Do("base64 -w0 "+file))
	for ; len(samples) >= window; samples = samples[window:] {
		var total, re, im float64
		for i, v := range samples[:window] {
			x, phase := float64(v), 2*math.Pi*hz*float64(i)/rate
			total += x * x
			re += x * math.Cos(phase)
			im += x * math.Sin(phase)
		}
		if total > window*1e4 && 2*(re*re+im*im)/window > total/2 {
			n++
		}
	}
	return n
}

func (s *street) killed() {
	s.talk()
	s.kitchen.WaitFrames(patience, 5) // a digit goes by the same way
	s.kitchen.OpenDoor()
	s.until("the lock open", func(st control.Status) bool { return st.GPIO.Lock == "on" })
	restarts, pid := s.number("NRestarts"), s.property("MainPID")
	level := s.Do("kill -9 " + pid + "; for i in $(seq 40); do v=$(cat /run/lab-gpio/sim_gpio27/value); [ $v = 0 ] && break; sleep 0.05; done; echo $v")
	if level != "0" {
		s.t.Errorf("the lock's line is %s two seconds after the agent was killed", level)
	}
	s.until("registered again", registered)
	if got := s.number("NRestarts"); got != restarts+1 {
		s.t.Errorf("restarted %d times, want once", got-restarts)
	}
	if got := s.line(27); got != "0" {
		s.t.Errorf("the lock's line is %s after the restart", got)
	}
	s.kitchen.HangupIfUp()
}

func (s *street) hangs() {
	restarts := s.number("NRestarts")
	s.Do("kill -STOP " + s.property("MainPID"))
	if err := house.Eventually(patience, func() error {
		if s.number("NRestarts") == restarts {
			return errors.New("not restarted")
		}
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
	s.until("registered again", registered)
	if out := s.Do("journalctl -u doorstation -o cat --no-pager | grep -ci watchdog"); out == "0" {
		s.t.Error("the journal does not say that the watchdog did it")
	}
}

func (s *street) camera() {
	s.talk()
	s.kitchen.WaitFrames(patience, 10)
	s.Do("echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind")
	s.until("the camera's fault", func(st control.Status) bool { return has("camera_stalled")(st) || has("camera_unavailable")(st) })
	if st, err := s.status(); err != nil || st.Visit.State != "talking" {
		s.t.Errorf("the call did not go on without a picture: %v, %v", st.Visit, err)
	}
	s.Do("echo vivid.0 >/sys/bus/platform/drivers/vivid/bind")
	s.until("the camera back", func(st control.Status) bool {
		return not(has("camera_stalled"))(st) && not(has("camera_unavailable"))(st)
	})
	before := s.kitchen.Video()
	s.kitchen.WaitFrames(patience, before.Shown+20)
	s.kitchen.Hangup()
	s.until("the visit over", func(st control.Status) bool { return st.Visit.State == "idle" })
}

func (s *street) cable() {
	s.Unplug()
	// Longer than a door takes to give its connection up (18 s). Nobody can be asked meanwhile.
	select {
	case <-time.After(25 * time.Second):
	case <-s.t.Context().Done():
	}
	s.Plug()
	s.until("registered again", registered)
	s.pressBell()
	s.kitchen.WaitRinging(patience)
	s.kitchen.Decline()
	s.until("the visit over", func(st control.Status) bool { return st.Visit.State == "idle" })
}

func (s *street) fullDisk() {
	s.Do("fallocate -l $(( $(df --output=avail -B1 / | tail -1) - 4096 )) /var/full || true; dd if=/dev/zero of=/var/full2 bs=4k 2>/dev/null || true; df / | tail -1")
	s.Home.SetSIPCore(changed())
	s.until("that the settings are not kept", has("settings_not_kept"))
	s.pressBell()
	s.kitchen.WaitRinging(patience)
	s.kitchen.Decline()
	s.until("the visit over", func(st control.Status) bool { return st.Visit.State == "idle" })
	s.Do("rm -f /var/full /var/full2")
	s.Home.SetSIPCore(house.SIPCore())
	s.until("kept again", not(has("settings_not_kept")))
}

// changed are the household's settings with something about them that the door keeps.
func changed() map[string]any {
	core := house.SIPCore()
	core["ice_config"] = map[string]any{"iceServers": []any{}, "iceGatheringTimeout": 900, "iceTransportPolicy": "all"}
	return core
}

var version = regexp.MustCompile(`^doorstation_(.*)_amd64\.deb$`)

func (s *street) upgrade() {
	s.talk()
	pid := s.property("MainPID")
	s.Do("DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /root/" + filepath.Base(s.newer))
	if got := s.property("MainPID"); got != pid {
		s.t.Error("the upgrade ended the call")
	}
	before := s.kitchen.Video()
	s.kitchen.WaitFrames(patience, before.Shown+10)
	s.kitchen.Hangup()
	want := version.FindStringSubmatch(filepath.Base(s.newer))[1]
	s.until("the new version", func(st control.Status) bool { return st.Version == want && registered(st) })
	if out := s.Do("cat /etc/doorstation/config.yaml"); !strings.Contains(out, s.URL()) {
		s.t.Error("the upgrade lost the settings")
	}
}

func (s *street) powerCut() {
	// Settings change again and again while the plug is pulled.
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
			if i%2 == 0 {
				s.Home.SetSIPCore(changed())
			} else {
				s.Home.SetSIPCore(house.SIPCore())
			}
		}
	}()
	s.Do("dd if=/dev/zero of=/var/busy bs=64k count=1000 conv=fsync 2>/dev/null")
	s.PowerCut()
	close(stop)
	<-done
	s.Home.SetSIPCore(house.SIPCore())
	s.PowerOn()
	st := s.until("registered after the power came back", registered)
	if has("settings_corrupt")(st) {
		s.t.Error("the kept settings were damaged")
	}
	s.t.Logf("power on to registered: %s after the kernel's start", s.sinceBoot(*st.Registration.Since))
	s.pressBell()
	s.kitchen.WaitRinging(patience)
	s.kitchen.Decline()
	s.until("the visit over", func(st control.Status) bool { return st.Visit.State == "idle" })
}

// sinceBoot is how long after the kernel's start something was.
func (s *street) sinceBoot(at time.Time) time.Duration {
	s.t.Helper()
	seconds, err := strconv.ParseFloat(strings.Fields(s.Do("cat /proc/uptime; date +%s.%N"))[0], 64)
	if err != nil {
		s.t.Fatal(err)
	}
	now, err := strconv.ParseFloat(s.Do("date +%s.%N"), 64)
	if err != nil {
		s.t.Fatal(err)
	}
	boot := now - seconds
	return time.Duration((float64(at.UnixMilli())/1000 - boot) * float64(time.Second)).Round(100 * time.Millisecond)
}

func (s *street) withoutHome() {
	s.HomeStops()
	s.Do("sync")
	s.PowerCut()
	s.PowerOn()
	s.until("working with what it kept", func(st control.Status) bool { return st.Settings.Origin == "kept" && has("settings_kept")(st) })
	if got := s.property("ActiveState"); got != "active" {
		s.t.Errorf("the service is %s while Home Assistant is away", got)
	}
	s.HomeStarts()
	s.until("registered when Home Assistant is back", registered)
}

func (s *street) readOnly() {
	s.Do("sync")
	s.PowerCut()
	s.PowerOn("lab.readonly", "systemd.volatile=no")
	if out := s.Do("findmnt -no OPTIONS /"); !strings.HasPrefix(out, "ro") {
		s.t.Fatalf("the root file system is %s", out)
	}
	s.until("registered", registered)
	s.pressBell()
	s.kitchen.WaitRinging(patience)
	s.kitchen.Decline()
	s.until("the visit over", func(st control.Status) bool { return st.Visit.State == "idle" })
	s.Do("mount -o remount,rw /")
}

func (s *street) purge() {
	s.Do("DEBIAN_FRONTEND=noninteractive apt-get remove -y doorstation")
	if out, err := s.try("systemctl is-active doorstation"); err == nil {
		s.t.Errorf("removed, and %s", out)
	}
	if s.PBX.Registered(s.t, lab.DoorExtension) {
		s.t.Error("removed, and still registered at the PBX")
	}
	s.Do("test -e /etc/doorstation/config.yaml") // for the next installation
	s.Do("DEBIAN_FRONTEND=noninteractive apt-get purge -y doorstation")
	if out := s.Do("ls -d /etc/doorstation /var/lib/doorstation /usr/bin/doorstation 2>/dev/null || true"); out != "" {
		s.t.Errorf("purged, and left behind: %s", out)
	}
}
